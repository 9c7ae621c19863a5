//! One request for a file, over however many redirections, up to the first byte of the answer.
//!
//! Redirections are followed here rather than by `ureq`, so that none leads from a protected
//! connection to one that anybody can listen to and change.

use std::io::{self, Read};
use std::time::Duration;

use ureq::http::{Response, header};
use ureq::{Agent, Body, BodyReader};

use super::partial::ResumePoint;
use super::{DownloadError, Interruption, Limits, url};

/// Makes requests within limits.
pub(super) struct Client {
    /// Asks through the proxy that the environment names, if any.
    agent: Agent,
    /// Asks this machine itself.
    direct: Agent,
    redirects: u32,
    stall: Duration,
}

/// The beginning of a file that arrives.
pub(super) struct Answer {
    /// Bytes of the file that are not sent again.
    pub(super) from: u64,
    /// Bytes of the whole file, where the server says so.
    pub(super) total: Option<u64>,
    /// What tells this version of the file from others: its entity tag or its date.
    pub(super) validator: Option<String>,
    /// Whether the server calls it a web page.
    pub(super) is_page: bool,
    body: BodyReader<'static>,
    stall: Duration,
}

impl Answer {
    /// Reads what has arrived; nothing is the end.
    pub(super) fn read<'a>(&mut self, buffer: &'a mut [u8]) -> Result<&'a [u8], Interruption> {
        loop {
            match self.body.read(buffer) {
                Ok(count) => return Ok(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) => return Err(stalled(self.stall)),
                Err(error) => return Err(Interruption::Broken(error)),
            }
        }
    }
}

impl Client {
    pub(super) fn new(limits: &Limits) -> Self {
        let config = || {
            Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .timeout_connect(Some(limits.connect))
                .timeout_recv_response(Some(limits.stall))
                .timeout_per_read(Some(limits.stall))
                .timeout_per_write(Some(limits.stall))
                .max_idle_connections(0)
                .user_agent(concat!("pentimento/", env!("CARGO_PKG_VERSION")))
                // The bytes are wanted as they are published.
                .accept_encoding("identity")
        };
        Self {
            agent: config().build().new_agent(),
            direct: config().proxy(None).build().new_agent(),
            redirects: limits.redirects,
            stall: limits.stall,
        }
    }

    /// Asks for the file at `asked` from the byte that `start` states.
    ///
    /// The inner error is one that may pass.
    pub(super) fn get(
        &self,
        asked: &str,
        start: &ResumePoint,
    ) -> Result<Result<Answer, Interruption>, DownloadError> {
        let mut address = asked.to_owned();
        for _ in 0..=self.redirects {
            let response = match self.request(&address, start) {
                Ok(response) => response,
                Err(error) => return self.sort(&address, error).map(Err),
            };
            let status = response.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return self.answer(&address, start, response);
            }
            address = redirection(&address, &response)?;
        }
        Err(DownloadError::Redirects {
            url: asked.to_owned(),
            most: self.redirects,
        })
    }

    fn request(&self, address: &str, start: &ResumePoint) -> Result<Response<Body>, ureq::Error> {
        let agent = if url::is_this_machine(address) {
            &self.direct
        } else {
            &self.agent
        };
        let mut request = agent.get(address);
        if start.from > 0 {
            request = request.header(header::RANGE, format!("bytes={}-", start.from));
            if let Some(validator) = &start.validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        request.call()
    }

    fn answer(
        &self,
        address: &str,
        start: &ResumePoint,
        response: Response<Body>,
    ) -> Result<Result<Answer, Interruption>, DownloadError> {
        let status = response.status().as_u16();
        let length = response.body().content_length();
        let (from, total) = match status {
            200 => (0, length),
            206 => match range(&response) {
                Some((from, total)) if from == start.from && start.agrees(total) => (from, total),
                _ => return Ok(Err(Interruption::Changed)),
            },
            416 => return Ok(Err(Interruption::Changed)),
            408 | 425 | 429 | 500..=599 => return Ok(Err(Interruption::Busy(status))),
            _ => {
                return Err(DownloadError::Status {
                    url: address.to_owned(),
                    status,
                });
            }
        };
        let is_page = text(&response, header::CONTENT_TYPE)
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
        let validator = text(&response, header::ETAG)
            .filter(|tag| !tag.starts_with("W/"))
            .or_else(|| text(&response, header::LAST_MODIFIED));
        Ok(Ok(Answer {
            from,
            total,
            validator,
            is_page,
            body: response.into_body().into_reader(),
            stall: self.stall,
        }))
    }

    /// Tells errors that may pass from those that will not.
    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "what is not known to last may pass"
    )]
    fn sort(&self, address: &str, error: ureq::Error) -> Result<Interruption, DownloadError> {
        let url = || address.to_owned();
        let source = |error| Box::new(error);
        match error {
            ureq::Error::Timeout(_) => Ok(stalled(self.stall)),
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => Err(DownloadError::Address {
                url: url(),
                source: source(error),
            }),
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Err(DownloadError::Protection {
                url: url(),
                source: source(error),
            }),
            other => Ok(Interruption::Connection(source(other))),
        }
    }
}

fn redirection(address: &str, response: &Response<Body>) -> Result<String, DownloadError> {
    let location = text(response, header::LOCATION).unwrap_or_default();
    let Some(to) = url::resolve(address, &location) else {
        return Err(DownloadError::RedirectsNowhere {
            url: address.to_owned(),
            to: location,
        });
    };
    if url::is_protected(address) && !url::is_protected(&to) {
        return Err(DownloadError::Unprotected {
            url: address.to_owned(),
            to,
        });
    }
    Ok(to)
}

/// Returns the first byte and the whole length that `Content-Range: bytes 5-9/10` states.
fn range(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let stated = text(response, header::CONTENT_RANGE)?;
    let (bytes, total) = stated.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = bytes.split_once('-')?;
    let total = match total.trim() {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((from.trim().parse().ok()?, total))
}

fn text(response: &Response<Body>, name: header::HeaderName) -> Option<String> {
    let value = response.headers().get(name)?.to_str().ok()?;
    Some(value.to_owned())
}

fn is_timeout(error: &io::Error) -> bool {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut
}

fn stalled(after: Duration) -> Interruption {
    Interruption::Stalled {
        seconds: after.as_secs(),
    }
}
