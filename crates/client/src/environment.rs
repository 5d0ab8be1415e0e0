use std::env;
use std::path::{Path, PathBuf};

const BASE_URL: &str = "DATA_API_URL";

/// The address of the service, where the program names none.
pub(crate) fn base_url() -> Option<String> {
    variable(BASE_URL)
}

/// Where a client keeps what it knows, where the program names no place.
pub(crate) fn data_folder() -> Option<PathBuf> {
    let data = match variable("XDG_DATA_HOME").map(PathBuf::from) {
        Some(folder) if folder.is_absolute() => folder,
        _ => env::home_dir()?.join(".local/share"),
    };
    Some(data.join("resi-client"))
}

/// `~/` is the home folder.
pub(crate) fn expand_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[expect(clippy::disallowed_methods, reason = "defaults of the builder are read here, once")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
