//! A server of files on this machine that can misbehave in every way that servers do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    pub path: String,
    head: String,
}

impl Asked {
    /// Returns a header of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Returns the first byte of the range that is asked for.
    pub fn from(&self) -> Option<usize> {
        let range = self.header("range")?.strip_prefix("bytes=")?;
        range.split('-').next()?.parse().ok()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    length: Option<usize>,
    sent: usize,
    stalls: bool,
}

impl Reply {
    /// The body with its true length.
    pub fn whole(body: &[u8]) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.to_vec(),
            length: Some(body.len()),
            sent: body.len(),
            stalls: false,
        }
    }

    /// The body from the byte that is asked for on, as a server does that can resume.
    pub fn resumable(asked: &Asked, body: &[u8], tag: &str) -> Self {
        let is_same = asked.header("if-range").is_none_or(|stated| stated == tag);
        let reply = match asked.from().filter(|_| is_same) {
            Some(from) if from >= body.len() => Self::status(416),
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
                Self {
                    status: 206,
                    ..Self::whole(&body[from..])
                }
                .with("Content-Range", &range)
            }
            None => Self::whole(body),
        };
        reply.with("ETag", tag)
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::whole(b"")
        }
    }

    pub fn redirect(to: &str) -> Self {
        Self::status(302).with("Location", to)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Ends the connection after so many bytes of the body.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.sent = bytes.min(self.sent);
        self
    }

    /// Sends nothing more, and keeps the connection.
    pub fn then_stall(mut self) -> Self {
        self.stalls = true;
        self
    }

    /// States another length than it has.
    pub fn claiming(mut self, length: Option<usize>) -> Self {
        self.length = length;
        self
    }
}

/// A running server; it ends with the test.
pub struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that answers the `n`th request (from 0) as `answer` says.
    pub fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let over = Arc::new(AtomicBool::new(false));
        let (log, ended) = (Arc::clone(&asked), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            let mut waiting = Vec::new();
            for stream in listener.incoming() {
                if ended.load(Ordering::Acquire) {
                    break;
                }
                let Some((mut stream, request)) = stream.ok().and_then(request) else {
                    continue;
                };
                let number = {
                    let mut log = log.lock().unwrap();
                    log.push(request.clone());
                    log.len() - 1
                };
                let reply = answer(&request, number);
                // A client may go away at any time, which is no concern of the server.
                let _gone = send(&mut stream, &reply);
                if reply.stalls {
                    waiting.push(stream);
                } else {
                    let _gone = stream.shutdown(Shutdown::Both);
                }
            }
        });
        Self {
            address,
            asked,
            over,
            thread: Some(thread),
        }
    }

    /// Returns the address of a file.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Returns the requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        let _wakes = TcpStream::connect(&self.address);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn request(mut stream: TcpStream) -> Option<(TcpStream, Asked)> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 || head.len() > 10_000 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?.to_owned();
    Some((stream, Asked { path, head }))
}

fn send(stream: &mut TcpStream, reply: &Reply) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {} x\r\nConnection: close\r\n",
        reply.status
    )?;
    if let Some(length) = reply.length {
        write!(stream, "Content-Length: {length}\r\n")?;
    }
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    stream.write_all(&reply.body[..reply.sent])?;
    stream.flush()
}
