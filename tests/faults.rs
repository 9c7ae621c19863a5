//! Keeps `docs/faults.md` true: every case of the catalogue is in it, every test that it names is
//! there, and no case is without a state.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The sections of the catalogue and how many cases each has.
const CASES: [(char, u32); 11] = [
    ('A', 29),
    ('B', 14),
    ('C', 26),
    ('D', 10),
    ('E', 23),
    ('F', 15),
    ('G', 15),
    ('H', 17),
    ('I', 16),
    ('J', 10),
    ('K', 8),
];

/// A row of the table.
struct Row {
    tests: Vec<String>,
    state: String,
}

fn rows() -> BTreeMap<String, Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md");
    let text = fs::read_to_string(path).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [case, _, tests, state] = cells[..] else {
            panic!("not four cells: {line}");
        };
        if case == "case" {
            continue;
        }
        let tests = tests.split('`').skip(1).step_by(2).map(str::to_owned);
        let row = Row {
            tests: tests.collect(),
            state: state.to_owned(),
        };
        assert!(rows.insert(case.to_owned(), row).is_none(), "{case} twice");
    }
    rows
}

/// Returns the names of all tests in the sources.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["src", "tests"] {
        collect(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut names,
        );
    }
    names
}

fn collect(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, names);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let after_mark = text.split("#[test]").skip(1);
            let name = |rest: &str| {
                let (_, rest) = rest.split_once("fn ")?;
                Some(rest.split('(').next()?.to_owned())
            };
            names.extend(after_mark.filter_map(name));
        }
    }
}

#[test]
fn every_case_is_there_and_no_other() {
    let expected: BTreeSet<_> = CASES
        .iter()
        .flat_map(|(letter, count)| (1..=*count).map(move |n| format!("{letter}{n}")))
        .collect();
    let found: BTreeSet<_> = rows().into_keys().collect();
    assert_eq!(found, expected);
}

#[test]
fn every_test_that_is_named_is_there() {
    let tests = tests();
    let missing: Vec<_> = rows()
        .into_iter()
        .flat_map(|(case, row)| row.tests.into_iter().map(move |test| (case.clone(), test)))
        .filter(|(_, test)| !tests.contains(test))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_case_has_a_state_that_fits_its_tests() {
    let mut wrong = Vec::new();
    for (case, row) in rows() {
        let word = row.state.split([':', ';']).next().unwrap_or_default();
        let has_reason = row.state.contains(": ");
        let fits = match word {
            "tested" => !row.tests.is_empty(),
            "partly" => !row.tests.is_empty() && has_reason,
            "listed" | "open" => row.tests.is_empty() && has_reason,
            _ => false,
        };
        if !fits {
            wrong.push(format!("{case}: {}", row.state));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
