//! `reeved` under another name, so that the end-to-end tests run the server they were built with.

use std::process::ExitCode;

fn main() -> ExitCode {
    reeved::command::main()
}
