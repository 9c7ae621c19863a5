//! Fetching a pinned release and putting it in place.
//!
//! Everything is made ready in a hidden folder beside its final place, checked, synced, and put
//! there by one rename: at any moment a release is there whole or not at all. A lock file lets one
//! process at a time install; whoever waited looks again before fetching. What a killed run left
//! behind is removed by the next that holds the lock.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::causes::with_causes;

use super::{
    Environment, Error, Library, Origin, Progress,
    client::{Client, Fetched},
    device::Lack,
    error::{Failure, WaysOut},
    find, folders,
    nvidia::{self, Nvidia},
    pins::{CudaPin, NvidiaWheel, Package},
    unpack::{self, UnpackError},
};

/// The variants, as their folders are named.
const CPU: &str = "cpu";
const CUDA: &str = "cuda";

const STAGING_PREFIX: &str = ".incoming-";

/// Installs the pinned plain release, unless it is there and intact.
pub fn install(
    env: &Environment,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Library, Error> {
    let place = Place::lock(env, progress)?;
    match &env.pins.wheel {
        Some(package) if holds(&place.folder_of(CPU, package), package) => {
            library_in(env, &place.folder_of(CPU, package))
        }
        _ => place.install_cpu(env, progress),
    }
}

/// Installs a plain release unless `present`, asked once the lock is held, has one.
pub(super) fn install_unless(
    env: &Environment,
    progress: &mut dyn FnMut(Progress<'_>),
    present: impl FnOnce() -> Result<Option<Library>, Error>,
) -> Result<Library, Error> {
    let place = Place::lock(env, progress)?;
    match present()? {
        Some(library) => Ok(library),
        None => place.install_cpu(env, progress),
    }
}

/// Installs the CUDA variant, and those of NVIDIA's libraries that are nowhere on the system.
///
/// # Errors
/// No NVIDIA driver, no such variant for the platform, or a download that failed.
pub fn install_cuda(
    env: &Environment,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Library, Error> {
    let pin = env.pins.cuda.as_ref().ok_or(Error::NoCudaVariant)?;
    if Nvidia::detect(env).driver.is_none() {
        return Err(Error::NoCuda {
            card: 0,
            lacks: vec![Lack::Driver],
        });
    }
    let place = Place::lock(env, progress)?;
    let folder = place.folder_of(CUDA, &pin.package);
    if !holds(&folder, &pin.package) {
        place.install_package(
            env,
            CUDA,
            &pin.package,
            &[Client::Pip, Client::Uv],
            progress,
        )?;
    }
    place.install_nvidia(env, pin, &folder, progress)?;
    library_in(env, &folder)
}

/// Says whether an installed library and the files beside it are the pinned ones; `None` for a
/// library that was not installed by this program, or by a version of it with other pins. Reads
/// all of the files.
pub fn is_intact(env: &Environment, library: &Library) -> Option<bool> {
    let folder = library.path.parent()?;
    let name = folder.file_name()?;
    let cuda = env.pins.cuda.as_ref().map(|cuda| &cuda.package);
    let plain = [&env.pins.wheel, &env.pins.npm].into_iter().flatten();
    let mut known = plain
        .map(|package| (CPU, package))
        .chain(cuda.map(|package| (CUDA, package)));
    let package = known
        .find(|(variant, package)| *name == *folder_name(variant, package))?
        .1;
    (library.origin == Origin::Installed).then(|| holds(folder, package))
}

fn folder_name(variant: &str, package: &Package) -> String {
    format!("{variant}-{}", package.version)
}

/// Says whether every file of `package` lies in `folder`, unharmed.
fn holds(folder: &Path, package: &Package) -> bool {
    package
        .files
        .iter()
        .all(|file| unpack::is_intact(&folder.join(&file.name), file))
}

/// The folder of installations, with the lock on it held until this is dropped.
struct Place {
    runtime: PathBuf,
    _lock: File,
}

impl Place {
    fn lock(env: &Environment, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Self, Error> {
        let runtime = env.runtime_folder()?;
        fs::create_dir_all(&runtime).map_err(at("create the folder", &runtime))?;
        let path = runtime.join(".lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path);
        let lock = lock.map_err(at("open the lock", &path))?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                progress(Progress::Waiting);
                loop {
                    match flock(&lock, FlockOperation::LockExclusive) {
                        Ok(()) => break,
                        Err(rustix::io::Errno::INTR) => {}
                        Err(error) => return Err(at("take the lock", &path)(error.into())),
                    }
                }
            }
            Err(error) => return Err(at("take the lock", &path)(error.into())),
        }
        for left_behind in folders::children(&runtime, STAGING_PREFIX) {
            fs::remove_dir_all(&left_behind).map_err(at("remove", &left_behind))?;
        }
        Ok(Self {
            runtime,
            _lock: lock,
        })
    }

    fn folder_of(&self, variant: &str, package: &Package) -> PathBuf {
        self.runtime.join(folder_name(variant, package))
    }

    fn install_cpu(
        &self,
        env: &Environment,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Library, Error> {
        let mut failures = Vec::new();
        let mut what = "ONNX Runtime".to_owned();
        for (package, clients) in [
            (&env.pins.wheel, &[Client::Pip, Client::Uv][..]),
            (&env.pins.npm, &[Client::Npm][..]),
        ] {
            let Some(package) = package else { continue };
            match self.install_package(env, CPU, package, clients, progress) {
                Ok(folder) => return library_in(env, &folder),
                Err(Error::Install {
                    what: tried,
                    failures: more,
                    ..
                }) => {
                    if failures.is_empty() {
                        what = tried;
                    }
                    failures.extend(more);
                }
                Err(other) => return Err(other),
            }
        }
        if failures.is_empty() {
            let why = "no release is pinned for it".to_owned();
            failures.push(Failure {
                client: "this platform",
                why,
            });
        }
        let ways = self.ways_out(env);
        Err(Error::Install {
            what,
            failures,
            ways,
        })
    }

    fn ways_out(&self, env: &Environment) -> WaysOut {
        let version = env.pins.wanted();
        let name = if cfg!(target_os = "macos") {
            format!("libonnxruntime.{version}.dylib")
        } else {
            format!("libonnxruntime.so.{version}")
        };
        WaysOut {
            by_hand: self.runtime.join(format!("cpu-{version}")).join(name),
        }
    }

    /// Puts `package` in place with the first client that can. Returns its folder.
    fn install_package(
        &self,
        env: &Environment,
        variant: &str,
        package: &Package,
        clients: &[Client],
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf, Error> {
        let folder = self.folder_of(variant, package);
        let unpack =
            |fetched: &Fetched, ready: &Path| unpack::pinned(fetched, &package.files, ready);
        let order = Order {
            requirement: &package.requirement,
            download_bytes: package.download_bytes,
            clients,
            unpack: &unpack,
        };
        self.carry_out(env, &order, &folder, progress)?;
        Ok(folder)
    }

    fn install_nvidia(
        &self,
        env: &Environment,
        pin: &CudaPin,
        folder: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let missing = |env| {
            let provider = nvidia::provider(env, folder);
            provider
                .map(|(provider, _)| provider.missing)
                .unwrap_or_default()
        };
        for NvidiaWheel {
            requirement,
            download_bytes,
            provides,
        } in &pin.nvidia
        {
            let missing = missing(env);
            if !provides.iter().any(|name| missing.contains(name)) {
                continue;
            }
            let order = Order {
                requirement,
                download_bytes: *download_bytes,
                clients: &[Client::Pip, Client::Uv],
                unpack: &unpack::nvidia,
            };
            let name = requirement.replace("==", "-");
            let name = if name.starts_with("nvidia-") {
                name
            } else {
                format!("nvidia-{name}")
            };
            self.carry_out(env, &order, &self.runtime.join(name), progress)?;
        }
        match missing(env) {
            missing if missing.is_empty() => Ok(()),
            missing => Err(Error::NoCuda {
                card: 0,
                lacks: vec![Lack::Libraries(missing)],
            }),
        }
    }

    /// Fetches, unpacks and renames to `folder`, with each client in turn until one has done it.
    fn carry_out(
        &self,
        env: &Environment,
        order: &Order<'_>,
        folder: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<(), Error> {
        let mut failures = Vec::new();
        for &client in order.clients {
            let staging = tempfile::Builder::new()
                .prefix(STAGING_PREFIX)
                .tempdir_in(&self.runtime);
            let staging = staging.map_err(at("create a folder in", &self.runtime))?;
            match order.try_client(env, client, staging.path(), progress) {
                Ok(ready) => {
                    self.put_in_place(&ready, folder, staging.path())?;
                    progress(Progress::Installed { folder });
                    return Ok(());
                }
                Err(failure) => {
                    progress(Progress::Failed(&failure));
                    failures.push(failure);
                }
            }
        }
        let what = order.requirement.to_owned();
        Err(Error::Install {
            what,
            failures,
            ways: self.ways_out(env),
        })
    }

    /// A damaged installation in the way is moved into the staging folder, which is removed later.
    fn put_in_place(&self, ready: &Path, folder: &Path, staging: &Path) -> Result<(), Error> {
        sync_folder(ready)?;
        if folder.exists() {
            fs::rename(folder, staging.join("replaced")).map_err(at("replace", folder))?;
        }
        fs::rename(ready, folder).map_err(at("put in place", folder))?;
        sync_folder(&self.runtime)
    }
}

/// One package, who may fetch it, and how its files are taken out.
struct Order<'a> {
    requirement: &'a str,
    download_bytes: u64,
    clients: &'a [Client],
    unpack: &'a dyn Fn(&Fetched, &Path) -> Result<(), UnpackError>,
}

impl Order<'_> {
    /// Fetches with `client` and unpacks. Returns the folder that is ready to be put in place.
    fn try_client(
        &self,
        env: &Environment,
        client: Client,
        staging: &Path,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<PathBuf, Failure> {
        let failure = |why| client.failure(why);
        let program = client.program(env)?;
        let (fetching, ready) = (staging.join("fetching"), staging.join("ready"));
        for path in [&fetching, &ready] {
            fs::create_dir(path)
                .map_err(|error| failure(format!("cannot create {}: {error}", path.display())))?;
        }
        let total = self.download_bytes;
        progress(Progress::Fetching {
            requirement: self.requirement,
            client: client.name(),
            total,
        });
        // Clients copy what they fetched from one folder to the next, hence the cap.
        let mut transferred = |bytes: u64| progress(Progress::Transferred(bytes.min(total)));
        let fetched = client.fetch(env, &program, self.requirement, &fetching, &mut transferred)?;
        progress(Progress::Checking);
        (self.unpack)(&fetched, &ready).map_err(|error| failure(with_causes(&error)))?;
        Ok(ready)
    }
}

fn library_in(env: &Environment, folder: &Path) -> Result<Library, Error> {
    find::library_in(env, folder, Origin::Installed, &mut Vec::new()).ok_or_else(|| {
        let source = io::Error::other("no usable library lies there after all");
        at("use the installation in", folder)(source)
    })
}

fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(at("sync", folder))
}

fn at<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Error + 'a {
    move |source| Error::File {
        doing,
        path: path.to_path_buf(),
        source,
    }
}
