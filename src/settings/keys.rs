use std::fmt;
use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail};
use rand::TryRng;
use rand::rngs::SysRng;
use resi_protocol::rotation::{RotationKey, RotationPublicKey};
use resi_secret::{Secret, SecretFile, private_file};

use super::{Database, Settings};
use crate::tokens::JwtKeys;

/// The 32 secret bytes of the rotation key.
#[derive(Clone)]
pub struct MiniSecret([u8; 32]);

impl MiniSecret {
    /// A new one.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> anyhow::Result<Self> {
        random().map(Self)
    }

    /// The form that is read back: it is the secret.
    pub fn expose(&self) -> String {
        hex::encode(self.0)
    }
}

impl FromStr for MiniSecret {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut bytes = [0; 32];
        let text = text.trim();
        match hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => bail!("must be 32 bytes as 64 hex digits"),
        }
    }
}

impl fmt::Debug for MiniSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Reads a secret that is given as it is or in a file.
pub(super) fn read<T>(
    name: &str,
    text: Option<&Secret>,
    file: Option<&SecretFile>,
) -> anyhow::Result<Option<T>>
where
    T: FromStr,
    anyhow::Error: From<T::Err>,
{
    let parse = |text: &Secret| text.expose().parse().map_err(anyhow::Error::from);
    match (text, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => bail!("{name} and {name}_FILE are both given"),
        (Some(text), None) => parse(text).with_context(|| name.to_owned()).map(Some),
        (None, Some(file)) => {
            let text = file.read().with_context(|| format!("{name}_FILE"))?;
            parse(&text).with_context(|| format!("{name}_FILE {}", file.path().display())).map(Some)
        }
    }
}

/// The keys in force.
#[derive(Debug)]
pub struct Keys {
    /// Deals epochs.
    pub rotation: RotationKey,
    /// Deals epochs from which on it is announced.
    pub next_rotation: Option<RotationKey>,
    /// Sign and verify tokens.
    pub jwt: JwtKeys,
}

impl Keys {
    /// Whether the private half of a rotation key is here.
    pub fn holds(&self, public_key: RotationPublicKey) -> bool {
        let keys = [Some(&self.rotation), self.next_rotation.as_ref()];
        keys.into_iter().flatten().any(|key| key.public() == public_key)
    }

    /// Those that are given; where none are, throw-away ones for a mock, and otherwise those in the data folder, which
    /// are made when they are not there yet.
    ///
    /// # Errors
    /// When a key cannot be read or made.
    pub fn load(settings: &Settings) -> anyhow::Result<Self> {
        let kept = |name: &str| {
            (!settings.mock && settings.database != Database::SqliteMemory)
                .then(|| settings.data_dir.join(name))
        };
        let rotation = match &settings.rotation_key {
            Some(given) => given.clone(),
            None => {
                keep(kept("rotation.key").as_deref(), MiniSecret::generate, MiniSecret::expose)?
            }
        };
        let jwt = match &settings.jwt_keys {
            Some(given) => given.clone(),
            None => keep(kept("jwt.keys").as_deref(), new_jwt_keys, JwtKeys::expose)?,
        };
        let next = settings.next_rotation_key.as_ref();
        Ok(Self {
            rotation: RotationKey::from_mini_secret(&rotation.0),
            next_rotation: next.map(|next| RotationKey::from_mini_secret(&next.0)),
            jwt,
        })
    }
}

/// New keys of tokens, with one key.
///
/// # Errors
/// When the system has no randomness.
pub(crate) fn new_jwt_keys() -> anyhow::Result<JwtKeys> {
    let kid: [u8; 4] = random()?;
    Ok(JwtKeys::generate(&hex::encode(kid), random()?))
}

/// Random bytes of the system.
///
/// # Errors
/// When it has none.
pub(crate) fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SysRng.try_fill_bytes(&mut bytes).context("the system has no randomness")?;
    Ok(bytes)
}

/// The secret in the file at `path`, made there first if need be; without a path, a new one.
fn keep<T>(
    path: Option<&Path>,
    make: fn() -> anyhow::Result<T>,
    expose: fn(&T) -> String,
) -> anyhow::Result<T>
where
    T: FromStr,
    anyhow::Error: From<T::Err>,
{
    let Some(path) = path else { return make() };
    let context = || format!("key file {}", path.display());
    if let Some(folder) = path.parent() {
        private_file::create_folder(folder).with_context(context)?;
    }
    match SecretFile::from(path.to_owned()).read() {
        Ok(text) => text.expose().parse().map_err(anyhow::Error::from).with_context(context),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = make()?;
            let line = format!("{}\n", expose(&made));
            private_file::create(path, line.as_bytes()).with_context(context)?;
            tracing::info!(path = %path.display(), "key made; keep a copy of it with your back-ups");
            Ok(made)
        }
        Err(error) => Err(error).context("key file"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::settings::RawSettings;

    fn settings(folder: &Path) -> Settings {
        let raw = RawSettings { data_dir: Some(folder.join("data")), ..RawSettings::default() };
        Settings::resolve(raw, false).expect("fine")
    }

    #[test]
    fn keys_are_made_once_and_only_their_owner_reads_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        let first = Keys::load(&settings).expect("made");
        let again = Keys::load(&settings).expect("read");
        assert_eq!(first.rotation.public(), again.rotation.public());
        assert_eq!(first.jwt.expose(), again.jwt.expose());
        #[cfg(unix)]
        for name in ["rotation.key", "jwt.keys"] {
            let metadata = fs::metadata(folder.path().join("data").join(name)).expect("there");
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_damaged_key_is_an_error_and_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = settings(folder.path());
        Keys::load(&settings).expect("made");
        let path = folder.path().join("data/rotation.key");
        fs::write(&path, "abcd\n").expect("written");
        let error = format!("{:#}", Keys::load(&settings).expect_err("damaged"));
        assert!(error.contains("rotation.key") && error.contains("64 hex digits"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("there"), "abcd\n");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_is_not_made_through_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, elsewhere) = (folder.path().join("data"), folder.path().join("elsewhere"));
        fs::create_dir(&data).expect("a folder");
        for name in ["rotation.key", "rotation.new"] {
            std::os::unix::fs::symlink(&elsewhere, data.join(name)).expect("linked");
        }
        let error = format!("{:#}", Keys::load(&settings(folder.path())).expect_err("a link"));
        assert!(error.contains("rotation.key"), "{error}");
        assert!(!elsewhere.exists());
    }

    #[test]
    fn a_secret_comes_from_one_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(&path, format!("{}\n", "ab".repeat(32))).expect("written");
        let (secret, file) = (Secret::from("cd".repeat(32)), SecretFile::from(path));
        let none = SecretFile::from(folder.path().join("none"));
        assert!(read::<MiniSecret>("K", None, Some(&file)).expect("read").is_some());
        assert!(read::<MiniSecret>("K", Some(&secret), Some(&file)).is_err());
        let error = read::<MiniSecret>("K", None, Some(&none)).expect_err("no file");
        assert!(format!("{error:#}").starts_with("K_FILE: /"), "{error:#}");
    }
}
