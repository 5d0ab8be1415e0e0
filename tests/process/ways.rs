//! Ways in which a value with a secret in it can be malformed, for the walks over all secret settings.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

/// Secrets that look like nothing else. A piece of ten characters is as bad as the whole.
pub(crate) const HEX: &str = "d1f0c95e7ab3482664e0b7159c3fd82a0b9e6c17f5d4832a1e70c8b6935d4fa2";
pub(crate) const DIGITS: &str = "7355608194027365518820937465102938475610293847561029384756473829";
pub(crate) const WORDS: &str = "correct-horse-battery-staple-hunter-two";
const PIECE: usize = 10;

/// A piece of `secret` that is in `output`.
pub(crate) fn piece_shown<'a>(output: &str, secret: &'a str) -> Option<&'a str> {
    let starts = 0..=secret.len().saturating_sub(PIECE);
    starts
        .filter_map(|start| secret.get(start..(start + PIECE).min(secret.len())))
        .find(|piece| output.contains(piece))
}

/// The value as it should be, and in ways in which it should not; no NUL, which no command line can have.
pub(crate) fn values(before: &str, secret: &str, after: &str) -> Vec<OsString> {
    let (first, second) = secret.split_at(secret.len() / 2);
    let whole = format!("{before}{secret}{after}");
    let mut values = vec![
        whole.clone(),
        secret.to_owned(),
        format!("{before}{first}{after}"),
        format!("{before}{secret}{secret}{after}"),
        format!("{whole}\n"),
        format!("{whole}\r\n"),
        format!("\n{whole}"),
        format!(" {whole} "),
        format!("\u{feff}{whole}"),
        format!("\"{whole}\""),
        format!("'{whole}'"),
        format!("-{whole}"),
        format!("--{whole}"),
        format!("0x{whole}"),
        format!("KEY={whole}"),
        format!("{whole},{whole}"),
        format!("{whole};{whole}"),
        format!("{whole}\n{whole}\n"),
        format!("{secret}:{secret}"),
        whole.to_uppercase(),
        whole.repeat(600),
    ];
    for between in [
        "z", " ", "\t", "\n", "\u{1b}", "?", "@", "#", "/", ":", "%", "%2F", "%ff", "&", "=", "+",
        "\\", "\"", "'", ",", "é", "\u{202e}", "://", "?x=@", "/@", "#@",
    ] {
        values.push(format!("{before}{first}{between}{second}{after}"));
    }
    let mut values: Vec<_> = values.into_iter().map(OsString::from).collect();
    let not_utf8 =
        [before.as_bytes(), first.as_bytes(), &[0xff], second.as_bytes(), after.as_bytes()];
    values.push(OsString::from_vec(not_utf8.concat()));
    values
}

/// A settings file that says so of `name`, and in ways in which none does.
pub(crate) fn files(name: &str, value: &str) -> Vec<String> {
    let misspelt = format!("{}x", name.to_uppercase());
    vec![
        format!("{name} = \"{value}\""),
        format!("{name} = {value}"),
        format!("{name}={value}"),
        format!("{name}: {value}"),
        format!("{name} = '{value}'"),
        format!("{name} = \"\"\"\n{value}\n\"\"\""),
        format!("{name} = \"{value}"),
        format!("{name} = {value}\""),
        format!("{name} = \"{value}\" \"{value}\""),
        format!("{name} = \"{value}\\q\""),
        format!("{name} = [\"{value}\"]"),
        format!("{name} = {{ value = \"{value}\" }}"),
        format!("[{name}]\nvalue = \"{value}\""),
        format!("[{name}]\n\"{value}\" = 1"),
        format!("[\"{value}\"]\n{name} = 1"),
        format!("{name}.value = \"{value}\""),
        format!("{name} = \"{value}\"\n{name} = \"{value}\""),
        format!("{misspelt} = \"{value}\""),
        format!("export {name}=\"{value}\""),
        format!("\"{value}\" = \"{name}\""),
        value.to_owned(),
        format!("\u{feff}{name} = {value}"),
        format!("port = \n{name} = \"{value}\""),
    ]
}
