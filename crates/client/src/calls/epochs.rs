use std::time::Duration;

use resi_protocol::wire::{EpochList, EpochResource, EpochState};
use resi_protocol::{EpochId, EpochSchedule, Timestamp};

use super::{Call, check_page, ensure, same};
use crate::requests::PageRequest;
use crate::transport::Request;

/// A deal is at most a pool, and a pool has no more zipcodes than there are numbers of five digits.
const MAX_EPOCH: usize = 2 * 1024 * 1024;
/// A record without its zipcodes has a good kilobyte.
const MAX_RECORD: usize = 8 * 1024;
const DEFAULT_LIMIT: u32 = 20;
/// The service reads more as this.
const MAX_LIMIT: u32 = 100;
/// The service takes requests from clocks that are so far from its own.
const SKEW: Duration = Duration::from_secs(300);

/// Which epoch runs?
pub(crate) struct CurrentEpochCall;

impl Call for CurrentEpochCall {
    type Answer = EpochResource;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "epochs", "current"]).at_most(MAX_EPOCH)
    }

    fn check(&self, answer: &EpochResource, now: Timestamp) -> Result<(), String> {
        check_record(answer, now)
    }
}

/// What is recorded of this epoch?
pub(crate) struct EpochCall(pub(crate) EpochId);

impl Call for EpochCall {
    type Answer = EpochResource;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "epochs", &self.0.to_string()]).at_most(MAX_EPOCH)
    }

    fn check(&self, answer: &EpochResource, now: Timestamp) -> Result<(), String> {
        same("epoch.id", answer.epoch.id, self.0)?;
        check_record(answer, now)
    }
}

impl PageRequest {
    fn most_epochs(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT) as usize
    }
}

impl Call for PageRequest {
    type Answer = EpochList;

    fn request(&self) -> Request {
        let request = self.add_to(Request::get(["api", "v1", "epochs"]));
        request.at_most(self.most_epochs().max(1) * MAX_RECORD)
    }

    fn check(&self, page: &EpochList, now: Timestamp) -> Result<(), String> {
        let (asked, next) = (self.cursor.as_deref(), page.next_cursor.as_deref());
        check_page(page.epochs.len(), self.most_epochs(), asked, next)?;
        let mut after: Option<EpochId> = asked.and_then(|cursor| cursor.parse().ok());
        for record in &page.epochs {
            check_record(record, now)?;
            let epoch = record.epoch;
            ensure(after.is_none_or(|after| epoch.ends_at <= after.starts_at()), || {
                format!("epoch {} is not listed newest first", epoch.id)
            })?;
            after = Some(epoch.id);
        }
        Ok(())
    }
}

/// Whether the parts of a record fit together, and it is of an epoch that has begun.
fn check_record(record: &EpochResource, now: Timestamp) -> Result<(), String> {
    let epoch = record.epoch;
    let of = |what: &str| format!("{what} of epoch {}", epoch.id);
    let schedule = EpochSchedule::new(record.rotation.epoch_seconds)
        .map_err(|error| format!("{}: {error}", of("epoch_seconds")))?;
    same("epoch.id", epoch.id, schedule.id(epoch.index))?;
    same(&of("epoch.starts_at"), epoch.starts_at, schedule.starts_at(epoch.index))?;
    same(&of("epoch.ends_at"), epoch.ends_at, schedule.ends_at(epoch.index))?;
    ensure(epoch.starts_at <= now.plus(SKEW), || {
        format!("epoch {} has not begun by this clock ({now})", epoch.id)
    })?;
    let is_over = epoch.ends_at <= now;
    let is_near = epoch.ends_at.minus(SKEW) <= now && now <= epoch.ends_at.plus(SKEW);
    ensure(is_near || (record.state == EpochState::Ended) == is_over, || {
        let state = if is_over { "has ended" } else { "runs" };
        format!("{} is not what follows from this clock ({now}): it {state}", of("state"))
    })?;
    ensure([epoch.starts_at, epoch.ends_at].contains(&record.revealed_at), || {
        format!("{} is neither its start nor its end", of("revealed_at"))
    })
}

#[cfg(test)]
mod tests {
    use resi_protocol::rotation::{ALGORITHM, RotationPublicKey};
    use resi_protocol::wire::{Epoch, Rotation};
    use resi_protocol::{EpochIndex, Sha256Hash};

    use super::*;

    fn record(index: u64) -> EpochResource {
        let (schedule, index) = (EpochSchedule::new(14_400).expect("not zero"), EpochIndex(index));
        EpochResource {
            epoch: Epoch {
                id: schedule.id(index),
                index,
                starts_at: schedule.starts_at(index),
                ends_at: schedule.ends_at(index),
            },
            state: EpochState::Ended,
            revealed_at: schedule.ends_at(index),
            rotation: Rotation {
                algorithm: ALGORITHM.to_owned(),
                public_key: RotationPublicKey::from_bytes([1; 32]),
                netuid: 46,
                epoch_seconds: 14_400,
                pool_size: 7_572,
                pool_sha256: Sha256Hash::from_bytes([1; 32]),
                zipcodes_per_epoch: 1_000,
                honeypots_sha256: None,
                signature: None,
            },
            prev_sha256: None,
            record_signature: None,
            zipcodes: None,
            honeypots: None,
        }
    }

    /// In the middle of epoch 110.
    const NOW: Timestamp = Timestamp::from_seconds(110 * 14_400 + 7_200);

    fn page(request: &PageRequest, epochs: &[u64], next: Option<&str>) -> Result<(), String> {
        let list = EpochList {
            epochs: epochs.iter().map(|index| record(*index)).collect(),
            next_cursor: next.map(str::to_owned),
        };
        request.check(&list, NOW)
    }

    #[test]
    fn a_record_is_of_the_epoch_that_was_asked_for() {
        let call = EpochCall(record(100).epoch.id);
        assert_eq!(call.check(&record(100), NOW), Ok(()));
        let error = call.check(&record(101), NOW).expect_err("another epoch");
        assert_eq!(error, "epoch.id is 1970-01-17T20-00-00, and 1970-01-17T16-00-00 was expected");
    }

    #[test]
    fn what_follows_from_the_epoch_is_not_believed_otherwise() {
        let changes: [fn(&mut EpochResource); 8] = [
            |record| record.epoch.index = EpochIndex(101),
            |record| record.epoch.starts_at = Timestamp::from_seconds(0),
            |record| record.epoch.ends_at = Timestamp::from_seconds(i64::MAX),
            |record| record.rotation.epoch_seconds = 0,
            |record| record.rotation.epoch_seconds = 60,
            |record| record.state = EpochState::Running,
            |record| record.revealed_at = Timestamp::from_seconds(1),
            |record| *record = super::tests::record(111),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut changed = record(100);
            change(&mut changed);
            assert!(CurrentEpochCall.check(&changed, NOW).is_err(), "change {at}");
        }
        let mut early = record(110);
        assert!(CurrentEpochCall.check(&early, NOW).is_err(), "it runs");
        early.state = EpochState::Running;
        early.revealed_at = early.epoch.starts_at;
        assert_eq!(CurrentEpochCall.check(&early, NOW), Ok(()));
    }

    #[test]
    fn a_page_of_epochs_is_newest_first_and_no_longer_than_asked_for() {
        let three = PageRequest::new().limit(3);
        assert_eq!(page(&three, &[105, 104, 102], Some("1970-01-18T00-00-00")), Ok(()));
        assert_eq!(page(&PageRequest::new(), &[], None), Ok(()));
        for wrong in [&[105, 104, 103, 102][..], &[104, 105], &[104, 104], &[105, 102, 103]] {
            assert!(page(&three, wrong, None).is_err(), "{wrong:?}");
        }
        assert!(page(&three, &[], Some("1970-01-18T00-00-00")).is_err());
        let cursor = record(104).epoch.id.to_string();
        let older = PageRequest::new().after(&cursor);
        assert_eq!(page(&older, &[103], None), Ok(()));
        assert!(page(&older, &[104, 103], None).is_err(), "it was on the page before");
        assert!(page(&older, &[103], Some(&cursor)).is_err());
    }
}
