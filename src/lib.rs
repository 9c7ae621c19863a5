//! Pentimento: a watch-folder daemon for neural style transfer.
//!
//! The modules are listed in reading order; ARCHITECTURE.md says who may import whom.

pub mod tensor;

pub mod worker;

pub mod protocol;

pub mod job;

pub mod folder;

pub mod ingest;

pub mod supervisor;

pub mod daemon;

pub mod cli;

pub mod clock;
pub mod logging;
