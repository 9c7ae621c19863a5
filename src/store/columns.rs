//! How values lie in columns: times as seconds, names and paths as their bytes.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::ffi::OsStringExt;

use crate::clock::Timestamp;

/// Returns a time as a column's value; times beyond the column's range become its end.
pub(super) fn seconds(time: Timestamp) -> i64 {
    whole(time.0)
}

/// Returns a column's value as a time.
pub(super) fn timestamp(seconds: i64) -> Timestamp {
    Timestamp(count(seconds))
}

/// Returns a count as a column's value; counts beyond the column's range become its end.
pub(super) fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns a column's value as a count; there are no negative ones.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Returns the bytes of a name or path.
pub(super) fn bytes(name: &OsStr) -> &[u8] {
    name.as_bytes()
}

/// Returns the name or path of these bytes.
pub(super) fn name(bytes: Vec<u8>) -> OsString {
    OsString::from_vec(bytes)
}
