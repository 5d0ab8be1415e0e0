//! Asks a running service whether it is ready: the health check of a container that has no shell and no curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use resi_protocol::Foreign;
use resi_secret::ShownUrl;

/// Larger answers are not read.
const MAX_ANSWER: u64 = 16 * 1024;
/// So much of it is shown.
const SHOWN: usize = 1_000;

/// The URL of a service that listens at `listen`, from the same machine.
pub fn url_of(listen: SocketAddr) -> String {
    let here = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(here, listen.port()))
}

/// Says that `/readyz` of the service at `url` answers 200 within `timeout`.
///
/// # Errors
/// When it cannot be reached in time, or answers anything else: then with what it says.
pub fn run(url: &str, timeout: Duration) -> Result<String> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .build(),
    );
    let target = format!("{}/readyz", url.trim_end_matches('/'));
    let mut answer = agent.get(&target).call().with_context(|| ShownUrl(&target).to_string())?;
    let status = answer.status().as_u16();
    let said = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_string();
    let said = said.unwrap_or_default();
    let (shown, said) = (ShownUrl(&target), Foreign::new(&said).at_most(SHOWN));
    ensure!(status == 200, "{shown} answered {status} {said}");
    Ok("ready\n".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn what_a_service_answers_is_shown_escaped_and_cut() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = url_of(listener.local_addr().expect("an address"));
        let body = format!("\u{1b}[2J\nready\n{}", "x".repeat(9_000));
        let head = format!("HTTP/1.1 503 \r\nContent-Length: {}\r\n\r\n", body.len());
        let service = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 1_024]).expect("a request");
            stream.write_all((head + &body).as_bytes()).expect("sent");
        });
        let error = run(&url, Duration::from_secs(60)).expect_err("not ready").to_string();
        service.join().expect("no panic");
        assert!(error.contains(r" 503 \u{1b}[2J\nready\nxxx"), "{error}");
        assert!(!error.chars().any(char::is_control) && error.chars().count() < 1_200);
    }

    #[test]
    fn a_service_that_listens_everywhere_is_asked_here() {
        for (listen, url) in [
            ("0.0.0.0:8000", "http://127.0.0.1:8000"),
            ("[::]:8000", "http://[::1]:8000"),
            ("10.0.0.7:80", "http://10.0.0.7:80"),
        ] {
            assert_eq!(url_of(listen.parse().expect("an address")), url);
        }
    }
}
