use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, ToSocketAddrs};

/// An HTTP/1.1 connection that is kept open. It knows no more than it takes to ask our own servers: answers have a
/// `Content-Length`.
pub(crate) struct Connection(BufReader<TcpStream>);

pub(crate) struct Answer {
    pub(crate) status: u16,
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests look closer"))]
    pub(crate) body_bytes: u64,
    #[cfg_attr(not(test), expect(dead_code, reason = "only tests look closer"))]
    pub(crate) head: String,
}

impl Connection {
    pub(crate) async fn open(address: impl ToSocketAddrs) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(64 * 1024, stream)))
    }

    /// Asks for `path`, with these lines of head beside `Host`, and reads the whole answer.
    pub(crate) async fn get(&mut self, path: &str, headers: &[String]) -> Result<Answer> {
        self.ask(path, headers, None).await
    }

    /// The same; with a body, as POST.
    pub(crate) async fn ask(
        &mut self,
        path: &str,
        headers: &[String],
        body: Option<&str>,
    ) -> Result<Answer> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        for header in headers {
            request += header;
            request += "\r\n";
        }
        if let Some(body) = body {
            request += &format!("Content-Length: {}\r\n", body.len());
        }
        request += "\r\n";
        request += body.unwrap_or_default();
        self.0.write_all(request.as_bytes()).await?;

        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).await?;
            ensure!(read > 0, "the connection was closed within the head of an answer");
        }
        let status = status(&head)?;
        let body_bytes = content_length(&head)?;
        let mut body = (&mut self.0).take(body_bytes);
        let read = tokio::io::copy_buf(&mut body, &mut tokio::io::sink()).await?;
        ensure!(read == body_bytes, "the connection was closed within the body of an answer");
        Ok(Answer { status, body_bytes, head })
    }
}

fn status(head: &str) -> Result<u16> {
    let code = head
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .context("no HTTP/1.1 answer")?;
    Ok(code.parse()?)
}

fn content_length(head: &str) -> Result<u64> {
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    bail!("an answer without Content-Length")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_needs_of_a_head() {
        let head =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: x\r\nCONTENT-LENGTH:  17\r\n\r\n";
        assert_eq!(status(head).expect("a status"), 503);
        assert_eq!(content_length(head).expect("a length"), 17);
        assert!(status("SSH-2.0\r\n").is_err());
        assert!(content_length("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
