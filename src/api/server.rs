//! One connection of a client, from its first request to its last.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use tokio::net::UnixStream;
use tokio::sync::watch;

use crate::api::App;
use crate::api::routes;

/// How long a client may take to ask.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// The most bytes of a request's head.
const HEAD_MAX: usize = 16 << 10;

/// The most lines of a request's head.
const HEADERS_MAX: usize = 64;

/// Serves connections.
#[derive(Clone)]
pub struct Server {
    router: Router,
}

impl Server {
    /// Returns a server over what the daemon lends it.
    pub fn new(app: App) -> Self {
        Self {
            router: routes::router(app),
        }
    }

    /// Serves one connection until the client is done, does something wrong, or `ending` says that
    /// the daemon ends.
    pub async fn serve(self, stream: UnixStream, mut ending: watch::Receiver<bool>) {
        let service = TowerToHyperService::new(self.router);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIME)
            .max_buf_size(HEAD_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let mut is_ending = false;
        loop {
            tokio::select! {
                served = connection.as_mut() => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "connection ended");
                    }
                    return;
                }
                () = said(&mut ending), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Waits until it is said that the daemon ends.
async fn said(ending: &mut watch::Receiver<bool>) {
    // An error means that nobody is left to say it.
    let _said = ending.wait_for(|ending| *ending).await;
}
