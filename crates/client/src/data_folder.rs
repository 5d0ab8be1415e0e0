use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::Url;
use resi_protocol::rotation::Pool;
use resi_protocol::wire::{AccessGrant, ValidatorData};
use resi_protocol::{Hotkey, Sha256Hash, Sources};
use resi_secret::private_file;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::announcements::Announcements;
use crate::known_rotation::KnownRotation;
use crate::requests::BlocksRequest;

/// The largest are the blocks, of which an answer has at most so much.
const MAX_FILE: u64 = 2 * 1024 * 1024;

/// What is kept of one service over restarts, for its owner only. Pools, blocks and tokens are copies that may be lost and are
/// checked when they are read or used; the known rotation is not.
#[derive(Clone, Debug)]
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// The part of `root` that belongs to the service at `base`.
    pub(crate) fn of_service(root: &Path, base: &Url) -> Self {
        let digest = hex::encode(&Sha256::digest(base.as_str().trim_end_matches('/'))[..4]);
        let host = base
            .host_str()
            .unwrap_or_default()
            .replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_");
        Self(root.join(format!("{host}-{digest}")))
    }

    pub(crate) fn rotation_file(&self) -> PathBuf {
        self.0.join("rotation.json")
    }

    fn announcements_file(&self) -> PathBuf {
        self.0.join("announcements.json")
    }

    fn pool_file(&self, sha256: Sha256Hash) -> PathBuf {
        self.0.join(format!("pool-{sha256}.txt"))
    }

    fn blocks_file(&self, hotkey: Hotkey, request: BlocksRequest) -> PathBuf {
        let sources = request.sources.to_string().replace(',', "+");
        self.0.join(format!("blocks-{hotkey}-{sources}-{}.json", request.block_size))
    }

    fn token_file(&self, hotkey: Hotkey, sources: Sources) -> PathBuf {
        let sources = sources.to_string().replace(',', "+");
        self.0.join(format!("token-{hotkey}-{sources}.json"))
    }

    /// # Errors
    /// Also when the file is there and makes no sense: what was known must not be trusted anew in silence.
    pub(crate) fn rotation(&self) -> Result<Option<KnownRotation>, Error> {
        trusted(self.rotation_file())
    }

    /// # Errors
    /// As for the known rotation.
    pub(crate) fn announcements(&self) -> Result<Option<Announcements>, Error> {
        trusted(self.announcements_file())
    }

    pub(crate) fn keep_announcements(&self, announcements: &Announcements) -> Result<(), Error> {
        let path = self.announcements_file();
        let text = serde_json::to_vec_pretty(announcements).unwrap_or_default();
        self.replace(&path, &text).map_err(|error| fault(path, error))
    }

    /// Keeps `known`, unless something was kept already, which is handed back.
    pub(crate) fn remember(&self, known: &KnownRotation) -> Result<Option<KnownRotation>, Error> {
        let path = self.rotation_file();
        let text = serde_json::to_vec_pretty(known).unwrap_or_default();
        // Unlike a replacement, this does not touch what another process has written meanwhile.
        let kept =
            private_file::create_folder(&self.0).and_then(|()| private_file::create(&path, &text));
        match kept {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match self.rotation()? {
                Some(known) => Ok(Some(known)),
                None => Err(fault(path, error)),
            },
            Err(error) => Err(fault(path, error)),
        }
    }

    pub(crate) fn forget_rotation(&self) -> Result<(), Error> {
        for path in [self.rotation_file(), self.announcements_file()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(fault(path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn pool(&self, sha256: Sha256Hash) -> Option<Pool> {
        let text = String::from_utf8(read(&self.pool_file(sha256)).ok()?).ok()?;
        let zipcodes = text.lines().map(str::parse).collect::<Result<Vec<_>, _>>().ok()?;
        Pool::new(zipcodes).ok().filter(|pool| pool.sha256() == sha256)
    }

    pub(crate) fn keep_pool(&self, pool: &Pool) {
        let lines: String = pool.zipcodes().iter().map(|zipcode| format!("{zipcode}\n")).collect();
        self.keep_copy(&self.pool_file(pool.sha256()), lines.as_bytes());
    }

    pub(crate) fn blocks(&self, hotkey: Hotkey, request: BlocksRequest) -> Option<ValidatorData> {
        serde_json::from_slice(&read(&self.blocks_file(hotkey, request)).ok()?).ok()
    }

    pub(crate) fn keep_blocks(&self, hotkey: Hotkey, request: BlocksRequest, data: &ValidatorData) {
        let text = serde_json::to_vec(data).unwrap_or_default();
        self.keep_copy(&self.blocks_file(hotkey, request), &text);
    }

    pub(crate) fn grant(&self, hotkey: Hotkey, sources: Sources) -> Option<AccessGrant> {
        serde_json::from_slice(&read(&self.token_file(hotkey, sources)).ok()?).ok()
    }

    pub(crate) fn keep_grant(&self, hotkey: Hotkey, sources: Sources, grant: &AccessGrant) {
        let text = serde_json::to_vec(grant).unwrap_or_default();
        self.keep_copy(&self.token_file(hotkey, sources), &text);
    }

    /// A copy that is not kept costs a request later, and nothing else.
    fn keep_copy(&self, path: &Path, content: &[u8]) {
        if let Err(error) = self.replace(path, content) {
            tracing::warn!("cannot keep {}: {error}", path.display());
        }
    }

    fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        private_file::create_folder(&self.0)?;
        private_file::replace(path, content)
    }
}

/// What is kept there, and trusted as it is.
fn trusted<T: DeserializeOwned>(path: PathBuf) -> Result<Option<T>, Error> {
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(path, error)),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|error| fault(path, io::Error::new(ErrorKind::InvalidData, error)))
}

/// A file that this client may have written.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Whatever else bears that name might never end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is no file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            "it is larger than any file of this client",
        ));
    }
    Ok(text)
}

fn fault(path: PathBuf, error: io::Error) -> Error {
    Error::DataFolder { path, cause: Arc::new(error) }
}
