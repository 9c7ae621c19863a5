//! What an NVIDIA card has free, as its driver's own program tells.
//!
//! Asked for only by who is about to compute: a driver that hangs hangs this question too.

use std::process::{Command, Stdio};

use super::Environment;

/// Returns the bytes that are free on the card of CUDA's index `card`; `None` where `nvidia-smi` is
/// not there or does not say.
pub fn free_card_memory(env: &Environment, card: u32) -> Option<u64> {
    let output = Command::new(env.program("nvidia-smi")?)
        .args(["--query-gpu=memory.free", "--format=csv,noheader,nounits"])
        .arg(format!("--id={}", identity(env, card)?))
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mebibytes: u64 = text.trim().parse().ok()?;
    output.status.success().then_some(mebibytes << 20)
}

/// Returns how the driver calls CUDA's card of this index: `CUDA_VISIBLE_DEVICES` may hide and
/// reorder cards, by number or by name.
fn identity(env: &Environment, card: u32) -> Option<String> {
    let Some(visible) = &env.cuda_visible_devices else {
        return Some(card.to_string());
    };
    let place = usize::try_from(card).ok()?;
    Some(visible.split(',').nth(place)?.trim().to_owned())
}
