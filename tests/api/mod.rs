//! The API as bytes on a socket: well-formed, malformed, too large, too slow, and followed.

use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;

use crate::support::studio::Studio;
use crate::support::studio::picture;

/// Returns the status of an answer, and its body as JSON.
fn parts(answer: &str) -> (u16, Value) {
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let json = body.find('{').and_then(|at| {
        let end = body.rfind('}')?;
        serde_json::from_str(&body[at..=end]).ok()
    });
    (status.unwrap_or(0), json.unwrap_or_default())
}

fn code(answer: &str) -> (u16, String) {
    let (status, body) = parts(answer);
    let code = body["error"]["code"].as_str().unwrap_or_default();
    (status, code.to_owned())
}

#[test]
fn every_answer_says_its_version_and_every_refusal_what_where_and_what_to_do() {
    let studio = Studio::new();
    let _daemon = studio.daemon();
    let status = studio.get("/v1/status");
    assert!(status.contains("pentimento-api: 1\r\n"), "{status}");
    assert!(status.contains("pentimento-version: "), "{status}");
    assert_eq!(parts(&status).1["api"], 1);

    let unknown = studio.get("/v1/jobs/77");
    assert!(unknown.contains("pentimento-api: 1\r\n"), "{unknown}");
    let (status, body) = parts(&unknown);
    assert_eq!(status, 404);
    assert_eq!(body["error"]["what"], "unknown job 0077");
    assert_eq!(body["error"]["where"], "/v1/jobs/77");
    assert!(
        body["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("pentimento list")
    );

    for (address, expected) in [
        ("/nowhere", (404, "unknown_address")),
        ("/v2/status", (404, "unknown_address")),
        ("/v1/jobs/x", (400, "bad_request")),
        ("/v1/jobs/-1", (400, "bad_request")),
        ("/v1/jobs/99999999999", (400, "bad_request")),
        ("/v1/jobs?limit=many", (400, "bad_request")),
        ("/v1/jobs?state=asleep", (400, "bad_request")),
        ("/v1/jobs/1/result", (404, "unknown_job")),
        ("/v1/scan", (405, "wrong_method")),
    ] {
        let (status, code) = code(&studio.get(address));
        assert_eq!((status, code.as_str()), expected, "{address}");
    }
    for (address, body, expected) in [
        ("/v1/status", "", (405, "wrong_method")),
        ("/v1/jobs/77/pause", "", (404, "unknown_job")),
        ("/v1/jobs/77/dance", "", (404, "unknown_address")),
        ("/v1/jobs/77/move", "{", (400, "bad_request")),
        ("/v1/jobs/77/move", "\"sideways\"", (400, "bad_request")),
    ] {
        let (status, code) = code(&studio.post(address, body));
        assert_eq!((status, code.as_str()), expected, "{address}");
    }
}

#[test]
fn nonsense_does_the_daemon_no_harm() {
    let studio = Studio::new();
    let _daemon = studio.daemon();
    let long = vec![b'x'; 1 << 20];
    let head = |line: &[u8]| [b"GET /v1/status HTTP/1.1\r\n", line, b"\r\n\r\n"].concat();
    let many = b"a: b\r\n".repeat(2000);
    for request in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n".to_vec(),
        long.clone(),
        [b"GET /".as_slice(), &long, b" HTTP/1.1\r\n\r\n"].concat(),
        head(&[b"x: ".as_slice(), &long].concat()),
        head(&many),
        head(b"content-length: -5"),
    ] {
        // A refusal or the end of the connection; never an answer as if nothing were wrong.
        let answer = studio.raw(&request);
        let (status, _) = parts(&answer);
        assert!(status == 0 || (400..500).contains(&status), "{answer}");
    }
    let body = "x".repeat(100 << 10);
    let (status, code) = code(&studio.post("/v1/jobs/1/move", &body));
    assert_eq!((status, code.as_str()), (413, "too_large"));
    assert_eq!(parts(&studio.get("/v1/status")).0, 200);
}

#[test]
fn half_a_request_holds_nobody_up_and_is_not_waited_for_for_ever() {
    let studio = Studio::new();
    let _daemon = studio.daemon();
    let connect = || {
        let stream = UnixStream::connect(studio.path(".pentimento/sock")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        stream
    };
    let mut slow: Vec<_> = (0..40).map(|_| connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /v1/status HT").unwrap();
    }
    let mut body = connect();
    body.write_all(b"POST /v1/jobs/1/move HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
        .unwrap();
    assert_eq!(parts(&studio.get("/v1/status")).0, 200);
    // The daemon ends them; a read that times out would be an error.
    let mut answer = String::new();
    BufReader::new(&slow[0]).read_line(&mut answer).unwrap();
    answer.clear();
    BufReader::new(&body).read_line(&mut answer).unwrap();
    assert!(answer.contains("408"), "{answer}");
}

#[test]
fn pictures_are_sent_and_nothing_else() {
    let steps = json!([{ "write": ["snapshots/a b.png", "good"] }, "paint"]);
    let studio = Studio::with_plan(&json!({ "*": steps }));
    studio.drop_pair("harbour");
    let _daemon = studio.daemon();
    studio.wait_for_state("1", "done");
    let snapshot = studio.get("/v1/jobs/1/snapshots/a%20b.png");
    assert!(snapshot.contains("content-type: image/png"), "{snapshot}");
    assert!(snapshot.ends_with("\r\n\r\ngood"), "{snapshot}");
    let result = studio.get("/v1/jobs/1/result");
    let length = format!("content-length: {}\r\n", picture(1).len());
    assert!(result.contains(&length), "{result}");
    for name in ["gone.png", "..%2Fjob.json", "..", "%2Fetc%2Fpasswd", "%ff"] {
        let (status, _) = parts(&studio.get(&format!("/v1/jobs/1/snapshots/{name}")));
        assert!((400..500).contains(&status), "{name}: {status}");
    }
}

/// A reader of the stream of events.
struct Stream {
    lines: std::io::Lines<BufReader<UnixStream>>,
}

impl Stream {
    /// Follows; returns when nothing is missed any more.
    fn open(studio: &Studio, last: Option<u64>) -> Self {
        let mut stream = UnixStream::connect(studio.path(".pentimento/sock")).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(1)))
            .unwrap();
        let last = last.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let head = format!("GET /v1/events HTTP/1.1\r\nhost: x\r\n{last}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream).lines();
        assert!(lines.any(|line| line.unwrap().contains(": following")));
        Self { lines }
    }

    /// Returns the next event of a kind.
    fn next(&mut self, kind: &str) -> Value {
        loop {
            let line = self.lines.next().unwrap().unwrap();
            let event: Value = match line.strip_prefix("data: ") {
                Some(data) => serde_json::from_str(data).unwrap(),
                None => continue,
            };
            if event["kind"] == kind {
                return event;
            }
        }
    }
}

#[test]
fn events_are_followed_and_taken_up_again_where_they_were_left() {
    let studio = Studio::new();
    let daemon = studio.daemon();
    let mut stream = Stream::open(&studio, None);
    studio.drop_pair("harbour");
    let claimed = stream.next("claimed");
    assert_eq!(
        (&claimed["job"], &claimed["name"]),
        (&json!(1), &json!("harbour"))
    );
    let done = stream.next("done");
    drop(stream);
    let (first, last) = (
        claimed["id"].as_u64().unwrap(),
        done["id"].as_u64().unwrap(),
    );
    assert!(last > first);
    assert_eq!(Stream::open(&studio, Some(last - 1)).next("done"), done);
    assert_eq!(
        Stream::open(&studio, Some(first - 1)).next("claimed"),
        claimed
    );
    let (status, code) = code(&studio.raw(
        b"GET /v1/events HTTP/1.1\r\nhost: x\r\nconnection: close\r\nlast-event-id: x\r\n\r\n",
    ));
    assert_eq!((status, code.as_str()), (400, "bad_request"));

    // The numbers go on over a restart, and whoever missed something is told so.
    daemon.signal(rustix::process::Signal::KILL);
    daemon.end();
    let _daemon = studio.daemon();
    let mut stream = Stream::open(&studio, Some(last));
    stream.next("lagged");
    studio.drop_pair("again");
    assert!(stream.next("claimed")["id"].as_u64().unwrap() > last);
}

#[test]
fn a_reader_that_sleeps_holds_up_neither_jobs_nor_others() {
    let progress = json!({ "emit": {
        "event": "progress", "stage": 1, "iteration": 1, "of": 9, "loss": 1.0,
        "terms": [["x".repeat(10_000), 1.0]], "its_per_s": 1.0,
    } });
    let mut steps = vec![progress; 500];
    steps.push(json!("paint"));
    let studio = Studio::with_plan(&json!({ "*": steps }));
    let _daemon = studio.daemon();
    let asleep: Vec<_> = (0..10).map(|_| Stream::open(&studio, None)).collect();
    let mut awake = Stream::open(&studio, None);
    studio.drop_pair("harbour");
    awake.next("done");
    studio.wait_for("done", 1);
    drop(asleep);
}

#[test]
fn there_are_numbers_for_prometheus() {
    let studio = Studio::new();
    studio.drop_pair("harbour");
    fs::write(studio.path("watch/lone.content.png"), picture(1)).unwrap();
    let _daemon = studio.daemon();
    studio.wait_for_state("1", "done");
    let text = studio.told(&["metrics"]);
    for line in [
        "pentimento_jobs{state=\"done\"} 1",
        "pentimento_jobs{state=\"failed\"} 0",
        "pentimento_bundles{state=\"waiting\"} 1",
        "pentimento_slots 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        value.parse::<f64>().unwrap();
    }
}
