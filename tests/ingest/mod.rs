//! From files lying or arriving in `watch/` to jobs.

mod arrival;
mod contents;
mod duplicates;
mod folders;
mod names;
mod one_picture;
mod probe;
mod recipes;
mod refusal;
