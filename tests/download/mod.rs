//! Downloads from a server that cuts, stalls, redirects, lies, and gives something else.

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use pentimento::download::{
    DownloadError, Event, Expected, Fetched, Flow, FolderLock, Interruption, Limits, Surroundings,
    Want, fetch, sums,
};

use crate::support::server::{Asked, Reply, Server};

/// A file that is no repetition, so that a byte at a wrong place shows.
fn bytes(count: usize) -> Vec<u8> {
    (0..count)
        .map(|i| u8::try_from((i * i / 7 + i) % 251).unwrap())
        .collect()
}

fn sha256(bytes: &[u8]) -> Expected {
    Expected::Sha256(sums(bytes).unwrap().sha256)
}

/// Limits under which nothing is waited for long.
fn hasty() -> Limits {
    Limits {
        connect: Duration::from_secs(5),
        stall: Duration::from_millis(200),
        attempts: 3,
        first_pause: Duration::from_secs(1),
        longest_pause: Duration::from_secs(2),
        redirects: 4,
        most_bytes: 1 << 20,
    }
}

/// A place to download to, and what happened there.
struct Place {
    folder: tempfile::TempDir,
    limits: Limits,
    pauses: RefCell<Vec<Duration>>,
    stop_at: Option<u64>,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            limits: hasty(),
            pauses: RefCell::default(),
            stop_at: None,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("x.part")
    }

    fn fetch(
        &self,
        urls: &[String],
        size: Option<u64>,
        expected: Expected,
    ) -> Result<Fetched, DownloadError> {
        let want = Want {
            urls,
            size,
            expected,
        };
        let mut around = Surroundings {
            wait: &|pause| self.pauses.borrow_mut().push(pause),
            on_event: &mut |event| {
                if let Event::Received(bytes) = event
                    && self.stop_at.is_some_and(|at| bytes >= at)
                {
                    return Flow::Stop;
                }
                Flow::Continue
            },
        };
        fetch(&want, &self.path(), &self.limits, &mut around)
    }

    fn got(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap_or_default()
    }
}

fn from(asked: &[Asked]) -> Vec<Option<usize>> {
    asked.iter().map(Asked::from).collect()
}

#[test]
fn a_file_arrives_and_is_checked() {
    let body = bytes(300_000);
    let served = body.clone();
    let server = Server::start(move |_, _| Reply::whole(&served));
    let place = Place::new();
    let fetched = place
        .fetch(&[server.url("x")], Some(300_000), sha256(&body))
        .unwrap();
    assert_eq!(fetched.bytes, 300_000);
    assert_eq!(fetched.url, server.url("x"));
    assert!(place.got() == body);
    // Asked for again, what is there is not fetched again.
    place
        .fetch(&[server.url("x")], Some(300_000), sha256(&body))
        .unwrap();
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_cut_connection_is_resumed_where_it_was_cut() {
    let body = bytes(50_000);
    let served = body.clone();
    let server = Server::start(move |asked, number| {
        let reply = Reply::resumable(asked, &served, "\"v1\"");
        if number < 4 {
            reply.cut_after(10_000)
        } else {
            reply
        }
    });
    let place = Place::new();
    place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap();
    assert!(place.got() == body);
    let starts = [None, Some(10_000), Some(20_000), Some(30_000), Some(40_000)];
    assert_eq!(from(&server.asked()), starts);
    assert_eq!(server.asked()[1].header("if-range"), Some("\"v1\""));
    // Each attempt brought something, so the pause did not grow.
    assert_eq!(*place.pauses.borrow(), vec![Duration::from_secs(1); 4]);
}

#[test]
fn a_stalled_connection_is_given_up_and_resumed() {
    let body = bytes(20_000);
    let served = body.clone();
    let server = Server::start(move |asked, number| {
        let reply = Reply::resumable(asked, &served, "\"v1\"");
        if number == 0 {
            reply.cut_after(5_000).then_stall()
        } else {
            reply
        }
    });
    let place = Place::new();
    place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap();
    assert!(place.got() == body);
    assert_eq!(from(&server.asked()), [None, Some(5_000)]);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let server = Server::start(|_, _| Reply::whole(b"abc").cut_after(0).then_stall());
    let place = Place::new();
    let error = place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap_err();
    let DownloadError::Interrupted {
        attempts, source, ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(attempts, 3);
    assert!(matches!(source, Interruption::Stalled { .. }), "{source:?}");
    let pauses = [1, 2].map(Duration::from_secs);
    assert_eq!(*place.pauses.borrow(), pauses);
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_anew() {
    let (old, new) = (bytes(20_000), bytes(30_000)[5..].to_vec());
    let served = (old, new.clone());
    let server = Server::start(move |asked, number| match number {
        0 => Reply::resumable(asked, &served.0, "\"v1\"").cut_after(9_000),
        _ => Reply::resumable(asked, &served.1, "\"v2\""),
    });
    let place = Place::new();
    place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap();
    assert!(place.got() == new);
}

#[test]
fn a_server_that_cannot_resume_sends_all_of_it_again() {
    let body = bytes(20_000);
    let served = body.clone();
    let server = Server::start(move |_, number| {
        let reply = Reply::whole(&served).with("ETag", "\"v1\"");
        if number == 0 {
            reply.cut_after(9_000)
        } else {
            reply
        }
    });
    let place = Place::new();
    place
        .fetch(&[server.url("x")], None, sha256(&body))
        .unwrap();
    assert!(place.got() == body);
    assert_eq!(from(&server.asked()), [None, Some(9_000)]);
}

#[test]
fn without_anything_that_vouches_for_the_beginning_it_is_not_used() {
    let body = bytes(20_000);
    let served = body.clone();
    let server = Server::start(move |_, number| {
        let reply = Reply::whole(&served);
        if number == 0 {
            reply.cut_after(9_000)
        } else {
            reply
        }
    });
    let place = Place::new();
    place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap();
    assert!(place.got() == body);
    assert_eq!(from(&server.asked()), [None, None]);
}

#[test]
fn a_wrong_beginning_is_found_by_the_checksum_and_fetched_anew() {
    let body = bytes(20_000);
    let served = body.clone();
    let server = Server::start(move |asked, _| Reply::resumable(asked, &served, "\"v1\""));
    let place = Place::new();
    fs::write(place.path(), vec![7; 4_000]).unwrap();
    let notes = format!("url = \"{}\"\ntotal = 20000\n", server.url("x"));
    fs::write(place.folder.path().join("x.part.toml"), notes).unwrap();
    place
        .fetch(&[server.url("x")], Some(20_000), sha256(&body))
        .unwrap();
    assert!(place.got() == body);
    assert_eq!(from(&server.asked()), [Some(4_000), None]);
}

#[test]
fn bytes_without_notes_are_no_beginning() {
    let body = bytes(5_000);
    let served = body.clone();
    let server = Server::start(move |asked, _| Reply::resumable(asked, &served, "\"v1\""));
    let place = Place::new();
    fs::write(place.path(), vec![7; 4_000]).unwrap();
    place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap();
    assert!(place.got() == body);
}

#[test]
fn wrong_bytes_are_not_kept() {
    let server = Server::start(|_, _| Reply::whole(&bytes(1_000)));
    let place = Place::new();
    let wanted = [
        Expected::Sha256("ab".repeat(32)),
        Expected::Sha256Prefix("abababab".to_owned()),
        Expected::Md5("ab".repeat(16)),
    ];
    for expected in wanted {
        let error = place
            .fetch(&[server.url("x")], Some(1_000), expected)
            .unwrap_err();
        assert!(matches!(error, DownloadError::Checksum { .. }), "{error:?}");
        assert!(!place.path().exists());
    }
    assert_eq!(
        server.asked().len(),
        3,
        "a whole file that is wrong is not fetched twice"
    );
}

#[test]
fn a_file_of_another_length_is_refused_before_it_is_fetched() {
    let server = Server::start(|_, _| Reply::whole(&bytes(1_000)));
    let place = Place::new();
    let error = place
        .fetch(&[server.url("x")], Some(1_001), Expected::Anything)
        .unwrap_err();
    assert!(
        matches!(
            error,
            DownloadError::Size {
                expected: 1_001,
                found: 1_000,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_length_that_is_a_lie_is_no_end() {
    let body = bytes(1_000);
    let (served, short) = (body.clone(), body.clone());
    let server = Server::start(move |_, number| match number {
        // More is promised than comes.
        0 => Reply::whole(&served).claiming(Some(1_500)),
        _ => Reply::whole(&served),
    });
    let place = Place::new();
    place
        .fetch(&[server.url("x")], None, sha256(&body))
        .unwrap();
    assert!(place.got() == body);
    // Less is promised than comes: what was promised is all that is read.
    let server = Server::start(move |_, _| Reply::whole(&short).claiming(Some(500)));
    let place = Place::new();
    let error = place
        .fetch(&[server.url("x")], None, sha256(&body))
        .unwrap_err();
    assert!(matches!(error, DownloadError::Checksum { .. }), "{error:?}");
}

#[test]
fn a_file_without_an_end_is_refused() {
    let server = Server::start(|_, _| Reply::whole(&bytes(300_000)).claiming(None));
    let mut place = Place::new();
    place.limits.most_bytes = 100_000;
    let error = place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge { .. }), "{error:?}");
    let server = Server::start(|_, _| Reply::whole(&bytes(300_000)));
    let error = place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge { .. }), "{error:?}");
    assert!(!place.path().exists());
}

#[test]
fn what_is_not_there_is_not_asked_for_again() {
    let server = Server::start(|_, _| Reply::status(404));
    let place = Place::new();
    let error = place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap_err();
    assert!(
        matches!(error, DownloadError::Status { status: 404, .. }),
        "{error:?}"
    );
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let server = Server::start(|_, number| match number {
        0 => Reply::status(503),
        1 => Reply::status(429),
        _ => Reply::whole(b"abc"),
    });
    let place = Place::new();
    place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap();
    assert_eq!(*place.pauses.borrow(), [1, 2].map(Duration::from_secs));
}

#[test]
fn a_page_is_not_the_file() {
    let page = b"<!DOCTYPE html><title>log in</title>";
    let server = Server::start(move |asked, _| match asked.path.as_str() {
        "/named" => Reply::whole(page).with("Content-Type", "text/html; charset=utf-8"),
        _ => Reply::whole(page).with("Content-Type", "application/octet-stream"),
    });
    for path in ["named", "unnamed"] {
        let place = Place::new();
        let error = place
            .fetch(&[server.url(path)], None, Expected::Anything)
            .unwrap_err();
        assert!(
            matches!(error, DownloadError::NoFile { .. }),
            "{path}: {error:?}"
        );
        assert!(!place.path().exists());
    }
}

#[test]
fn redirections_are_followed_to_an_end() {
    let body = bytes(10_000);
    let served = body.clone();
    let server = Server::start(move |asked, number| match asked.path.as_str() {
        "/a/b" => Reply::redirect("c"),
        "/a/c" => Reply::redirect("/d?e"),
        "/d?e" if number == 2 => Reply::resumable(asked, &served, "\"v\"").cut_after(4_000),
        "/d?e" => Reply::resumable(asked, &served, "\"v\""),
        _ => Reply::status(404),
    });
    let place = Place::new();
    place
        .fetch(&[server.url("a/b")], None, Expected::Anything)
        .unwrap();
    assert!(place.got() == body);
    assert_eq!(
        server.asked()[5].from(),
        Some(4_000),
        "resumed through the same way"
    );
}

#[test]
fn redirections_in_a_circle_or_to_nowhere_end() {
    let server = Server::start(|asked, _| match asked.path.as_str() {
        "/file" => Reply::redirect("file:///etc/passwd"),
        "/none" => Reply::status(302),
        _ => Reply::redirect("/again"),
    });
    let place = Place::new();
    let error = |path: &str| {
        place
            .fetch(&[server.url(path)], None, Expected::Anything)
            .unwrap_err()
    };
    assert!(matches!(
        error("x"),
        DownloadError::Redirects { most: 4, .. }
    ));
    assert_eq!(server.asked().len(), 5);
    for path in ["file", "none"] {
        assert!(
            matches!(error(path), DownloadError::RedirectsNowhere { .. }),
            "{path}"
        );
    }
}

#[test]
fn a_redirection_that_anybody_could_listen_to_is_not_followed() {
    // This machine counts as protected, as `https` does.
    let server = Server::start(|_, _| Reply::redirect("http://a.example/x"));
    let place = Place::new();
    let error = place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap_err();
    assert!(
        matches!(error, DownloadError::Unprotected { .. }),
        "{error:?}"
    );
}

#[test]
fn the_next_address_is_tried_and_all_failures_are_told() {
    let body = bytes(2_000);
    let served = body.clone();
    let server = Server::start(move |asked, _| match asked.path.as_str() {
        "/good" => Reply::whole(&served),
        "/page" => Reply::whole(b"<html>").with("Content-Type", "text/html"),
        _ => Reply::status(404),
    });
    let place = Place::new();
    let urls = ["gone", "page", "good"].map(|path| server.url(path));
    let fetched = place.fetch(&urls, None, sha256(&body)).unwrap();
    assert_eq!(fetched.url, urls[2]);
    let place = Place::new();
    let error = place.fetch(&urls[..2], None, sha256(&body)).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("404") && said.contains("web page"), "{said}");
}

#[test]
fn nobody_at_the_address_is_a_connection_that_failed() {
    let address = {
        let server = Server::start(|_, _| Reply::status(404));
        server.url("x")
    };
    let place = Place::new();
    let error = place
        .fetch(&[address], None, Expected::Anything)
        .unwrap_err();
    assert!(
        matches!(error, DownloadError::Interrupted { attempts: 3, .. }),
        "{error:?}"
    );
}

#[test]
fn stopped_from_outside_it_goes_on_another_time() {
    let body = bytes(400_000);
    let served = body.clone();
    let server = Server::start(move |asked, _| Reply::resumable(asked, &served, "\"v1\""));
    let mut place = Place::new();
    place.stop_at = Some(100_000);
    let error = place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap_err();
    let DownloadError::Stopped { bytes } = error else {
        panic!("{error:?}")
    };
    assert_eq!(bytes, place.got().len() as u64);
    place.stop_at = None;
    place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap();
    assert!(place.got() == body);
    assert_eq!(
        server.asked()[1].from(),
        Some(usize::try_from(bytes).unwrap())
    );
}

#[test]
fn more_than_the_disk_can_hold_is_refused_at_once() {
    let server = Server::start(|_, _| Reply::whole(b"abc").claiming(Some(1 << 60)));
    let mut place = Place::new();
    place.limits.most_bytes = 1 << 62;
    let error = place
        .fetch(&[server.url("x")], None, Expected::Anything)
        .unwrap_err();
    assert!(matches!(error, DownloadError::NoSpace { .. }), "{error:?}");
}

#[test]
fn one_at_a_time_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = FolderLock::take(folder.path(), &mut || panic!("nobody else is there")).unwrap();
    let path = folder.path().to_owned();
    let (waits, waiting) = std::sync::mpsc::channel();
    let second = std::thread::spawn(move || {
        let lock = FolderLock::take(&path, &mut || waits.send(()).unwrap());
        lock.map(|lock| lock.folder().to_owned())
    });
    waiting.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(!second.is_finished(), "it waits for the first");
    drop(first);
    assert_eq!(second.join().unwrap().unwrap(), folder.path());
}
