//! Rows as both databases hold them, and what they mean.

use resi_protocol::rotation::{Announcement, Parameters, RotationPublicKey, VrfSignature};
use resi_protocol::{EpochId, EpochSchedule, Hotkey, Sha256Hash, Signature, Timestamp};

use crate::{
    Assignment, AuditEntry, AuditEvent, EpochDelta, EpochRecord, EpochTally, LastChange, Origin,
    PoolEntry, StoreError, StoredPool, Tally,
};

fn inconsistent(what: &str, error: impl std::fmt::Display) -> StoreError {
    StoreError::Inconsistent(format!("{what}: {error}"))
}

fn bytes<const N: usize>(what: &str, bytes: &[u8]) -> Result<[u8; N], StoreError> {
    bytes
        .try_into()
        .map_err(|_| inconsistent(what, format_args!("{} bytes where {N} belong", bytes.len())))
}

fn whole<T: TryFrom<i64>>(what: &str, number: i64) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| inconsistent(what, number))
}

/// An epoch as both databases hold it: its start in seconds since 1970, which orders epochs also when their length was
/// changed.
pub fn epoch_start(epoch: EpochId) -> i64 {
    epoch.starts_at().seconds()
}

fn epoch_id(start: i64) -> Result<EpochId, StoreError> {
    let id = EpochId::starting_at(Timestamp::from_seconds(start));
    if epoch_start(id) == start { Ok(id) } else { Err(inconsistent("start of an epoch", start)) }
}

/// Reads a hotkey.
///
/// # Errors
/// When it has not 32 bytes.
pub fn hotkey(value: &[u8]) -> Result<Hotkey, StoreError> {
    bytes("hotkey", value).map(Hotkey::from_bytes)
}

/// Reads a netuid.
///
/// # Errors
/// When it has not 16 bits.
pub fn netuid(value: i32) -> Result<u16, StoreError> {
    whole("netuid", value.into())
}

/// Reads a signature.
///
/// # Errors
/// When it has not 64 bytes.
pub fn signature(value: &[u8]) -> Result<Signature, StoreError> {
    bytes("signature", value).map(Signature::from_bytes)
}

/// A row of `assignments`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns, as Assignment names them")]
pub struct AssignmentRow {
    pub hotkey: Vec<u8>,
    pub status: String,
    pub late: bool,
    pub epoch: i64,
    pub opened_in: i64,
    pub report: String,
    pub first_reported_at: i64,
    pub updated_at: i64,
    pub position: i64,
    pub revision: i64,
}

impl TryFrom<AssignmentRow> for Assignment {
    type Error = StoreError;

    fn try_from(row: AssignmentRow) -> Result<Self, StoreError> {
        Ok(Self {
            hotkey: hotkey(&row.hotkey)?,
            status: row
                .status
                .parse()
                .map_err(|error| inconsistent("status of an assignment", error))?,
            late: row.late,
            epoch: epoch_id(row.epoch)?,
            opened_in: epoch_id(row.opened_in)?,
            report: serde_json::from_str(&row.report)
                .map_err(|error| inconsistent("report", error))?,
            first_reported_at: Timestamp::from_micros(row.first_reported_at),
            updated_at: Timestamp::from_micros(row.updated_at),
            position: row.position,
            revision: row.revision,
        })
    }
}

/// The report of an assignment as it is kept.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn report_text(assignment: &Assignment) -> Result<String, StoreError> {
    serde_json::to_string(&assignment.report).map_err(|error| inconsistent("report", error))
}

/// Entries of the audit as the JSON list that both databases take.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn audit_text(events: &[AuditEvent]) -> Result<String, StoreError> {
    let entries: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event.at.micros(),
                event.kind.name(),
                &event.code,
                event.hotkey.map(|hotkey| hex::encode(hotkey.as_bytes())),
                u8::from(event.proved),
                &event.subject,
                event.origin.as_ref().map(|origin| &*origin.request_id),
                event.origin.as_ref().and_then(|origin| origin.address),
                event.times,
            )
        })
        .collect();
    serde_json::to_string(&entries).map_err(|error| inconsistent("audit", error))
}

/// A row of `audit`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns, as AuditEvent names them")]
pub struct AuditRow {
    pub position: i64,
    pub at: i64,
    pub kind: String,
    pub code: String,
    pub hotkey: Option<Vec<u8>>,
    pub proved: bool,
    pub subject: Option<String>,
    pub request_id: Option<String>,
    pub address: Option<String>,
    pub times: i64,
}

impl TryFrom<AuditRow> for AuditEntry {
    type Error = StoreError;

    fn try_from(row: AuditRow) -> Result<Self, StoreError> {
        let address = row
            .address
            .map(|address| address.parse().map_err(|error| inconsistent("address", error)))
            .transpose()?;
        let event = AuditEvent {
            at: Timestamp::from_micros(row.at),
            kind: row.kind.parse().map_err(|error| inconsistent("kind", error))?,
            code: row.code.into(),
            hotkey: row.hotkey.as_deref().map(hotkey).transpose()?,
            proved: row.proved,
            subject: row.subject,
            origin: row.request_id.map(|id| Origin { request_id: id.into(), address }),
            times: whole("times", row.times)?,
        };
        Ok(Self { position: row.position, event })
    }
}

/// A row of `epochs`.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns, as EpochRecord names them")]
pub struct EpochRow {
    pub netuid: i32,
    pub epoch: i64,
    pub epoch_seconds: i64,
    pub pool_sha256: Vec<u8>,
    pub pool_size: i64,
    pub zipcodes_per_epoch: i64,
    pub public_key: Vec<u8>,
    pub agreed_at: i64,
    pub signature: Option<Vec<u8>>,
    pub prev_sha256: Option<Vec<u8>>,
    pub record_signature: Option<Vec<u8>>,
    pub honeypots: Option<String>,
}

impl TryFrom<EpochRow> for EpochRecord {
    type Error = StoreError;

    fn try_from(row: EpochRow) -> Result<Self, StoreError> {
        let schedule = EpochSchedule::new(whole("epoch length", row.epoch_seconds)?)
            .map_err(|error| inconsistent("epoch length", error))?;
        Ok(Self {
            epoch: schedule
                .index_of(epoch_id(row.epoch)?)
                .ok_or_else(|| inconsistent("start of an epoch", row.epoch))?,
            parameters: Parameters {
                netuid: whole("netuid", row.netuid.into())?,
                schedule,
                pool_size: whole("size of a pool", row.pool_size)?,
                pool_sha256: Sha256Hash::from_bytes(bytes("hash of a pool", &row.pool_sha256)?),
                zipcodes_per_epoch: whole("zipcodes of an epoch", row.zipcodes_per_epoch)?,
            },
            public_key: RotationPublicKey::from_bytes(bytes("public key", &row.public_key)?),
            agreed_at: Timestamp::from_micros(row.agreed_at),
            signature: row
                .signature
                .map(|signature| {
                    bytes("signature of an epoch", &signature).map(VrfSignature::from_bytes)
                })
                .transpose()?,
            prev_sha256: row
                .prev_sha256
                .map(|prev| bytes("hash of a record", &prev).map(Sha256Hash::from_bytes))
                .transpose()?,
            record_signature: row
                .record_signature
                .map(|signature| {
                    bytes("signature of a record", &signature).map(Signature::from_bytes)
                })
                .transpose()?,
            honeypots: row
                .honeypots
                .map(|text| {
                    serde_json::from_str(&text).map_err(|error| inconsistent("decoys", error))
                })
                .transpose()?,
        })
    }
}

/// What a record of the epoch that starts at `epoch` is linked to, the newest record being `newest`.
///
/// # Errors
/// When the row is none that this version writes.
pub fn link(newest: Option<EpochRow>, epoch: i64) -> Result<Option<Sha256Hash>, StoreError> {
    let before = newest.filter(|newest| newest.epoch < epoch);
    before.map(|before| EpochRecord::try_from(before).map(|before| before.sha256())).transpose()
}

/// An announced change as it is kept.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn announcement_text(announcement: &Announcement) -> Result<String, StoreError> {
    serde_json::to_string(announcement).map_err(|error| inconsistent("announcement", error))
}

/// Reads an announced change.
///
/// # Errors
/// When it is not what [`announcement_text`] writes.
pub fn announcement(text: &str) -> Result<Announcement, StoreError> {
    serde_json::from_str(text).map_err(|error| inconsistent("announcement", error))
}

/// The decoys of an epoch as they are kept.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn honeypots_text(record: &EpochRecord) -> Result<Option<String>, StoreError> {
    let text = record.honeypots.as_ref().map(serde_json::to_string);
    text.transpose().map_err(|error| inconsistent("decoys", error))
}

/// The entries of a pool as they are kept.
///
/// # Errors
/// When they cannot be written as JSON.
pub fn entries_text(pool: &StoredPool) -> Result<String, StoreError> {
    serde_json::to_string(&pool.entries).map_err(|error| inconsistent("pool", error))
}

/// Reads the entries of a pool.
///
/// # Errors
/// When they are not what [`entries_text`] writes.
pub fn entries(text: &str) -> Result<Vec<PoolEntry>, StoreError> {
    serde_json::from_str(text).map_err(|error| inconsistent("pool", error))
}

/// A row of `epoch_totals`, or a sum of them.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns, as EpochDelta names them")]
pub struct TotalsRow {
    pub epoch: i64,
    pub completed: i64,
    pub success_sum: f64,
    pub success_count: i64,
}

/// How many validators said what in an epoch.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns")]
pub struct ConsensusRow {
    pub epoch: i64,
    pub consensus_hash: Option<Vec<u8>>,
    pub validators: i64,
}

/// The sums over all epochs.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns, as Tally names them")]
pub struct SumsRow {
    pub validators: i64,
    pub started: i64,
    pub completed: i64,
    pub failed: i64,
    pub expired: i64,
}

/// The assignment that changed last.
#[derive(Debug)]
#[expect(missing_docs, reason = "the columns, as LastChange names them")]
pub struct LastRow {
    pub assignment_id: String,
    pub status: String,
    pub at: i64,
}

impl TryFrom<LastRow> for LastChange {
    type Error = StoreError;

    fn try_from(row: LastRow) -> Result<Self, StoreError> {
        Ok(Self {
            assignment_id: row
                .assignment_id
                .parse()
                .map_err(|error| inconsistent("assignment id", error))?,
            status: row.status.parse().map_err(|error| inconsistent("last status", error))?,
            at: Timestamp::from_micros(row.at),
        })
    }
}

/// Puts a tally together; `epochs` newest first.
///
/// # Errors
/// When a row is none that this version writes.
pub fn tally(
    sums: &SumsRow,
    last: Option<LastRow>,
    epochs: &[TotalsRow],
    said: &[ConsensusRow],
) -> Result<Tally, StoreError> {
    let epochs = epochs
        .iter()
        .map(|row| {
            let mut tally = EpochTally {
                epoch: epoch_id(row.epoch)?,
                validators: 0,
                completed: whole("completed assignments", row.completed)?,
                success_rate: (row.success_count > 0)
                    .then(|| row.success_sum / row.success_count as f64),
                agreeing: 0,
                hashed: 0,
            };
            for said in said.iter().filter(|said| said.epoch == row.epoch) {
                let validators: u64 = whole("validators", said.validators)?;
                tally.validators += validators;
                if said.consensus_hash.is_some() {
                    tally.hashed += validators;
                    tally.agreeing = tally.agreeing.max(validators);
                }
            }
            Ok(tally)
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(Tally {
        validators: whole("validators", sums.validators)?,
        started: whole("started assignments", sums.started)?,
        completed: whole("completed assignments", sums.completed)?,
        failed: whole("failed assignments", sums.failed)?,
        expired: whole("expired assignments", sums.expired)?,
        last: last.map(TryInto::try_into).transpose()?,
        epochs,
    })
}

/// The last change of a delta, as columns.
pub fn last_columns(delta: &EpochDelta) -> (Option<i64>, Option<&str>, Option<&'static str>) {
    let last = delta.last.as_ref();
    (
        last.map(|last| last.at.micros()),
        last.map(|last| last.assignment_id.as_str()),
        last.map(|last| last.status.name()),
    )
}
