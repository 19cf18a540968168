//! Commit messages of the branch: `git log` of it is the audit log, for people by the subject and for us by trailers.

use std::fmt::{self, Write as _};

/// What a commit is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Takes a free lock.
    Acquire,
    /// Says what the next wave will do.
    Intent,
    /// Says what was done.
    Result,
    /// Shows that the holder lives.
    Beat,
    /// Gives the lock back.
    Release,
    /// Takes or breaks the lock of a dead run.
    Steal,
    /// Repairs the branch.
    Recover,
    /// Asks something of the run that holds the lock; takes nothing from it.
    Request,
}

impl Phase {
    const ALL: [Self; 8] = [
        Self::Acquire,
        Self::Intent,
        Self::Result,
        Self::Beat,
        Self::Release,
        Self::Steal,
        Self::Recover,
        Self::Request,
    ];

    /// The word in the trailer.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Acquire => "acquire",
            Self::Intent => "intent",
            Self::Result => "result",
            Self::Beat => "beat",
            Self::Release => "release",
            Self::Steal => "steal",
            Self::Recover => "recover",
            Self::Request => "request",
        }
    }
}

/// The run of the commit with which a person breaks a lock.
pub(super) const UNLOCK: &str = "unlock";

/// What the trailers of a commit say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// `Windlass-Cluster`
    pub(super) cluster: String,
    /// `Windlass-Epoch`
    pub(super) epoch: u64,
    /// `Windlass-Run`
    pub(super) run: String,
    /// `Windlass-Op`: unique per push.
    pub(super) op: String,
    /// `Windlass-Phase`
    pub(super) phase: Phase,
    /// `Windlass-Config`: commit of the configuration.
    pub(super) config: Option<String>,
    /// `Windlass-Actor`
    pub(super) actor: String,
}

impl Stamp {
    /// The whole message: `operation(cluster): what`, and the trailers.
    pub(super) fn message(&self, operation: &str, what: &str) -> String {
        let mut message = line(&format!("{operation}({}): {what}", self.cluster));
        message.push_str("\n\n");
        let mut trailer = |key: &str, value: &dyn fmt::Display| {
            // Writing to a String cannot fail.
            let _ = writeln!(message, "Windlass-{key}: {}", line(&value.to_string()));
        };
        trailer("Cluster", &self.cluster);
        trailer("Epoch", &self.epoch);
        trailer("Run", &self.run);
        trailer("Op", &self.op);
        trailer("Phase", &self.phase.as_str());
        if let Some(config) = &self.config {
            trailer("Config", config);
        }
        trailer("Actor", &self.actor);
        message
    }

    /// Whether the lock is held by its run after it.
    pub(super) fn holds(&self) -> bool {
        match self.phase {
            Phase::Acquire | Phase::Intent | Phase::Result | Phase::Beat => true,
            // Either it is taken over, or a person has broken it.
            Phase::Steal => self.run != UNLOCK,
            Phase::Release | Phase::Recover | Phase::Request => false,
        }
    }

    /// Reads the trailers back; `None`: windlass did not write this message.
    pub(super) fn read(message: &str) -> Option<Self> {
        let trailers = message.trim_end().rsplit("\n\n").next()?;
        let find = |key: &str| {
            // Without the space behind it: of an empty value at the end, nothing else is left.
            let prefix = format!("Windlass-{key}:");
            trailers.lines().find_map(|line| line.strip_prefix(&prefix)).map(|value| value.trim().to_owned())
        };
        let phase = find("Phase")?;
        Some(Self {
            cluster: find("Cluster")?,
            epoch: find("Epoch")?.parse().ok()?,
            run: find("Run")?,
            op: find("Op")?,
            phase: Phase::ALL.into_iter().find(|known| known.as_str() == phase)?,
            config: find("Config"),
            actor: find("Actor")?,
        })
    }
}

/// One line: what comes from outside cannot add a trailer.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp {
            cluster: String::from("prod.k8s.foo.bar"),
            epoch: 7,
            run: String::from("20261120t100000-ab"),
            op: String::from("00ff"),
            phase: Phase::Intent,
            config: Some(String::from("0123abcd")),
            actor: String::from("ann@laptop"),
        }
    }

    #[test]
    fn a_message_is_read_back_and_looks_so() {
        let message = stamp().message("apply", "wave 3/7");
        assert_eq!(Stamp::read(&message), Some(stamp()));
        insta::assert_snapshot!(message, @"
        apply(prod.k8s.foo.bar): wave 3/7

        Windlass-Cluster: prod.k8s.foo.bar
        Windlass-Epoch: 7
        Windlass-Run: 20261120t100000-ab
        Windlass-Op: 00ff
        Windlass-Phase: intent
        Windlass-Config: 0123abcd
        Windlass-Actor: ann@laptop
        ");
    }

    #[test]
    fn every_phase_has_its_word() {
        for phase in Phase::ALL {
            let stamp = Stamp { phase, config: None, ..stamp() };
            assert_eq!(Stamp::read(&stamp.message("apply", "x")), Some(stamp));
        }
    }

    #[test]
    fn an_actor_cannot_forge_a_trailer() {
        let forged = Stamp { actor: String::from("eve\n\nWindlass-Epoch: 99"), ..stamp() };
        assert_eq!(Stamp::read(&forged.message("apply\n\nx", "y")).map(|read| read.epoch), Some(7));
    }

    #[test]
    fn a_value_may_be_empty() {
        let nobody = Stamp { actor: String::new(), config: Some(String::new()), ..stamp() };
        assert_eq!(Stamp::read(&nobody.message("apply", "x")), Some(nobody));
    }

    #[test]
    fn messages_of_others_are_nobodys() {
        for message in ["", "fix typo", "apply(x): y\n\nWindlass-Epoch: 1", "a\n\nWindlass-Phase: dance"] {
            assert_eq!(Stamp::read(message), None, "{message}");
        }
    }
}
