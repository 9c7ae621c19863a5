//! The addresses that read.

use std::path::PathBuf;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::Query;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::Response;
use axum::http::header::CONTENT_TYPE;
use serde::Deserialize;

use crate::api::ApiError;
use crate::api::App;
use crate::api::files;
use crate::api::routes::json;
use crate::api::translate;
use crate::api::types;
use crate::control::Refusal;
use crate::control::Request;
use crate::control::view::Card;
use crate::control::view::Filter;
use crate::folder::JobFolder;
use crate::job::JobId;
use crate::job::JobState;
use crate::job::names::display_path;

/// How many jobs a page has unless told else, and at most.
const PAGE: (usize, usize) = (50, 500);

/// Which jobs a page is to show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ListQuery {
    /// States, separated by commas.
    state: String,
    text: String,
    name: Option<String>,
    before: Option<u32>,
    limit: Option<usize>,
}

pub(super) async fn status(State(app): State<App>) -> Result<Response<Body>, ApiError> {
    let overview = app.desk.ask(Request::Overview).await?;
    json(&translate::status(
        &overview,
        display_path(&app.fixed.studio),
    ))
}

pub(super) async fn bundles(State(app): State<App>) -> Result<Response<Body>, ApiError> {
    let board = app.desk.ask(Request::Board).await?;
    json(&translate::bundles(&board))
}

/// Which path to explain.
#[derive(Debug, Deserialize)]
pub(super) struct ExplainQuery {
    path: PathBuf,
}

pub(super) async fn explain(
    State(app): State<App>,
    Query(query): Query<ExplainQuery>,
) -> Result<Response<Body>, ApiError> {
    if !query.path.is_absolute() {
        let what = "the path is not absolute".to_owned();
        return Err(ApiError::bad_request(what, "name it from the root on"));
    }
    let board = app.desk.ask(Request::Board).await?;
    json(&translate::explanation(board.explain(&query.path)))
}

pub(super) async fn jobs(
    State(app): State<App>,
    Query(query): Query<ListQuery>,
) -> Result<Response<Body>, ApiError> {
    let states: Vec<String> = query
        .state
        .split(',')
        .filter(|state| !state.is_empty())
        .map(str::to_owned)
        .collect();
    if let Some(unknown) = states
        .iter()
        .find(|s| !JobState::NAMES.contains(&s.as_str()))
    {
        let shown = crate::job::names::display_name(unknown.as_ref());
        let what = format!("there is no state {shown}");
        let known = JobState::NAMES.join(", ");
        return Err(ApiError::bad_request(what, &format!("one of {known}")));
    }
    let filter = Filter {
        states,
        text: query.text,
        name: query.name,
        before: query.before.map(JobId),
        limit: query.limit.unwrap_or(PAGE.0).clamp(1, PAGE.1),
    };
    let page = app.desk.ask(|answer| Request::Jobs(filter, answer)).await?;
    json(&types::JobPage {
        jobs: page.cards.iter().map(translate::summary).collect(),
        next: page.next.map(|id| id.0),
    })
}

pub(super) async fn job(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response<Body>, ApiError> {
    let card = card(&app, &id).await?;
    let read = tokio::task::spawn_blocking(move || {
        let mut detail = translate::detail(&card);
        files::complete(&mut detail, &card);
        detail
    });
    json(
        &read
            .await
            .map_err(|error| ApiError::internal(error.to_string()))?,
    )
}

pub(super) async fn log(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response<Body>, ApiError> {
    let folder = JobFolder::at(card(&app, &id).await?.folder);
    let read = tokio::task::spawn_blocking(move || files::log(&folder)).await;
    let text = read.map_err(|error| ApiError::internal(error.to_string()))?;
    let mut response = Response::new(Body::from(text.unwrap_or_default()));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

pub(super) async fn result(
    State(app): State<App>,
    Path(id): Path<String>,
) -> Result<Response<Body>, ApiError> {
    let Card { job, folder, .. } = card(&app, &id).await?;
    match &job.state {
        JobState::Done { result, .. } => files::send(&folder.join(&result.file.0)),
        JobState::Claiming { .. }
        | JobState::Queued
        | JobState::Blocked { .. }
        | JobState::Running { .. }
        | JobState::Paused { .. }
        | JobState::Retrying { .. }
        | JobState::Failed { .. }
        | JobState::Cancelled { .. } => Err(ApiError::no_file("that is its result")),
    }
}

pub(super) async fn snapshot(
    State(app): State<App>,
    Path((id, name)): Path<(String, String)>,
) -> Result<Response<Body>, ApiError> {
    let folder = JobFolder::at(card(&app, &id).await?.folder);
    let shown = crate::job::names::display_name(name.as_ref());
    let found = tokio::task::spawn_blocking(move || files::snapshot(&folder, &name)).await;
    let path = found.map_err(|error| ApiError::internal(error.to_string()))?;
    files::send(&path.ok_or_else(|| ApiError::no_file(&shown))?)
}

async fn card(app: &App, id: &str) -> Result<Card, ApiError> {
    let id = job_id(id)?;
    let card: Result<Card, Refusal> = app.desk.ask(|answer| Request::Job(id, answer)).await?;
    Ok(card?)
}

/// Reads a job's number.
pub(super) fn job_id(text: &str) -> Result<JobId, ApiError> {
    let hint = "a job is named by its number";
    let shown = crate::job::names::display_name(text.as_ref());
    let bad = |_| ApiError::bad_request(format!("`{shown}` is no job's number"), hint);
    text.parse().map(JobId).map_err(bad)
}
