use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::join;
use resi_protocol::rotation::{
    CLOCK_TOLERANCE, Known, Part, Pinned, Pool, Question, VerifyError, Voucher, verify_blocks,
    verify_epoch,
};
use resi_protocol::wire::{Epoch, EpochResource, Rotation, ValidatorData};
use resi_protocol::{EpochId, EpochIndex, Sha256Hash, Timestamp, Zipcode};

use crate::announcements::Announcements;
use crate::calls::{Call, CurrentEpochCall, EpochCall, HealthCall, PoolCall, RotationKeysCall};
use crate::data_folder::DataFolder;
use crate::error::{ClockOff, Error, Unverified};
use crate::flights::Flights;
use crate::known_rotation::KnownRotation;
use crate::requests::BlocksRequest;
use crate::session::Session;
use crate::verified_blocks::VerifiedBlocks;
use crate::verified_epoch::VerifiedEpoch;

/// Gets blocks, and hands none out that was not verified.
#[derive(Debug)]
pub(crate) struct Blocks {
    session: Arc<Session>,
    folder: Option<DataFolder>,
    pinned: Pinned,
    remembered: Mutex<Option<KnownRotation>>,
    announcements: Mutex<Option<Announcements>>,
    pool: Mutex<Option<Arc<Pool>>>,
    pools: Flights<Sha256Hash, Arc<Pool>>,
    held: Mutex<HashMap<BlocksRequest, VerifiedBlocks>>,
    pulls: Flights<BlocksRequest, VerifiedBlocks>,
}

impl Blocks {
    pub(crate) fn new(session: Arc<Session>, folder: Option<DataFolder>, pinned: Pinned) -> Self {
        Self {
            session,
            folder,
            pinned,
            remembered: Mutex::default(),
            announcements: Mutex::default(),
            pool: Mutex::default(),
            pools: Flights::new(),
            held: Mutex::default(),
            pulls: Flights::new(),
        }
    }

    pub(crate) async fn get(
        self: &Arc<Self>,
        request: BlocksRequest,
    ) -> Result<VerifiedBlocks, Error> {
        let this = Arc::clone(self);
        match self.held(request) {
            Some(blocks) => Ok(blocks),
            None => {
                self.pulls
                    .join(request, || async move { this.find_or_pull(request).await }.boxed())
                    .await
            }
        }
    }

    async fn find_or_pull(
        self: &Arc<Self>,
        request: BlocksRequest,
    ) -> Result<VerifiedBlocks, Error> {
        // Whoever joined just after a flight had landed finds its blocks here.
        if let Some(blocks) = self.held(request) {
            return Ok(blocks);
        }
        let blocks = match self.find_kept(request).await? {
            Some(blocks) => blocks,
            None => self.pull(request).await?,
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, older| older.epoch() == blocks.epoch());
        held.insert(request, blocks.clone());
        Ok(blocks)
    }

    fn held(&self, request: BlocksRequest) -> Option<VerifiedBlocks> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&request).filter(|blocks| self.is_running(&blocks.data().epoch)).cloned()
    }

    fn is_running(&self, epoch: &Epoch) -> bool {
        (epoch.starts_at..epoch.ends_at).contains(&self.session.clock.now())
    }

    /// The copy of an earlier pull, when it is of the running epoch and passes every check again.
    async fn find_kept(
        self: &Arc<Self>,
        request: BlocksRequest,
    ) -> Result<Option<VerifiedBlocks>, Error> {
        let hotkey = self.session.signer.hotkey();
        let kept = self.on_disk(move |folder| folder.blocks(hotkey, request)).await.flatten();
        let now = self.session.clock.now();
        let Some(data) =
            kept.filter(|data| self.is_running(&data.epoch) && request.check(data, now).is_ok())
        else {
            return Ok(None);
        };
        match self.verify(data, request).await {
            Ok(blocks) => Ok(Some(blocks)),
            Err(error @ Error::DataFolder { .. }) => Err(error),
            Err(error) => {
                tracing::warn!("the kept copy of the blocks is of no use: {error}");
                Ok(None)
            }
        }
    }

    async fn pull(self: &Arc<Self>, request: BlocksRequest) -> Result<VerifiedBlocks, Error> {
        let (answer, looked) =
            join(self.session.proven(&request), self.look_for_announcements()).await;
        let data = answer?;
        match looked {
            Err(error @ Error::DataFolder { .. }) => return Err(error),
            // What is known goes on counting; a change would be found by the next look.
            Err(error) => tracing::warn!("announced changes could not be read: {error}"),
            Ok(()) => {}
        }
        let verified = self.verify(data, request).await;
        let blocks = self.or_clock_off(verified).await?;
        let (hotkey, kept) = (self.session.signer.hotkey(), blocks.clone());
        self.on_disk(move |folder| folder.keep_blocks(hotkey, request, kept.data())).await;
        Ok(blocks)
    }

    async fn verify(
        self: &Arc<Self>,
        data: ValidatorData,
        request: BlocksRequest,
    ) -> Result<VerifiedBlocks, Error> {
        let known = self.known().await?;
        let rotation = data.rotation.clone();
        let pool = self.known_pool(&known, &rotation).await?;
        let question = Question {
            // A part of those that were asked for, all batches alike.
            sources: data.data_blocks.values().next().map(|batch| batch.sources),
            block_size: Some(request.block_size),
            at: Some(self.session.clock.now()),
            epoch: None,
        };
        let proof = verify_blocks(&data, &pool, &known, &question).map_err(unverified)?;
        let is_new = |(_, voucher): &(Part, Voucher)| *voucher == Voucher::FirstContact;
        if proof.vouchers.iter().any(is_new) {
            let seen = KnownRotation::of(&proof, self.session.clock.now());
            self.remember(seen, &rotation).await?;
        }
        Ok(VerifiedBlocks::new(data, proof))
    }

    /// The pool of an answer. Nobody's pool is fetched before it is known to be the right one.
    async fn known_pool(
        self: &Arc<Self>,
        known: &Pinned,
        rotation: &Rotation,
    ) -> Result<Arc<Pool>, Error> {
        known.check(rotation).map_err(|reason| self.differs(reason, rotation))?;
        self.pool(rotation.pool_sha256).await
    }

    /// The record of an epoch that has ended, after every check.
    pub(crate) async fn verified_epoch(
        self: &Arc<Self>,
        id: EpochId,
    ) -> Result<VerifiedEpoch, Error> {
        let record = self.session.public(&EpochCall(id)).await?;
        let known = self.known_at(id.starts_at()).await?;
        self.verify_record(record, &known, id).await
    }

    async fn verify_record(
        self: &Arc<Self>,
        record: EpochResource,
        known: &Pinned,
        id: EpochId,
    ) -> Result<VerifiedEpoch, Error> {
        let pool = self.known_pool(known, &record.rotation).await?;
        let at = Some(self.session.clock.now());
        let question = Question { epoch: Some(id), at, ..Question::default() };
        let verified = verify_epoch(&record, &pool, known, &question).map_err(unverified);
        let proof = self.or_clock_off(verified).await?;
        Ok(VerifiedEpoch::new(record, proof))
    }

    /// Says where it is kept what the answer differs from, unless the program itself pinned it.
    fn differs(&self, reason: VerifyError, rotation: &Rotation) -> Error {
        let is_of_memory = self.pinned.check(rotation).is_ok();
        let folder = self.folder.as_ref().filter(|_| is_of_memory);
        Error::Unverified(Unverified {
            reason,
            remembered_in: folder.map(DataFolder::rotation_file),
        })
    }

    /// What is pinned, and where nothing is, what is known from earlier contacts; and what was announced since.
    pub(crate) async fn known(self: &Arc<Self>) -> Result<Pinned, Error> {
        self.known_at(self.session.clock.now()).await
    }

    pub(crate) async fn known_at(self: &Arc<Self>, moment: Timestamp) -> Result<Pinned, Error> {
        let first = self.first_known().await?;
        Ok(self.announcements().await?.follow(&first, moment))
    }

    async fn first_known(self: &Arc<Self>) -> Result<Pinned, Error> {
        let remembered = self.remembered().await?;
        Ok(KnownRotation::complete(remembered.as_ref(), &self.pinned))
    }

    async fn announcements(self: &Arc<Self>) -> Result<Announcements, Error> {
        let held = self.announcements.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = held {
            return Ok(held);
        }
        let kept = self.on_disk(DataFolder::announcements).await.transpose()?.flatten();
        let kept = kept.unwrap_or_default();
        *self.announcements.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept.clone());
        Ok(kept)
    }

    async fn look_for_announcements(self: &Arc<Self>) -> Result<(), Error> {
        let published = match self.session.public(&RotationKeysCall).await {
            Ok(keys) => keys.announcements,
            // A service from before there were announcements.
            Err(error) if error.status() == Some(404) => Vec::new(),
            Err(error) => return Err(error),
        };
        let known = self.first_known().await?;
        let mut announcements = self.announcements().await?;
        announcements.look(&published, &known, self.session.clock.now());
        let written = announcements.clone();
        self.on_disk(move |folder| folder.keep_announcements(&written)).await.transpose()?;
        *self.announcements.lock().unwrap_or_else(PoisonError::into_inner) = Some(announcements);
        Ok(())
    }

    /// What is known of the rotation from earlier contacts.
    pub(crate) async fn remembered(self: &Arc<Self>) -> Result<Option<KnownRotation>, Error> {
        let held = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if held.is_some() {
            return Ok(held);
        }
        let kept = self.on_disk(DataFolder::rotation).await.transpose()?.flatten();
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&kept);
        Ok(kept)
    }

    /// Trusts what was seen from now on, unless another process was first with something else.
    async fn remember(
        self: &Arc<Self>,
        seen: KnownRotation,
        rotation: &Rotation,
    ) -> Result<(), Error> {
        let replaces =
            self.remembered().await?.is_some_and(|known| known.public_key != seen.public_key);
        let written = seen.clone();
        let earlier = self
            .on_disk(move |folder| {
                if replaces {
                    folder.forget_rotation()?;
                }
                folder.remember(&written)
            })
            .await
            .transpose()?
            .flatten();
        if let Some(earlier) = &earlier {
            let known = KnownRotation::complete(Some(earlier), &self.pinned);
            known.check(rotation).map_err(|reason| self.differs(reason, rotation))?;
        }
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(earlier.unwrap_or(seen));
        Ok(())
    }

    pub(crate) async fn forget(self: &Arc<Self>) -> Result<(), Error> {
        self.on_disk(DataFolder::forget_rotation).await.transpose()?;
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.announcements.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// The decoys of blocks, which their epoch reveals when it has ended.
    pub(crate) async fn honeypots(
        self: &Arc<Self>,
        blocks: &VerifiedBlocks,
    ) -> Result<Vec<Zipcode>, Error> {
        let rotation = &blocks.data().rotation;
        if rotation.honeypots_sha256.is_none() {
            return Ok(Vec::new());
        }
        let id = blocks.epoch().id;
        let record = self.session.public(&EpochCall(id)).await?;
        // All of it was verified with the blocks, while the epoch ran.
        let known = Pinned {
            public_key: Some(rotation.public_key.into()),
            netuid: Some(rotation.netuid.into()),
            epoch_seconds: Some(rotation.epoch_seconds.into()),
            pool_sha256: Some(rotation.pool_sha256.into()),
            zipcodes_per_epoch: Some(rotation.zipcodes_per_epoch.into()),
            honeypots_sha256: rotation.honeypots_sha256.map(Known::pinned),
        };
        Ok(self.verify_record(record, &known, id).await?.proof().honeypots.clone())
    }

    /// The pool of that hash: at hand, kept, or fetched.
    pub(crate) async fn pool(self: &Arc<Self>, sha256: Sha256Hash) -> Result<Arc<Pool>, Error> {
        let at_hand = self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(pool) = at_hand.filter(|pool| pool.sha256() == sha256) {
            return Ok(pool);
        }
        let this = Arc::clone(self);
        self.pools
            .join(sha256, || async move { this.find_or_fetch_pool(sha256).await }.boxed())
            .await
    }

    async fn find_or_fetch_pool(self: &Arc<Self>, sha256: Sha256Hash) -> Result<Arc<Pool>, Error> {
        let kept = self.on_disk(move |folder| folder.pool(sha256)).await.flatten().map(Arc::new);
        let pool = match kept {
            Some(pool) => pool,
            None => {
                let pool = self.fetch_pool(sha256).await?;
                let copy = Arc::clone(&pool);
                self.on_disk(move |folder| folder.keep_pool(&copy)).await;
                pool
            }
        };
        *self.pool.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&pool));
        Ok(pool)
    }

    async fn fetch_pool(&self, sha256: Sha256Hash) -> Result<Arc<Pool>, Error> {
        let pool = Pool::new(self.session.public(&PoolCall(sha256)).await?.zipcodes)?;
        if pool.sha256() != sha256 {
            return Err(unverified(VerifyError::Differs {
                what: "the hash of the pool",
                answered: pool.sha256().to_string(),
                expected: sha256.to_string(),
            }));
        }
        Ok(Arc::new(pool))
    }

    /// The epoch that runs, by the clock of this machine.
    pub(crate) async fn current_epoch(self: &Arc<Self>) -> Result<EpochResource, Error> {
        let answer = self.session.public(&CurrentEpochCall).await?;
        let known =
            Pinned { epoch_seconds: self.known().await?.epoch_seconds, ..Pinned::default() };
        known.check(&answer.rotation).map_err(|reason| self.differs(reason, &answer.rotation))?;
        let now = self.session.clock.now();
        let Epoch { index, starts_at, ends_at, .. } = answer.epoch;
        let runs = starts_at.minus(CLOCK_TOLERANCE) <= now && now < ends_at.plus(CLOCK_TOLERANCE);
        let length = u64::from(answer.rotation.epoch_seconds.max(1));
        let expected = EpochIndex(now.since(Timestamp::UNIX_EPOCH).as_secs() / length);
        let checked = if runs {
            Ok(answer)
        } else {
            Err(unverified(VerifyError::NotRunning { answered: index, expected, now }))
        };
        self.or_clock_off(checked).await
    }

    /// What is of another epoch may be old, or the clock of this machine is off.
    async fn or_clock_off<T>(&self, verified: Result<T, Error>) -> Result<T, Error> {
        match verified {
            Err(Error::Unverified(Unverified {
                reason: VerifyError::NotRunning { .. }, ..
            })) if let Some(clock) = self.clock_off().await => Err(Error::ClockOff(clock)),
            verified => verified,
        }
    }

    /// The service's clock tells.
    async fn clock_off(&self) -> Option<ClockOff> {
        let health = self.session.public(&HealthCall).await.ok()?;
        ClockOff::of(self.session.clock.now(), health.timestamp, None)
    }

    /// Runs `work` where waiting for a disk keeps nobody; `None` where nothing is kept on disk.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&DataFolder) -> T + Send + 'static,
    ) -> Option<T> {
        self.folder.as_ref()?;
        let this = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || this.folder.as_ref().map(work));
        // It fails only when the work panics, or the runtime ends.
        done.await.ok().flatten()
    }
}

fn unverified(reason: VerifyError) -> Error {
    Error::Unverified(Unverified { reason, remembered_in: None })
}
