use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::server::{Postgres, Server, access_body};

/// So many files leave places for 74 connections.
const FILES: u32 = 330;

#[test]
fn connections_leave_files_to_the_store_on_sqlite() {
    connections_leave_files_to(&[]);
}

#[test]
fn connections_leave_files_to_the_store_on_postgres() {
    let postgres = Postgres::database();
    let mut arguments = postgres.arguments().to_vec();
    arguments.extend(["--database-connections", "32"]);
    connections_leave_files_to(&arguments);
}

/// More connections than there are files for, and on the first of them whatever needs the database.
fn connections_leave_files_to(database: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["--limit-connections-per-address", "0"];
    arguments.extend(database);
    let server = Server::start_with_files(folder.path(), &arguments, FILES);
    let address = format!("127.0.0.1:{}", server.port());
    let mut held: Vec<_> = (0..150).map(|_| TcpStream::connect(&address).unwrap()).collect();
    for stream in &mut held {
        stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    }
    let first = &mut held[0];
    assert_eq!(answer(first), (200, b"ok".to_vec()));

    let body = access_body("Alice").to_string();
    let (status, granted) = ask(first, "POST", "/get-validator-access", None, &body);
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&granted));
    let granted: Value = serde_json::from_slice(&granted).unwrap();
    let token = granted["access_token"].as_str();
    for number in 0..20 {
        let body = json!({ "assignment_id": format!("{number}"), "status": "completed" });
        let body = body.to_string();
        assert_eq!(ask(first, "POST", "/api/v1/assignment-status", token, &body).0, 200);
        for path in ["/api/v1/assignments", "/api/v1/epochs"] {
            assert_eq!(ask(first, "GET", path, token, "").0, 200, "{path}");
        }
    }
    assert!(!server.log().contains("\"level\":\"ERROR\""), "{}", server.log());
    drop(held);
    server.stop();
}

fn ask(
    stream: &mut TcpStream,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, Vec<u8>) {
    let authorization =
        token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
    let length = format!("Content-Length: {}\r\n", body.len());
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{authorization}{length}\r\n");
    stream.write_all((head + body).as_bytes()).unwrap();
    answer(stream)
}

fn answer(stream: &mut TcpStream) -> (u16, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let status = head[9..12].parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    (status, body)
}
