//! The command line for people: one command in, one answer out.
//!
//! Everything a command depends on besides its arguments (environment, streams, terminal, clock) is a
//! [`Surroundings`], so that a whole command can run inside a test.

mod arguments;
mod cache;
mod command;
mod connection;
mod context;
mod credentials;
mod failure;
mod file;
mod message;
mod output;
mod password;
mod reason;
mod secret;
mod server;
mod session;
mod sign_in;
mod surroundings;
mod table;
mod terminal;
mod time;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::arguments::Arguments;
use crate::context::Inputs;
use crate::output::{Output, Paint};

pub use crate::failure::Exit;
pub use crate::secret::Secret;
pub use crate::surroundings::{Environment, Surroundings};
pub use crate::terminal::Terminal;

/// Runs one command: `arguments` begin with the program's name. What it says goes to the surroundings' streams; the
/// answer is the exit status.
pub async fn run(arguments: Vec<OsString>, mut surroundings: Surroundings) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(refused) => return explain(&refused, &mut surroundings),
    };
    let paint = Paint::choose(arguments.global.no_color, &surroundings);
    let Surroundings { environment, stdin, stdout, stderr, terminal, now, .. } = surroundings;
    let mut output = Output::new(stdout, stderr, arguments.global.format, paint);
    let inputs = Inputs { environment, stdin, terminal, now };
    let outcome = command::run(arguments, inputs, &mut output).await;
    output.finish(outcome)
}

/// Help and version are answers; everything else that the arguments' grammar refuses is misuse.
fn explain(refused: &clap::Error, surroundings: &mut Surroundings) -> Exit {
    let text = refused.render().to_string();
    match refused.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Output::plain(&mut surroundings.stdout, &text, Exit::Yes),
        _ => Output::plain(&mut surroundings.stderr, &text, Exit::Usage),
    }
}
