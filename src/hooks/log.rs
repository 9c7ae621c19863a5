//! What hooks did and said: `hooks.log` in the studio's state folder, kept short.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;

use crate::clock::Timestamp;
use crate::folder::Studio;
use crate::hooks::HookEnd;
use crate::hooks::HookEvent;
use crate::hooks::HookOutcome;
use crate::hooks::Limits;
use crate::hooks::Payload;

/// Appends what became of a hook, and its output. A log that cannot be written is no trouble.
pub(super) fn append(
    studio: &Studio,
    (event, payload, now): (HookEvent, &Payload, Timestamp),
    outcome: &HookOutcome,
    output: &[u8],
    limits: &Limits,
) {
    if outcome.end == HookEnd::RanBefore {
        return;
    }
    let job = match &payload.job {
        Some(job) => format!(" (job {:04})", job.id),
        None => String::new(),
    };
    let mut text = format!("{now} {}{job}: {outcome}\n", event.name()).into_bytes();
    for line in output
        .split(|byte| *byte == b'\n')
        .filter(|l| !l.is_empty())
    {
        text.extend_from_slice(b"    ");
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    if let Err(error) = write(studio, &text, limits.log_bytes) {
        tracing::debug!(%error, "hooks.log not written");
    }
}

fn write(studio: &Studio, text: &[u8], limit: u64) -> io::Result<()> {
    let path = studio.state.join("hooks.log");
    let length = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if length > 0 && length + text.len() as u64 > limit {
        fs::rename(&path, studio.state.join("hooks.log.1"))?;
    }
    let mut file = File::options().create(true).append(true).open(&path)?;
    file.write_all(text)
}
