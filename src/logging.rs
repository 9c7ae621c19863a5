//! Where the program's own log goes: to standard error, as lines.
//!
//! For people who look for a fault; what a user should know is printed by `cli` or lies in a file.
//! `PENTIMENTO_LOG` overrides the level with the usual filter syntax.

use std::io;

use tracing_subscriber::EnvFilter;

/// Starts logging. `verbosity` is the number of `-v` less the number of `-q`; 0 shows warnings.
pub fn start(verbosity: i16) {
    let level = match verbosity {
        ..=-1 => "error",
        0 => "warn",
        1 => "pentimento=info,warn",
        2 => "pentimento=debug,info",
        3.. => "trace",
    };
    let filter =
        EnvFilter::try_from_env("PENTIMENTO_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .with_target(false)
        .finish();
    // A second start, which only tests make, keeps the first subscriber.
    let _already_started = tracing::subscriber::set_global_default(subscriber);
}
