//! The little that redirections need to know of addresses.

/// Returns the address that `location` means on a page at `base`; `None` for what is neither `http`
/// nor `https`.
pub(super) fn resolve(base: &str, location: &str) -> Option<String> {
    let location = location.split('#').next()?.trim();
    let (scheme, rest) = base.split_once("://")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let found = if location.is_empty() {
        return None;
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{host}{location}")
    } else if has_scheme(location) {
        location.to_owned()
    } else {
        let path = path.split('?').next().unwrap_or_default();
        let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
        format!("{scheme}://{host}{folder}{location}")
    };
    let lower = found.to_ascii_lowercase();
    (lower.starts_with("https://") || lower.starts_with("http://")).then_some(found)
}

/// Whether a connection to the address cannot be listened to.
pub(super) fn is_protected(url: &str) -> bool {
    url.to_ascii_lowercase().starts_with("https://") || is_this_machine(url)
}

/// Whether the address is of this machine.
pub(super) fn is_this_machine(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(_) => host.split_inclusive(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    !host.contains('@') && ["127.0.0.1", "localhost", "[::1]"].contains(&name)
}

fn has_scheme(location: &str) -> bool {
    let scheme = location.split([':', '/', '?']).next().unwrap_or_default();
    location[scheme.len()..].starts_with(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_resolved() {
        let base = "https://a.example:7/b/c?d=e/f";
        for (location, found) in [
            ("https://x.example/y", "https://x.example/y"),
            ("HTTP://x.example/y", "HTTP://x.example/y"),
            ("//x.example/y", "https://x.example/y"),
            ("/y?z", "https://a.example:7/y?z"),
            ("y#z", "https://a.example:7/b/y"),
        ] {
            assert_eq!(
                resolve(base, location).as_deref(),
                Some(found),
                "{location}"
            );
        }
        assert_eq!(
            resolve("http://a.example", "y").as_deref(),
            Some("http://a.example/y")
        );
        for nowhere in ["", "#x", "file:///etc/passwd", "data:,x"] {
            assert_eq!(resolve(base, nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn this_machine_is_told_from_others() {
        for own in [
            "http://127.0.0.1:8/x",
            "http://localhost",
            "http://[::1]:9/x",
        ] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in [
            "http://127.0.0.1.example/x",
            "http://localhost@x.example/",
            "http://a.example/127.0.0.1",
        ] {
            assert!(!is_this_machine(other), "{other}");
        }
        assert!(is_protected("https://a.example/") && !is_protected("http://a.example/"));
    }
}
