//! The `pentimento` program: hands the command line to `cli` and turns its result into an exit
//! status.

use std::process::ExitCode;

fn main() -> ExitCode {
    pentimento::cli::main()
}
