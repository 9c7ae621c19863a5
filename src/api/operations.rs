//! The addresses that change something.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::State;
use axum::http::Response;
use serde::de::DeserializeOwned;

use crate::api::ApiError;
use crate::api::App;
use crate::api::files;
use crate::api::queries::job_id;
use crate::api::routes::json;
use crate::api::translate;
use crate::api::types;
use crate::control::Change;
use crate::control::Operation;
use crate::control::Place;
use crate::control::Refusal;
use crate::control::Request;
use crate::control::check_changes;
use crate::control::has_begun;
use crate::control::rerun;
use crate::control::view::Card;
use crate::folder::JobFolder;
use crate::job::JobId;
use crate::job::names::PathText;

/// The most bytes of a request's body.
const BODY_MAX: usize = 64 << 10;

/// How long a request's body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(10);

pub(super) async fn simple(
    State(app): State<App>,
    Path((id, verb)): Path<(String, String)>,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let id = job_id(&id)?;
    let operation = match verb.as_str() {
        "pause" => Operation::Pause,
        "resume" => Operation::Resume,
        "cancel" => Operation::Cancel,
        "retry" => Operation::Retry,
        "move" => Operation::Move(place(&read(body).await?)),
        "star" => star(&app, id, read(body).await?).await?,
        "edit" => return edit(&app, id, read(body).await?).await,
        "rerun" => return again(&app, id, read(body).await?).await,
        _ => {
            return Err(ApiError::no_such_address(&format!(
                "/v1/jobs/{}/{verb}",
                id.0
            )));
        }
    };
    operate(&app, id, operation).await
}

pub(super) async fn scan(State(app): State<App>) -> Result<Response<Body>, ApiError> {
    app.desk.ask(Request::Scan).await?;
    done("scan")
}

/// Has a bundle painted although it is held as a duplicate.
pub(super) async fn run_duplicate(
    State(app): State<App>,
    body: Body,
) -> Result<Response<Body>, ApiError> {
    let held: types::Held = read(body).await?;
    let path = PathBuf::from(held.path);
    let request = |answer| Request::RunDuplicate(path, answer);
    app.desk.ask(request).await??;
    done("run")
}

pub(super) async fn stop(State(app): State<App>) -> Result<Response<Body>, ApiError> {
    app.desk.ask(Request::Stop).await?;
    done("stop")
}

fn done(begun: &str) -> Result<Response<Body>, ApiError> {
    json(&types::Done {
        begun: begun.to_owned(),
    })
}

async fn operate(app: &App, id: JobId, operation: Operation) -> Result<Response<Body>, ApiError> {
    let request = |answer| Request::Operate(id, operation, answer);
    let card = app.desk.ask(request).await??;
    json(&translate::summary(&card))
}

fn place(to: &types::MoveTo) -> Place {
    match to {
        types::MoveTo::First => Place::First,
        types::MoveTo::Last => Place::Last,
        types::MoveTo::Before(id) => Place::Before(JobId(*id)),
        types::MoveTo::After(id) => Place::After(JobId(*id)),
    }
}

async fn star(app: &App, id: JobId, star: types::Star) -> Result<Operation, ApiError> {
    let folder = JobFolder::at(card(app, id).await?.folder);
    let shown = crate::job::names::display_name(star.snapshot.as_ref());
    let found = tokio::task::spawn_blocking(move || files::snapshot(&folder, &star.snapshot)).await;
    let found = found.map_err(|error| ApiError::internal(error.to_string()))?;
    let path = found.ok_or_else(|| ApiError::no_file(&shown))?;
    let name = path.file_name().unwrap_or_default();
    Ok(Operation::Star {
        file: PathText(std::path::Path::new(JobFolder::SNAPSHOTS).join(name)),
        marked: star.starred,
    })
}

/// Changes options: in the profile of a job that has not begun, else from the next iteration on.
async fn edit(app: &App, id: JobId, changes: types::Changes) -> Result<Response<Body>, ApiError> {
    let card = card(app, id).await?;
    if changes.set.is_empty() {
        let what = "there is nothing to change".to_owned();
        return Err(ApiError::bad_request(
            what,
            "name options as in style_weight=500",
        ));
    }
    if !has_begun(&card.job) {
        let review = app.review.clone();
        let prepared = tokio::task::spawn_blocking(move || {
            let folder = JobFolder::at(card.folder.clone());
            let changes = (changes.set.as_slice(), &review);
            rerun::changed_profile(&folder, &folder, &card.job, changes)
        });
        let text = prepared
            .await
            .map_err(|error| ApiError::internal(error.to_string()))??;
        return operate(app, id, Operation::Revise(text)).await;
    }
    let mut read = Vec::new();
    for assignment in &changes.set {
        let shown = crate::job::names::display_name(assignment.as_ref());
        let (option, value) = assignment.split_once('=').ok_or_else(|| {
            let what = format!("`{shown}` is no change of an option");
            ApiError::bad_request(what, "write it as in style_weight=500")
        })?;
        read.push(Change {
            option: option.trim().to_owned(),
            value: value.trim().to_owned(),
            stage: changes.stage,
        });
    }
    let checked = tokio::task::spawn_blocking(move || {
        let folder = JobFolder::at(card.folder.clone());
        let stage = card.live.as_ref().map_or(1, |live| live.stage.max(1));
        check_changes(&card.job, &folder, &read, stage).map(|()| read)
    });
    let read = checked
        .await
        .map_err(|error| ApiError::internal(error.to_string()))??;
    let request = |answer| Request::Operate(id, Operation::Edit(read), answer);
    let card = app.desk.ask(request).await??;
    json(&translate::summary(&card))
}

/// Paints a job anew as a new job.
async fn again(app: &App, id: JobId, changes: types::Changes) -> Result<Response<Body>, ApiError> {
    let card = card(app, id).await?;
    let (state, now) = (app.fixed.state.clone(), app.clock.wall());
    let review = app.review.clone();
    let prepared = tokio::task::spawn_blocking(move || {
        rerun::prepare(&state, &card, &changes.set, now, &review)
    });
    let admission = prepared
        .await
        .map_err(|error| ApiError::internal(error.to_string()))??;
    let request = |answer| Request::Admit(Box::new(admission), answer);
    let card: Result<Card, Refusal> = app.desk.ask(request).await?;
    json(&translate::summary(&card?))
}

async fn card(app: &App, id: JobId) -> Result<Card, ApiError> {
    let card: Result<Card, Refusal> = app.desk.ask(|answer| Request::Job(id, answer)).await?;
    Ok(card?)
}

/// Reads a body: bounded in bytes and in time.
async fn read<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let limited = axum::body::to_bytes(body, BODY_MAX);
    let bytes = tokio::time::timeout(BODY_TIME, limited)
        .await
        .map_err(|_elapsed| ApiError::too_slow())?
        .map_err(|_cut_or_long| ApiError::too_large(BODY_MAX))?;
    let text = if bytes.is_empty() {
        b"{}".as_slice()
    } else {
        &bytes
    };
    serde_json::from_slice(text).map_err(|error| {
        let what = format!("the body cannot be understood: {error}");
        ApiError::bad_request(what, "send JSON as documented")
    })
}
