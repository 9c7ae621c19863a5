//! From files lying or arriving in `watch/` to jobs.

mod arrival;
mod names;
mod refusal;
