use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use resi_secret::{SecretFile, private_file};

use crate::settings::{Settings, new_jwt_keys};
use crate::tokens::JwtKeys;

/// One step of a rotation; each is rolled out everywhere before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A new key is appended: all verify by it, none signs with it.
    Append,
    /// The newest key signs.
    Promote,
    /// All keys but the one that signs are gone.
    Drop,
}

/// Takes a step, and says what was done. Keys that are kept in a file are replaced there; those that are given as a value
/// are printed as a line of an env file.
///
/// # Errors
/// When there are no keys, or too few for the step, or their file cannot be written.
pub fn run(step: Step, settings: &Settings) -> Result<String> {
    let (keys, file) = current(settings)?;
    let turned = match step {
        Step::Append => keys.append(new_jwt_keys()?)?,
        Step::Promote => {
            ensure!(
                keys.kids().len() > 1,
                "there is one key only: append another first, and roll it out"
            );
            keys.promote()
        }
        Step::Drop => keys.drop_old(),
    };
    let Some(file) = file else { return Ok(format!("JWT_KEYS={}\n", turned.expose())) };
    ensure!(
        !file.is_symlink(),
        "key file {} is a link: name the file itself, which is replaced",
        file.display()
    );
    private_file::replace(&file, format!("{}\n", turned.expose()).as_bytes())
        .with_context(|| format!("key file {}", file.display()))?;
    let kids = turned.kids();
    let others = match kids.split_first() {
        Some((_, [])) | None => "no other verifies".to_owned(),
        Some((_, others)) => format!("also verify: {}", others.join(", ")),
    };
    let signs = kids.first().copied().unwrap_or_default();
    let next = match step {
        Step::Append => "Restart every replica with it, then --promote.",
        Step::Promote => "Restart every replica with it, wait 6 hours, then --drop.",
        Step::Drop => "Restart every replica with it.",
    };
    Ok(format!("{}: {signs} signs, {others}.\n{next}\n", file.display()))
}

/// The keys in force, and the file they are in.
fn current(settings: &Settings) -> Result<(JwtKeys, Option<PathBuf>)> {
    if let Some(given) = &settings.jwt_keys {
        let file = settings.jwt_keys_file.as_ref();
        return Ok((given.clone(), file.map(|file| file.path().to_owned())));
    }
    let path = settings.data_dir.join("jwt.keys");
    let text = SecretFile::from(path.clone()).read().context("key file")?;
    let keys = text.expose().parse().with_context(|| format!("key file {}", path.display()))?;
    Ok((keys, Some(path)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::settings::{Keys, RawSettings};

    fn kids(settings: &Settings) -> Vec<String> {
        let keys = Keys::load(settings).expect("keys").jwt;
        keys.kids().into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn a_rotation_of_kept_keys_takes_three_steps() {
        let folder = tempfile::tempdir().expect("a folder");
        let raw =
            RawSettings { data_dir: Some(folder.path().join("data")), ..RawSettings::default() };
        let settings = Settings::resolve(raw, false).expect("fine");
        assert!(run(Step::Append, &settings).is_err(), "there are no keys yet");
        let first = kids(&settings);
        assert!(run(Step::Promote, &settings).is_err(), "there is nothing to promote");

        run(Step::Append, &settings).expect("appended");
        let both = kids(&settings);
        assert_eq!((both.len(), &both[0]), (2, &first[0]));
        run(Step::Promote, &settings).expect("promoted");
        assert_eq!(kids(&settings), [both[1].clone(), both[0].clone()]);
        run(Step::Drop, &settings).expect("dropped");
        assert_eq!(kids(&settings), [both[1].clone()]);
        #[cfg(unix)]
        {
            let metadata = fs::metadata(folder.path().join("data/jwt.keys")).expect("there");
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_neither_followed_nor_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        let given = format!("old:{}\n", "ab".repeat(32));
        fs::write(&file, &given).expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        let raw =
            RawSettings { jwt_keys_file: Some(link.clone().into()), ..RawSettings::default() };
        let settings = Settings::resolve(raw, false).expect("fine");
        let error = format!("{:#}", run(Step::Append, &settings).expect_err("a link"));
        assert!(error.contains("is a link"), "{error}");
        assert!(link.is_symlink() && fs::read_to_string(&file).expect("there") == given);
    }

    #[test]
    fn given_keys_are_printed_and_read_back() {
        let given = format!("old:{}", "ab".repeat(32));
        let raw = RawSettings { jwt_keys: Some(given.clone().into()), ..RawSettings::default() };
        let settings = Settings::resolve(raw, false).expect("fine");
        let line = run(Step::Append, &settings).expect("a line");
        let keys = line.trim().strip_prefix("JWT_KEYS=").expect("a line of an env file");
        assert!(keys.starts_with(&given));
        assert_eq!(keys.parse::<JwtKeys>().expect("keys").kids().len(), 2);
    }
}
