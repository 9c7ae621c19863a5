//! An error told in one line, with the errors that caused it.
//!
//! What is shown to a person or written beside a picture goes through here; what returns errors
//! keeps them as values.

use std::error::Error;
use std::fmt::Write as _;

/// Returns the message of an error and of its causes, outermost first, joined by `: `.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
