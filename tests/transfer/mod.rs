//! Whole runs of one picture.

mod reference;
