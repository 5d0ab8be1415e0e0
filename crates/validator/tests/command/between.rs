use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is done to the body of an answer, where it comes from the path.
type Change = Box<dyn Fn(&str, String) -> String + Send>;

/// Stands between the command and a service, and changes answers.
pub(crate) struct Between {
    address: SocketAddr,
    change: Arc<Mutex<Change>>,
}

impl Between {
    pub(crate) fn new(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let change: Arc<Mutex<Change>> = Arc::new(Mutex::new(Box::new(|_, body| body)));
        let shared = Arc::clone(&change);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let _ = pass(&stream.unwrap(), service, &shared);
            }
        });
        Self { address, change }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, bodies of answers are what `change` makes of path and body.
    pub(crate) fn changes(&self, change: impl Fn(&str, String) -> String + Send + 'static) {
        *self.change.lock().unwrap() = Box::new(change);
    }

    /// From now on, in answers of paths that contain `path`, one text is another.
    pub(crate) fn replaces(&self, path: &'static str, old: &str, new: &str) {
        let (old, new) = (old.to_owned(), new.to_owned());
        self.changes(move |of, body| {
            if !of.contains(path) {
                return body;
            }
            assert!(body.contains(&old), "{old} is not in {body}");
            body.replace(&old, &new)
        });
    }
}

fn pass(client: &TcpStream, service: SocketAddr, change: &Mutex<Change>) -> std::io::Result<()> {
    let (head, body) = message(client, false)?;
    let mut upstream = TcpStream::connect(service)?;
    let mut lines = head.lines();
    let start = lines.next().unwrap_or_default().to_owned();
    let kept = lines.filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "accept-encoding" | "connection" | "")
    });
    let kept: String = kept.map(|line| format!("{line}\r\n")).collect();
    write!(upstream, "{start}\r\n{kept}connection: close\r\n\r\n")?;
    upstream.write_all(&body)?;
    let (head, body) = message(&upstream, true)?;
    let path = start.split(' ').nth(1).unwrap_or_default();
    let body = change.lock().unwrap()(path, String::from_utf8(body).unwrap());
    let status = head.lines().next().unwrap_or_default();
    let length = body.len();
    let mut client = client;
    write!(client, "{status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// The head and the body of a request, or of an answer after which the connection ends.
fn message(stream: &TcpStream, ends: bool) -> std::io::Result<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let mut body = Vec::new();
    if ends {
        reader.read_to_end(&mut body)?;
        return Ok((head, body));
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    reader.take(length.unwrap_or(0)).read_to_end(&mut body)?;
    Ok((head, body))
}
