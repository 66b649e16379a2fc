//! The `reeve` program: the command line, in this process's surroundings.

use std::process::ExitCode;

use reeve::{Exit, Surroundings};

fn main() -> ExitCode {
    let surroundings = Surroundings::of_this_process();
    let arguments = std::env::args_os().collect::<Vec<_>>();
    let exit = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(reeve::run(arguments, surroundings)),
        Err(_) => Exit::No,
    };
    ExitCode::from(exit.code())
}
