//! Every secret setting, by every way to give it, malformed in every way, to every command that reads it: no piece of the
//! secret is in what the command says. Which settings and commands there are is read from the command line's definition.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use clap::CommandFactory as _;
use resi_data_api::cli::Cli;
use resi_secret::command_line::{is_secret, is_secret_file};

use crate::server::{BINARY, Postgres, Server, access_token, report};
use crate::ways::{DIGITS, HEX, WORDS, files, piece_shown, values};

/// Nothing listens there.
const NOBODY: &str = "127.0.0.1:1";
const WORKERS: usize = 4;

/// A command that reads settings.
#[derive(Clone, Debug)]
struct Reader {
    words: Vec<String>,
    /// What it must be given besides.
    positionals: usize,
    settings: Vec<Setting>,
}

/// A setting that is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    /// `None` where it is the first word after the command.
    flag: Option<String>,
    variable: Option<String>,
    is_file: bool,
}

impl Setting {
    /// Its name in a settings file.
    fn name(&self) -> String {
        self.flag.as_deref().unwrap_or_default().replace(['-', '.'], "_")
    }

    /// What stands before and after the secret in a value that is fine, and a secret that fits.
    fn form(&self) -> Vec<(String, &'static str, String)> {
        let form =
            |before: &str, secret, after: &str| (before.to_owned(), secret, after.to_owned());
        let at = |before: &str, after: &str| form(before, WORDS, after);
        let name = self.name().trim_end_matches("_file").to_owned();
        match name.as_str() {
            "database_url" => vec![
                at("postgres://resi:", &format!("@{NOBODY}/resi")),
                at("postgres://:", &format!("@{NOBODY}/resi")),
                at("postgres://resi:12/", &format!("@{NOBODY}/resi")),
                form("postgres://resi:", DIGITS, &format!("@{NOBODY}/resi?sslmode=disable")),
                at(&format!("postgres://{NOBODY}/resi?password="), ""),
                at(&format!("postgres://{NOBODY}/resi?sslpassword="), "&sslmode=disable"),
                at(&format!("postgres://{NOBODY}/resi?options=-c%20a="), ""),
                at(&format!("postgres://{NOBODY}/resi?sslmode="), ""),
                at("mysql://resi:", "@db/resi"),
                at("sqlite://resi:", "@db/resi"),
            ],
            "subtensor_network" | "subtensor_chain_endpoint" => vec![
                at(&format!("ws://{NOBODY}/"), ""),
                at("ws://me:", &format!("@{NOBODY}")),
                at(&format!("ws://{NOBODY}?key="), ""),
                at("node.example/", ""),
                at("http://node.example/", ""),
            ],
            "rotation_key" | "next_rotation_key" => vec![form("", HEX, ""), form("", DIGITS, "")],
            "jwt_keys" => vec![form("a:", HEX, ""), form("", HEX, ":a"), form("b:", DIGITS, "")],
            // The answer to verify, and the service to ask for its health.
            "" | "url" => vec![
                at("http://me:", &format!("@{NOBODY}/api/v1/epochs/current")),
                at(&format!("http://{NOBODY}/api/v1/epochs/current?token="), ""),
                at("HTTP://me:", &format!("@{NOBODY}/")),
            ],
            _ => vec![at("", ""), form("", DIGITS, "")],
        }
    }
}

/// One run of the binary.
#[derive(Clone, Debug, Default)]
struct Run {
    words: Vec<OsString>,
    variables: Vec<(String, OsString)>,
    settings_file: Option<Vec<u8>>,
    key_file: Option<Vec<u8>>,
}

fn readers() -> Vec<Reader> {
    let mut readers = Vec::new();
    collect(&Cli::command(), &[], &mut readers);
    readers
}

fn collect(command: &clap::Command, words: &[String], readers: &mut Vec<Reader>) {
    for inner in command.get_subcommands() {
        let words = [words, &[inner.get_name().to_owned()]].concat();
        collect(inner, &words, readers);
        let secret = |argument: &&clap::Arg| is_secret(argument) || is_secret_file(argument);
        let settings = inner.get_arguments().filter(secret).map(|argument| Setting {
            flag: argument.get_long().map(str::to_owned),
            variable: argument.get_env().map(|name| name.to_string_lossy().into_owned()),
            is_file: is_secret_file(argument),
        });
        let settings: Vec<_> = settings.collect();
        if !settings.is_empty() {
            let required = inner.get_positionals().filter(|argument| argument.is_required_set());
            readers.push(Reader { words, positionals: required.count(), settings });
        }
    }
}

/// Ways to give `value` to `setting`; the first is by its variable, where it has one.
fn ways_to_give(setting: &Setting, value: &OsStr) -> Vec<Run> {
    let mut runs = Vec::new();
    if let Some(variable) = &setting.variable {
        let variables = vec![(variable.clone(), value.to_owned())];
        runs.push(Run { variables, ..Run::default() });
    }
    let Some(flag) = &setting.flag else {
        runs.push(Run { words: vec![value.to_owned()], ..Run::default() });
        return runs;
    };
    let joined = [format!("--{flag}=").as_bytes(), value.as_bytes()].concat();
    let split =
        value.as_bytes().split(|byte| *byte == b' ').map(|word| OsStr::from_bytes(word).to_owned());
    let flag = OsString::from(format!("--{flag}"));
    for words in [
        vec![flag.clone(), value.to_owned()],
        vec![OsString::from_vec(joined.clone())],
        [vec![flag.clone()], split.collect()].concat(),
        vec![OsString::from_vec([&joined[..3], &joined[4..]].concat())],
    ] {
        runs.push(Run { words, ..Run::default() });
    }
    if setting.variable.as_deref().is_some_and(|name| name != "RESI_TOKEN") {
        let text = value.to_string_lossy();
        let file = |file: String| Run { settings_file: Some(file.into()), ..Run::default() };
        runs.extend(files(&setting.name(), &text).into_iter().map(file));
        let start = format!("{} = \"", setting.name());
        let not_utf8 = [start.as_bytes(), value.as_bytes(), b"\"\xff"].concat();
        runs.push(Run { settings_file: Some(not_utf8), ..Run::default() });
    }
    runs
}

/// The runs that `setting` is given in. Each value is given by the variable (or as the content of the file), and in one of
/// the other ways, in turn; `true` for the first of its form, which is to be given to every command.
fn runs(setting: &Setting) -> Vec<(Run, &'static str, bool)> {
    let mut all = Vec::new();
    for (number, (before, secret, after)) in setting.form().into_iter().enumerate() {
        for (position, value) in values(&before, secret, &after).into_iter().enumerate() {
            if setting.is_file {
                let run = Run { key_file: Some(value.as_bytes().to_owned()), ..Run::default() };
                all.push((run, secret, position == 0));
                continue;
            }
            // What is no URL there is a path, and shown.
            let is_path =
                matches!(&*setting.name(), "" | "url") && !value.to_string_lossy().contains("://");
            let mut ways = if is_path { continue } else { ways_to_give(setting, &value) };
            let first = ways.remove(0);
            let other = ways.get((number + position) % ways.len().max(1)).cloned();
            all.extend(other.map(|run| (run, secret, false)));
            all.push((first, secret, position == 0));
        }
        if setting.is_file {
            // Given in the place of its file, a secret is a path.
            let value = format!("{before}{secret}{after}");
            let ways = ways_to_give(setting, value.as_ref());
            all.extend(ways.into_iter().map(|run| (run, secret, false)));
        }
    }
    all
}

struct Stage<'a> {
    folder: &'a Path,
    setting: &'a Setting,
    secret: &'static str,
}

impl Stage<'_> {
    /// Runs `reader` so, and hands back whether it was content, and all that it said.
    fn say(&self, reader: &Reader, run: &Run) -> (bool, String) {
        let mut command = Command::new(BINARY);
        command.args(&reader.words).args(&run.words).current_dir(self.folder).env_clear();
        let given = usize::from(self.setting.flag.is_none());
        command.args(std::iter::repeat_n("some.file", reader.positionals.saturating_sub(given)));
        let is_chain = self.setting.name().starts_with("subtensor");
        for (variable, value) in [
            ("ROTATION_KEY", "ab".repeat(32)),
            ("JWT_KEYS", format!("x:{}", "cd".repeat(32))),
            ("RESI_REGISTRY", if is_chain { "chain" } else { "open" }.to_owned()),
            ("RESI_PORT", "0".to_owned()),
            ("RESI_LOG", "trace".to_owned()),
            ("RESI_DATA_DIR", "data".to_owned()),
            ("RESI_DRAIN_SECONDS", "0".to_owned()),
        ] {
            let own = self.setting.name().to_uppercase();
            if own != variable && own != format!("{variable}_FILE") {
                command.env(variable, value);
            }
        }
        command.envs(run.variables.iter().map(|(name, value)| (name, value)));
        if let Some(content) = &run.settings_file {
            fs::write(self.folder.join("resi.toml"), content).unwrap();
            command.args(["--config", "resi.toml"]);
        }
        if let Some(content) = &run.key_file {
            let path = self.folder.join("key");
            fs::write(&path, content).unwrap();
            command.env(self.setting.variable.as_deref().unwrap(), path);
        }
        if reader.words == ["serve"] { serve(command) } else { done(command) }
    }

    /// What it says must not show a piece of the secret.
    fn hides(&self, reader: &Reader, run: &Run) -> bool {
        let (content, words) = self.say(reader, run);
        // Keys that are given as a value are handed back as one: this is what the command is for.
        let is_answer =
            reader.words == ["rotate-jwt-key"] && content && self.setting.name() == "jwt_keys";
        let shown = piece_shown(&words, self.secret).filter(|_| !is_answer);
        assert!(shown.is_none(), "{shown:?} of {:?}: {run:?}\n{words}", reader.words);
        content
    }
}

fn done(mut command: Command) -> (bool, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&words).into_owned())
}

/// Until it serves, has tried its database once, or gives up.
fn serve(mut command: Command) -> (bool, String) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut words = Vec::new();
    let mut started = false;
    while !started && log.read_until(b'\n', &mut words).unwrap() > 0 {
        let line = words.rsplit(|byte| *byte == b'\n').nth(1).unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        started = line.contains("\"message\":\"ready\"") || line.contains("trying again");
    }
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().unwrap();
    log.read_to_end(&mut words).unwrap();
    child.stdout.take().unwrap().read_to_end(&mut words).unwrap();
    (started, String::from_utf8_lossy(&words).into_owned())
}

#[test]
fn no_command_shows_a_piece_of_a_secret() {
    let readers = readers();
    let mut settings: Vec<Setting> = Vec::new();
    for setting in readers.iter().flat_map(|reader| &reader.settings) {
        if !settings.contains(setting) {
            settings.push(setting.clone());
        }
    }
    let work: Vec<_> = settings
        .iter()
        .flat_map(|setting| runs(setting).into_iter().map(move |run| (setting, run)))
        .collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let folder = tempfile::tempdir().unwrap();
                loop {
                    let position = next.fetch_add(1, Ordering::Relaxed);
                    let Some((setting, (run, secret, everywhere))) = work.get(position) else {
                        break;
                    };
                    let stage = Stage { folder: folder.path(), setting, secret };
                    walk(&stage, &readers, run, *everywhere, position);
                }
            });
        }
    });
    assert!(work.len() > 1_000, "{} runs", work.len());
}

/// All commands read settings alike: `config check` is given all that is malformed, and each of the others some of it, in
/// turn. What they do with a setting that is fine differs.
fn walk(stage: &Stage<'_>, readers: &[Reader], run: &Run, everywhere: bool, position: usize) {
    let of_setting = || readers.iter().filter(|reader| reader.settings.contains(stage.setting));
    let is_first = |reader: &&Reader| reader.words == ["config", "check"];
    let mut others: Vec<_> = of_setting().filter(|reader| !is_first(reader)).collect();
    let accepted = of_setting().find(is_first).is_none_or(|first| stage.hides(first, run));
    if !everywhere {
        // To start takes a while.
        others.retain(|reader| !accepted || reader.words != ["serve"]);
        let pace = if accepted { 2 } else { 4 };
        others = others.get(position / pace % others.len().max(1)).into_iter().copied().collect();
        others.truncate(usize::from(position.is_multiple_of(pace)));
    }
    others.into_iter().for_each(|reader| {
        stage.hides(reader, run);
    });
}

#[test]
fn a_file_of_a_secret_that_cannot_be_read_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::write(&closed, HEX).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).unwrap();
    let large = folder.path().join("large");
    fs::write(&large, HEX.repeat(2_000)).unwrap();
    let check = readers().into_iter().find(|reader| reader.words == ["config", "check"]).unwrap();
    for setting in check.settings.iter().filter(|setting| setting.is_file) {
        let stage = Stage { folder: folder.path(), setting, secret: HEX };
        for (path, named) in [
            (closed.clone(), "closed"),
            (large.clone(), "large"),
            (folder.path().to_owned(), "directory"),
            (folder.path().join("none"), "none"),
            (PathBuf::from(HEX), "not shown"),
        ] {
            let variable = setting.variable.clone().unwrap();
            let run = Run { variables: vec![(variable.clone(), path.into())], ..Run::default() };
            let (content, words) = stage.say(&check, &run);
            // Root reads what is closed.
            assert!(content || (words.contains(named) && words.contains(&variable)), "{words}");
            assert!(stage.hides(&check, &run) == content);
        }
    }
}

#[test]
fn a_log_of_everything_has_no_secret_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let mut postgres = Postgres::database();
    postgres.url = postgres.url.replacen('@', &format!(":{WORDS}@"), 1);
    let arguments = [&postgres.arguments()[..], &["--log", "trace"]].concat();
    let server = Server::start(folder.path(), &arguments);
    let token = access_token(&server, "Alice");
    assert_eq!(server.get("/api/v1/validator-data", Some(&token)).0, 200);
    assert!(report(&server, &token, "first"));
    assert_eq!(server.get("/api/v1/assignments", Some(&token[1..])).0, 401);
    let log = server.stop();
    let jwt_key: String = HEX.chars().rev().collect();
    for secret in [WORDS, HEX, &jwt_key, &token] {
        assert_eq!(piece_shown(&log, secret), None, "{log}");
    }
}

#[test]
fn passwords_that_the_driver_finds_by_itself_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pgpass");
    fs::write(&file, format!("{WORDS}\n{NOBODY}:{WORDS}\n:::{WORDS}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let run = |variables: &[(&str, &OsStr)]| {
        let mut command = Command::new(BINARY);
        command
            .args(["serve", "--log", "trace", "--log-format", "json"])
            .current_dir(folder.path());
        command.env_clear().env("DATABASE_URL", format!("postgres://resi@{NOBODY}/resi"));
        command.env("ROTATION_KEY", HEX).env("JWT_KEYS", format!("a:{HEX}"));
        command.envs(variables.iter().copied());
        serve(command)
    };
    for variables in [[("PGPASSFILE", file.as_os_str())], [("PGPASSWORD", WORDS.as_ref())]] {
        let (started, words) = run(&variables);
        assert!(started && piece_shown(&words, WORDS).is_none(), "{words}");
    }
}

#[test]
fn what_sounds_secret_is_of_a_type_that_hides_it() {
    // Public halves, and a number of days.
    let public = ["public-key", "new-key", "service-hotkey", "hotkey", "pool-sha256"];
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        for argument in command.get_arguments() {
            let name = argument.get_long().unwrap_or(argument.get_id().as_str()).to_lowercase();
            let sounds =
                ["key", "token", "password", "secret", "url", "uri", "endpoint", "phrase", "seed"];
            if sounds.iter().any(|sound| name.contains(sound)) && !public.contains(&&*name) {
                assert!(is_secret(argument) || is_secret_file(argument), "{name} is not hidden");
            }
        }
        commands.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn a_secret_on_the_command_line_is_warned_of_and_help_hides_variables() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(BINARY);
        command.args(words).current_dir(folder.path()).env_clear();
        done({
            command.envs(variables.iter().copied());
            command
        })
    };
    let check = ["config", "check", "--rotation-key", HEX, "--database-url", "sqlite:x.sqlite"];
    let (content, words) = run(&check, &[]);
    assert!(content && words.contains("--rotation-key: `ps` shows it"), "{words}");
    assert!(words.contains("ROTATION_KEY") && !words.contains("--database-url:"), "{words}");
    let (content, words) = run(&["config", "check"], &[("ROTATION_KEY", HEX)]);
    assert!(content && !words.contains("`ps`"), "{words}");
    for reader in readers() {
        let words: Vec<_> = reader.words.iter().map(String::as_str).chain(["--help"]).collect();
        let variables = reader.settings.iter().filter_map(|setting| setting.variable.as_deref());
        let variables: Vec<_> = variables.map(|variable| (variable, WORDS)).collect();
        let (content, help) = run(&words, &variables);
        assert!(content && piece_shown(&help, WORDS).is_none(), "{help}");
    }
}
