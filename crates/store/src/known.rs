use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bounded memory of keys whose rows are known to be committed, and are never deleted: no need to write them again.
#[derive(Debug)]
pub struct Known<T> {
    keys: Mutex<HashSet<T>>,
    capacity: usize,
}

impl<T: Eq + Hash> Known<T> {
    /// Knows nothing yet, and at most `capacity` keys ever.
    pub fn new(capacity: usize) -> Self {
        Self { keys: Mutex::default(), capacity }
    }

    /// Whether it is known; `false` says nothing.
    pub fn contains(&self, key: &T) -> bool {
        self.keys().contains(key)
    }

    /// To be called after the commit only.
    pub fn extend(&self, committed: impl IntoIterator<Item = T>) {
        let mut keys = self.keys();
        for key in committed {
            if keys.len() >= self.capacity {
                keys.clear();
            }
            keys.insert(key);
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<T>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
