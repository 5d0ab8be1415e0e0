use std::sync::Arc;

use arc_swap::ArcSwap;
use resi_protocol::Timestamp;
use resi_protocol::rotation::{Announcement, RotationSet};

/// The changes that were announced, as last read from the store.
#[derive(Debug, Default)]
pub(super) struct Announced(ArcSwap<Vec<Announcement>>);

impl Announced {
    pub(super) fn list(&self) -> Arc<Vec<Announcement>> {
        self.0.load_full()
    }

    pub(super) fn replace(&self, list: Vec<Announcement>) {
        self.0.store(Arc::new(list));
    }

    /// What counts in an epoch that starts at `moment`; `None` where nothing was ever announced.
    pub(super) fn set_at(&self, moment: Timestamp) -> Option<RotationSet> {
        let list = self.0.load();
        let begun = list.iter().rev().find(|change| change.from.starts_at() <= moment);
        begun.map(|change| change.after).or_else(|| list.first().map(|first| first.before))
    }
}
