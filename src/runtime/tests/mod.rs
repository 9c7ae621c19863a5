//! A small world for the tests of `runtime`: a root folder, a home, and fake clients on `PATH`.
//!
//! Libraries here are ELF headers with a version in them and nothing to run; the clients are shell
//! scripts that copy a package made by the test. No network and no Python is used.

mod devices;
mod installing;
mod releases;
mod searching;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    Environment, Package, PinnedFile, Pins, Progress, Version, elf,
    pins::{CudaPin, NvidiaWheel},
};

pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) env: Environment,
}

impl World {
    /// A machine with nothing on it, and pins for packages that no client brings yet.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["bin", "home", "root"] {
            fs::create_dir(folder.path().join(name)).expect("a folder in it");
        }
        let env = Environment {
            path: folder.path().join("bin").into(),
            home: Some(folder.path().join("home")),
            xdg_data_home: None,
            ld_library_path: std::ffi::OsString::new(),
            ort_dylib_path: None,
            cuda_home: None,
            cuda_visible_devices: None,
            python_prefixes: Vec::new(),
            root: folder.path().join("root"),
            pins: pins(),
            patience: Duration::from_mins(1),
        };
        Self { folder, env }
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.folder.path().join(relative)
    }

    /// Writes a file, with its folders, and returns its path.
    pub(super) fn write(&self, relative: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(&path, bytes).expect("a written file");
        path
    }

    /// Puts a program on `PATH`. Every run adds a line to `NAME.runs`. The file is written by
    /// another process: a test beside this one that starts a program would otherwise hold it open
    /// for writing for a moment, and it could not be run.
    pub(super) fn program(&self, name: &str, body: &str) {
        let path = self.path(&format!("bin/{name}"));
        let runs = self.path(&format!("{name}.runs"));
        let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\n{body}\n", runs.display());
        let mut writer = Command::new("/bin/sh")
            .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut input = writer.stdin.take().expect("a pipe");
        input.write_all(script.as_bytes()).expect("a script");
        drop(input);
        assert!(writer.wait().expect("an ending").success());
    }

    /// Returns the arguments of each run of a fake program.
    pub(super) fn runs(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(&format!("{name}.runs"))).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A `python3` whose pip brings the wheel with this library in it.
    pub(super) fn pip_brings(&self, library: &[u8]) {
        let inside = "onnxruntime/capi/libonnxruntime.so.1.32.0";
        let wheel = self.write("packages/cpu.whl", &wheel(&[(inside, library)]));
        self.program(
            "python3",
            &into("--dest", &wheel, "onnxruntime-1.32.0-any.whl"),
        );
    }

    /// A `uv` that unpacks a wheel with this library in it.
    pub(super) fn uv_brings(&self, library: &[u8]) {
        let file = self.write("packages/uv.so", library);
        let inside = "onnxruntime/capi/libonnxruntime.so.1.32.0";
        self.program("uv", &into("--target", &file, inside));
    }

    /// An `npm` that packs the given entries.
    pub(super) fn npm_packs(&self, entries: &[(&str, &[u8])]) {
        let file = self.write("packages/node.tgz", &tarball(entries));
        self.program(
            "npm",
            &into("--pack-destination", &file, "onnxruntime-node-1.30.0.tgz"),
        );
    }

    pub(super) fn installed(&self, relative: &str) -> PathBuf {
        self.path("home/.local/share/pentimento/runtime")
            .join(relative)
    }

    /// Returns what lies in the folder of installations, the lock file aside.
    pub(super) fn installations(&self) -> Vec<String> {
        let entries = fs::read_dir(self.installed(""))
            .into_iter()
            .flatten()
            .flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }
}

/// Shell text that copies `file` to `name` in the folder that the option `option` names.
pub(super) fn into(option: &str, file: &Path, name: &str) -> String {
    format!(
        "while [ $# -gt 0 ]; do if [ \"$1\" = {option} ]; then to=\"$2/{name}\"; fi; shift; done\n\
         /bin/mkdir -p \"${{to%/*}}\" && /bin/cp '{}' \"$to\"",
        file.display()
    )
}

pub(super) fn quiet(_: Progress<'_>) {}

pub(super) fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

/// The library that the pins know.
pub(super) fn good() -> Vec<u8> {
    library(Some("1.32.0"), &[])
}

/// A library for this machine with this version in it, which needs these others.
pub(super) fn library(version: Option<&str>, needed: &[&str]) -> Vec<u8> {
    elf_file(
        elf::native_machine().expect("a known machine"),
        version,
        needed,
    )
}

/// An ELF file: header, one segment that loads all of it, a dynamic section and its strings.
pub(super) fn elf_file(machine: u16, version: Option<&str>, needed: &[&str]) -> Vec<u8> {
    let mut strings = vec![0];
    let mut name = |text: &str| {
        let start = strings.len() as u64;
        strings.extend_from_slice(text.as_bytes());
        strings.push(0);
        start
    };
    let mut entries: Vec<(u64, u64)> = needed.iter().map(|text| (1, name(text))).collect();
    if let Some(version) = version {
        name("OrtGetApiBase");
        name(&format!("VERS_{version}"));
    }
    let dynamic = 64 + 2 * 56;
    let table = dynamic + 16 * (entries.len() as u64 + 3);
    let total = table + strings.len() as u64;
    entries.extend([(5, 0x1000 + table), (10, strings.len() as u64), (0, 0)]);

    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for value in [0, 64, 0_u64] {
        file.extend(value.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for value in [64, 56, 2, 64, 0, 0_u16] {
        file.extend(value.to_le_bytes());
    }
    for (kind, start, size) in [(1_u32, 0, total), (2, dynamic, table - dynamic)] {
        file.extend(kind.to_le_bytes());
        file.extend(4_u32.to_le_bytes());
        for value in [start, 0x1000 + start, 0x1000 + start, size, size, 8_u64] {
            file.extend(value.to_le_bytes());
        }
    }
    for (tag, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(strings);
    file
}

pub(super) fn wheel(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .expect("an entry");
        writer.write_all(bytes).expect("its bytes");
    }
    writer.finish().expect("an archive").into_inner()
}

pub(super) fn tarball(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(packed);
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder
            .append_data(&mut header, name, *bytes)
            .expect("an entry");
    }
    builder
        .into_inner()
        .expect("a tar")
        .finish()
        .expect("an archive")
}

pub(super) fn pinned(inside: &str, name: &str, bytes: &[u8]) -> PinnedFile {
    PinnedFile {
        inside: inside.to_owned(),
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        sha256: Sha256::digest(bytes)
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")),
    }
}

pub(super) const PROVIDER_NEEDS: &[&str] = &[
    "libcudart.so.13",
    "libcublas.so.13",
    "libcuda.so.1",
    "libc.so.6",
];

/// The files of the CUDA variant: path in the wheel, name, content.
pub(super) fn cuda_files() -> Vec<(String, &'static str, Vec<u8>)> {
    let file = |name: &'static str, bytes| (format!("onnxruntime/capi/{name}"), name, bytes);
    vec![
        file("libonnxruntime.so.1.31.1", library(Some("1.31.1"), &[])),
        file(
            "libonnxruntime_providers_cuda.so",
            library(None, PROVIDER_NEEDS),
        ),
        file("libonnxruntime_providers_shared.so", library(None, &[])),
    ]
}

pub(super) fn npm_library() -> Vec<u8> {
    library(Some("1.30.0"), &["libm.so.6"])
}

fn pins() -> Pins {
    let package = |requirement: &str, text: &str, files| Package {
        requirement: requirement.to_owned(),
        version: version(text),
        download_bytes: 1000,
        files,
    };
    let name = "libonnxruntime.so.1.32.0";
    let cpu = pinned(&format!("onnxruntime/capi/{name}"), name, &good());
    let node = pinned(
        "package/bin/libonnxruntime.so.1",
        "libonnxruntime.so.1.30.0",
        &npm_library(),
    );
    let cuda = cuda_files();
    let cuda = cuda
        .iter()
        .map(|(inside, name, bytes)| pinned(inside, name, bytes))
        .collect();
    let nvidia = |requirement: &str, provides: &[&str]| NvidiaWheel {
        requirement: requirement.to_owned(),
        download_bytes: 1000,
        provides: provides.iter().map(|&name| name.to_owned()).collect(),
    };
    Pins {
        wheel_tags: vec![
            "manylinux_2_28_x86_64".to_owned(),
            "manylinux2014_x86_64".to_owned(),
        ],
        uv_platform: "x86_64-manylinux_2_28".to_owned(),
        wheel: Some(package("onnxruntime==1.32.0", "1.32.0", vec![cpu])),
        npm: Some(package("onnxruntime-node@1.30.0", "1.30.0", vec![node])),
        cuda: Some(CudaPin {
            package: package("onnxruntime-gpu==1.31.1", "1.31.1", cuda),
            nvidia: vec![
                nvidia("nvidia-cuda-runtime==13.0.96", &["libcudart.so.13"]),
                nvidia(
                    "nvidia-cublas==13.1.0.3",
                    &["libcublas.so.13", "libcublasLt.so.13"],
                ),
                nvidia("nvidia-cuda-nvrtc==13.0.88", &["libnvrtc.so.13"]),
                nvidia("nvidia-cudnn-cu13==9.20.0.48", &["libcudnn.so.9"]),
            ],
        }),
    }
}
