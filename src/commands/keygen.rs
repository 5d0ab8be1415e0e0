use crate::settings::{MiniSecret, new_jwt_keys};

/// New keys, as lines of an env file.
///
/// # Errors
/// When the system has no randomness.
pub fn run() -> anyhow::Result<String> {
    let rotation = MiniSecret::generate()?;
    Ok(format!("ROTATION_KEY={}\nJWT_KEYS={}\n", rotation.expose(), new_jwt_keys()?.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::JwtKeys;

    #[test]
    fn what_is_printed_is_read_back_and_differs_each_time() {
        let first = run().expect("keys");
        let lines: Vec<_> = first.lines().filter_map(|line| line.split_once('=')).collect();
        assert_eq!(
            lines.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            ["ROTATION_KEY", "JWT_KEYS"]
        );
        assert!(lines[0].1.parse::<MiniSecret>().is_ok());
        assert!(lines[1].1.parse::<JwtKeys>().is_ok());
        assert_ne!(first, run().expect("keys"));
    }
}
