use resi_protocol::Timestamp;
use resi_protocol::rotation::{Announcement, Pinned, RotationPublicKey};
use serde::{Deserialize, Serialize};

/// The announced changes of the rotation that this client trusts, and when it last looked for more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcements {
    looked_at: Option<Timestamp>,
    trusted: Vec<Announcement>,
}

impl Announcements {
    /// Takes what the service publishes at `now`. A change is trusted when a key signed it that is known to count before it,
    /// and it was published early enough: not before the last look that did not show it, whatever date it bears.
    pub(crate) fn look(&mut self, published: &[Announcement], known: &Pinned, now: Timestamp) {
        // Before the first contact nobody's changes are followed.
        if known.public_key.is_none() {
            return;
        }
        let hidden_until = self.looked_at.unwrap_or(Timestamp::UNIX_EPOCH);
        for change in published {
            if !self.is_of_known_key(change.before.public_key, known)
                || self.trusted.contains(change)
            {
                continue;
            }
            match change.verify(hidden_until) {
                Ok(()) => {
                    tracing::info!(from = %change.from, public_key = %change.after.public_key, "a change of the rotation is announced");
                    self.trusted.push(*change);
                }
                Err(error) => {
                    tracing::warn!(from = %change.from, "an announced change of the rotation is not trusted: {error}");
                }
            }
        }
        self.trusted.sort_by_key(|change| change.from);
        self.looked_at = Some(now);
    }

    fn is_of_known_key(&self, key: RotationPublicKey, known: &Pinned) -> bool {
        known.public_key == Some(key)
            || self.trusted.iter().any(|change| change.after.public_key == key)
    }

    /// What counts at `now` for who knew `known`.
    pub(crate) fn follow(&self, known: &Pinned, now: Timestamp) -> Pinned {
        known.following(&self.trusted, now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use resi_protocol::rotation::{Parameters, RotationKey, RotationSet};
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
        Pinned { public_key: Some(key(1).public()), ..Pinned::default() }
    }

    fn key_at(announcements: &Announcements, epoch: u64) -> Option<RotationPublicKey> {
        announcements.follow(&known(), start(epoch)).public_key
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
