//! Networks fetched from a server on this machine, imported, verified and removed.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pentimento::download::{Flow, Limits};
use pentimento::models::{
    self, Check, Conversion, Folders, IfThere, LockFile, ModelsError, Order, Problem, Pulled,
};
use pentimento::network::import::ImportOptions;
use pentimento::network::{self, Input, Order as ChannelOrder};

use crate::support::server::{Reply, Server};
use crate::support::weights;

mod commands;

/// Returns a small network as a file of weights; every seed has its own.
pub(super) fn file(seed: usize) -> Vec<u8> {
    weights::file(&weights::vgg(&[1, 1], 4, |i| {
        ((i + seed) * 31 % 127) as f32 / 128.0
    }))
}

/// A folder of networks with manifests that name a server.
struct Shelf {
    dir: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("models").join(name)
    }

    fn folders(&self) -> Folders {
        let install = self.dir.path().join("models");
        // The manifests lie elsewhere, so that installing has to write one.
        let look = vec![install.clone(), self.dir.path().join("manifests")];
        Folders { install, look }
    }

    fn manifest(&self, name: &str, sources: &str) {
        let folder = self.dir.path().join("manifests");
        fs::create_dir_all(&folder).unwrap();
        let text = format!("name = \"{name}\"\nfile = \"{name}.onnx\"\n{sources}");
        fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }

    fn pull(&self, name: &str) -> Result<Pulled, ModelsError> {
        pull(name, &self.folders(), IfThere::Keep)
    }

    fn lock(&self) -> LockFile {
        LockFile::read(&self.dir.path().join("models")).unwrap()
    }

    /// Returns the names of the files in the folder, hidden ones left out.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join("models"));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }
}

fn pull(name: &str, folders: &Folders, if_there: IfThere) -> Result<Pulled, ModelsError> {
    let limits = Limits {
        attempts: 2,
        stall: Duration::from_millis(300),
        ..Limits::default()
    };
    let order = Order {
        name,
        if_there,
        limits: &limits,
    };
    models::pull(&order, folders, &|_| (), &mut |_| Flow::Continue)
}

fn source(url: &str, more: &str) -> String {
    format!("[[source]]\nurls = [\"{url}\"]\n{more}\n")
}

#[test]
fn a_pulled_network_is_there_whole_with_its_manifest_and_its_origin() {
    let body = file(1);
    let served = body.clone();
    let server = Server::start(move |_, _| Reply::whole(&served));
    let shelf = Shelf::new();
    shelf.manifest("small", &source(&server.url("small.safetensors"), ""));
    let pulled = shelf.pull("small").unwrap();
    let Pulled::Installed { file, check, .. } = &pulled else {
        panic!("{pulled:?}")
    };
    assert_eq!(*file, shelf.path("small.onnx"));
    assert_eq!(*check, Check::FirstUse);
    assert_eq!(shelf.files(), ["models.lock", "small.onnx", "small.toml"]);
    let lock = shelf.lock();
    let record = &lock.network["small"];
    assert_eq!(record.source, server.url("small.safetensors"));
    assert_eq!(lock.pin[&record.source].sha256, record.source_sha256);
    let network = network::find("small", &shelf.folders().look).unwrap();
    assert_eq!(network.layers().len(), 5);
    assert_eq!(network.sha256(), record.sha256);
    assert!(matches!(shelf.pull("small").unwrap(), Pulled::There(_)));
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_file_without_a_checksum_must_stay_what_it_was() {
    let bodies = [file(1), file(2)];
    let served = bodies.clone();
    let server = Server::start(move |_, number| Reply::whole(&served[usize::from(number > 0)]));
    let url = server.url("small.safetensors");
    let shelf = Shelf::new();
    shelf.manifest("small", &source(&url, ""));
    shelf.pull("small").unwrap();
    models::remove("small", &shelf.folders()).unwrap();
    let error = shelf.pull("small").unwrap_err();
    assert!(matches!(error, ModelsError::Changed { .. }), "{error:?}");
    assert_eq!(shelf.files(), ["models.lock"]);
    // Whoever accepts the change takes the pin out.
    let text = fs::read_to_string(shelf.path("models.lock")).unwrap();
    let pin = text.find("[pin").unwrap();
    fs::write(shelf.path("models.lock"), &text[..pin]).unwrap();
    shelf.pull("small").unwrap();
    let pinned = shelf.lock().pin[&url].sha256.clone();
    let second = pentimento::download::sums(&bodies[1][..]).unwrap();
    assert_eq!(pinned, second.sha256);
    let again = pull("small", &shelf.folders(), IfThere::Replace).unwrap();
    assert!(
        matches!(
            again,
            Pulled::Installed {
                check: Check::Remembered,
                ..
            }
        ),
        "{again:?}"
    );
}

#[test]
fn published_checksums_are_held() {
    let body = file(1);
    let sums = pentimento::download::sums(&body[..]).unwrap();
    let served = body.clone();
    let server = Server::start(move |_, _| Reply::whole(&served));
    let url = server.url("small.safetensors");
    for (stated, check) in [
        (format!("sha256 = \"{}\"", sums.sha256), Check::Sha256),
        (
            format!("sha256_prefix = \"{}\"", &sums.sha256[..8]),
            Check::Prefix,
        ),
        (format!("md5 = \"{}\"", sums.md5), Check::Md5),
    ] {
        let shelf = Shelf::new();
        shelf.manifest("small", &source(&url, &stated));
        let pulled = shelf.pull("small").unwrap();
        assert!(
            matches!(pulled, Pulled::Installed { check: found, .. } if found == check),
            "{pulled:?}"
        );
    }
    let shelf = Shelf::new();
    shelf.manifest(
        "small",
        &source(&url, &format!("sha256 = \"{}\"", "ab".repeat(32))),
    );
    shelf.pull("small").unwrap_err();
    assert!(shelf.files().is_empty(), "{:?}", shelf.files());
}

#[test]
fn half_a_download_is_no_network_and_goes_on_another_time() {
    let body = file(1);
    let served = body.clone();
    let server = Server::start(move |asked, number| {
        let reply = Reply::resumable(asked, &served, "\"v\"");
        match number {
            0 => reply.cut_after(served.len() / 2),
            1 | 2 => Reply::status(503),
            _ => reply,
        }
    });
    let shelf = Shelf::new();
    shelf.manifest("small", &source(&server.url("small.safetensors"), ""));
    shelf.pull("small").unwrap_err();
    let parts = ["small.safetensors.part", "small.safetensors.part.toml"];
    assert_eq!(shelf.files(), parts);
    network::is_installed("small", &shelf.folders().look).unwrap_err();
    shelf.pull("small").unwrap();
    assert_eq!(server.asked().last().unwrap().from(), Some(body.len() / 2));
    assert_eq!(shelf.files(), ["models.lock", "small.onnx", "small.toml"]);
}

#[test]
fn what_is_no_network_is_not_installed_and_the_next_source_is_tried() {
    let body = file(1);
    let served = body.clone();
    let server = Server::start(move |asked, _| match asked.path.as_str() {
        "/bad.safetensors" => Reply::whole(b"\x09\0\0\0\0\0\0\0{nonsense"),
        "/good.safetensors" => Reply::whole(&served),
        _ => Reply::status(404),
    });
    let sources = ["gone.pth", "bad.safetensors", "good.safetensors"]
        .map(|path| source(&server.url(path), ""));
    let shelf = Shelf::new();
    shelf.manifest("bad", &sources[..2].concat());
    let said = shelf.pull("bad").unwrap_err().to_string();
    assert!(
        said.contains("404") && said.contains("bad.safetensors"),
        "{said}"
    );
    assert!(!shelf.path("bad.onnx").exists() && !shelf.path("bad.toml").exists());
    shelf.manifest("good", &sources.concat());
    let pulled = shelf.pull("good").unwrap();
    assert!(
        matches!(&pulled, Pulled::Installed { url, .. } if url.ends_with("good.safetensors")),
        "{pulled:?}"
    );
}

#[test]
fn a_network_is_taken_out_of_its_archive() {
    let body = file(1);
    let gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gz);
    for (name, bytes) in [("x/README", &b"hello"[..]), ("x/net.safetensors", &body)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, bytes).unwrap();
    }
    let archive = builder.into_inner().unwrap().finish().unwrap();
    let server = Server::start(move |_, _| Reply::whole(&archive));
    let shelf = Shelf::new();
    let url = server.url("x.tar.gz");
    shelf.manifest("small", &source(&url, "member = \"x/net.safetensors\""));
    shelf.pull("small").unwrap();
    assert_eq!(shelf.files(), ["models.lock", "small.onnx", "small.toml"]);
    shelf.manifest("other", &source(&url, "member = \"x/gone.safetensors\""));
    let said = shelf.pull("other").unwrap_err().to_string();
    assert!(said.contains("x/net.safetensors"), "{said}");
}

#[test]
fn two_at_once_fetch_it_once() {
    let body = file(1);
    let server = Server::start(move |_, _| Reply::whole(&body));
    let shelf = Shelf::new();
    shelf.manifest("small", &source(&server.url("small.safetensors"), ""));
    let folders = shelf.folders();
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let folders = folders.clone();
            std::thread::spawn(move || pull("small", &folders, IfThere::Keep))
        })
        .collect();
    let pulled: Vec<Pulled> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap().unwrap())
        .collect();
    let installed = pulled
        .iter()
        .filter(|p| matches!(p, Pulled::Installed { .. }));
    assert_eq!(installed.count(), 1, "{pulled:?}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let body = file(1);
    let server = Server::start(move |_, _| Reply::whole(&body));
    let shelf = Shelf::new();
    shelf.manifest("small", &source(&server.url("small.safetensors"), ""));
    fs::create_dir_all(shelf.path(".incoming-abc")).unwrap();
    fs::write(shelf.path(".incoming-abc/network.onnx"), "half").unwrap();
    shelf.pull("small").unwrap();
    assert_eq!(shelf.files(), ["models.lock", "small.onnx", "small.toml"]);
}

/// Imports a file of weights under a name.
fn import(shelf: &Shelf, name: &str, input: Option<Input>) -> Result<PathBuf, ModelsError> {
    let path = shelf.dir.path().join("own weights.safetensors");
    fs::write(&path, file(3)).unwrap();
    let conversion = Conversion {
        options: ImportOptions {
            name: name.to_owned(),
            ..ImportOptions::default()
        },
        input,
    };
    models::import(&path, &conversion, &shelf.folders(), &mut |_| {
        Flow::Continue
    })
}

#[test]
fn an_imported_network_has_the_input_that_was_stated() {
    let shelf = Shelf::new();
    let input = Input {
        order: ChannelOrder::Rgb,
        range: 1.0,
        mean: [0.5; 3],
        std: [0.25; 3],
        minimum_size: 8,
    };
    let file = import(&shelf, "mine", Some(input.clone())).unwrap();
    assert_eq!(file, shelf.path("mine.onnx"));
    let network = network::find("mine", &shelf.folders().look).unwrap();
    assert_eq!(network.manifest().input, input);
    assert_eq!(shelf.lock().network["mine"].check, Check::Own);
    let taken = import(&shelf, "mine", None).unwrap_err();
    assert!(matches!(taken, ModelsError::Taken { .. }), "{taken:?}");
    for name in ["../mine", "", ".hidden", "a/b"] {
        let refused = import(&shelf, name, None).unwrap_err();
        assert!(
            matches!(refused, ModelsError::Name(_)),
            "{name}: {refused:?}"
        );
    }
}

#[test]
fn a_file_fetched_by_hand_becomes_the_network_of_the_catalogue() {
    let shelf = Shelf::new();
    let stated = import(&shelf, "vgg19", Some(Input::default())).unwrap_err();
    assert!(
        matches!(stated, ModelsError::InputStated { .. }),
        "{stated:?}"
    );
    import(&shelf, "vgg19", None).unwrap();
    let network = network::find("vgg19", &shelf.folders().look).unwrap();
    assert!(!network.manifest().licence.is_empty());
    assert!(!network.manifest().preset.is_empty());
}

#[test]
fn changed_files_are_found() {
    let shelf = Shelf::new();
    let file = import(&shelf, "mine", None).unwrap();
    let look = shelf.folders().look;
    let verdict = models::verify("mine", &look).unwrap().unwrap();
    assert!(verdict.compared && verdict.problem.is_none(), "{verdict:?}");
    assert_eq!(verdict.layers, 5);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let verdict = models::verify("mine", &look).unwrap().unwrap();
    assert!(
        matches!(verdict.problem, Some(Problem::Changed { .. })),
        "{verdict:?}"
    );
    assert!(models::verify("nin", &look).unwrap().is_none());
    let builtin = models::verify("builtin", &look).unwrap().unwrap();
    assert!(builtin.compared && builtin.problem.is_none(), "{builtin:?}");
}

#[test]
fn only_what_was_installed_is_removed() {
    let shelf = Shelf::new();
    let folders = shelf.folders();
    import(&shelf, "mine", None).unwrap();
    // Somebody's own manifest stays where it was.
    fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("models/vgg19.toml"),
        shelf.path("vgg19.toml"),
    )
    .unwrap();
    import(&shelf, "vgg19", None).unwrap();
    models::remove("vgg19", &folders).unwrap();
    assert_eq!(
        shelf.files(),
        ["mine.onnx", "mine.toml", "models.lock", "vgg19.toml"]
    );
    let removed = models::remove("mine", &folders).unwrap();
    assert_eq!(
        removed.files,
        [shelf.path("mine.onnx"), shelf.path("mine.toml")]
    );
    for (name, wrong) in [
        ("mine", "is not installed"),
        ("builtin", "inside the program"),
    ] {
        let said = models::remove(name, &folders).unwrap_err().to_string();
        assert!(said.contains(wrong), "{said}");
    }
    fs::write(shelf.path("vgg19.safetensors"), file(3)).unwrap();
    let by_hand = models::remove("vgg19", &folders).unwrap_err().to_string();
    assert!(by_hand.contains("by hand"), "{by_hand}");
    assert!(shelf.path("vgg19.safetensors").exists());
}

#[test]
fn a_file_that_two_networks_share_stays_for_the_other() {
    let body = file(1);
    let server = Server::start(move |_, _| Reply::whole(&body));
    let shelf = Shelf::new();
    let source = source(&server.url("small.safetensors"), "");
    for name in ["one", "two"] {
        shelf.manifest(name, &source);
        let path = shelf.dir.path().join(format!("manifests/{name}.toml"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace(&format!("{name}.onnx"), "both.onnx")).unwrap();
    }
    let folders = shelf.folders();
    shelf.pull("one").unwrap();
    assert!(matches!(shelf.pull("two").unwrap(), Pulled::There(_)));
    pull("two", &folders, IfThere::Replace).unwrap();
    let removed = models::remove("one", &folders).unwrap();
    let (file, others) = removed.shared.unwrap();
    assert_eq!(
        (file, others),
        (shelf.path("both.onnx"), vec!["two".to_owned()])
    );
    network::find("two", &folders.look).unwrap();
    models::remove("two", &folders).unwrap();
    assert_eq!(shelf.files(), ["models.lock"]);
}

#[test]
fn steps_are_told_in_order() {
    let body = file(1);
    let server = Server::start(move |_, _| Reply::whole(&body));
    let shelf = Shelf::new();
    shelf.manifest("small", &source(&server.url("small.safetensors"), ""));
    let told = RefCell::new(Vec::new());
    let limits = Limits::default();
    let order = Order {
        name: "small",
        if_there: IfThere::Keep,
        limits: &limits,
    };
    models::pull(&order, &shelf.folders(), &|_| (), &mut |event| {
        let word = format!("{event:?}");
        let word: String = word
            .chars()
            .take_while(|c| *c != ' ' && *c != '{')
            .collect();
        let mut told = told.borrow_mut();
        if told.last() != Some(&word) {
            told.push(word);
        }
        Flow::Continue
    })
    .unwrap();
    let told = told.into_inner();
    assert!(told[0].starts_with("Download(Started"), "{told:?}");
    assert_eq!(told[told.len() - 2..], ["Download(Checking)", "Converting"]);
}
