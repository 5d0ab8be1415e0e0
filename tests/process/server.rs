use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use resi_data_api::clock::{Clock, SystemClock};
use resi_protocol::Keypair;
use resi_protocol::wire::signing_message;
use resi_store::contract::postgres_server;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tempfile::NamedTempFile;

use crate::ways::HEX;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_resi-data-api");
/// Longer than a busy machine needs for anything here.
const PATIENCE: Duration = Duration::from_secs(60);
/// The last line of a log.
const ENDED: &str = "(the process has ended)\n";

/// A running service, with what it has logged so far.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: Arc<(Mutex<String>, Condvar)>,
    agent: ureq::Agent,
}

impl Server {
    /// Starts it and waits until it serves.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let server = Self::spawn(folder, arguments);
        server.wait_for_log("\"message\":\"ready\"");
        server
    }

    /// The same where it may open so many files.
    pub(crate) fn start_with_files(folder: &Path, arguments: &[&str], files: u32) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), BINARY]);
        let server = Self::run(shell, folder, arguments);
        server.wait_for_log("\"message\":\"ready\"");
        server
    }

    pub(crate) fn spawn(folder: &Path, arguments: &[&str]) -> Self {
        Self::run(Command::new(BINARY), folder, arguments)
    }

    fn run(mut command: Command, folder: &Path, arguments: &[&str]) -> Self {
        command
            .args(["serve", "--port", "0", "--log-format", "json", "--data-dir", "data"])
            .args([
                "--limit-requests-per-hour",
                "0",
                "--limit-reports-per-hour",
                "0",
                "--limit-assignments-per-epoch",
                "0",
            ])
            .args(arguments)
            .current_dir(folder)
            .env_clear();
        Self::of(&mut command)
    }

    /// Starts a command that serves, and logs as JSON.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::new((Mutex::new(String::new()), Condvar::new()));
        let reader = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut text = reader.0.lock().unwrap();
                text.push_str(&line);
                text.push('\n');
                reader.1.notify_all();
            }
            reader.0.lock().unwrap().push_str(ENDED);
            reader.1.notify_all();
        });
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE));
        Self { child, log, agent: config.build().into() }
    }

    pub(crate) fn log(&self) -> String {
        self.log.0.lock().unwrap().clone()
    }

    pub(crate) fn wait_for_log(&self, text: &str) {
        let log = self.log.0.lock().unwrap();
        let is_to_come = |log: &mut String| !log.contains(text) && !log.ends_with(ENDED);
        let (log, _) = self.log.1.wait_timeout_while(log, PATIENCE, is_to_come).unwrap();
        assert!(log.contains(text), "{text} is not in the log:\n{log}");
    }

    /// The value of a field of the line that says it is ready.
    fn ready(&self, field: &str) -> String {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("\"message\":\"ready\"")).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        line[field].as_str().unwrap_or_else(|| panic!("no {field} in {line}")).to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.ready("address"))
    }

    pub(crate) fn port(&self) -> String {
        self.ready("address").rsplit_once(':').unwrap().1.to_owned()
    }

    pub(crate) fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        self.fetch(&self.url(path), token)
    }

    pub(crate) fn metrics(&self) -> (u16, String) {
        self.fetch(&format!("http://{}/metrics", self.ready("metrics_address")), None)
    }

    fn fetch(&self, url: &str, token: Option<&str>) -> (u16, String) {
        let mut request = self.agent.get(url);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().unwrap();
        (response.status().as_u16(), response.body_mut().read_to_string().unwrap())
    }

    pub(crate) fn get_json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path, None).1).unwrap()
    }

    /// The answer, or nothing where the connection broke.
    pub(crate) fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> Option<(u16, Value)> {
        let mut request = self.agent.post(self.url(path));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.send(body.to_string()).ok()?;
        let text = response.body_mut().read_to_string().ok()?;
        Some((response.status().as_u16(), serde_json::from_str(&text).ok()?))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Stops it in good order, and hands back what it logged.
    pub(crate) fn stop(mut self) -> String {
        self.signal(Signal::INT);
        let status = self.wait();
        assert!(status.success(), "{status}\n{}", self.log());
        self.log()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that was stopped is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request for access of the development key `name`, signed now.
pub(crate) fn access_body(name: &str) -> Value {
    let key = Keypair::development(name);
    let (hotkey, timestamp) = (key.hotkey().to_string(), SystemClock::new().now().seconds());
    let signature =
        key.sign(signing_message(&hotkey, timestamp, "ZILLOW_SOLD").as_bytes()).to_hex();
    json!({ "hotkey": hotkey, "timestamp": timestamp, "signature": signature, "sources": "ZILLOW_SOLD" })
}

pub(crate) fn access_token(server: &Server, name: &str) -> String {
    let (status, answer) = server.post("/get-validator-access", None, &access_body(name)).unwrap();
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Whether the report was acknowledged.
pub(crate) fn report(server: &Server, token: &str, id: &str) -> bool {
    let body = json!({ "assignment_id": id, "status": "completed", "statistics": { "success_rate": 0.5 } });
    server
        .post("/api/v1/assignment-status", Some(token), &body)
        .is_some_and(|(status, _)| status == 200)
}

/// A database of a test's own, dropped at its end.
#[derive(Debug)]
pub(crate) struct Postgres {
    server: String,
    name: String,
    pub(crate) url: String,
    settings: NamedTempFile,
}

impl Postgres {
    pub(crate) fn database() -> Self {
        let server = postgres_server();
        let name = format!("process_{}_{:?}", std::process::id(), std::thread::current().id())
            .replace(|character: char| !character.is_ascii_alphanumeric(), "_")
            .to_lowercase();
        execute(&server, format!("CREATE DATABASE {name}"));
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        Self { server, name, url, settings: NamedTempFile::new().unwrap() }
    }

    /// Secrets are not for a command line.
    pub(crate) fn arguments(&self) -> [&str; 2] {
        let lines = format!(
            "database_url = \"{}\"\nrotation_key = \"{HEX}\"\njwt_keys = \"a:{}\"\n",
            self.url,
            HEX.chars().rev().collect::<String>()
        );
        std::fs::write(&self.settings, lines).unwrap();
        ["--config", self.settings.path().to_str().unwrap()]
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        execute(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

fn execute(server: &str, statement: String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(server).await.unwrap();
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}
