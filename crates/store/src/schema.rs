use crate::OpenError;

/// How the description of a migration begins that the version before it goes on working with, and may be started on.
const COMPATIBLE: &str = "compatible ";

/// A migration that a database has had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub description: String,
    /// Of its text.
    pub checksum: Vec<u8>,
    /// Whether it came to its end.
    pub success: bool,
}

/// How many of this version's migrations, given as number and checksum, have yet to be run on a database.
///
/// # Errors
/// [`OpenError::Schema`] when the database has had others, but for newer ones that say that they are compatible.
pub fn pending_migrations<'a>(
    own: impl Iterator<Item = (i64, &'a [u8])>,
    applied: &[AppliedMigration],
) -> Result<usize, OpenError> {
    let own: Vec<_> = own.collect();
    let newest = own.iter().map(|(version, _)| *version).max().unwrap_or(0);
    let refuse = |reason: String| Err(OpenError::Schema(reason));
    let mut compatible = None;
    for migration in applied {
        let AppliedMigration { version, description, checksum, success } = migration;
        if !success {
            return refuse(format!("migration {version} ended half-way"));
        }
        match own.iter().find(|(known, _)| known == version) {
            Some((_, expected)) if expected != checksum => {
                return refuse(format!("migration {version} differs"));
            }
            Some(_) => {}
            None if *version > newest && description.starts_with(COMPATIBLE) => {
                compatible = Some(*version);
            }
            None => {
                return refuse(format!(
                    "migration {version} ({description}) is of another version"
                ));
            }
        }
    }
    let pending = own
        .iter()
        .filter(|(version, _)| !applied.iter().any(|migration| migration.version == *version))
        .count();
    if let Some(version) = compatible {
        if pending > 0 {
            return refuse(format!(
                "migration {version} is there, and {pending} before it are not"
            ));
        }
        tracing::warn!(
            migration = version,
            "the database was migrated by a newer version, which says that this one may go on"
        );
    }
    Ok(pending)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: [(i64, &[u8]); 2] = [(1, b"one"), (2, b"two")];

    fn applied(version: i64, description: &str, checksum: &str, success: bool) -> AppliedMigration {
        let (description, checksum) = (description.to_owned(), checksum.as_bytes().to_vec());
        AppliedMigration { version, description, checksum, success }
    }

    fn pending(applied: &[AppliedMigration]) -> Result<usize, String> {
        pending_migrations(OWN.into_iter(), applied).map_err(|error| error.to_string())
    }

    #[test]
    fn newer_migrations_are_refused_unless_they_are_compatible() {
        let one = applied(1, "initial", "one", true);
        let two = applied(2, "audit", "two", true);
        let compatible = applied(3, "compatible index", "three", true);
        let refused = |applied: &[AppliedMigration], why: &str| {
            let error = pending(applied).expect_err("refused");
            assert!(error.contains(why), "{error}");
        };
        assert_eq!(pending(&[]), Ok(2));
        assert_eq!(pending(std::slice::from_ref(&one)), Ok(1));
        assert_eq!(pending(&[two.clone(), one.clone()]), Ok(0));
        assert_eq!(pending(&[one.clone(), two.clone(), compatible.clone()]), Ok(0));
        refused(&[one.clone(), compatible], "1 before it are not");
        refused(&[one.clone(), two.clone(), applied(3, "index", "three", true)], "3 (index)");
        refused(&[one.clone(), two.clone(), applied(0, "compatible", "", true)], "another version");
        refused(&[one.clone(), applied(2, "audit", "two", false)], "half-way");
        refused(&[one, applied(2, "audit", "other", true)], "migration 2 differs");
    }
}
