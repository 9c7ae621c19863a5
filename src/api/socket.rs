//! Where the daemon's socket is: computed the same way by daemon and client.
//!
//! In the studio's own folder `.pentimento`; where that is on a network filesystem, belongs to
//! somebody else or has too long a path, under the user's runtime folder or, without one, in a
//! folder of the user's own below the temporary one: the daemon takes the first that it can have,
//! and a client tries them in the same order. The folder lets in its owner alone, and the socket
//! gets its mode before anybody can connect.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as BlockingStream;
use std::path::Path;
use std::path::PathBuf;

use rustix::net::AddressFamily;
use rustix::net::SocketAddrUnix;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use sha2::Digest;
use sha2::Sha256;
use tokio::net::UnixListener;
use tokio::net::UnixStream;

use crate::job::names::display_path;

/// The socket's name in the studio's own folder.
const NAME: &str = "sock";

/// The most bytes of a socket's path: the system's field has 108, the last one zero.
const PATH_MAX: usize = 107;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// What the place depends on beside the studio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// `$XDG_RUNTIME_DIR`, if it is set.
    pub runtime_dir: Option<PathBuf>,
    /// The folder for temporary files.
    pub temp_dir: PathBuf,
}

impl Places {
    /// Returns the places of this process.
    pub fn from_process() -> Self {
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self {
            runtime_dir: runtime_dir.filter(|path| path.is_absolute()),
            temp_dir: std::env::temp_dir(),
        }
    }

    /// Returns where the socket of the studio whose own folder is `state` may be, the best first.
    pub fn candidates(&self, state: &Path) -> Vec<PathBuf> {
        let mut places = Vec::new();
        if !is_elsewhere(state) {
            places.push(state.join(NAME));
        }
        // However the folder was named, the other side computes the same.
        let real = state.canonicalize().unwrap_or_else(|_| state.to_owned());
        let digest = Sha256::digest(real.as_os_str().as_bytes());
        let hash = u64::from_be_bytes(std::array::from_fn(|at| digest[at]));
        let file = format!("{hash:016x}.sock");
        places.extend(
            self.runtime_dir
                .iter()
                .map(|dir| dir.join("pentimento").join(&file)),
        );
        let uid = rustix::process::geteuid().as_raw();
        places.push(self.temp_dir.join(format!("pentimento-{uid}")).join(&file));
        places.retain(|path| path.as_os_str().len() <= PATH_MAX);
        places
    }
}

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Something else is where the socket should be.
    #[error(
        "{} is there and is no socket: it is not removed; move it away",
        display_path(path)
    )]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Another process answers there.
    #[error("another process listens on {}", display_path(path))]
    InUse {
        /// The path.
        path: PathBuf,
    },
    /// The folder of the socket is not the user's own.
    #[error("{} is not a folder of this user's own", display_path(path))]
    NotOwned {
        /// The folder.
        path: PathBuf,
    },
    /// No path is short enough.
    #[error(
        "the path of the socket would be longer than {PATH_MAX} bytes everywhere; set \
         XDG_RUNTIME_DIR to a short path"
    )]
    TooLong,
    /// The system refuses.
    #[error("cannot {what} {}", display_path(path))]
    Io {
        /// The verb and its object.
        what: &'static str,
        /// What it was done to.
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// A socket that is listened on; its file is removed in the end.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
    identity: (u64, u64),
}

impl Listener {
    /// Listens for the studio whose own folder is `state`. Only for the holder of the studio's lock:
    /// a socket that nobody answers on is taken to be left over.
    pub fn open(state: &Path, places: &Places) -> Result<Self, SocketError> {
        let mut refused = SocketError::TooLong;
        for path in places.candidates(state) {
            let folder = path.parent().unwrap_or(Path::new("/"));
            match own(folder) {
                Ok(()) => return Self::at(path),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn at(path: PathBuf) -> Result<Self, SocketError> {
        clear(&path)?;
        let failed = |what| {
            let path = path.clone();
            move |source: io::Error| SocketError::Io { what, path, source }
        };
        let socket = bind(&path).map_err(failed("listen on"))?;
        let metadata = fs::symlink_metadata(&path).map_err(failed("look at"))?;
        Ok(Self {
            socket,
            identity: (metadata.dev(), metadata.ino()),
            path,
        })
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Waits for a connection by this user or root; others are turned away. Nothing is lost when
    /// cancelled.
    pub async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _address) = self.socket.accept().await?;
            if is_allowed(&stream) {
                return Ok(stream);
            }
            tracing::warn!("a connection by another user was turned away");
        }
    }

    /// Returns whether the socket is still where clients look for it.
    pub fn is_there(&self) -> bool {
        let metadata = fs::symlink_metadata(&self.path);
        metadata.is_ok_and(|found| (found.dev(), found.ino()) == self.identity)
    }

    /// Listens anew in the same place, after the file was deleted.
    pub fn reopen(&mut self) -> Result<(), SocketError> {
        let reopened = Self::at(self.path.clone())?;
        // The old one's file is gone already; what is there now is the new one's.
        let old = std::mem::replace(self, reopened);
        self.identity = fs::symlink_metadata(&self.path)
            .map_or(self.identity, |found| (found.dev(), found.ino()));
        drop(old);
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if self.is_there() {
            // A file that stays is taken for left over at the next start.
            let _best_effort = fs::remove_file(&self.path);
        }
    }
}

/// Returns whether a client is this user or root.
fn is_allowed(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    is_one_of(stream, &[own, 0])
}

/// Returns whether a daemon is this user's or root's; root may talk to anybody's.
pub(super) fn is_trusted(stream: &UnixStream) -> bool {
    rustix::process::geteuid().is_root() || is_allowed(stream)
}

fn is_one_of(stream: &UnixStream, users: &[u32]) -> bool {
    let peer = stream.peer_cred();
    peer.is_ok_and(|peer| users.contains(&peer.uid()))
}

/// Returns whether a folder is on a filesystem of the network, where sockets do not work.
fn is_elsewhere(folder: &Path) -> bool {
    // NFS, SMB in its three forms, Ceph, AFS, Coda, 9P, Lustre, and what runs in user space (sshfs).
    const ELSEWHERE: [u32; 10] = [
        0x6969,
        0x517b,
        0xff53_4d42,
        0xfe53_4d42,
        0x00c3_6400,
        0x5346_414f,
        0x7375_7245,
        0x0102_1997,
        0x0bd0_0bd0,
        0x6573_5546,
    ];
    let kind = rustix::fs::statfs(folder).map(|status| status.f_type);
    // The field's width differs between systems; the numbers have 32 bits.
    kind.is_ok_and(|kind| {
        ELSEWHERE
            .iter()
            .any(|known| i64::from(*known) == (kind & 0xffff_ffff))
    })
}

/// Makes the folder of a socket, or holds that it is this user's own, and shuts it to others.
fn own(folder: &Path) -> Result<(), SocketError> {
    let failed = |what| {
        let path = folder.to_owned();
        move |source: io::Error| SocketError::Io { what, path, source }
    };
    let made = fs::DirBuilder::new()
        .recursive(false)
        .mode(0o700)
        .create(folder);
    match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => made.map_err(failed("create the folder"))?,
    }
    let metadata = fs::symlink_metadata(folder).map_err(failed("look at"))?;
    let is_own = metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw();
    if !is_own {
        return Err(SocketError::NotOwned {
            path: folder.to_owned(),
        });
    }
    if metadata.mode() & 0o077 != 0 {
        let shut = fs::Permissions::from_mode(0o700);
        fs::set_permissions(folder, shut).map_err(failed("shut to others"))?;
    }
    Ok(())
}

/// Removes a socket that nobody answers on.
fn clear(path: &Path) -> Result<(), SocketError> {
    let failed = |what| {
        let path = path.to_owned();
        move |source: io::Error| SocketError::Io { what, path, source }
    };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.map_err(failed("look at"))?,
    };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NotASocket {
            path: path.to_owned(),
        });
    }
    match BlockingStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed("remove the stale socket"))
        }
        Err(source) => Err(failed("connect to")(source)),
        Ok(_answered) => Err(SocketError::InUse {
            path: path.to_owned(),
        }),
    }
}

/// Binds a socket, gives it its mode, and only then listens.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    rustix::net::listen(&socket, BACKLOG)?;
    UnixListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(runtime_dir: Option<&Path>, temp_dir: &Path) -> Places {
        Places {
            runtime_dir: runtime_dir.map(Path::to_owned),
            temp_dir: temp_dir.to_owned(),
        }
    }

    fn in_runtime<T>(act: impl FnOnce() -> T) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _entered = runtime.enter();
        act()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn it_lies_in_the_studio_or_where_the_path_is_short() {
        let dir = tempfile::tempdir().unwrap();
        let short = dir.path().join("short");
        let long = dir.path().join("x".repeat(120));
        fs::create_dir_all(&short).unwrap();
        fs::create_dir_all(&long).unwrap();
        let (run, temp) = (Path::new("/run/user/7"), Path::new("/tmp"));
        let of_short = places(Some(run), temp).candidates(&short);
        assert_eq!(of_short[0], short.join("sock"));
        let of_long = places(Some(run), temp).candidates(&long);
        assert!(
            of_long[0].starts_with("/run/user/7/pentimento"),
            "{of_long:?}"
        );
        let uid = rustix::process::geteuid().as_raw();
        let own = format!("/tmp/pentimento-{uid}");
        assert!(places(None, temp).candidates(&long)[0].starts_with(&own));
        // Both sides agree whichever way they came to the folder.
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&long, &link).unwrap();
        let through_link = places(None, temp).candidates(&link);
        assert_eq!(
            through_link.last(),
            places(None, temp).candidates(&long).last()
        );
        let nowhere = places(None, Path::new(&format!("/{}", "y".repeat(120))));
        assert!(nowhere.candidates(&long).is_empty());
    }

    #[test]
    fn a_socket_is_its_owners_alone_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join(".pentimento");
        fs::create_dir(&state).unwrap();
        fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
        let places = places(None, dir.path());
        let path = in_runtime(|| {
            let listener = Listener::open(&state, &places).unwrap();
            let path = listener.path().to_owned();
            assert_eq!((mode(&state), mode(&path)), (0o700, 0o600));
            assert!(matches!(
                Listener::open(&state, &places),
                Err(SocketError::InUse { .. })
            ));
            path
        });
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_replaced_and_anything_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let places = places(None, dir.path());
        let sock = dir.path().join("sock");
        // The file outlives its listener.
        drop(std::os::unix::net::UnixListener::bind(&sock).unwrap());
        assert!(sock.exists());
        in_runtime(|| drop(Listener::open(dir.path(), &places).unwrap()));
        let refused = || {
            in_runtime(|| match Listener::open(dir.path(), &places) {
                Err(SocketError::NotASocket { path }) => assert_eq!(path, sock),
                other => panic!("{other:?}"),
            });
        };
        fs::write(&sock, "mine").unwrap();
        refused();
        assert_eq!(fs::read(&sock).unwrap(), b"mine");
        fs::remove_file(&sock).unwrap();
        fs::create_dir(&sock).unwrap();
        refused();
        fs::remove_dir(&sock).unwrap();
        std::os::unix::fs::symlink("/nowhere", &sock).unwrap();
        refused();
        assert!(sock.is_symlink());
    }

    #[test]
    fn a_deleted_socket_is_made_again() {
        let dir = tempfile::tempdir().unwrap();
        let places = places(None, dir.path());
        in_runtime(|| {
            let mut listener = Listener::open(dir.path(), &places).unwrap();
            assert!(listener.is_there());
            fs::remove_file(listener.path()).unwrap();
            assert!(!listener.is_there());
            listener.reopen().unwrap();
            assert!(listener.is_there());
            BlockingStream::connect(listener.path()).unwrap();
        });
    }
}
