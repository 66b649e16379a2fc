//! Scripts that complete arguments in a shell.

use clap::{Args, CommandFactory as _, ValueEnum};

use crate::arguments;
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Arguments of `reeve completion`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  source <(reeve completion bash)
  reeve completion zsh > \"${fpath[1]}/_reeve\"
  reeve completion fish > ~/.config/fish/completions/reeve.fish")]
pub(crate) struct CompletionArguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// The shells that are known.
#[derive(Clone, Copy, ValueEnum)]
enum Shell {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// `reeve completion`.
pub(crate) fn run(completion: &CompletionArguments, output: &mut Output) -> Result<Exit, Failure> {
    let shell = match completion.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut arguments::Arguments::command(), "reeve", &mut script);
    output.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Yes)
}
