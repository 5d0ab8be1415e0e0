use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;

use resi_protocol::Hotkey;
use serde::{Deserialize, Serialize};

use crate::network::GenesisHash;

/// 1 alpha in rao.
pub const RAO_PER_ALPHA: u64 = 1_000_000_000;

/// A subnet's members as of one finalized block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts")]
pub struct Snapshot {
    /// Of which chain.
    pub genesis: GenesisHash,
    /// Of which subnet.
    pub netuid: u16,
    /// The number of the block.
    pub block: u64,
    members: Vec<Member>,
    #[serde(skip)]
    by_hotkey: HashMap<Hotkey, usize>,
}

/// A member of a subnet: a neuron, in the chain's own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its place in the subnet, counted from 0.
    pub uid: u16,
    /// The key it acts with.
    pub hotkey: Hotkey,
    /// The key that owns it.
    pub coldkey: Coldkey,
    /// Whether it set weights of late.
    pub active: bool,
    /// Whether it may set weights.
    pub validator_permit: bool,
    /// Stake that counts on this subnet, with what is inherited from parents, in rao.
    pub alpha_stake_rao: u64,
    /// Where it says to answer, if anywhere.
    pub axon: Option<SocketAddr>,
}

/// The public key of an owner; written as an SS58 address, as hotkeys are.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coldkey(Hotkey);

/// Why members make no snapshot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A column that was asked for was not given.
    #[error("the column {0} is missing")]
    MissingColumn(&'static str),
    /// A column of another length than that of the hotkeys.
    #[error("the column {column} has {length} entries for {members} hotkeys")]
    Ragged {
        /// Which one.
        column: &'static str,
        /// Its length.
        length: usize,
        /// How many hotkeys there are.
        members: usize,
    },
    /// More members than a subnet can have.
    #[error("{0} members are more than a subnet can have")]
    TooMany(usize),
    /// Members that are not in the order of their uids, counted from 0.
    #[error("uid {found} where {expected} should be")]
    WrongUid {
        /// The uid that should come.
        expected: u16,
        /// The one that came.
        found: u16,
    },
    /// A hotkey that is there twice.
    #[error("the hotkey {0} is there twice")]
    Repeated(Hotkey),
    /// The state of another subnet than was asked for.
    #[error("asked for subnet {asked}, and got subnet {given}")]
    OtherSubnet {
        /// What was asked for.
        asked: u16,
        /// What came.
        given: u16,
    },
    /// The state of another block than the one that was asked for.
    #[error("asked for the state of block {asked}, and got that of block {given}")]
    OtherBlock {
        /// What was asked for.
        asked: u64,
        /// What came.
        given: u64,
    },
}

impl Snapshot {
    /// From members in the order of their uids.
    ///
    /// # Errors
    /// [`SnapshotError`] when uids are not 0, 1, 2, … or a hotkey is there twice.
    pub fn new(
        genesis: GenesisHash,
        netuid: u16,
        block: u64,
        members: Vec<Member>,
    ) -> Result<Self, SnapshotError> {
        let mut by_hotkey = HashMap::with_capacity(members.len());
        for (at, member) in members.iter().enumerate() {
            let expected = u16::try_from(at).map_err(|_| SnapshotError::TooMany(members.len()))?;
            if member.uid != expected {
                return Err(SnapshotError::WrongUid { expected, found: member.uid });
            }
            if by_hotkey.insert(member.hotkey, at).is_some() {
                return Err(SnapshotError::Repeated(member.hotkey));
            }
        }
        Ok(Self { genesis, netuid, block, members, by_hotkey })
    }

    /// All members, by uid.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The member with that hotkey.
    pub fn member(&self, hotkey: &Hotkey) -> Option<&Member> {
        self.by_hotkey.get(hotkey).map(|at| &self.members[*at])
    }

    /// Whether `hotkey` may act as a validator where that takes `minimum_rao` of stake: it is a member, with a permit,
    /// and with at least as much.
    pub fn may_validate(&self, hotkey: &Hotkey, minimum_rao: u64) -> bool {
        self.member(hotkey).is_some_and(|member| member.may_validate(minimum_rao))
    }

    /// Those who may act as validators, by uid.
    pub fn validators(&self, minimum_rao: u64) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(move |member| member.may_validate(minimum_rao))
    }
}

impl Member {
    fn may_validate(&self, minimum_rao: u64) -> bool {
        let is_somebody = !self.hotkey.is_neutral();
        is_somebody && self.validator_permit && self.alpha_stake_rao >= minimum_rao
    }
}

impl Coldkey {
    /// From the 32 bytes of the public key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Hotkey::from_bytes(bytes))
    }

    /// The 32 bytes of the public key.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Coldkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Coldkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Coldkey({self})")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    genesis: GenesisHash,
    netuid: u16,
    block: u64,
    members: Vec<Member>,
}

impl TryFrom<Parts> for Snapshot {
    type Error = SnapshotError;

    fn try_from(parts: Parts) -> Result<Self, Self::Error> {
        Self::new(parts.genesis, parts.netuid, parts.block, parts.members)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const GENESIS: GenesisHash = GenesisHash::FINNEY;

    /// A member whose keys follow from its uid, with a permit.
    pub(crate) fn member(uid: u16, alpha_stake_rao: u64) -> Member {
        let mut key = [0; 32];
        key[..2].copy_from_slice(&uid.to_le_bytes());
        Member {
            uid,
            hotkey: Hotkey::from_bytes(key),
            coldkey: Coldkey::from_bytes([9; 32]),
            active: true,
            validator_permit: true,
            alpha_stake_rao,
            axon: None,
        }
    }

    pub(crate) fn snapshot(block: u64, members: u16) -> Snapshot {
        let members = (0..members).map(|uid| member(uid, RAO_PER_ALPHA)).collect();
        Snapshot::new(GENESIS, 46, block, members).expect("sane")
    }

    #[test]
    fn membership_permit_and_stake_to_the_rao_decide() {
        let minimum = 20_000 * RAO_PER_ALPHA;
        let without_permit = Member { validator_permit: false, ..member(3, u64::MAX) };
        let members = vec![
            member(0, minimum - 1),
            member(1, minimum),
            member(2, minimum + 1),
            without_permit,
        ];
        let snapshot = Snapshot::new(GENESIS, 46, 1, members).expect("sane");
        let may: Vec<_> =
            (0..5).map(|uid| snapshot.may_validate(&member(uid, 0).hotkey, minimum)).collect();
        assert_eq!(may, [false, true, true, false, false]);
        let uids: Vec<_> = snapshot.validators(minimum).map(|member| member.uid).collect();
        assert_eq!(uids, [1, 2]);
    }

    #[test]
    fn the_key_of_zeros_is_a_member_that_may_do_nothing() {
        let unset = Member { hotkey: Hotkey::from_bytes([0; 32]), ..member(0, RAO_PER_ALPHA) };
        let snapshot = Snapshot::new(GENESIS, 46, 1, vec![unset.clone()]).expect("sane");
        assert!(!snapshot.may_validate(&unset.hotkey, 0));
        assert_eq!(snapshot.validators(0).count(), 0);
    }

    #[test]
    fn members_out_of_order_or_twice_make_no_snapshot() {
        let new = |members| Snapshot::new(GENESIS, 46, 1, members);
        let wrong = SnapshotError::WrongUid { expected: 1, found: 2 };
        assert_eq!(new(vec![member(0, 0), member(2, 0)]), Err(wrong));
        let twice = Member { uid: 1, ..member(0, 0) };
        assert_eq!(
            new(vec![member(0, 0), twice]),
            Err(SnapshotError::Repeated(member(0, 0).hotkey))
        );
    }
}
