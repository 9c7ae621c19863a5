//! Who we are to systemd: the user, where units lie, what is said about lingering.

use std::path::PathBuf;

use crate::service::Machine;
use crate::service::Places;

/// Returns the user's name, as far as the machine or the environment knows it.
pub(super) fn user(machine: &Machine) -> Option<String> {
    let uid = rustix::process::geteuid().as_raw();
    machine
        .user_name(uid)
        .or_else(|| std::env::var("USER").ok().filter(|name| !name.is_empty()))
}

/// Returns where this user's and the machine's units lie.
pub(super) fn places() -> Places {
    let folder = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    Places::new(config.as_deref())
}

/// Returns the command that lets the services of `user` go on after the last logout.
pub(super) fn linger_command(user: &str) -> String {
    format!("sudo loginctl enable-linger {}", quoted(user))
}

/// Returns `word` as a shell reads it back, where it can be shown at all.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_break_them() {
        for (word, shown) in [
            ("/home/ann/studio", "/home/ann/studio"),
            ("/home/ann/my studio", "'/home/ann/my studio'"),
            ("it's $(id)", "'it'\\''s $(id)'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(word), shown);
        }
    }
}
