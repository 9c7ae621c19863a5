//! Fetching a network that is published, and putting it in place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::ModelsError;
use super::install::{Origin, Target, check_name};
use super::lockfile::{Check, LockFile, Pin};
use super::{Event, Folders};
use crate::download::{self, Expected, Fetched, Flow, Limits, Want, archive};
use crate::network::import::{self, ImportOptions};
use crate::network::layer_list::LayerList;
use crate::network::{self, Checksum, Manifest, NetworkError, Source, catalogue};

/// What is done about a network that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfThere {
    /// It is left as it is.
    Keep,
    /// It is fetched again.
    Replace,
}

/// Which network is wanted, and how patiently.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Name of the network.
    pub name: &'a str,
    /// What is done if it is there.
    pub if_there: IfThere,
    /// Limits of the download.
    pub limits: &'a Limits,
}

/// What a pull led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pulled {
    /// It was there.
    There(PathBuf),
    /// It was fetched.
    Installed {
        /// The file.
        file: PathBuf,
        /// Where it came from.
        url: String,
        /// What that was checked against.
        check: Check,
    },
}

/// Fetches a network and puts it in place, from the first of its sources that gives it.
///
/// `wait` waits between attempts; `on_event` is told what happens and may stop a download.
pub fn pull(
    order: &Order<'_>,
    folders: &Folders,
    wait: &dyn Fn(Duration),
    on_event: &mut dyn FnMut(Event<'_>) -> Flow,
) -> Result<Pulled, ModelsError> {
    let (manifest, text) = wanted(order.name, folders)?;
    let there = |folders: &[PathBuf]| {
        network::weights(&manifest, folders).filter(|_| order.if_there == IfThere::Keep)
    };
    if let Some(file) = there(&folders.look) {
        return Ok(Pulled::There(file));
    }
    let target = Target::open(&folders.install, &mut || {
        on_event(Event::Waiting);
    })?;
    // Whoever held the lock may have installed it.
    if let Some(file) = there(std::slice::from_ref(&folders.install)) {
        return Ok(Pulled::There(file));
    }
    let mut failures = Vec::new();
    for source in &manifest.sources {
        let job = Job {
            target: &target,
            manifest: &manifest,
            manifest_text: &text,
            source,
            limits: order.limits,
        };
        match job.run(wait, on_event) {
            Ok(pulled) => return Ok(pulled),
            Err(error) if error.is_final() => return Err(error),
            Err(error) => {
                on_event(Event::GaveUp(&error));
                failures.push(error);
            }
        }
    }
    match failures.len() {
        1 => Err(failures.remove(0)),
        _ => Err(ModelsError::NoSourceLeft {
            name: manifest.name,
            failures,
        }),
    }
}

/// Returns the manifest of a network that can be fetched, and its text.
fn wanted(name: &str, folders: &Folders) -> Result<(Manifest, String), ModelsError> {
    check_name(name)?;
    if name == catalogue::BUILTIN {
        return Err(ModelsError::Inside {
            name: name.to_owned(),
            doing: "fetch",
        });
    }
    let Some(manifest) = network::manifest(name, &folders.look)? else {
        let known = network::known(&folders.look);
        return Err(ModelsError::from(NetworkError::Missing {
            name: name.to_owned(),
            nearest: catalogue::nearest(name, &known),
            looked_in: folders.look.clone(),
            known,
        }));
    };
    if manifest.sources.is_empty() {
        return Err(ModelsError::NoSource {
            file: folders.install.join(&manifest.file),
            name: manifest.name,
        });
    }
    let written = || toml::to_string(&manifest).expect("a manifest that was read can be written");
    let text = match catalogue::text(name) {
        Some(text) if Manifest::parse(text).is_ok_and(|shipped| shipped == manifest) => {
            text.to_owned()
        }
        _ => written(),
    };
    Ok((manifest, text))
}

/// One source of one network.
struct Job<'a> {
    target: &'a Target,
    manifest: &'a Manifest,
    manifest_text: &'a str,
    source: &'a Source,
    limits: &'a Limits,
}

impl Job<'_> {
    fn run(
        &self,
        wait: &dyn Fn(Duration),
        on_event: &mut dyn FnMut(Event<'_>) -> Flow,
    ) -> Result<Pulled, ModelsError> {
        let path = self.partial();
        let want = Want {
            urls: &self.source.urls,
            size: self.source.size,
            expected: expected(self.source.checksum()),
        };
        let fetched = download::fetch(
            &want,
            &path,
            self.limits,
            &mut download::Surroundings {
                wait,
                on_event: &mut |event| on_event(Event::Download(event)),
            },
        )?;
        let check = self.compare_with_pin(&fetched, &path)?;
        let file = match self.convert(&path, &fetched, check, on_event) {
            Ok(file) => file,
            Err(error) => {
                if matches!(check, Check::FirstUse | Check::Prefix) && !error.is_final() {
                    // Nothing says that this is the file that was meant, so the next time begins anew.
                    download::discard(&path)?;
                }
                return Err(error);
            }
        };
        self.pin(&fetched, check)?;
        download::discard(&path)?;
        Ok(Pulled::Installed {
            file,
            url: fetched.url,
            check,
        })
    }

    /// Returns where the file arrives: networks that share a file share what has arrived of it.
    fn partial(&self) -> PathBuf {
        let name = self.published_name();
        self.target.folder().join(format!("{name}.part"))
    }

    /// Returns the published file's name, or the network's where that would be no plain name.
    fn published_name(&self) -> &str {
        let name = self.source.file_name();
        let is_plain = !name.is_empty()
            && !name.starts_with('.')
            && name
                .chars()
                .all(|c| c.is_alphanumeric() || "_-.".contains(c));
        if is_plain { name } else { &self.manifest.name }
    }

    /// Compares a file that no whole checksum vouches for with what it was when it was first fetched.
    fn compare_with_pin(&self, fetched: &Fetched, path: &Path) -> Result<Check, ModelsError> {
        let check = match self.source.checksum() {
            Checksum::Sha256(_) => return Ok(Check::Sha256),
            Checksum::Md5(_) => Check::Md5,
            Checksum::Sha256Prefix(_) => Check::Prefix,
            Checksum::FirstUse => Check::FirstUse,
        };
        let folder = self.target.folder();
        let lock = LockFile::read(folder)?;
        let Some(pin) = lock.pin.get(&fetched.url) else {
            return Ok(check);
        };
        if pin.sha256 != fetched.sums.sha256 {
            download::discard(path)?;
            return Err(ModelsError::Changed {
                url: fetched.url.clone(),
                pinned: pin.sha256.clone(),
                found: fetched.sums.sha256.clone(),
                lock: folder.join("models.lock"),
            });
        }
        Ok(if check == Check::FirstUse {
            Check::Remembered
        } else {
            check
        })
    }

    /// Remembers what a file was, once a network was made of it: what is no network is nothing to
    /// compare another with.
    fn pin(&self, fetched: &Fetched, check: Check) -> Result<(), ModelsError> {
        if check == Check::Sha256 {
            return Ok(());
        }
        let folder = self.target.folder();
        let mut lock = LockFile::read(folder)?;
        let pin = Pin {
            sha256: fetched.sums.sha256.clone(),
            bytes: fetched.bytes,
        };
        lock.pin.insert(fetched.url.clone(), pin);
        lock.save(folder)
    }

    fn convert(
        &self,
        path: &Path,
        fetched: &Fetched,
        check: Check,
        on_event: &mut dyn FnMut(Event<'_>) -> Flow,
    ) -> Result<PathBuf, ModelsError> {
        let staging = self.target.staging()?;
        // The ending tells what the file is.
        let named = match self.source.member.as_str() {
            "" => staging.path().join(self.published_name()),
            member => {
                on_event(Event::Unpacking);
                let name = Path::new(member).file_name().unwrap_or_default();
                staging.path().join(name)
            }
        };
        if self.source.member.is_empty() {
            std::fs::hard_link(path, &named)
                .or_else(|_no_links| std::fs::copy(path, &named).map(|_bytes| ()))
                .map_err(super::error::at("read", path))?;
        } else {
            archive::extract(path, &self.source.member, &named, self.limits.most_bytes)?;
        }
        on_event(Event::Converting);
        let options = ImportOptions {
            name: self.manifest.name.clone(),
            layers: LayerList::known(&self.source.layers),
            ..ImportOptions::default()
        };
        let imported = import::read(&named, &options).map_err(|source| ModelsError::Convert {
            from: fetched.url.clone(),
            source: Box::new(source),
        })?;
        for note in &imported.notes {
            on_event(Event::Note(note));
        }
        let origin = Origin {
            source: fetched.url.clone(),
            source_sha256: fetched.sums.sha256.clone(),
            check,
        };
        self.target
            .install(&imported, self.manifest, self.manifest_text, origin)
    }
}

fn expected(checksum: Checksum) -> Expected {
    match checksum {
        Checksum::Sha256(sum) => Expected::Sha256(sum),
        Checksum::Sha256Prefix(sum) => Expected::Sha256Prefix(sum),
        Checksum::Md5(sum) => Expected::Md5(sum),
        Checksum::FirstUse => Expected::Anything,
    }
}
