//! What a painting computes with: the library, the device, threads and memory, made ready.

use std::num::NonZeroUsize;

use crate::engine::{self, Engine};
use crate::runtime::{self, Environment, Host, Library, Nvidia, Resolved, free_card_memory};
use crate::training;
use crate::transfer::Tools;

/// Share of the memory that is available now which a painting may use.
const MEMORY_SHARE: f64 = 0.95;

/// The loaded library, and where it computes.
#[derive(Debug)]
pub struct Computing {
    engine: Engine,
    device: engine::Device,
    threads: NonZeroUsize,
    /// Why this device, in words.
    pub why: String,
    /// Bytes of the device's memory that may be used, where that is known.
    pub memory: Option<u64>,
}

/// Why nothing can be computed.
#[derive(Debug, thiserror::Error)]
pub enum ComputingError {
    /// No library, or not the device that was asked for.
    #[error(transparent)]
    Runtime(#[from] runtime::Error),
    /// The library does not load.
    #[error(transparent)]
    Engine(#[from] engine::EngineError),
}

impl Computing {
    /// Loads `library` and settles on a device; `threads` of 0 is one for each core.
    ///
    /// A process can do this once.
    pub fn prepare(
        environment: &Environment,
        library: &Library,
        device: runtime::Device,
        threads: u32,
    ) -> Result<Self, ComputingError> {
        let nvidia = Nvidia::detect(environment);
        let choice = runtime::resolve_device(device, library, &nvidia)?;
        let host = Host::detect(environment);
        let cores = NonZeroUsize::new(host.threads).unwrap_or(NonZeroUsize::MIN);
        let wanted = usize::try_from(threads).ok().and_then(NonZeroUsize::new);
        let (device, memory) = match choice.device {
            Resolved::Cpu => (
                engine::Device::Cpu,
                host.memory.map(|(_, free)| share(free)),
            ),
            Resolved::Cuda(card) => (
                engine::Device::Cuda(card),
                free_card_memory(environment, card).map(share),
            ),
        };
        Ok(Self {
            engine: Engine::load(&library.path)?,
            device,
            threads: wanted.unwrap_or(cores),
            why: choice.why,
            memory,
        })
    }

    /// Returns what `training` trains with.
    pub fn training_tools(&self) -> training::Tools<'_> {
        training::Tools {
            engine: &self.engine,
            device: self.device,
            threads: self.threads,
        }
    }

    /// Returns what `transfer` paints with.
    pub fn tools(&self) -> Tools<'_> {
        Tools {
            engine: &self.engine,
            device: self.device,
            threads: self.threads,
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of memory is good to a megabyte"
)]
fn share(free: u64) -> u64 {
    (free as f64 * MEMORY_SHARE) as u64
}
