//! The control API: HTTP/1.1 over a socket in the studio, JSON, and a stream of events.
//!
//! `types` is what goes over the wire, apart from domain types (`translate`); `routes` the table of
//! addresses; `server` one connection; `client` the other side, which the command line and the
//! dashboard go through. It knows the daemon only as a `control::Desk` and a [`feed::Feed`], and
//! spawns nothing. Nothing that a client does or omits holds the daemon up: bodies, heads,
//! connections and queues are bounded. To add a route: a line in `routes`, a type in `types`, a
//! method in `client`.

pub mod client;
mod error;
pub mod feed;
mod files;
mod metrics;
mod operations;
mod queries;
mod routes;
pub mod server;
pub mod socket;
mod stream;
mod translate;
pub mod types;

use std::path::PathBuf;
use std::sync::Arc;

use crate::api::feed::Feed;
use crate::clock::Clock;
use crate::control::Desk;
use crate::control::rerun::Review;

pub use crate::api::error::ApiError;
pub use crate::api::translate::event;

/// The version of the addresses and types; in every address and every reply.
pub const VERSION: u32 = 1;

/// The header that says [`VERSION`] in every reply.
pub const VERSION_HEADER: &str = "pentimento-api";

/// The header that says the program's version in every reply.
pub const PROGRAM_HEADER: &str = "pentimento-version";

/// The program's version.
pub const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the routes work with.
#[derive(Clone)]
pub struct App {
    /// Where requests are handed in.
    pub desk: Desk,
    /// The events.
    pub feed: Feed,
    /// The source of time.
    pub clock: Clock,
    /// Checks changed profiles.
    pub review: Review,
    /// What does not change while the daemon runs.
    pub fixed: Arc<Fixed>,
}

/// What does not change while the daemon runs.
#[derive(Debug)]
pub struct Fixed {
    /// The studio's root.
    pub studio: PathBuf,
    /// The folder of the daemon's own files.
    pub state: PathBuf,
}
