//! The ONNX Runtime library: found on this machine or installed, never loaded here.
//!
//! [`ensure`] is what a program calls before it starts a process that loads the library; it is
//! safe to be called by many processes at once. [`resolve_device`] then says where the work runs.
//! Which release is fetched, and its checksums, stand in `pins`; adding a platform is done there.

mod card_memory;
mod client;
mod device;
mod elf;
mod environment;
mod error;
mod find;
mod folders;
mod host;
mod install;
mod nvidia;
mod pins;
mod unpack;
mod version;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use self::{
    card_memory::free_card_memory,
    device::{Choice, Device, Lack, ParseDeviceError, Resolved, lacks, resolve_device},
    environment::Environment,
    error::{Error, Failure, WaysOut},
    find::{Library, Looked, Origin, Search, search},
    host::Host,
    install::{install, install_cuda, is_intact},
    nvidia::{Card, CudaProvider, Driver, Nvidia},
    pins::{CudaPin, NvidiaWheel, Package, PinnedFile, Pins, Platform},
    version::{MINIMUM, ParseVersionError, Version},
};

/// What a person asked for.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The value of `--ort-lib`.
    pub ort_lib: Option<PathBuf>,
    /// The library that the settings name.
    pub settings: Option<PathBuf>,
    pub device: Device,
}

/// What happens during an installation, in order.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Another process is installing; this one waits for it.
    Waiting,
    /// A client has been started. `total` is about how many bytes it will transfer.
    Fetching {
        requirement: &'a str,
        client: &'static str,
        total: u64,
    },
    /// So many bytes are there; never more than the total.
    Transferred(u64),
    /// The download is complete and is being checked and unpacked.
    Checking,
    /// The client brought nothing; the next one is tried.
    Failed(&'a Failure),
    /// A package lies in its final folder.
    Installed { folder: &'a Path },
}

/// Returns a library to load: the one that was named, or one that is there, or one installed now.
///
/// # Errors
/// A named library that cannot be used; a card asked for by number where no library has CUDA; an
/// installation that failed with every client, with the ways out.
pub fn ensure(
    env: &Environment,
    request: &Request,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Library, Error> {
    let present = || search(env, request).map(|search| search.library);
    if let Some(library) = present()? {
        return Ok(library);
    }
    if let Device::Cuda(card) = request.device {
        let lacks = lacks(card, None, &Nvidia::detect(env));
        return Err(Error::NoCuda { card, lacks });
    }
    install::install_unless(env, progress, present)
}
