//! Holds what ARCHITECTURE.md says: who may import whom, which module owns which library, that
//! every file says what it is, and that none grows beyond reading.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The arithmetic side: no clock, no tasks, no jobs.
const ARITHMETIC: &[&str] = &[
    "random",
    "drawing",
    "tensor",
    "onnx",
    "autodiff",
    "network",
    "objective",
    "optim",
];

/// The daemon side: it never loads a network.
const DAEMON: &[&str] = &[
    "daemon",
    "api",
    "control",
    "supervisor",
    "ingest",
    "store",
    "job",
    "folder",
];

/// What the daemon leans on and what knows nothing of it: the service manager, the user's hooks, what
/// is kept.
const UPKEEP: &[&str] = &["service", "hooks", "retention"];

/// Modules that compute.
const COMPUTING: &[&str] = &[
    "engine",
    "transfer",
    "objective",
    "autodiff",
    "onnx",
    "network",
    "optim",
];

/// What one picture is made with: it knows nothing of processes, queues and jobs.
const PAINTING: &[&str] = &["transfer", "engine", "pixels"];

/// What several sides stand on: it knows none of them.
const GROUND: &[&str] = &[
    "causes", "clock", "logging", "profile", "settings", "runtime",
];

/// Pictures about pictures: they are given what they show.
const DRAWING: &[&str] = &["report"];

/// Everything that fetching a file has no business with.
const ALL: &[&str] = &[
    "api",
    "control",
    "autodiff",
    "clock",
    "daemon",
    "engine",
    "folder",
    "ingest",
    "job",
    "models",
    "network",
    "objective",
    "onnx",
    "optim",
    "pixels",
    "profile",
    "protocol",
    "runtime",
    "settings",
    "store",
    "supervisor",
    "tensor",
    "transfer",
    "worker",
];

/// Libraries with a wide surface, each with the modules that may use it.
const OWNERS: &[(&str, &[&str])] = &[
    ("ort", &["engine"]),
    ("image", &["pixels"]),
    ("png", &["pixels"]),
    ("zune_core", &["pixels"]),
    ("zune_jpeg", &["pixels"]),
    ("moxcms", &["pixels"]),
    ("prost", &["onnx"]),
    ("safetensors", &["network"]),
    ("ureq", &["download"]),
    ("md5", &["download"]),
    ("notify", &["ingest"]),
    ("rusqlite", &["store"]),
    ("config", &["settings"]),
    (
        "tokio",
        &["daemon", "hooks", "supervisor", "api", "control"],
    ),
    ("axum", &["api"]),
    ("hyper", &["api"]),
    ("hyper_util", &["api"]),
    ("http_body_util", &["api"]),
    ("futures_util", &["api"]),
    ("tracing_subscriber", &["logging"]),
    ("tracing_journald", &["logging"]),
    ("indicatif", &["cli"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("anyhow", &["cli"]),
    ("viuer", &["cli"]),
];

/// A module may hold up to this many lines, its tests not counted.
const MOST_LINES: usize = 500;

struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "the sources were not found");
    files
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&root).unwrap();
            let first = inside
                .components()
                .next()
                .unwrap()
                .as_os_str()
                .to_string_lossy();
            let module = first.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            Source {
                path: inside.to_owned(),
                module,
                text,
            }
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// Lines of code: no comments, no tests.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
}

/// Top-level modules of this crate that a file names.
///
/// A path has to say `crate::module`: a group after `crate::`, or `super` up to the root, would
/// hide a module from these rules, and fails.
fn imports(source: &Source) -> BTreeSet<String> {
    let to_root = "super::".repeat(depth(&source.path));
    code(&source.text)
        .inspect(|line| {
            assert!(
                !line.contains("crate::{") && (to_root.is_empty() || !line.contains(&to_root)),
                "{}: name the module as `crate::module`: {line}",
                source.path.display()
            );
        })
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap()
        })
        .filter(|name| !name.is_empty() && *name != source.module)
        .map(str::to_owned)
        .collect()
}

/// The wire types stand for themselves: no domain type is sent.
#[test]
fn wire_types_are_apart_from_domain_types() {
    let sources = sources();
    let wire = |source: &&Source| source.path.ends_with("api/types.rs");
    let types = sources.iter().find(wire).expect("the wire types");
    assert!(imports(types).is_empty(), "{:?}", imports(types));
    assert!(!code(&types.text).any(|line| line.contains("super::")));
}

/// The command line reaches the daemon through the client; only what starts it knows it.
#[test]
fn commands_go_through_the_client() {
    let starts_it = [
        "cli/watch.rs",
        "cli/init.rs",
        "cli/output.rs",
        "cli/status.rs",
    ];
    let breaches: Vec<String> = sources()
        .iter()
        .filter(|source| source.module == "cli" && imports(source).contains("daemon"))
        .map(|source| source.path.display().to_string())
        .filter(|path| !starts_it.contains(&path.as_str()))
        .collect();
    assert!(breaches.is_empty(), "they know the daemon: {breaches:?}");
    let inside = [
        "crate::api::feed",
        "crate::api::server",
        "crate::control::Desk",
    ];
    for source in sources().iter().filter(|source| source.module == "cli") {
        for path in inside {
            let uses = code(&source.text).any(|line| line.contains(path));
            assert!(!uses, "{} uses {path}", source.path.display());
        }
    }
}

/// Tasks are spawned, and joined, in `daemon` alone.
#[test]
fn tasks_are_spawned_in_the_daemon() {
    for source in sources().iter().filter(|source| source.module != "daemon") {
        let spawns = code(&source.text).any(|line| line.contains("JoinSet"));
        assert!(!spawns, "{} spawns tasks", source.path.display());
    }
}

/// How many modules lie between a file's contents and the crate's root.
fn depth(path: &Path) -> usize {
    let is_folder = path.ends_with("mod.rs");
    let is_root = path == Path::new("lib.rs") || path == Path::new("main.rs");
    path.components().count() - usize::from(is_folder || is_root)
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| {
        let part = part.as_os_str().to_string_lossy();
        part == "tests" || part == "tests.rs"
    })
}

/// Modules, and those that they may not name.
type Rule = (&'static [&'static str], &'static [&'static str]);

const RULES: &[Rule] = &[
    (DAEMON, COMPUTING),
    (UPKEEP, COMPUTING),
    (
        UPKEEP,
        &[
            "daemon",
            "supervisor",
            "ingest",
            "worker",
            "protocol",
            "profile",
            "settings",
            "pixels",
            "models",
        ],
    ),
    (DRAWING, COMPUTING),
    (DRAWING, DAEMON),
    (DRAWING, GROUND),
    (DRAWING, &["transfer", "worker", "protocol"]),
    (&["download"], ALL),
    (
        &["models"],
        &[
            "api",
            "control",
            "daemon",
            "supervisor",
            "ingest",
            "folder",
            "job",
            "worker",
            "protocol",
            "settings",
            "transfer",
            "engine",
        ],
    ),
    (
        &["worker"],
        &["daemon", "supervisor", "ingest", "store", "api", "control"],
    ),
    (
        &["supervisor"],
        &["worker", "daemon", "settings", "api", "control"],
    ),
    // The API knows the daemon as a desk and a feed; control knows nobody who asks.
    (&["api"], &["daemon", "supervisor", "worker", "protocol"]),
    (
        &["control"],
        &["api", "daemon", "supervisor", "worker", "protocol"],
    ),
    (&["ingest", "folder", "job"], &["api", "control", "daemon"]),
    (
        &["store"],
        &[
            "daemon",
            "supervisor",
            "ingest",
            "folder",
            "worker",
            "protocol",
            "settings",
        ],
    ),
    (
        PAINTING,
        &[
            "api",
            "control",
            "daemon",
            "store",
            "supervisor",
            "ingest",
            "folder",
            "job",
            "worker",
            "protocol",
            "settings",
            "runtime",
        ],
    ),
    (
        GROUND,
        &[
            "api",
            "control",
            "daemon",
            "supervisor",
            "ingest",
            "worker",
            "protocol",
            "transfer",
            "engine",
        ],
    ),
    (
        &["protocol"],
        &[
            "api",
            "control",
            "daemon",
            "supervisor",
            "worker",
            "transfer",
            "profile",
            "settings",
        ],
    ),
];

#[test]
fn imports_follow_the_rules() {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|s| !is_test_file(&s.path)) {
        let imports = imports(source);
        if imports.contains("cli") {
            breaches.push(format!("{} imports cli", source.path.display()));
        }
        if ARITHMETIC.contains(&source.module.as_str()) {
            for import in imports.iter().filter(|i| !ARITHMETIC.contains(&i.as_str())) {
                breaches.push(format!(
                    "{} (arithmetic) imports {import}",
                    source.path.display()
                ));
            }
        }
        for (modules, forbidden) in RULES {
            if modules.contains(&source.module.as_str()) {
                for import in imports.iter().filter(|i| forbidden.contains(&i.as_str())) {
                    breaches.push(format!("{} imports {import}", source.path.display()));
                }
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn arithmetic_has_no_clock_and_no_tasks() {
    let forbidden = [
        "std::time",
        "tokio",
        "thread::spawn",
        "std::env::",
        "tracing::",
    ];
    let mut breaches = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| ARITHMETIC.contains(&s.module.as_str()))
    {
        for word in forbidden {
            if code(&source.text).any(|line| line.contains(word)) {
                breaches.push(format!("{} uses {word}", source.path.display()));
            }
        }
        let files = source.module == "network" || is_test_file(&source.path);
        if !files && code(&source.text).any(|line| line.contains("std::fs")) {
            breaches.push(format!("{} reads files", source.path.display()));
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn training_knows_nothing_of_jobs_and_processes() {
    let forbidden = [
        "daemon",
        "supervisor",
        "ingest",
        "folder",
        "job",
        "worker",
        "protocol",
        "settings",
        "transfer",
    ];
    let breaches: Vec<String> = sources()
        .iter()
        .filter(|source| source.module == "training")
        .flat_map(|source| {
            let imports = imports(source);
            let bad = imports
                .into_iter()
                .filter(|i| forbidden.contains(&i.as_str()));
            bad.map(|import| format!("{} imports {import}", source.path.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn each_library_stays_with_its_owners() {
    let mut breaches = Vec::new();
    for (library, owners) in OWNERS {
        let users: Vec<Source> = sources()
            .into_iter()
            .filter(|source| code(&source.text).any(|line| names(line, library)))
            .collect();
        for user in &users {
            if !owners.contains(&user.module.as_str()) {
                breaches.push(format!("{} uses {library}", user.path.display()));
            }
        }
        for owner in *owners {
            if !users.iter().any(|user| user.module == *owner) {
                breaches.push(format!("{owner} owns {library} and does not use it"));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Whether a line names `library::…` as a path of its own (not `crate::library::…`, not in a
/// string) or brings the library in by `use`.
fn names(line: &str, library: &str) -> bool {
    let line = line.trim_start();
    line.starts_with(&format!("use {library};"))
        || line.match_indices(&format!("{library}::")).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "_:\"`".contains(c))
        })
}

#[test]
fn every_file_opens_with_what_it_is() {
    let missing: Vec<String> = sources()
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| source.path.display().to_string())
        .collect();
    assert!(missing.is_empty(), "without a `//!` head: {missing:?}");
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: BTreeMap<String, usize> = sources()
        .iter()
        .filter(|source| !is_test_file(&source.path))
        .map(|source| {
            let end = source
                .text
                .find("#[cfg(test)]\nmod tests {")
                .unwrap_or(source.text.len());
            (
                source.path.display().to_string(),
                source.text[..end].lines().count(),
            )
        })
        .filter(|(_, lines)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "over {MOST_LINES} lines: {long:?}");
}

#[test]
fn no_module_shadows_a_dependency() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"));
    let manifest: toml::Table = manifest.unwrap().parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    let modules: BTreeSet<String> = sources().into_iter().map(|source| source.module).collect();
    let shadowed: Vec<&String> = dependencies
        .keys()
        .filter(|name| modules.contains(&name.replace('-', "_")))
        .collect();
    assert!(
        shadowed.is_empty(),
        "modules named like a dependency: {shadowed:?}"
    );
}
