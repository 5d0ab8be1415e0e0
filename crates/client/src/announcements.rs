use resi_protocol::Timestamp;
use resi_protocol::rotation::{Announcement, Pinned};
use serde::{Deserialize, Serialize};

/// More is no use of announcements, and all of them are kept in one file.
const MOST_TRUSTED: usize = 500;

/// The announced changes of the rotation that this client trusts, and when it last looked for more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcements {
    looked_at: Option<Timestamp>,
    trusted: Vec<Announcement>,
}

impl Announcements {
    /// Takes what the service publishes at `now`. A change is trusted when a key signed it that is known to count before it,
    /// and it was published early enough: not before the last look that did not show it, whatever date it bears. What the
    /// first look shows may have been published just then.
    pub(crate) fn look(&mut self, published: &[Announcement], known: &Pinned, now: Timestamp) {
        let hidden_until = self.looked_at.unwrap_or(now);
        self.looked_at = Some(now);
        let mut changes: Vec<_> =
            published.iter().filter(|change| !self.trusted.contains(change)).collect();
        // One that follows upon another comes after it, in whatever order they are listed.
        changes.sort_by_key(|change| change.from);
        let mut refused = Vec::new();
        for change in changes {
            if !self.is_of_known_key(change, known) {
                continue;
            }
            match self.trust(change, hidden_until) {
                Ok(()) => {
                    tracing::info!(from = %change.from, public_key = %change.after.public_key, "a change of the rotation is announced");
                }
                Err(reason) => refused.push((change.from, reason)),
            }
        }
        // One line, however many there are: who sends them may want the log full.
        if let Some((from, reason)) = refused.first() {
            let count = refused.len();
            tracing::warn!(%from, count, "announced changes of the rotation are not trusted; the first: {reason}");
        }
    }

    fn trust(&mut self, change: &Announcement, hidden_until: Timestamp) -> Result<(), String> {
        if self.trusted.len() >= MOST_TRUSTED {
            return Err(format!("{MOST_TRUSTED} are trusted already"));
        }
        // What was announced is never taken back, so there is one word about an epoch.
        if self.trusted.iter().any(|trusted| trusted.from == change.from) {
            return Err("another change is trusted from the same epoch on".into());
        }
        change.verify(hidden_until).map_err(|error| error.to_string())?;
        self.trusted.push(*change);
        self.trusted.sort_by_key(|change| change.from);
        Ok(())
    }

    fn is_of_known_key(&self, change: &Announcement, known: &Pinned) -> bool {
        let key = change.before.public_key;
        known.netuid.is_none_or(|netuid| netuid.value() == change.netuid)
            && (known.public_key.is_some_and(|known| known.value() == key)
                || self.trusted.iter().any(|trusted| trusted.after.public_key == key))
    }

    /// What counts at `now` for who knew `known`.
    pub(crate) fn follow(&self, known: &Pinned, now: Timestamp) -> Pinned {
        known.following(&self.trusted, now)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use resi_protocol::rotation::{Parameters, RotationKey, RotationPublicKey, RotationSet};
    use resi_protocol::{EpochIndex, EpochSchedule, Sha256Hash};

    use super::*;

    const EPOCH: u64 = 14_400;

    fn parameters() -> Parameters {
        Parameters {
            netuid: 46,
            schedule: EpochSchedule::new(14_400).expect("not zero"),
            pool_size: 7_572,
            pool_sha256: Sha256Hash::from_bytes([1; 32]),
            zipcodes_per_epoch: 1_000,
        }
    }

    fn key(byte: u8) -> RotationKey {
        RotationKey::from_mini_secret(&[byte; 32])
    }

    fn start(epoch: u64) -> Timestamp {
        parameters().schedule.starts_at(EpochIndex(epoch))
    }

    /// From the first key to the second, in epoch 110.
    fn change(announced: u64) -> Announcement {
        let after = RotationSet::new(key(2).public(), &parameters());
        let from = parameters().schedule.id(EpochIndex(110));
        Announcement::sign(&key(1), 46, from, start(announced), &parameters(), after)
    }

    fn known() -> Pinned {
        Pinned { public_key: Some(key(1).public().into()), ..Pinned::default() }
    }

    fn key_at(announcements: &Announcements, epoch: u64) -> Option<RotationPublicKey> {
        announcements.follow(&known(), start(epoch)).public_key.map(|known| known.value())
    }

    /// Counts the events of a log.
    struct Counter(AtomicU64);

    impl tracing::Subscriber for Counter {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::Id {
            tracing::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

        fn event(&self, _: &tracing::Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn enter(&self, _: &tracing::Id) {}

        fn exit(&self, _: &tracing::Id) {}
    }

    #[test]
    fn many_forged_changes_are_one_line_of_the_log() {
        let counter = Arc::new(Counter(AtomicU64::new(0)));
        let forged = Announcement { netuid: 47, ..change(100) };
        let forged = vec![Announcement { netuid: 46, after: forged.before, ..forged }; 300];
        tracing::subscriber::with_default(Arc::clone(&counter), || {
            Announcements::default().look(&forged, &known(), start(101));
        });
        assert_eq!(counter.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn an_announced_change_counts_from_its_epoch_on() {
        let mut announcements = Announcements::default();
        announcements.look(&[], &known(), start(102));
        announcements.look(&[change(103)], &known(), start(103));
        assert_eq!(key_at(&announcements, 109), Some(key(1).public()));
        assert_eq!(key_at(&announcements, 110), Some(key(2).public()));
    }

    #[test]
    fn who_looks_late_takes_the_date_it_bears() {
        let mut announcements = Announcements::default();
        announcements.look(&[], &known(), start(90));
        announcements.look(&[change(103)], &known(), start(120));
        assert_eq!(key_at(&announcements, 120), Some(key(2).public()));
    }

    /// Whoever follows these would follow a key that was made up just now.
    #[test]
    fn what_the_first_look_shows_counts_from_then() {
        for (first, followed) in
            [(103, true), (104, true), (105, false), (109, false), (120, false)]
        {
            let mut announcements = Announcements::default();
            announcements.look(&[change(90)], &known(), start(first));
            announcements.look(&[change(90)], &known(), start(first + 1));
            let expected = if followed { key(2).public() } else { key(1).public() };
            assert_eq!(key_at(&announcements, 121), Some(expected), "{first}");
        }
    }

    #[test]
    fn a_look_before_the_first_contact_counts_and_trusts_nobody() {
        let mut announcements = Announcements::default();
        announcements.look(&[change(90)], &Pinned::default(), start(100));
        assert_eq!(announcements.trusted, []);
        announcements.look(&[change(90)], &known(), start(109));
        assert_eq!(key_at(&announcements, 110), Some(key(2).public()), "it may have been there");
        let mut announcements = Announcements::default();
        announcements.look(&[], &Pinned::default(), start(108));
        announcements.look(&[change(90)], &known(), start(109));
        assert_eq!(key_at(&announcements, 110), Some(key(1).public()), "it was not there");
    }

    #[test]
    fn changes_that_follow_upon_each_other_may_be_listed_in_any_order() {
        let third = RotationSet::new(key(3).public(), &parameters());
        let from = parameters().schedule.id(EpochIndex(120));
        let next = Announcement::sign(&key(2), 46, from, start(100), &parameters(), third);
        for published in [[change(100), next], [next, change(100)]] {
            let mut announcements = Announcements::default();
            announcements.look(&published, &known(), start(101));
            assert_eq!(key_at(&announcements, 115), Some(key(2).public()));
            assert_eq!(key_at(&announcements, 120), Some(key(3).public()));
        }
    }

    #[test]
    fn of_two_words_about_one_epoch_the_first_counts() {
        let third = RotationSet::new(key(3).public(), &parameters());
        let from = change(100).from;
        let other = Announcement::sign(&key(1), 46, from, start(100), &parameters(), third);
        let mut announcements = Announcements::default();
        announcements.look(&[change(100)], &known(), start(101));
        announcements.look(&[other, change(100)], &known(), start(102));
        assert_eq!(announcements.trusted, [change(100)]);
    }

    #[test]
    fn of_another_subnet_nothing_is_trusted_and_of_this_one_not_without_end() {
        let elsewhere = Pinned { netuid: Some(47.into()), ..known() };
        let mut announcements = Announcements::default();
        announcements.look(&[change(100)], &elsewhere, start(101));
        assert_eq!(announcements.trusted, []);
        let many: Vec<_> = (0..MOST_TRUSTED as u64 + 5)
            .map(|at| {
                let from = parameters().schedule.id(EpochIndex(200 + at));
                let after = RotationSet::new(key(1).public(), &parameters());
                Announcement::sign(&key(1), 46, from, start(100), &parameters(), after)
            })
            .collect();
        announcements.look(&many, &known(), start(101));
        assert_eq!(announcements.trusted.len(), MOST_TRUSTED);
    }

    #[test]
    fn a_date_that_was_set_back_is_found_by_who_looked() {
        let mut announcements = Announcements::default();
        announcements.look(&[], &known(), start(108));
        for epoch in [109, 120] {
            announcements.look(&[change(103)], &known(), start(epoch));
            assert_eq!(key_at(&announcements, 120), Some(key(1).public()), "at {epoch}");
        }
        // Within what clocks and copies may differ by.
        let mut announcements = Announcements::default();
        announcements.look(&[], &known(), start(104).plus(Duration::from_secs(100)));
        announcements.look(&[change(104)], &known(), start(105));
        assert_eq!(key_at(&announcements, 110), Some(key(2).public()));
    }

    #[test]
    fn what_is_too_near_or_signed_by_another_key_counts_for_nothing() {
        let stranger = Announcement::sign(
            &key(3),
            46,
            change(100).from,
            start(100),
            &parameters(),
            RotationSet::new(key(3).public(), &parameters()),
        );
        let forged = Announcement { before: change(100).before, ..stranger };
        let altered = Announcement { after: stranger.after, ..change(100) };
        for refused in [change(105), stranger, forged, altered] {
            let mut announcements = Announcements::default();
            announcements.look(&[refused], &known(), start(106));
            assert_eq!(key_at(&announcements, 110), Some(key(1).public()), "{refused:?}");
        }
        assert_eq!(start(1).seconds().unsigned_abs(), EPOCH);
    }
}
