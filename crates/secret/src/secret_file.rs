use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::Secret;

/// No file of a secret is larger, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// The path of a file with a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretFile(PathBuf);

impl SecretFile {
    /// The path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// What is in the file, UTF-8, at most 64 KiB.
    ///
    /// # Errors
    /// What keeps it from being read, with its path; without, where the path may itself be the secret, given in the wrong
    /// place.
    pub fn read(&self) -> io::Result<Secret> {
        self.contents().map_err(|error| match self.may_be_shown() {
            true => io::Error::new(error.kind(), format!("{}: {error}", self.0.display())),
            false => io::Error::new(
                error.kind(),
                format!("{error} (the path is not shown: it may be the secret itself)"),
            ),
        })
    }

    fn contents(&self) -> io::Result<Secret> {
        let invalid = |reason| io::Error::new(ErrorKind::InvalidData, reason);
        let mut bytes = Zeroizing::new(Vec::new());
        File::open(&self.0)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(invalid("larger than any secret"));
        }
        str::from_utf8(&bytes).map(Secret::from).map_err(|_| invalid("not UTF-8"))
    }

    /// Where it is absolute, or in a folder that is there, it was meant as a path.
    fn may_be_shown(&self) -> bool {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        self.0.is_absolute() || folder.is_some_and(Path::is_dir) || self.0.exists()
    }
}

impl From<PathBuf> for SecretFile {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}

impl From<std::ffi::OsString> for SecretFile {
    fn from(path: std::ffi::OsString) -> Self {
        Self(path.into())
    }
}

impl<'de> Deserialize<'de> for SecretFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // What stands here may be the secret itself, and must not be quoted either.
        Ok(Self(Secret::deserialize(deserializer)?.expose().into()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_read_or_the_reason_given_without_what_is_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        let read = || SecretFile::from(path.clone()).read();
        fs::write(&path, "hunter2\n").expect("written");
        assert_eq!(read().expect("read").expose(), "hunter2\n");
        for (content, reason) in [
            (b"hunter2\xff".to_vec(), "not UTF-8"),
            (b"hunter2".repeat(10_000), "larger than any secret"),
        ] {
            fs::write(&path, content).expect("written");
            let error = read().expect_err(reason).to_string();
            assert!(error.contains(reason) && error.contains("/key: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = SecretFile::from(folder.path().to_owned()).read().expect_err("a folder");
        assert!(error.to_string().contains("directory"), "{error}");
    }

    #[test]
    fn a_secret_in_the_place_of_its_file_is_not_shown() {
        for secret in ["hunter2", "hunter2/x", "kid:hunter2", ""] {
            let error = SecretFile::from(PathBuf::from(secret)).read().expect_err("no file");
            assert!(error.to_string().contains("not shown"), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let error = SecretFile::from(PathBuf::from("/none/key")).read().expect_err("no file");
        assert!(error.to_string().starts_with("/none/key: "), "{error}");
    }
}
