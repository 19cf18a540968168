//! `windlass secrets keygen`: an age identity, as `age-keygen` makes one.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::cli::files;
use crate::exit::Exit;
use crate::private;
use crate::secret::Identities;
use crate::ui::output::Output;

/// Make an age identity: the key goes into a new file, the recipient is printed, for ageRecipients in windlass.yaml.
///
/// The same as age-keygen, where that is not installed. The file is what opens every secret that is sealed for it: keep a
/// copy where you would keep the key to the house.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The file; it must not exist. Default: ~/.config/windlass/keys.txt.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Arguments {
    /// Makes it.
    pub fn run(&self, output: Output) -> anyhow::Result<Exit> {
        let path = match &self.out {
            Some(path) => path.clone(),
            None => usual()?,
        };
        private::folder_of(&path).with_context(|| format!("cannot make the folder of {}", path.display()))?;
        let (text, recipient) = Identities::generate();
        files::create(&path, &text)?;
        output.data(&format!("{recipient}\n"))?;
        output
            .message(&format!("the key is in {}; add the recipient to ageRecipients in windlass.yaml", path.display()));
        Ok(Exit::Done)
    }
}

/// The first place where windlass itself looks.
fn usual() -> anyhow::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")));
    let folder = folder.context("HOME is not set: say where with --out FILE")?;
    Ok(folder.join("windlass/keys.txt"))
}
