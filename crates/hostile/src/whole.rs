use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::book::{Book, Recorded};
use crate::change::Edited;
use crate::kind::Kind;
use crate::reply::{ELSEWHERE, HERE, Manner, Reply};
use crate::values::ESCAPES;

/// Larger than any answer that is read, when it is decompressed, and sent as a thousandth of it.
const BOMB: usize = 100_000_000;
/// As large as an answer may be that is read to its end.
const LARGE: usize = 30_000_000;
const NESTED: usize = 100_000;
const SUCCESSES: [u16; 4] = [201, 202, 203, 206];
const REFUSALS: [u16; 15] =
    [100, 304, 400, 401, 403, 404, 405, 408, 409, 410, 413, 429, 500, 502, 503];
const REDIRECTIONS: [u16; 6] = [300, 301, 302, 303, 307, 308];

/// A whole answer that is another.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) kind: Kind,
    pub(crate) what: String,
    /// Whether the document allows such an answer.
    pub(crate) allowed: bool,
    pub(crate) reply: Plan,
}

/// A reply, made when it is needed where it is large.
#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Ready(Reply),
    /// Decompressed, it is `open`, so many bytes of `unit`, and `close`.
    Packed { honest: Reply, open: &'static str, unit: &'static str, length: usize, close: Vec<u8> },
    Edited(u16, Edited),
}

impl Plan {
    pub(crate) fn reply(&self) -> Reply {
        match self {
            Self::Ready(reply) => reply.clone(),
            Self::Packed { honest, open, unit, length, close } => {
                let body = gzip(|to| repeat(to, open, unit.as_bytes(), *length, close));
                packed(honest, "gzip", body)
            }
            Self::Edited(status, edited) => Reply::json(*status, edited.body()),
        }
    }
}

/// All that is done to an answer as a whole.
pub(crate) fn wholes(recorded: &Recorded, book: &Book) -> Vec<Whole> {
    let mut wholes = Wholes { recorded, honest: recorded.reply(), book, all: Vec::new() };
    wholes.statuses();
    wholes.waits();
    wholes.redirections();
    wholes.interruptions();
    wholes.compressions();
    wholes.bodies();
    wholes.heads();
    wholes.swaps();
    wholes.all
}

struct Wholes<'b> {
    recorded: &'b Recorded,
    honest: Reply,
    book: &'b Book,
    all: Vec<Whole>,
}

impl Wholes<'_> {
    fn add(&mut self, kind: Kind, what: impl Into<String>, reply: Reply) {
        self.push(kind, what, false, Plan::Ready(reply));
    }

    fn push(&mut self, kind: Kind, what: impl Into<String>, allowed: bool, reply: Plan) {
        self.all.push(Whole { kind, what: what.into(), allowed, reply });
    }

    /// An answer that says nothing else, and that there may be.
    fn add_allowed(&mut self, kind: Kind, what: impl Into<String>, reply: Reply) {
        self.push(kind, what, true, Plan::Ready(reply));
    }

    fn refusal(&self, status: u16) -> Reply {
        let mut body = Value::clone(&self.book.refusal(&self.recorded.operation).answer);
        body["error_code"] = code_of(status).into();
        Reply::json(status, body.to_string())
    }

    fn statuses(&mut self) {
        self.add(Kind::Status, "200 with an error", self.refusal(200));
        self.add(Kind::Status, "204", Reply::json(204, ""));
        for status in SUCCESSES {
            let reply = Reply { status, ..self.honest.clone() };
            self.add_allowed(Kind::Status, format!("{status} with the answer"), reply);
        }
        for status in REFUSALS {
            self.add(Kind::Status, format!("{status} with an error"), self.refusal(status));
            let reply = Reply { status, ..self.honest.clone() };
            self.add(Kind::Status, format!("{status} with the answer"), reply);
        }
        self.add(Kind::Status, "999", Reply { status: 999, ..self.honest.clone() });
    }

    fn waits(&mut self) {
        for status in [429, 503] {
            for (what, wait) in [
                ("0", "0"),
                ("1", "1"),
                ("2^64", "18446744073709551616"),
                ("2^64 - 1", "18446744073709551615"),
                ("negative", "-1"),
                ("a word", "soon"),
                ("9999", "Fri, 31 Dec 9999 23:59:59 GMT"),
            ] {
                let reply = self.refusal(status).with("retry-after", wait);
                let reply = reply.with("date", "Wed, 15 Jan 2025 12:00:00 GMT");
                self.add(Kind::Status, format!("{status} to come back at {what}"), reply);
            }
        }
    }

    fn redirections(&mut self) {
        let target = self.recorded.request.split_once(' ').expect("a request").1.to_owned();
        for status in REDIRECTIONS {
            for (what, to) in [("here", HERE), ("elsewhere", ELSEWHERE)] {
                let reply = Reply::json(status, "").with("location", format!("{to}{target}"));
                self.add(Kind::Redirected, format!("{status} {what}"), reply);
            }
        }
        let back = Reply::json(307, "").with("location", format!("{HERE}{target}?again"));
        self.add(Kind::Redirected, "for ever", back);
        for (what, to) in [("nowhere", ""), ("to a file", "file:///etc/passwd")] {
            self.add(Kind::Redirected, what, Reply::json(302, "").with("location", to));
        }
        let hostile = "https://e/\u{9b}31m\u{202e}".as_bytes();
        self.add(Kind::Redirected, "escapes", Reply::json(302, "").with("location", hostile));
        let long = format!("https://e/{}", "A".repeat(60_000));
        self.add(Kind::Redirected, "far", Reply::json(302, "").with("location", long));
    }

    fn interruptions(&mut self) {
        for (what, manner) in
            [("silent", Manner::Silent), ("stuck", Manner::Stuck), ("dripping", Manner::Dripping)]
        {
            self.add(Kind::Slow, what, self.honest.clone().in_manner(manner));
        }
        let head = self.honest.head("", "").len();
        let half = head + self.honest.body.len() / 2;
        for (what, manner) in [
            ("at once", Manner::Until(0)),
            ("in the status", Manner::Until(10)),
            ("in the head", Manner::Until(40)),
            ("after the head", Manner::Until(head)),
            ("in the middle", Manner::Until(half)),
            ("before the end", Manner::Until(head + self.honest.body.len() - 1)),
            ("a length too short", Manner::Misled(-1)),
            ("no length", Manner::Misled(i64::MIN / 2)),
            ("a length too long", Manner::Misled(10)),
            ("a length beyond all", Manner::Misled(i64::MAX / 2)),
            ("chunks", Manner::Chunked),
        ] {
            self.add(Kind::Broken, what, self.honest.clone().in_manner(manner));
        }
    }

    fn compressions(&mut self) {
        let honest = self.honest.body.to_vec();
        let once = gzip(|to| to.write_all(&honest));
        let twice = gzip(|to| to.write_all(&once));
        let cut = once[..once.len() / 2].to_vec();
        let honest_reply = self.honest.clone();
        let mut add = |what: &str, encoding: &str, body: Vec<u8>| {
            self.add(Kind::Compressed, what, packed(&honest_reply, encoding, body));
        };
        add("as it says", "gzip", once.clone());
        add("twice", "gzip", twice.clone());
        add("twice, as it says", "gzip, gzip", twice);
        add("cut", "gzip", cut);
        add("in secret", "identity", once);
        for encoding in ["gzip", "br", "zstd", "deflate", "whatever"] {
            add(&format!("not, but says {encoding}"), encoding, honest.clone());
        }
        self.pack("blanks", "", " ", BOMB, honest.clone());
        self.pack("zeros", "", "\0", BOMB, Vec::new());
        let rest = honest.strip_prefix(b"{").unwrap_or(&honest);
        for (what, item) in [("objects", "{},"), ("lists", "[],"), ("numbers", "0,")] {
            let close = [b"0],".as_slice(), rest].concat();
            self.pack(&format!("{what} besides"), r#"{"unheard_of":["#, item, LARGE, close);
        }
    }

    fn pack(&mut self, what: &str, open: &'static str, unit: &'static str, length: usize, close: Vec<u8>) {
        let honest = self.honest.clone();
        let plan = Plan::Packed { honest, open, unit, length, close };
        self.push(Kind::Compressed, what, false, plan);
    }

    fn bodies(&mut self) {
        let honest = String::from_utf8_lossy(&self.honest.body).into_owned();
        let hostile = ESCAPES.map(|(_, text)| text).concat();
        let nested = |open: &str, close: &str| {
            format!("{}{}", open.repeat(NESTED), close.repeat(NESTED)).into_bytes()
        };
        let (start, end) = honest.split_at(honest.len() / 2);
        let utf16: Vec<u8> = honest.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let utf8 = honest.replacen('"', "\"\u{fffd}", 1).into_bytes();
        let utf8 = replace(&utf8, "\u{fffd}".as_bytes(), b"\xff\xfe");
        for (what, body) in [
            ("empty", Vec::new()),
            ("a web page", b"<html><title>Welcome to nginx!</title></html>".to_vec()),
            ("escapes", hostile.into_bytes()),
            ("not UTF-8", utf8),
            ("UTF-16", utf16),
            ("zeros", vec![0; 1000]),
            ("deep lists", nested("[", "]")),
            ("deep objects", nested(r#"{"a":"#, "")),
            ("twice", [honest.as_bytes(), honest.as_bytes()].concat()),
            ("with more", [honest.as_bytes(), b" x"].concat()),
            ("with a comment", format!("/* */ {honest}").into_bytes()),
            ("in quotes", json!(honest).to_string().into_bytes()),
            ("in a list", format!("[{honest}]").into_bytes()),
            ("a control character within", format!("{start}\0{end}").into_bytes()),
            ("cut", start.as_bytes().to_vec()),
        ] {
            self.add(Kind::Body, what, Reply { body: body.into(), ..self.honest.clone() });
        }
        for (what, body) in [
            ("with a mark before", format!("\u{feff}{honest}")),
            ("with blanks around", format!("\r\n\t {honest} \n")),
        ] {
            let reply = Reply { body: body.into_bytes().into(), ..self.honest.clone() };
            self.add_allowed(Kind::Body, what, reply);
        }
        for kind in ["text/html", "application/octet-stream", "text/plain; charset=utf-16"] {
            let reply = self.honest.clone().with("content-type", kind);
            self.add_allowed(Kind::Body, format!("as {kind}"), reply);
        }
    }

    fn heads(&mut self) {
        let long = "A".repeat(1_000_000);
        let hostile = "\u{9b}31m\u{202e}".as_bytes();
        self.add(Kind::Body, "a head of 1 MB", self.honest.clone().with("x-padding", long));
        let mut many = self.honest.clone();
        many.headers.extend((0..10_000).map(|at| (format!("x-{at}"), b"1".to_vec())));
        self.add(Kind::Body, "a head of 10000 lines", many);
        for (what, id) in [("escapes", hostile.to_vec()), ("60 kB", vec![b'A'; 60_000])] {
            for status in [400, 500] {
                let mut body = Value::clone(&self.book.refusal(&self.recorded.operation).answer);
                body.as_object_mut().expect("an error").shift_remove("request_id");
                let reply = Reply::json(status, body.to_string()).with("x-request-id", id.clone());
                self.add(Kind::Status, format!("{status} with an id of {what}"), reply);
            }
        }
    }

    fn swaps(&mut self) {
        let mut seen = vec![self.recorded.answer.clone()];
        for page in self.book.pages.iter().rev() {
            for other in page.0.values() {
                if seen.contains(&other.answer) {
                    continue;
                }
                seen.push(other.answer.clone());
                // Of those that are made otherwise, one is enough.
                let of_another = other.operation != self.recorded.operation;
                let what = format!("the answer to {}", other.request);
                let known = self.all.iter().any(|whole| whole.what.contains(&other.operation));
                if !(of_another && known) {
                    let what = if of_another { format!("one of {}", other.operation) } else { what };
                    self.add(Kind::Swapped, what, Reply { status: self.recorded.status, ..other.reply() });
                }
            }
        }
    }
}

fn packed(honest: &Reply, encoding: &str, body: Vec<u8>) -> Reply {
    Reply { body: body.into(), ..honest.clone() }.with("content-encoding", encoding)
}

/// A code that goes with a status.
fn code_of(status: u16) -> &'static str {
    let codes = resi_protocol::wire::ErrorCode::ALL;
    codes.iter().find(|code| code.status() == status).map_or("INTERNAL_ERROR", |code| code.name())
}

fn gzip(write: impl FnOnce(&mut GzEncoder<Vec<u8>>) -> std::io::Result<()>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    write(&mut encoder).expect("written to memory");
    encoder.finish().expect("written to memory")
}

fn repeat(
    to: &mut GzEncoder<Vec<u8>>,
    open: &str,
    unit: &[u8],
    length: usize,
    close: &[u8],
) -> std::io::Result<()> {
    let block = unit.repeat(60_000 / unit.len());
    to.write_all(open.as_bytes())?;
    for _ in 0..length / block.len() {
        to.write_all(&block)?;
    }
    to.write_all(close)
}

fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    match text.windows(old.len()).position(|window| window == old) {
        Some(at) => [&text[..at], new, &text[at + old.len()..]].concat(),
        None => text.to_vec(),
    }
}
