//! Whole runs of one picture.

mod lua;
mod reference;
