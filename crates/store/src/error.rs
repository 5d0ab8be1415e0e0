/// Why a verb failed. Nothing it was to change has been acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database is away, too slow, full or shutting down: a later try may work. The outcome of this one is unknown.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A row that this version cannot have written.
    #[error("the database holds an inconsistent row: {0}")]
    Inconsistent(String),
}

/// What to do with migrations when a store is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrations {
    /// Run those that are pending; several replicas may do so at once.
    Run,
    /// Refuse to open when some are pending.
    Refuse,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database is away: a later try may work.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Migrations are pending, and were not to be run.
    #[error("{0} migration(s) are pending; start once without --no-migrate to run them")]
    Pending(usize),
    /// The database was migrated by a newer version, or otherwise.
    #[error("the schema of the database is not one of this version: {0}")]
    Schema(String),
    /// Something that no later try will mend.
    #[error("{0}")]
    Fatal(String),
}
