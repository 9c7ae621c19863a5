//! Ctrl-C in commands that keep what they have: asked for once it is a flag, asked for twice it ends
//! the program.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;

/// The status of an interrupted command.
pub(super) const INTERRUPTED: u8 = 130;

/// Returns a flag that Ctrl-C and SIGTERM raise; the second of them ends the program at once.
pub(super) fn listen() -> anyhow::Result<Arc<AtomicBool>> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let flag = Arc::clone(&interrupted);
        signal_hook::flag::register_conditional_shutdown(signal, i32::from(INTERRUPTED), flag)
            .context("listen to Ctrl-C")?;
        signal_hook::flag::register(signal, Arc::clone(&interrupted))
            .context("listen to Ctrl-C")?;
    }
    Ok(interrupted)
}
