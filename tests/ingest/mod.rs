//! From files lying or arriving in `watch/` to jobs.

mod arrival;
mod contents;
mod names;
mod one_picture;
mod probe;
mod refusal;
