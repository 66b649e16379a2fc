//! The server binary. What it does stands in the library, so that others build the same program.

use std::process::ExitCode;

fn main() -> ExitCode {
    reeved::command::main()
}
