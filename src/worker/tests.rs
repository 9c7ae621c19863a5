//! The worker's side of the pipes, in memory.

use std::io::Cursor;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::*;

fn assignment() -> Assignment {
    Assignment {
        version: protocol::VERSION,
        job_dir: PathText(PathBuf::from("/nowhere")),
        studio: PathText(PathBuf::from("/")),
        device: None,
        threads: None,
        ort_lib: None,
        checkpoint_s: None,
    }
}

fn events(output: &[u8]) -> Vec<Event> {
    output
        .split_inclusive(|b| *b == b'\n')
        .map(|line| protocol::from_line(line).unwrap())
        .collect()
}

fn note(text: &str) -> Event {
    Event::Note {
        text: text.to_owned(),
    }
}

/// Runs a worker whose input stays open until it ends.
fn run_with(
    line: &[u8],
    paint: impl FnOnce(&Assignment, &Edits, &mut dyn FnMut(Event) -> Flow) -> Result<Ended, Failed>,
) -> (bool, Vec<Event>) {
    let (supervisor, worker) = UnixStream::pair().unwrap();
    (&supervisor).write_all(line).unwrap();
    let mut output = Vec::new();
    let ended_well = run(io::BufReader::new(worker), &mut output, paint).unwrap();
    drop(supervisor);
    (ended_well, events(&output))
}

#[test]
fn paints_and_tells() {
    let line = protocol::to_line(&assignment()).unwrap();
    let (ended_well, events) = run_with(&line, |given, _, tell| {
        assert_eq!(*given, assignment());
        assert_eq!(tell(note("begun")), Flow::Continue);
        Ok(Ended::Finished {
            path: PathBuf::from("result.png"),
            sha256: "ab".to_owned(),
        })
    });
    assert!(ended_well);
    let path = PathText(PathBuf::from("result.png"));
    assert_eq!(
        events,
        [
            note("begun"),
            Event::Finished {
                path,
                sha256: "ab".to_owned()
            }
        ]
    );
}

#[test]
fn a_panic_and_a_failure_are_told() {
    let line = protocol::to_line(&assignment()).unwrap();
    let (ended_well, events) = run_with(&line, |_, _, _| panic!("out of paint"));
    assert!(!ended_well);
    assert!(
        matches!(&events[..], [Event::Failed { reason, .. }] if reason.contains("out of paint"))
    );

    let failed = Failed {
        reason: "no".to_owned(),
        hint: "yes".to_owned(),
        class: FailureClass::Memory,
    };
    let (ended_well, events) = run_with(&line, |_, _, _| Err(failed.clone()));
    assert!(!ended_well);
    assert_eq!(events, [failed_event(failed)]);
}

#[test]
fn other_versions_and_garbage_are_refused() {
    let other = Assignment {
        version: 99,
        ..assignment()
    };
    for line in [
        protocol::to_line(&other).unwrap(),
        b"\xff{}\n".to_vec(),
        b"\n".to_vec(),
    ] {
        let (ended_well, events) = run_with(&line, |_, _, _| Ok(Ended::Stopped { kept: None }));
        assert!(!ended_well);
        assert!(matches!(events[..], [Event::Failed { .. }]));
    }
}

#[test]
fn an_order_or_the_end_of_the_input_stops() {
    let mut ordered = protocol::to_line(&assignment()).unwrap();
    let ended = ordered.clone();
    ordered.extend(protocol::to_line(&Order::Stop(true)).unwrap());
    for input in [ordered, ended] {
        let mut output = Vec::new();
        let mut n_told = 0;
        let ended_well = run(Cursor::new(input), &mut output, |_, _, tell| {
            while tell(note("going on")) == Flow::Continue {
                n_told += 1;
            }
            Ok(Ended::Stopped { kept: Some((2, 7)) })
        });
        assert!(ended_well.unwrap());
        let events = events(&output);
        assert_eq!(events.len(), n_told + 2);
        let stopped = Event::Stopped {
            stage: 2,
            iteration: 7,
        };
        assert_eq!(events.last(), Some(&stopped));
    }
}

#[test]
fn edits_come_in_their_order_and_what_is_no_order_is_passed_over() {
    let edit = |id, option: &str| Edit {
        id,
        option: option.to_owned(),
        value: 0.1 + 0.2,
        stage: None,
    };
    let mut input = protocol::to_line(&assignment()).unwrap();
    let wanted = [edit(1, "style_weight"), edit(2, "save_iter")];
    for edit in &wanted {
        input.extend(b"{\"dance\":true}\n\xff\n");
        input.extend(protocol::to_line(&Order::Edit(edit.clone())).unwrap());
    }
    let mut output = Vec::new();
    let ended_well = run(Cursor::new(input), &mut output, |_, edits, _| {
        let taken: Vec<Edit> = edits.iter().take(2).collect();
        assert_eq!(taken, wanted);
        Ok(Ended::Stopped { kept: None })
    });
    assert!(ended_well.unwrap());
    assert_eq!(events(&output), []);
}

#[test]
fn plans_are_read() {
    let text = r#"{"timing": {"settle": 100}, "jobs": {"*": [
        {"emit": {"event": "note", "text": "a"}}, {"raw": [255]}, "hang", "paint",
        {"claim": ["result.png", "ab"]}, {"fail": "memory"}]}}"#;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plan.json");
    std::fs::write(&path, text).unwrap();
    rehearsal::Plan::read(&path).unwrap();
    assert!(rehearsal::Plan::read(Path::new("/nowhere/plan.json")).is_err());
}
