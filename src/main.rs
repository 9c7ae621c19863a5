//! The `pentimento` program: hands the command line to `cli` and turns its result into an exit
//! status.

fn main() {}
