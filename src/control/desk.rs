//! Where requests are handed in: from any task to the one floor, and the answers back.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::oneshot;

use crate::control::Operation;
use crate::control::Refusal;

use crate::control::view::Card;
use crate::control::view::Filter;
use crate::control::view::Overview;
use crate::control::view::Page;
use crate::folder::JobFolder;
use crate::ingest::Board;
use crate::ingest::NotHeld;
use crate::job::Job;
use crate::job::JobId;

/// How many requests may wait for the floor; whoever hands in another one waits with it.
const WAITING_MAX: usize = 64;

/// Something asked of the floor, with the place for the answer.
#[derive(Debug)]
pub enum Request {
    /// How things stand.
    Overview(oneshot::Sender<Overview>),
    /// What lies in the watch folders.
    Board(oneshot::Sender<Arc<Board>>),
    /// Paint a bundle although it is held as a duplicate. Answered with its name.
    RunDuplicate(PathBuf, oneshot::Sender<Result<String, NotHeld>>),
    /// Some of the jobs.
    Jobs(Filter, oneshot::Sender<Page>),
    /// One job.
    Job(JobId, oneshot::Sender<Result<Card, Refusal>>),
    /// Do something with a job.
    Operate(JobId, Operation, oneshot::Sender<Result<Card, Refusal>>),
    /// Take in a job that was prepared elsewhere.
    Admit(Box<Admission>, oneshot::Sender<Result<Card, Refusal>>),
    /// Look into the watch folder now.
    Scan(oneshot::Sender<()>),
    /// End: running jobs write a checkpoint first. Asked again, at once.
    Stop(oneshot::Sender<()>),
}

/// A job that was prepared elsewhere.
#[derive(Debug)]
pub struct Admission {
    /// Its folder: everything is in it but the record.
    pub folder: JobFolder,
    /// The job, without its number.
    pub job: Job,
}

/// Hands requests to the floor.
#[derive(Debug, Clone)]
pub struct Desk {
    requests: mpsc::Sender<Request>,
}

impl Desk {
    /// Returns a desk and where its requests come out.
    pub fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(WAITING_MAX);
        (Self { requests }, receiver)
    }

    /// Hands in a request and waits for its answer.
    pub async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        let sent = self.requests.send(request(answer)).await;
        sent.map_err(|_gone| Refusal::Ending)?;
        answered.await.map_err(|_gone| Refusal::Ending)
    }
}
