//! What a request is refused with: the one place that knows status codes.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::api::types::Problem;
use crate::api::types::Refused;
use crate::causes::with_causes;
use crate::control::Refusal;
use crate::ingest::NotHeld;

/// A refusal on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    what: String,
    why: Option<String>,
    hint: String,
    place: String,
}

impl ApiError {
    /// Returns a refusal of a request that cannot be understood.
    pub(super) fn bad_request(what: String, hint: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", what, hint)
    }

    /// Returns a refusal of an address that leads nowhere.
    pub(super) fn no_such_address(place: &str) -> Self {
        let what = "there is nothing at this address".to_owned();
        let hint = "perhaps the daemon is of another version: compare `pentimento status`";
        Self::new(StatusCode::NOT_FOUND, "unknown_address", what, hint).at(place)
    }

    /// Returns a refusal of a method that an address does not take.
    pub(super) fn wrong_method(place: &str) -> Self {
        let what = "this address is not to be asked in this way".to_owned();
        let hint = "read with GET, change with POST";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong_method", what, hint).at(place)
    }

    /// Returns a refusal of a body that is too large.
    pub(super) fn too_large(limit: usize) -> Self {
        let what = format!("the request has more than {limit} bytes");
        let hint = "name files instead of sending them";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", what, hint)
    }

    /// Returns a refusal of a body that does not come.
    pub(super) fn too_slow() -> Self {
        let what = "the request did not arrive in time".to_owned();
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "too_slow",
            what,
            "send it again",
        )
    }

    /// Returns a refusal because too many others are at it.
    pub(super) fn too_many(what: &str) -> Self {
        let hint = "end some of them, or ask again later";
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many",
            what.to_owned(),
            hint,
        )
    }

    /// Returns a refusal of a file that is not there.
    pub(super) fn no_file(name: &str) -> Self {
        let what = format!("the job has no file {name}");
        let hint = "`pentimento show` lists what a job has";
        Self::new(StatusCode::NOT_FOUND, "unknown_file", what, hint)
    }

    /// Returns a refusal by a fault of the program.
    pub(super) fn internal(what: String) -> Self {
        let hint = "this is a fault in pentimento: please report it";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", what, hint)
    }

    /// Says where it happened.
    pub(super) fn at(mut self, place: &str) -> Self {
        self.place = crate::job::names::display_name(place.as_ref());
        self
    }

    fn new(status: StatusCode, code: &'static str, what: String, hint: &str) -> Self {
        Self {
            status,
            code,
            what,
            why: None,
            hint: hint.to_owned(),
            place: String::new(),
        }
    }
}

impl From<NotHeld> for ApiError {
    fn from(error: NotHeld) -> Self {
        let (status, code) = match &error {
            NotHeld::NoBundle { .. } => (StatusCode::NOT_FOUND, "unknown_bundle"),
            NotHeld::Otherwise { .. } => (StatusCode::CONFLICT, "not_now"),
        };
        let hint = "`pentimento list --bundles` shows what lies in the watch folders";
        Self::new(status, code, error.to_string(), hint)
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, code) = match &refusal {
            Refusal::UnknownJob { .. } => (StatusCode::NOT_FOUND, "unknown_job"),
            Refusal::NoSnapshot { .. } => (StatusCode::NOT_FOUND, "unknown_file"),
            Refusal::NotNow { .. } => (StatusCode::CONFLICT, "not_now"),
            Refusal::NotLive { .. } | Refusal::NotANumber { .. } | Refusal::Profile { .. } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unusable")
            }
            Refusal::TooManyEdits { .. } => (StatusCode::CONFLICT, "too_many"),
            Refusal::Files { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "files"),
            Refusal::Ending => (StatusCode::SERVICE_UNAVAILABLE, "ending"),
        };
        let why = std::error::Error::source(&refusal).map(with_causes);
        let mut error = Self::new(status, code, refusal.to_string(), refusal.hint());
        error.why = why;
        error
    }
}

impl ApiError {
    /// Returns the reply.
    pub(super) fn reply(self) -> Response<Body> {
        let refused = Refused {
            error: Problem {
                code: self.code.to_owned(),
                what: self.what,
                place: self.place,
                why: self.why,
                hint: self.hint,
            },
        };
        // Text fields only: this always succeeds.
        let text = serde_json::to_vec(&refused).unwrap_or_default();
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

impl IntoResponse for ApiError {
    /// Hands the refusal on to where it is known which address was asked.
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status;
        response.extensions_mut().insert(self);
        response
    }
}
