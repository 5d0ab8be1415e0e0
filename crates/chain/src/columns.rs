//! The metagraph as the runtime gives it, a column for each property, and what it must fulfil to be believed.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use resi_protocol::Hotkey;
use subxt::ext::scale_decode::DecodeAsType;

use crate::network::GenesisHash;
use crate::snapshot::{Coldkey, Member, Snapshot, SnapshotError};

/// What to ask the runtime for, by its own numbering of the columns: exactly the fields of [`Columns`], after the netuid
/// that it always gives.
pub(crate) const INDEXES: [u16; 8] = [7, 30, 52, 53, 55, 56, 57, 67];

/// What is read of the runtime's answer, matched by name: fields that later runtimes add are passed over.
#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct Columns {
    netuid: u16,
    block: Option<u64>,
    num_uids: Option<u16>,
    hotkeys: Option<Vec<[u8; 32]>>,
    coldkeys: Option<Vec<[u8; 32]>>,
    axons: Option<Vec<Axon>>,
    active: Option<Vec<bool>>,
    validator_permit: Option<Vec<bool>>,
    alpha_stake: Option<Vec<u64>>,
}

#[derive(Clone, Debug, DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Axon {
    ip: u128,
    port: u16,
    ip_type: u8,
}

impl Columns {
    /// The snapshot of subnet `netuid` at block `block` of the chain, if this is one.
    pub(crate) fn into_snapshot(
        self,
        genesis: GenesisHash,
        netuid: u16,
        block: u64,
    ) -> Result<Snapshot, SnapshotError> {
        if self.netuid != netuid {
            return Err(SnapshotError::OtherSubnet { asked: netuid, given: self.netuid });
        }
        let of_block = self.block.ok_or(SnapshotError::MissingColumn("block"))?;
        // Whether the block in whose state a call runs counts as the last one or the next is the runtime's choice.
        if of_block.abs_diff(block) > 1 {
            return Err(SnapshotError::OtherBlock { asked: block, given: of_block });
        }
        let hotkeys = self.hotkeys.ok_or(SnapshotError::MissingColumn("hotkeys"))?;
        let num_uids = self.num_uids.ok_or(SnapshotError::MissingColumn("num_uids"))?;
        let members = hotkeys.len();
        same_length("num_uids", usize::from(num_uids), members)?;
        let coldkeys = column("coldkeys", self.coldkeys, members)?;
        let axons = column("axons", self.axons, members)?;
        let active = column("active", self.active, members)?;
        let permits = column("validator_permit", self.validator_permit, members)?;
        let stakes = column("alpha_stake", self.alpha_stake, members)?;
        let members = hotkeys
            .into_iter()
            .zip(coldkeys)
            .zip(axons)
            .zip(active)
            .zip(permits)
            .zip(stakes)
            .zip(0..)
            .map(
                |(
                    (((((hotkey, coldkey), axon), active), validator_permit), alpha_stake_rao),
                    uid,
                )| Member {
                    uid,
                    hotkey: Hotkey::from_bytes(hotkey),
                    coldkey: Coldkey::from_bytes(coldkey),
                    active,
                    validator_permit,
                    alpha_stake_rao,
                    axon: axon.address(),
                },
            );
        Snapshot::new(genesis, netuid, block, members.collect())
    }
}

fn column<T>(
    name: &'static str,
    values: Option<Vec<T>>,
    members: usize,
) -> Result<Vec<T>, SnapshotError> {
    let values = values.ok_or(SnapshotError::MissingColumn(name))?;
    same_length(name, values.len(), members)?;
    Ok(values)
}

fn same_length(column: &'static str, length: usize, members: usize) -> Result<(), SnapshotError> {
    if length == members { Ok(()) } else { Err(SnapshotError::Ragged { column, length, members }) }
}

impl Axon {
    fn address(&self) -> Option<SocketAddr> {
        let ip = match self.ip_type {
            4 => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(self.ip).ok()?)),
            6 => IpAddr::V6(Ipv6Addr::from_bits(self.ip)),
            _ => return None,
        };
        let served = self.port != 0 && !ip.is_unspecified();
        served.then(|| SocketAddr::new(ip, self.port))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use subxt::Metadata;
    use subxt::ext::codec::Decode;
    use subxt::ext::frame_decode::runtime_apis::decode_runtime_api_response;
    use subxt::ext::scale_decode::IntoVisitor;

    use super::*;
    use crate::stand_in::{METADATA, StandInChain};

    static RUNTIME: LazyLock<Metadata> =
        LazyLock::new(|| Metadata::decode(&mut METADATA.as_slice()).expect("the real one"));

    fn read(mut answer: &[u8]) -> Option<Columns> {
        let visitor = Option::<Columns>::into_visitor();
        let (api, function) = ("SubnetInfoRuntimeApi", "get_selective_metagraph");
        decode_runtime_api_response(api, function, &mut answer, &*RUNTIME, RUNTIME.types(), visitor)
            .ok()
            .flatten()
    }

    #[test]
    fn the_numbers_asked_for_are_those_of_the_fields_read() {
        let answer = StandInChain::example().metagraph(7, &INDEXES);
        assert!(read(&answer).expect("read").into_snapshot(GenesisHash::FINNEY, 46, 7).is_ok());
        for left_out in INDEXES {
            let fewer: Vec<_> = INDEXES.into_iter().filter(|index| *index != left_out).collect();
            let columns = read(&StandInChain::example().metagraph(7, &fewer)).expect("read");
            let missing = columns.into_snapshot(GenesisHash::FINNEY, 46, 7);
            assert!(matches!(missing, Err(SnapshotError::MissingColumn(_))), "{left_out}");
        }
    }

    #[test]
    fn the_state_of_another_block_or_subnet_is_refused() {
        let columns = || read(&StandInChain::example().metagraph(7, &INDEXES)).expect("read");
        let at = |netuid, block| columns().into_snapshot(GenesisHash::FINNEY, netuid, block);
        assert!(at(46, 6).is_ok() && at(46, 8).is_ok());
        assert_eq!(at(46, 9), Err(SnapshotError::OtherBlock { asked: 9, given: 7 }));
        assert_eq!(at(47, 7), Err(SnapshotError::OtherSubnet { asked: 47, given: 46 }));
    }

    proptest! {
        #[test]
        fn no_changed_answer_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            length in any::<prop::sample::Index>(),
        ) {
            let mut answer = StandInChain::example().metagraph(7, &INDEXES);
            for (at, byte) in changes {
                let at = at.index(answer.len());
                answer[at] = byte;
            }
            answer.truncate(length.index(answer.len() * 2));
            if let Some(columns) = read(&answer)
                && let Ok(snapshot) = columns.into_snapshot(GenesisHash::FINNEY, 46, 7)
            {
                let uids = snapshot.members().iter().map(|member| usize::from(member.uid));
                prop_assert!(uids.eq(0..snapshot.members().len()));
            }
        }
    }
}
