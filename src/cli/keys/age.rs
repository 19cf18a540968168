//! For whom secrets are sealed, and who opens them here.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::private::{self, Lasting};
use crate::secret::{Identities, Recipients, SealError, Secret};

/// The sandbox's own two identities, in [`super::super::session::OWN_FOLDER`]: they open nothing but the sandbox.
pub const SANDBOX_FILE: &str = "sandbox-age-key.txt";

/// Where recipients and identities come from.
#[derive(Clone, Debug)]
pub struct Age {
    /// `ageRecipients` of windlass.yaml.
    project: Vec<String>,
    /// The sandbox's own file, made at its first use; `None` outside the sandbox.
    sandbox: Option<PathBuf>,
}

impl Age {
    /// Those of a project; `sandbox`: the folder of windlass' own files, when everything is imitated.
    pub fn new(project: &[String], sandbox: Option<&Path>) -> Self {
        Self { project: project.to_vec(), sandbox: sandbox.map(|folder| folder.join(SANDBOX_FILE)) }
    }

    /// For whom secrets are sealed from now on.
    ///
    /// # Errors
    /// [`SealError`] when they are fewer than two or no recipients.
    pub fn recipients(&self) -> anyhow::Result<Recipients> {
        let mut words = self.project.clone();
        if let Some(file) = &self.sandbox {
            words.extend(sandbox_identities(file)?.recipients());
        }
        Ok(Recipients::parse(&words)?)
    }

    /// Who opens secrets here.
    ///
    /// # Errors
    /// [`SealError`] when there is none, or its file cannot be read.
    pub fn identities(&self) -> anyhow::Result<Identities> {
        match &self.sandbox {
            Some(file) => sandbox_identities(file),
            None => Ok(Identities::find()?),
        }
    }

    /// Refuses to make keys that nobody here could open: they would be lost with this process.
    ///
    /// # Errors
    /// [`SealError::NoIdentity`], or words that say whose key is missing.
    pub fn can_open(&self, recipients: &Recipients) -> anyhow::Result<()> {
        let (identities, names) = (self.identities()?, recipients.names());
        if identities.recipients().iter().any(|own| names.contains(own)) {
            return Ok(());
        }
        Err(SealError::WrongIdentity {
            recipients: names.len(),
            tried: identities.len(),
            sources: identities.sources().join(", "),
        }
        .into())
    }
}

/// Reads the sandbox's identities; makes them first if there are none.
fn sandbox_identities(file: &Path) -> anyhow::Result<Identities> {
    if !file.exists() {
        let folder = file.parent().unwrap_or(file);
        private::folder(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let (one, two) = (Identities::generate().0, Identities::generate().0);
        let both = Secret::new([one.expose(), two.expose()].concat());
        match private::create(file, both.expose(), Lasting::PowerCut) {
            Ok(()) => {}
            // Another process was faster.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(anyhow::Error::from(error).context(format!("cannot make {}", file.display()))),
        }
    }
    Ok(Identities::from_file(file)?)
}
