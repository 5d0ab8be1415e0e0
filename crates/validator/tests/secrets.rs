//! Every secret setting, by every way to give it, malformed in every way: no piece of the secret is in what the command
//! says. Which settings there are is read from `secret_settings.txt`, which a test of the command line keeps true.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

#[path = "../../../tests/process/ways.rs"]
mod ways;

use ways::{DIGITS, HEX, WORDS, files, piece_shown, values};

/// Nothing listens there.
const NOBODY: &str = "http://127.0.0.1:1";
/// Too short to be opened with any password, which would take seconds.
const ENCRYPTED: &str = "$NACLshort";

/// Commands, in turn: each takes all of these settings.
const COMMANDS: [&[&str]; 7] = [
    &["wallet", "show"],
    &["access"],
    &["blocks"],
    &["report", "first", "started"],
    &["assignments"],
    &["epoch"],
    &["verify"],
];

struct Setting {
    flag: String,
    variable: Option<String>,
    is_file: bool,
}

fn settings() -> Vec<Setting> {
    let setting = |line: &str| {
        let [flag, variable, kind] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let variable = (variable != "-").then(|| variable.to_owned());
        Setting { flag: flag.to_owned(), variable, is_file: kind == "file" }
    };
    include_str!("secret_settings.txt").lines().map(setting).collect()
}

/// Words of a command line, and variables of its environment.
type Way = (Vec<OsString>, Vec<(String, OsString)>);

impl Setting {
    /// What stands before and after the secret in a value that is fine, and a secret that fits.
    fn forms(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        match self.flag.as_str() {
            "url" => vec![
                ("http://me:", WORDS, "@127.0.0.1:1"),
                ("http://127.0.0.1:1/?token=", WORDS, ""),
                ("me:", WORDS, "@127.0.0.1:1"),
            ],
            "wallet-uri" => vec![
                ("bottom drive obey lake curtain smoke basket hold race lonely fit ", WORDS, ""),
                ("0x", HEX, "//1"),
                ("", DIGITS, ""),
                ("//Alice///", WORDS, ""),
            ],
            _ => vec![("", WORDS, ""), ("", DIGITS, "")],
        }
    }

    /// By the variable, and by each form of the flag.
    fn ways(&self, value: &OsStr) -> Vec<Way> {
        let flag = OsString::from(format!("--{}", self.flag));
        let joined = [flag.as_bytes(), b"=", value.as_bytes()].concat();
        let misspelt = [&joined[..3], &joined[4..]].concat();
        let split = value.as_bytes().split(|byte| *byte == b' ').map(OsStr::from_bytes);
        let split = [vec![flag.clone()], split.map(OsStr::to_owned).collect()].concat();
        let words = [
            vec![flag, value.to_owned()],
            vec![OsString::from_vec(joined)],
            split,
            vec![OsString::from_vec(misspelt)],
        ];
        let by_variable =
            self.variable.clone().map(|name| (Vec::new(), vec![(name, value.to_owned())]));
        by_variable.into_iter().chain(words.into_iter().map(|words| (words, Vec::new()))).collect()
    }
}

/// A home folder with a wallet in it.
struct Home(TempDir);

impl Home {
    fn new(hotkey: &[u8]) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.hotkey().parent().unwrap()).unwrap();
        fs::write(home.hotkey(), hotkey).unwrap();
        home
    }

    fn hotkey(&self) -> PathBuf {
        self.0.path().join(".bittensor/wallets/default/hotkeys/default")
    }

    /// Runs the command, which must not show a piece of `secret`, and hands back what it said.
    #[track_caller]
    fn hides(
        &self,
        secret: &str,
        words: &[OsString],
        variables: &[(String, OsString)],
        command: &[&str],
    ) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_resi-validator"))
            .args(words)
            .args(command)
            .env_clear()
            .env("HOME", self.0.path())
            .env("DATA_API_URL", NOBODY)
            .env("RESI_LOG", "trace")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .args(["--retry-seconds", "0"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        let shown = piece_shown(&said, secret);
        assert!(shown.is_none(), "{shown:?} of {words:?} {variables:?} {command:?}\n{said}");
        said
    }
}

#[test]
fn no_command_shows_a_piece_of_a_secret() {
    let home = Home::new(ENCRYPTED.as_bytes());
    let (file, mut runs) = (home.0.path().join("secret"), 0);
    for setting in settings() {
        for (before, secret, after) in setting.forms() {
            for value in values(before, secret, after) {
                // What does not even begin like a URL is shown.
                if setting.flag == "url" && !value.to_string_lossy().contains(before) {
                    continue;
                }
                let ways = if setting.is_file {
                    fs::write(&file, value.as_bytes()).unwrap();
                    setting.ways(file.as_os_str())
                } else {
                    setting.ways(&value)
                };
                // All by the variable, and in one of the other ways.
                let other = 1 + runs % (ways.len() - 1);
                for (words, variables) in [&ways[0], &ways[other]] {
                    home.hides(secret, words, variables, COMMANDS[runs % COMMANDS.len()]);
                    runs += 1;
                }
            }
            if setting.is_file {
                for (words, variables) in setting.ways(format!("{before}{secret}{after}").as_ref())
                {
                    home.hides(secret, &words, &variables, COMMANDS[0]);
                }
            }
        }
    }
    assert!(runs > 500, "{runs}");
}

#[test]
fn a_password_file_that_cannot_be_read_is_named_and_not_shown() {
    let home = Home::new(ENCRYPTED.as_bytes());
    let folder = home.0.path();
    for (path, named) in [
        (folder.to_owned(), "directory"),
        (folder.join("none"), "/none: "),
        (PathBuf::from(WORDS), "not shown"),
    ] {
        let variables = [("BT_WALLET_PASSWORD_FILE".to_owned(), path.into_os_string())];
        let said = home.hides(WORDS, &[], &variables, COMMANDS[0]);
        assert!(said.contains("--wallet.password-file") && said.contains(named), "{said}");
    }
}

#[test]
fn no_hotkey_file_is_shown_however_it_is_damaged() {
    let phrase = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";
    let fields = [
        "secretPhrase",
        "secretSeed",
        "privateKey",
        "publicKey",
        "accountId",
        "ss58Address",
        "cryptoType",
    ];
    let mut contents: Vec<(Vec<u8>, &str)> = Vec::new();
    for secret in [HEX, DIGITS, WORDS] {
        // The secret in each field, beside what gives a key, and alone.
        let bases = [
            json!({ "secretPhrase": phrase }),
            json!({ "secretSeed": "07".repeat(32) }),
            json!({}),
        ];
        for (number, value) in values("", secret, "").into_iter().enumerate() {
            for (position, field) in
                fields.iter().enumerate().filter(|(at, _)| (at + number) % 3 == 0)
            {
                let mut file = bases[(position + number / 3) % 3].clone();
                file[*field] = String::from_utf8_lossy(value.as_bytes()).into();
                contents.push((file.to_string().into(), secret));
            }
        }
        for field in fields {
            for wrong in [
                format!("{secret:?}"),
                format!("[{secret:?}]"),
                format!("{{{secret:?}: 1}}"),
                secret.to_owned(),
                "1e999".into(),
            ] {
                contents.push((format!("{{\"{field}\": {wrong}}}").into(), secret));
                contents.push((
                    format!("{{\"{field}\": {secret:?}, \"{field}\": {wrong}}}").into(),
                    secret,
                ));
            }
        }
        for text in files("secretSeed", secret) {
            contents.push((text.into(), secret));
        }
        let whole = json!({ "secretSeed": secret }).to_string();
        contents.extend(
            (0..whole.len()).step_by(5).map(|end| (whole.as_bytes()[..end].to_vec(), secret)),
        );
        for before in
            [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"$NACL", b"gAAAAA", b"$ANSIBLE_VAULT", b"\0"]
        {
            contents.push(([before, whole.as_bytes()].concat(), secret));
        }
    }
    let home = Home::new(b"");
    for (content, secret) in &contents {
        fs::write(home.hotkey(), content).unwrap();
        home.hides(secret, &[], &[], COMMANDS[0]);
    }
    assert!(contents.len() > 500);
}

#[test]
fn proxies_are_not_shown() {
    let home = Home::new(b"{}");
    let alice = [OsString::from("--wallet-uri"), OsString::from("//Alice")];
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        for value in values("http://me:", WORDS, "@127.0.0.1:1") {
            home.hides(WORDS, &alice, &[(name.to_owned(), value)], &["access"]);
        }
    }
}

#[test]
fn a_secret_on_the_command_line_is_warned_of() {
    let home = Home::new(ENCRYPTED.as_bytes());
    for (words, warning) in [
        (
            ["--wallet.password", WORDS],
            Some(
                "--wallet.password: `ps` shows it to everybody on this machine; give it as BT_WALLET_PASSWORD",
            ),
        ),
        (["--wallet-uri", HEX], Some("--wallet-uri: `ps`")),
        (["--wallet-uri", "//Alice"], None),
        (["--url", "http://127.0.0.1:1"], None),
    ] {
        let said = home.hides(HEX, &words.map(OsString::from), &[], COMMANDS[0]);
        assert_eq!(said.contains("`ps`"), warning.is_some(), "{said}");
        assert!(said.contains(warning.unwrap_or_default()), "{said}");
    }
}
