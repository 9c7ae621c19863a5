//! The other side of the API: how the command line and the dashboard reach the daemon.
//!
//! One connection a request. [`Client`] is for those with a loop of their own, [`Blocking`] for
//! commands. A daemon of another version is understood as far as the types go.

use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::Method;
use axum::http::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::HOST;
use axum::http::response::Parts;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::api::VERSION;
use crate::api::VERSION_HEADER;
use crate::api::socket::Places;
use crate::api::socket::is_trusted;
use crate::api::types;
use crate::job::names::display_path;

/// The most bytes of an answer that is read into memory.
const ANSWER_MAX: usize = 64 << 20;

/// How long an answer may take to begin: a rerun is checked before it is answered.
const ANSWER_TIME: Duration = Duration::from_secs(150);

/// Why a client has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no daemon runs in this studio: start one with `pentimento daemon`")]
    NoDaemon,
    /// The socket is there and cannot be used.
    #[error("cannot connect to {}", display_path(path))]
    Connect {
        /// The socket.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The daemon belongs to somebody else.
    #[error("the daemon behind {} belongs to another user", display_path(path))]
    NotOurs {
        /// The socket.
        path: PathBuf,
    },
    /// The connection broke.
    #[error("the daemon did not answer {address}")]
    Broken {
        /// What was asked.
        address: String,
        #[source]
        source: hyper::Error,
    },
    /// The answer took too long.
    #[error("the daemon did not answer {address} in time")]
    TooSlow {
        /// What was asked.
        address: String,
    },
    /// The answer is too long.
    #[error("the answer to {address} has more than {ANSWER_MAX} bytes")]
    TooLong {
        /// What was asked.
        address: String,
    },
    /// The answer cannot be understood.
    #[error(
        "the answer to {address} cannot be understood (the daemon speaks version {theirs} of the \
         API, this program {VERSION}): end it with `pentimento stop` and start it anew"
    )]
    Unreadable {
        /// What was asked.
        address: String,
        /// The daemon's version.
        theirs: String,
        #[source]
        source: serde_json::Error,
    },
    /// What was asked cannot be sent.
    #[error("cannot ask for {address}")]
    Request {
        /// What was to be asked.
        address: String,
        #[source]
        source: axum::http::Error,
    },
    /// The daemon refuses.
    #[error("{}; {}", .0.what_and_why(), .0.hint)]
    Refused(Box<types::Problem>),
    /// What was received cannot be written.
    #[error("cannot write what was received")]
    Write(#[source] io::Error),
    /// No event loop can be had.
    #[error("cannot start the event loop")]
    Loop(#[source] io::Error),
}

impl types::Problem {
    /// Returns what is wrong and why, in one line.
    pub fn what_and_why(&self) -> String {
        match &self.why {
            Some(why) => format!("{}: {why}", self.what),
            None => self.what.clone(),
        }
    }
}

/// A client of the daemon of a studio.
#[derive(Debug, Clone)]
pub struct Client {
    path: PathBuf,
}

type Sender = http1::SendRequest<Full<Bytes>>;
type Connection = http1::Connection<TokioIo<UnixStream>, Full<Bytes>>;

/// An answer whose body is on the way.
struct Answer {
    address: String,
    parts: Parts,
    body: Incoming,
    connection: Option<Pin<Box<Connection>>>,
    /// Kept until the end: without it the connection takes itself to be unused.
    _sender: Sender,
}

impl Client {
    /// Finds the daemon of the studio whose own folder is `state`.
    pub async fn find(state: &Path, places: &Places) -> Result<Self, ClientError> {
        for path in places.candidates(state) {
            match UnixStream::connect(&path).await {
                Ok(stream) if is_trusted(&stream) => return Ok(Self { path }),
                Ok(_) => return Err(ClientError::NotOurs { path }),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
                    ) => {}
                Err(source) => return Err(ClientError::Connect { path, source }),
            }
        }
        Err(ClientError::NoDaemon)
    }

    /// Reads.
    pub async fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, address, Bytes::new(), &[])
            .await?
            .json()
            .await
    }

    /// Changes something.
    pub async fn post<T: DeserializeOwned>(
        &self,
        address: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|source| ClientError::Unreadable {
            address: address.to_owned(),
            theirs: VERSION.to_string(),
            source,
        })?;
        self.ask(Method::POST, address, Bytes::from(body), &[])
            .await?
            .json()
            .await
    }

    /// Reads a file into `to`, in pieces.
    pub async fn read(&self, address: &str, to: &mut dyn Write) -> Result<(), ClientError> {
        let mut answer = self.ask(Method::GET, address, Bytes::new(), &[]).await?;
        while let Some(piece) = answer.piece().await? {
            to.write_all(&piece).map_err(ClientError::Write)?;
        }
        Ok(())
    }

    /// Follows the events: from the one after number `after` on, or from now on.
    pub async fn events(&self, after: Option<u64>) -> Result<Events, ClientError> {
        let last = after.map(|id| ("last-event-id", id.to_string()));
        let answer = self
            .ask(Method::GET, "/v1/events", Bytes::new(), last.as_slice())
            .await?;
        Ok(Events {
            answer,
            received: Vec::new(),
        })
    }

    async fn ask(
        &self,
        method: Method,
        address: &str,
        body: Bytes,
        headers: &[(&str, String)],
    ) -> Result<Answer, ClientError> {
        let asked = tokio::time::timeout(ANSWER_TIME, self.send(method, address, body, headers));
        let answer = asked.await.map_err(|_elapsed| ClientError::TooSlow {
            address: address.to_owned(),
        })??;
        if answer.parts.status.is_success() {
            return Ok(answer);
        }
        let refused: types::Refused = answer.json().await?;
        Err(ClientError::Refused(Box::new(refused.error)))
    }

    async fn send(
        &self,
        method: Method,
        address: &str,
        body: Bytes,
        headers: &[(&str, String)],
    ) -> Result<Answer, ClientError> {
        let broken = |source| ClientError::Broken {
            address: address.to_owned(),
            source,
        };
        let stream = UnixStream::connect(&self.path).await;
        let stream = stream.map_err(|source| ClientError::Connect {
            path: self.path.clone(),
            source,
        })?;
        let mut request = Request::builder()
            .method(method)
            .uri(address)
            .header(HOST, "pentimento")
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::new(body))
            .map_err(|source| ClientError::Request {
                address: address.to_owned(),
                source,
            })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let mut connection = Some(Box::pin(connection));
        let mut answered = std::pin::pin!(sender.send_request(request));
        let response = loop {
            let Some(driven) = connection.as_mut() else {
                break answered.as_mut().await;
            };
            tokio::select! {
                response = answered.as_mut() => break response,
                ended = driven.as_mut() => {
                    ended.map_err(broken)?;
                    connection = None;
                }
            }
        };
        let (parts, body) = response.map_err(broken)?.into_parts();
        Ok(Answer {
            address: address.to_owned(),
            parts,
            body,
            connection,
            _sender: sender,
        })
    }
}

impl Answer {
    /// Returns the next piece of the body. Nothing is lost when cancelled.
    async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        let broken = |address: &str, source| ClientError::Broken {
            address: address.to_owned(),
            source,
        };
        loop {
            let frame = match self.connection.as_mut() {
                None => self.body.frame().await,
                Some(connection) => tokio::select! {
                    frame = self.body.frame() => frame,
                    ended = connection.as_mut() => {
                        self.connection = None;
                        ended.map_err(|source| broken(&self.address, source))?;
                        continue;
                    }
                },
            };
            match frame {
                None => return Ok(None),
                Some(Err(source)) => return Err(broken(&self.address, source)),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    async fn json<T: DeserializeOwned>(mut self) -> Result<T, ClientError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.piece().await? {
            if bytes.len() + piece.len() > ANSWER_MAX {
                return Err(ClientError::TooLong {
                    address: self.address,
                });
            }
            bytes.extend_from_slice(&piece);
        }
        serde_json::from_slice(&bytes).map_err(|source| {
            let theirs = self.parts.headers.get(VERSION_HEADER);
            let theirs = theirs
                .and_then(|value| value.to_str().ok())
                .unwrap_or("unknown");
            ClientError::Unreadable {
                theirs: theirs.to_owned(),
                address: self.address,
                source,
            }
        })
    }
}

/// The events as they come.
pub struct Events {
    answer: Answer,
    received: Vec<u8>,
}

impl Events {
    /// Waits for the next event; `None` when the daemon has ended. Nothing is lost when cancelled.
    pub async fn next(&mut self) -> Result<Option<types::Event>, ClientError> {
        loop {
            if let Some(frame) = self.frame() {
                let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
                // What a newer daemon sends beside events is passed over, and so are comments.
                if let Some(event) = data.and_then(|data| serde_json::from_str(data).ok()) {
                    return Ok(Some(event));
                }
                continue;
            }
            if self.received.len() > ANSWER_MAX {
                return Err(ClientError::TooLong {
                    address: self.answer.address.clone(),
                });
            }
            match self.answer.piece().await {
                Ok(Some(piece)) => self.received.extend_from_slice(&piece),
                // A daemon that was killed ends no stream properly.
                Ok(None) | Err(ClientError::Broken { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes a whole frame off what was received.
    fn frame(&mut self) -> Option<String> {
        let end = self.received.windows(2).position(|pair| pair == b"\n\n")?;
        let frame: Vec<u8> = self.received.drain(..end + 2).collect();
        Some(String::from_utf8_lossy(&frame).into_owned())
    }
}

/// A client for those without a loop of their own.
#[derive(Debug)]
pub struct Blocking {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Blocking {
    /// Finds the daemon of the studio whose own folder is `state`.
    pub fn find(state: &Path, places: &Places) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ClientError::Loop)?;
        let client = runtime.block_on(Client::find(state, places))?;
        Ok(Self { runtime, client })
    }

    /// Reads.
    pub fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, ClientError> {
        self.runtime.block_on(self.client.get(address))
    }

    /// Changes something.
    pub fn post<T: DeserializeOwned>(
        &self,
        address: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        self.runtime.block_on(self.client.post(address, body))
    }

    /// Reads a file into `to`, in pieces.
    pub fn read(&self, address: &str, to: &mut dyn Write) -> Result<(), ClientError> {
        self.runtime.block_on(self.client.read(address, to))
    }

    /// Follows the events until `heed` returns false or the daemon ends. Returns whether the daemon
    /// has ended. `heed` hears that nothing came whenever that is so for `patience`.
    pub fn follow(
        &self,
        patience: Duration,
        heed: &mut dyn FnMut(Heard<'_>) -> Result<bool, ClientError>,
    ) -> Result<bool, ClientError> {
        let mut events = self.runtime.block_on(self.client.events(None))?;
        if !heed(Heard::Begun)? {
            return Ok(false);
        }
        loop {
            let next = async { tokio::time::timeout(patience, events.next()).await };
            let goes_on = match self.runtime.block_on(next) {
                Err(_elapsed) => heed(Heard::Nothing)?,
                Ok(event) => match event? {
                    None => return Ok(true),
                    Some(event) => heed(Heard::Event(&event))?,
                },
            };
            if !goes_on {
                return Ok(false);
            }
        }
    }
}

/// What somebody who follows the events hears.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// From here on nothing that happens is missed.
    Begun,
    /// An event.
    Event(&'a types::Event),
    /// Nothing came for a while.
    Nothing,
}

/// Returns text as it stands in an address.
pub fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend(format!("{byte:02X}").chars());
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_any_text() {
        assert_eq!(encoded("a b/\u{e4}?&.png"), "a%20b%2F%C3%A4%3F%26.png");
    }
}
