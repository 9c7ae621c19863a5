//! The processor and memory of this machine, for a person to read.

use std::{fs, thread};

use super::Environment;

/// What the processor offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The processor's name, where the system tells it.
    pub model: Option<String>,
    /// Threads that this process may use.
    pub threads: usize,
    /// The instruction sets that decide the speed of convolutions, the widest last.
    pub instructions: Vec<&'static str>,
    /// Memory in bytes, where the system tells it: all of it, and what is available now.
    pub memory: Option<(u64, u64)>,
}

impl Host {
    /// Looks at the machine.
    pub fn detect(env: &Environment) -> Self {
        let read = |path: &str| fs::read_to_string(env.below_root(path)).unwrap_or_default();
        let model = read("/proc/cpuinfo").lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == "model name").then(|| value.trim().to_owned())
        });
        let memory = read("/proc/meminfo");
        let field = |name: &str| {
            let line = memory
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line?
                .trim()
                .strip_suffix("kB")?
                .trim()
                .parse::<u64>()
                .ok()?
                .checked_mul(1024)
        };
        Self {
            model,
            threads: thread::available_parallelism().map_or(1, usize::from),
            instructions: instructions(),
            memory: field("MemTotal").zip(field("MemAvailable")),
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Vec<&'static str> {
    let known = [
        ("AVX", is_x86_feature_detected!("avx")),
        ("AVX2", is_x86_feature_detected!("avx2")),
        ("FMA", is_x86_feature_detected!("fma")),
        ("AVX-512", is_x86_feature_detected!("avx512f")),
        ("AVX-512 VNNI", is_x86_feature_detected!("avx512vnni")),
    ];
    known
        .into_iter()
        .filter(|known| known.1)
        .map(|known| known.0)
        .collect()
}

#[cfg(target_arch = "aarch64")]
fn instructions() -> Vec<&'static str> {
    let known = [
        ("NEON", std::arch::is_aarch64_feature_detected!("neon")),
        (
            "dot product",
            std::arch::is_aarch64_feature_detected!("dotprod"),
        ),
        ("I8MM", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("SVE", std::arch::is_aarch64_feature_detected!("sve")),
    ];
    known
        .into_iter()
        .filter(|known| known.1)
        .map(|known| known.0)
        .collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instructions() -> Vec<&'static str> {
    Vec::new()
}
