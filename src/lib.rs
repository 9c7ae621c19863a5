//! Pentimento: a watch-folder daemon for neural style transfer.
//!
//! The modules are listed in reading order; ARCHITECTURE.md says who may import whom.

pub mod runtime;
pub mod tensor;
