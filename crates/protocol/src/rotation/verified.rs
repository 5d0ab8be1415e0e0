use std::fmt;

use super::{Known, Origin, Parameters, Pinned, RotationPublicKey};
use crate::{EpochIndex, Timestamp, Zipcode};

/// A part of an answer, by its name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The rotation key.
    PublicKey,
    /// The subnet.
    Netuid,
    /// The length of an epoch.
    EpochSeconds,
    /// The hash of the pool.
    PoolSha256,
    /// How many zipcodes are dealt in an epoch.
    ZipcodesPerEpoch,
    /// Which epoch it is: its name, number and bounds.
    Epoch,
    /// Whether the public epoch still runs.
    State,
    /// How many zipcodes a batch of the blocks has, and so how much of the deal is shown.
    BlockSize,
    /// The sources that the blocks are for.
    Sources,
    /// The dealt zipcodes, in order, and all that follows from them.
    Zipcodes,
    /// The record of the epoch: key and parameters once more, and the hash of the decoys.
    Record,
    /// The hash of the record before.
    PrevSha256,
    /// The decoys that an ended epoch reveals.
    Honeypots,
    /// From when on the public epoch was shown: its start or its end.
    RevealedAt,
    /// Where the zipcodes are: states, metropolitan areas and size ranks, which only a table tells.
    GeographicInfo,
}

impl Part {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PublicKey => "public_key",
            Self::Netuid => "netuid",
            Self::EpochSeconds => "epoch_seconds",
            Self::PoolSha256 => "pool_sha256",
            Self::ZipcodesPerEpoch => "zipcodes_per_epoch",
            Self::Epoch => "epoch",
            Self::State => "state",
            Self::BlockSize => "block_size",
            Self::Sources => "sources",
            Self::Zipcodes => "zipcodes",
            Self::Record => "record",
            Self::PrevSha256 => "prev_sha256",
            Self::Honeypots => "honeypots",
            Self::RevealedAt => "revealed_at",
            Self::GeographicInfo => "geographic_info",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What vouches for a part of an answer. For key and parameters there are three words: `pinned`, `remembered since …` and
/// `first contact`; what was announced says which of the first two holds for the key that announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voucher {
    /// The verifier's user gave it.
    Pinned,
    /// The verifier saw it for the first time then, and no other since.
    RememberedSince(Timestamp),
    /// A key that was known before announced it.
    Announced(Origin),
    /// Only this answer says so: the verifier knew none before.
    FirstContact,
    /// It is what was asked for.
    Asked,
    /// The verifier's clock.
    Clock,
    /// It follows from the proof and the parts that others vouch for.
    Recomputed,
    /// The rotation key signed the record that has it.
    RecordSignature,
    /// Nothing, though something could.
    Nothing,
    /// Nothing can: the proof is of other things.
    NotCovered,
}

impl Voucher {
    /// Whether it leaves open what a verifier should know.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::FirstContact | Self::Nothing)
    }

    pub(super) fn of<T>(known: Option<&Known<T>>) -> Self {
        known.map_or(Self::FirstContact, Known::voucher)
    }
}

impl fmt::Display for Voucher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned => f.write_str("pinned"),
            Self::RememberedSince(since) => write!(f, "remembered since {since}"),
            Self::Announced(Origin::Pinned) => f.write_str("announced by a key that is pinned"),
            Self::Announced(Origin::RememberedSince(since)) => {
                write!(f, "announced by a key that is remembered since {since}")
            }
            Self::FirstContact => f.write_str("first contact"),
            Self::Asked => f.write_str("asked for"),
            Self::Clock => f.write_str("the clock"),
            Self::Recomputed => f.write_str("recomputed"),
            Self::RecordSignature => f.write_str("signature of the record"),
            Self::Nothing => f.write_str("nothing"),
            Self::NotCovered => f.write_str("not covered"),
        }
    }
}

/// What was proved, and what vouches for each part of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The epoch of the deal.
    pub epoch: EpochIndex,
    /// The parameters in force.
    pub parameters: Parameters,
    /// The key that signed.
    pub public_key: RotationPublicKey,
    /// The dealt zipcodes that the answer shows, in order.
    pub zipcodes: Vec<Zipcode>,
    /// How many batches they came in; 0 for a public epoch.
    pub batches: usize,
    /// The decoys among them, in a public epoch that reveals those that its hash committed to. Whether that hash is of
    /// the rotation key, the voucher of [`Part::Honeypots`] says.
    pub honeypots: Vec<Zipcode>,
    /// What vouches for each part of the answer.
    pub vouchers: Vec<(Part, Voucher)>,
}

impl Verified {
    /// What vouches for a part; `None` where the answer has none.
    pub fn voucher(&self, part: Part) -> Option<Voucher> {
        self.vouchers.iter().find(|(of, _)| *of == part).map(|(_, voucher)| *voucher)
    }

    /// The parts that nothing vouches for, though something could: a value that was not known before, a record without a
    /// signature. Only where there is none of them the answer is verified.
    pub fn open(&self) -> impl Iterator<Item = Part> {
        self.vouchers.iter().filter(|(_, voucher)| voucher.is_open()).map(|(part, _)| *part)
    }

    /// The parts that no proof is about.
    pub fn not_covered(&self) -> impl Iterator<Item = Part> {
        let is_not = |voucher: &Voucher| *voucher == Voucher::NotCovered;
        self.vouchers.iter().filter(move |(_, voucher)| is_not(voucher)).map(|(part, _)| *part)
    }

    /// Whether everything that can be vouched for is.
    pub fn is_complete(&self) -> bool {
        self.open().next().is_none()
    }
}

/// What vouches for key and parameters, which is what was known of them.
pub(super) fn vouchers_of(known: &Pinned) -> Vec<(Part, Voucher)> {
    vec![
        (Part::PublicKey, Voucher::of(known.public_key.as_ref())),
        (Part::Netuid, Voucher::of(known.netuid.as_ref())),
        (Part::EpochSeconds, Voucher::of(known.epoch_seconds.as_ref())),
        (Part::PoolSha256, Voucher::of(known.pool_sha256.as_ref())),
        (Part::ZipcodesPerEpoch, Voucher::of(known.zipcodes_per_epoch.as_ref())),
    ]
}
