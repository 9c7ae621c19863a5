//! The figures of a process: times, memory, and the shares of operators.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

/// Returns the middle of the times.
pub(crate) fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        f64::midpoint(sorted[middle - 1], sorted[middle])
    }
}

/// Returns the most bytes of memory that this process held at once, where the system tells
/// (Linux).
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Adds up the time of the nodes in ONNX Runtime's profile, by operator.
///
/// `conv_share` is that of the operator `Conv` (`FusedConv` where nothing is blocked);
/// `convolution_share` adds the nodes of convolutions that are written as Winograd's. Both count
/// the 1×1 convolutions that take values into the blocked layout.
pub(crate) fn shares(path: &Path) -> anyhow::Result<Value> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("read {shown}"))?;
    let events: Vec<Value> =
        serde_json::from_str(&text).with_context(|| format!("read the profile {shown}"))?;
    let mut by_op: BTreeMap<&str, f64> = BTreeMap::new();
    let (mut total, mut conv, mut convolution) = (0.0, 0.0, 0.0);
    for event in &events {
        let name = event["name"].as_str().unwrap_or_default();
        let Some(node) = name.strip_suffix("_kernel_time") else {
            continue;
        };
        let op = event["args"]["op_name"].as_str().unwrap_or("?");
        let seconds = event["dur"].as_f64().unwrap_or_default() * 1e-6;
        let is_conv = matches!(op, "Conv" | "FusedConv");
        total += seconds;
        conv += if is_conv { seconds } else { 0.0 };
        if is_conv || node.contains("winograd") {
            convolution += seconds;
        }
        *by_op.entry(op).or_default() += seconds;
    }
    ensure!(total > 0.0, "the profile {shown} names no node");
    let by_op: BTreeMap<&str, f64> = by_op.into_iter().map(|(op, s)| (op, s / total)).collect();
    Ok(json!({
        "file": path,
        "conv_share": conv / total,
        "convolution_share": convolution / total,
        "share_by_op": by_op,
    }))
}
