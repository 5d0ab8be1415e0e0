//! Files that only their owner reads, whole and on disk or not there at all. Each is written under a name of its own
//! first, which is made anew with mode 0600: no link is followed, and no looser mode is kept.

use std::fs::{DirBuilder, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Writes a new file at `path`.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where there is something at `path`, also a link that leads nowhere.
pub fn create(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = Draft::beside(path)?;
    draft.file().write_all(content)?;
    draft.create()
}

/// Writes a file in the place of what is at `path`, if anything: of a link the link itself, and not what it leads to.
///
/// # Errors
/// When it cannot be written; what was there is there still.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut draft = Draft::beside(path)?;
    draft.file().write_all(content)?;
    draft.replace()
}

/// Makes a folder that only its owner enters, and those above it. One that is there already stays as it is.
///
/// # Errors
/// When it cannot be made.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// A file to be. Removed where it is dropped before it is in its place.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    place: PathBuf,
}

impl Draft {
    /// An empty file in the folder of `place`, of a name that nothing else has.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn beside(place: &Path) -> io::Result<Self> {
        let name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy();
        let prefix = format!(".{name}.");
        let file = Builder::new().prefix(&prefix).suffix(".new").tempfile_in(folder(place))?;
        Ok(Self { file, place: place.to_owned() })
    }

    /// Where it is now.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// To write to.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Puts it into its place, where nothing is yet. It is on disk when this returns.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where there is something.
    pub fn create(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        // Unlike a rename, this never replaces what another process made meanwhile.
        self.file.persist_noclobber(&self.place)?;
        sync_folder(&self.place)
    }

    /// Puts it into its place, whatever is there. It is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be put there; what was there is there still.
    pub fn replace(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.place)?;
        sync_folder(&self.place)
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // Elsewhere a folder cannot be opened as a file.
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("there").permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| name(entry).to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_link_is_never_written_through_and_a_looser_mode_never_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, victim) = (folder.path().join("key"), folder.path().join("victim"));
        fs::write(&victim, "old").expect("written");
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o644)).expect("opened");
        for target in [victim.clone(), folder.path().join("nowhere")] {
            symlink(&target, &path).expect("linked");
            let error = create(&path, b"secret").expect_err("something is there");
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            replace(&path, b"secret").expect("replaced");
            assert!(!path.is_symlink(), "the link is replaced");
            assert_eq!(
                (fs::read_to_string(&path).expect("there"), mode(&path)),
                ("secret".into(), 0o600)
            );
            fs::remove_file(&path).expect("removed");
        }
        assert_eq!(
            (fs::read_to_string(&victim).expect("there"), mode(&victim)),
            ("old".into(), 0o644)
        );

        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("opened");
        replace(&path, b"secret").expect("replaced");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(names(folder.path()), ["key", "victim"], "no draft is left");
    }

    #[test]
    fn a_draft_is_private_from_the_start_and_gone_where_it_is_given_up() {
        let folder = tempfile::tempdir().expect("a folder");
        let draft = Draft::beside(&folder.path().join("key")).expect("a draft");
        assert_eq!(mode(draft.path()), 0o600);
        assert_ne!(
            draft.path(),
            Draft::beside(&folder.path().join("key")).expect("a draft").path(),
            "a name that others cannot take beforehand"
        );
        drop(draft);
        assert!(names(folder.path()).is_empty());
        let inner = folder.path().join("a/b");
        create_folder(&inner).expect("made");
        assert_eq!((mode(&inner), mode(&folder.path().join("a"))), (0o700, 0o700));
    }
}
