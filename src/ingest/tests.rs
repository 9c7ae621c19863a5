//! The inbox over a folder in a temp dir.
