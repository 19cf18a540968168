//! `windlass completions`: the script that a shell sources.

use clap::{Args, ValueEnum};
use clap_complete::env::Shells;

use super::complete::VARIABLE;
use crate::ui::output::Output;

/// Print the completion script of a shell. It knows the clusters of the project one stands in.
///
/// bash: echo 'source <(windlass completions bash)' >> ~/.bashrc
/// zsh: echo 'source <(windlass completions zsh)' >> ~/.zshrc
/// fish: windlass completions fish > ~/.config/fish/completions/windlass.fish
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Arguments {
    /// Prints the script.
    pub fn run(&self, output: Output) -> anyhow::Result<()> {
        let name = match self.shell {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        };
        let shells = Shells::builtins();
        let completer = shells.completer(name).ok_or_else(|| anyhow::anyhow!("no completions for {name}"))?;
        let mut script = Vec::new();
        completer.write_registration(VARIABLE, "windlass", "windlass", "windlass", &mut script)?;
        output.data(&String::from_utf8(script)?)
    }
}
