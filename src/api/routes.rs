//! The table of addresses.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderName;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::Uri;
use axum::http::header::CONTENT_TYPE;
use axum::middleware;
use axum::middleware::Next;
use axum::routing::get;
use axum::routing::post;
use serde::Serialize;

use crate::api::ApiError;
use crate::api::App;
use crate::api::PROGRAM_HEADER;
use crate::api::PROGRAM_VERSION;
use crate::api::VERSION_HEADER;
use crate::api::metrics;
use crate::api::operations;
use crate::api::queries;
use crate::api::stream;

/// Returns the addresses.
pub(super) fn router(app: App) -> Router {
    Router::new()
        .route("/v1/status", get(queries::status))
        .route("/v1/bundles", get(queries::bundles))
        .route("/v1/bundles/run", post(operations::run_duplicate))
        .route("/v1/explain", get(queries::explain))
        .route("/v1/jobs", get(queries::jobs))
        .route("/v1/jobs/{id}", get(queries::job))
        .route("/v1/jobs/{id}/log", get(queries::log))
        .route("/v1/jobs/{id}/result", get(queries::result))
        .route("/v1/jobs/{id}/snapshots/{name}", get(queries::snapshot))
        .route("/v1/jobs/{id}/{verb}", post(operations::simple))
        .route("/v1/events", get(stream::events))
        .route("/v1/scan", post(operations::scan))
        .route("/v1/stop", post(operations::stop))
        .route("/metrics", get(metrics::metrics))
        .fallback(|uri: Uri| async move { ApiError::no_such_address(uri.path()) })
        .method_not_allowed_fallback(|uri: Uri| async move { ApiError::wrong_method(uri.path()) })
        .layer(middleware::from_fn(finish))
        .with_state(app)
}

/// Says the versions in every reply, and in a refusal where it happened.
async fn finish(request: Request, next: Next) -> Response<Body> {
    let place = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let refused = response.extensions_mut().remove::<ApiError>();
    // What the library refuses by itself is an address that cannot be read.
    let unread = response.status().is_client_error().then(|| {
        let what = "the address cannot be understood".to_owned();
        ApiError::bad_request(what, "numbers are digits, text is UTF-8, percent-encoded")
    });
    if let Some(error) = refused.or(unread) {
        response = error.at(&place).reply();
    }
    let headers = response.headers_mut();
    let version = HeaderValue::from_static("1");
    headers.insert(HeaderName::from_static(VERSION_HEADER), version);
    let program = HeaderValue::from_static(PROGRAM_VERSION);
    headers.insert(HeaderName::from_static(PROGRAM_HEADER), program);
    response
}

/// Answers with JSON.
pub(super) fn json(value: &impl Serialize) -> Result<Response<Body>, ApiError> {
    let text = serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut response = Response::new(Body::from(text));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}
