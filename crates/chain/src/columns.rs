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
