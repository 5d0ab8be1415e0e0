use std::sync::Arc;

/// Stands in a header for the address of the service, as it was asked.
pub(crate) const HERE: &str = "{here}";
/// Stands in a header for another address, where the same is answered, and watched.
pub(crate) const ELSEWHERE: &str = "{elsewhere}";

/// An answer as it is written to a connection.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Arc<[u8]>,
    pub(crate) manner: Manner,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// All of it, and its true length.
    Whole,
    /// All of it, with a length that is off by so many bytes, then the end.
    Misled(i64),
    /// So many bytes of head and body, then the end.
    Until(usize),
    /// Head and half of the body, then nothing for ever.
    Stuck,
    /// Nothing for ever.
    Silent,
    /// A byte now and then.
    Dripping,
    /// In chunks, the last of which makes no sense.
    Chunked,
}

impl Reply {
    pub(crate) fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body: Vec<u8> = body.into();
        let headers = vec![("content-type".into(), b"application/json".to_vec())];
        Self { status, headers, body: body.into(), manner: Manner::Whole }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn in_manner(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    /// The head, with `here` and `elsewhere` in the places of those words.
    pub(crate) fn head(&self, here: &str, elsewhere: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Whatever\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            let value = match std::str::from_utf8(value) {
                Ok(text) => text.replace(HERE, here).replace(ELSEWHERE, elsewhere).into_bytes(),
                Err(_) => value.clone(),
            };
            head.extend_from_slice(format!("{name}: ").as_bytes());
            head.extend_from_slice(&value);
            head.extend_from_slice(b"\r\n");
        }
        let length = self.body.len() as i64;
        match self.manner {
            Manner::Chunked => head.extend_from_slice(b"transfer-encoding: chunked\r\n"),
            _ if matches!(self.status, 204 | 304) => {}
            Manner::Misled(by) => {
                head.extend_from_slice(
                    format!("content-length: {}\r\n", (length + by).max(0)).as_bytes(),
                );
            }
            _ => head.extend_from_slice(format!("content-length: {length}\r\n").as_bytes()),
        }
        head.extend_from_slice(b"connection: close\r\n\r\n");
        head
    }
}
