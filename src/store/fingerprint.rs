//! What a job was made from, as one hash: jobs with the same one would paint the same picture.

use std::fmt::Write;

use sha2::Digest;
use sha2::Sha256;

use crate::job::Input;
use crate::job::Role;

/// Returns the lower-case hexadecimal hash of the pictures, in their roles and order, and of the
/// resolved profile's text; `None` while a picture's own hash is not known. Names do not count.
pub fn fingerprint(inputs: &[Input], profile: &str) -> Option<String> {
    let mut hasher = Sha256::new();
    for input in inputs {
        let role = match input.role {
            Role::Content => "content",
            Role::Style => "style",
        };
        let sha256 = input.sha256.as_deref()?;
        // No hash contains a space or a line's end, so no two lists give the same bytes.
        hasher.update(format!("{role} {sha256}\n"));
    }
    hasher.update("\n");
    hasher.update(profile);
    let mut text = String::new();
    for byte in hasher.finalize() {
        // Writing to a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    Some(text)
}
