//! The stream of events, as server-sent events: `id`, `event` and `data`, the whole event as JSON.
//!
//! `Last-Event-ID` (or `?after=`) resumes. A comment every few seconds lets either side notice that
//! the other is gone.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use axum::body::Body;
use axum::body::Bytes;
use axum::extract::Query;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::header::CACHE_CONTROL;
use axum::http::header::CONTENT_TYPE;
use futures_util::stream;
use serde::Deserialize;

use crate::api::ApiError;
use crate::api::App;
use crate::api::feed::Given;
use crate::api::types::Event;

/// How often something is sent at least.
const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Since {
    after: Option<u64>,
}

pub(super) async fn events(
    State(app): State<App>,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let last = match headers.get("last-event-id") {
        None => since.after,
        Some(value) => Some(number(value).ok_or_else(|| {
            let what = "Last-Event-ID is no event's number".to_owned();
            ApiError::bad_request(what, "name the `id` of the last event that was received")
        })?),
    };
    let reader = app
        .feed
        .follow(last)
        .ok_or_else(|| ApiError::too_many("too many follow the events already"))?;
    // Said at once, so that whoever follows knows that nothing is missed from here on.
    let greeting = Bytes::from_static(b": following\n\n");
    let pieces = stream::unfold((reader, Some(greeting)), |(mut reader, first)| async move {
        if let Some(first) = first {
            return Some((Ok::<_, Infallible>(first), (reader, None)));
        }
        let piece = match tokio::time::timeout(HEARTBEAT, reader.next()).await {
            Err(_elapsed) => ": still here\n\n".to_owned(),
            Ok(None) => return None,
            Ok(Some(Given::Missed)) => LAGGED.to_owned(),
            Ok(Some(Given::Event(event))) => frame(&event),
        };
        Some((Ok(Bytes::from(piece)), (reader, None)))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What a reader that missed something is told; without a number, so that it is not resumed from.
const LAGGED: &str = "event: lagged\ndata: {\"id\":0,\"at\":\"\",\"kind\":\"lagged\",\"text\":\
                      \"some events are missing here\"}\n\n";

fn frame(event: &Event) -> String {
    // Text, numbers and JSON values only: this always succeeds, and on one line.
    let data = serde_json::to_string(event).unwrap_or_default();
    let mut frame = String::with_capacity(data.len() + 64);
    let _infallible = write!(
        frame,
        "id: {}\nevent: {}\ndata: {data}\n\n",
        event.id, event.kind
    );
    frame
}

fn number(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.trim().parse().ok()
}
