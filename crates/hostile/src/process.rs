use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Longer than any command takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// So much is read of what a command says.
const READ: u64 = 4_000_000;

/// A command, and where it is at home.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: &'static str,
    pub(crate) home: PathBuf,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Nothing where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) errors: String,
    pub(crate) hung: bool,
}

impl Program {
    /// Runs it with at most `memory` bytes, where that is said.
    pub(crate) fn run(&self, arguments: &[String], memory: Option<u64>) -> Ran {
        let mut child = Command::new(self.path)
            .args(arguments)
            .env_clear()
            .env("HOME", &self.home)
            .current_dir(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if let Some(bytes) = memory {
            let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
            let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
            // It fails where the command has ended already, and then it needs none.
            let _ = prlimit(Some(pid), Resource::Data, limit);
        }
        let (done, ended) = channel();
        let (out, errors) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let readers = [
            std::thread::spawn({
                let done = done.clone();
                move || read(out, done)
            }),
            std::thread::spawn(move || read(errors, done)),
        ];
        // Both ends are closed when it ends.
        let hung = (0..2).any(|_| ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout));
        if hung {
            child.kill().unwrap();
        }
        let [out, errors] = readers.map(|reader| reader.join().unwrap());
        let code = child.wait().unwrap().code();
        Ran { code, out, errors, hung }
    }
}

fn read(from: impl Read, done: std::sync::mpsc::Sender<()>) -> String {
    let mut bytes = Vec::new();
    from.take(READ).read_to_end(&mut bytes).unwrap();
    let _ = done.send(());
    String::from_utf8_lossy(&bytes).into_owned()
}
