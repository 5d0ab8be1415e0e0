//! Asks a running service whether it is ready: the healthcheck of a container that has no shell and no curl.

use std::time::Duration;

use anyhow::{Context, ensure};

/// Succeeds where `/readyz` of the service at `url` answers 200 within `timeout`.
///
/// # Errors
/// When it cannot be reached in time, or answers anything else.
pub fn run(url: &str, timeout: Duration) -> anyhow::Result<()> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build(),
    );
    let target = format!("{}/readyz", url.trim_end_matches('/'));
    let answer = agent.get(&target).call().with_context(|| target.clone())?;
    ensure!(answer.status().as_u16() == 200, "{target} answered {}", answer.status());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    fn answered(head: &'static str) -> anyhow::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let read = stream.read(&mut [0; 4096]).expect("a request");
            assert!(read > 0);
            stream.write_all(head.as_bytes()).expect("an answer");
        });
        let outcome = run(&url, Duration::from_secs(5));
        server.join().expect("the server ends");
        outcome
    }

    #[test]
    fn only_200_is_healthy() {
        let healthy = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let draining =
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        assert!(answered(healthy).is_ok());
        let error = answered(draining).expect_err("503 is not ready");
        assert!(error.to_string().contains("503"), "{error}");
    }
}
