//! Whole runs of one picture.

mod edits;
mod lua;
mod reference;
mod resume;
