//! What a node answers, as a function of its chain and the call.

use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use subxt::ext::codec::{Compact, Decode, Encode};

use super::chain::{Fault, StandInChain};
use crate::snapshot::Member;

/// The runtime that the metadata is of.
const SPEC_VERSION: u32 = 365;
const METADATA_VERSION: u32 = 16;
/// How many columns that runtime knows, each there or not.
const COLUMNS: u16 = 73;

pub(crate) static METADATA: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut metadata = Vec::new();
    let compressed = include_bytes!("../../tests/data/finney-metadata-v16.scale.gz");
    GzDecoder::new(compressed.as_slice())
        .read_to_end(&mut metadata)
        .unwrap_or_else(|error| unreachable!("the metadata is checked in: {error}"));
    metadata
});

pub(super) enum Answer {
    Text(String),
    Silence,
    HangUp,
}

/// The name of the call, and what comes back.
pub(super) fn answer(chain: &mut StandInChain, call: &Value) -> (String, Answer) {
    let parameters = &call["params"];
    let method = match call["method"].as_str().unwrap_or_default() {
        "state_call" => parameters[0].as_str().unwrap_or_default(),
        method => method,
    };
    let about = |named: &String| named == method;
    let result = match chain.fault.clone() {
        Some(Fault::Silent(named)) if about(&named) => return (named, Answer::Silence),
        Some(Fault::HangUp(named)) if about(&named) => return (named, Answer::HangUp),
        Some(Fault::Text(named, text)) if about(&named) => return (named, Answer::Text(text)),
        Some(Fault::Error(named)) if about(&named) => Err("on purpose"),
        Some(Fault::Result(named, result)) if about(&named) => Ok(result),
        _ => result(chain, method, parameters),
    };
    let answer = match result {
        Ok(result) => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
        Err(message) => {
            json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": message}})
        }
    };
    (method.to_owned(), Answer::Text(answer.to_string()))
}

fn result(
    chain: &mut StandInChain,
    method: &str,
    parameters: &Value,
) -> Result<Value, &'static str> {
    match method {
        "chain_getBlockHash" => Ok(json!(chain.genesis)),
        "chain_getFinalizedHead" => {
            chain.block += chain.advance;
            Ok(json!(hash_of(chain.block)))
        }
        "chain_getHeader" => {
            let number = number_of(&parameters[0]).ok_or("no such block")?;
            let zero = hash_of(0);
            Ok(json!({
                "parentHash": zero, "number": format!("{number:#x}"), "stateRoot": zero,
                "extrinsicsRoot": zero, "digest": {"logs": []},
            }))
        }
        "Core_version" => Ok(hex_of(&runtime_version())),
        "Metadata_metadata_versions" => Ok(hex_of(&vec![METADATA_VERSION].encode())),
        "Metadata_metadata_at_version" => Ok(hex_of(&Some(METADATA.clone()).encode())),
        "SubnetInfoRuntimeApi_get_selective_metagraph" => {
            let number = number_of(&parameters[2]).ok_or("no such block")?;
            let arguments = parameters[1].as_str().and_then(|text| text.strip_prefix("0x"));
            let arguments = arguments.and_then(|text| hex::decode(text).ok());
            let arguments = arguments.ok_or("parameters are no hex")?;
            let (netuid, indexes) = <(u16, Vec<u16>)>::decode(&mut arguments.as_slice())
                .map_err(|_| "parameters cannot be decoded")?;
            if netuid != chain.netuid {
                return Ok(hex_of(&[0]));
            }
            Ok(hex_of(&chain.metagraph(number, &indexes)))
        }
        _ => Err("method not found"),
    }
}

/// Blocks are known by a hash that holds their number, so that calls about a block need no memory.
fn hash_of(number: u64) -> String {
    format!("0x{number:064x}")
}

fn number_of(hash: &Value) -> Option<u64> {
    u64::from_str_radix(hash.as_str()?.strip_prefix("0x")?, 16).ok()
}

fn hex_of(bytes: &[u8]) -> Value {
    json!(format!("0x{}", hex::encode(bytes)))
}

fn runtime_version() -> Vec<u8> {
    let apis: Vec<([u8; 8], u32)> = Vec::new();
    ("node-subtensor", "node-subtensor", 1_u32, SPEC_VERSION, 1_u32, apis, 1_u32, 1_u8).encode()
}

impl StandInChain {
    /// Its members as of block `number`, with the columns that are asked for by their numbers.
    pub(crate) fn metagraph(&self, number: u64, indexes: &[u16]) -> Vec<u8> {
        // There is such a subnet.
        let mut bytes = vec![1];
        Compact(self.netuid).encode_to(&mut bytes);
        for index in 1..=COLUMNS {
            match self.column(number, index).filter(|_| indexes.contains(&index)) {
                Some(column) => {
                    bytes.push(1);
                    bytes.extend(column);
                }
                None => bytes.push(0),
            }
        }
        bytes
    }

    fn column(&self, number: u64, index: u16) -> Option<Vec<u8>> {
        let name = match index {
            7 => "block",
            30 => "num_uids",
            52 => "hotkeys",
            53 => "coldkeys",
            55 => "axons",
            56 => "active",
            57 => "validator_permit",
            67 => "alpha_stake",
            _ => return None,
        };
        if matches!(&self.fault, Some(Fault::Missing(column)) if column == name) {
            return None;
        }
        let ragged = matches!(&self.fault, Some(Fault::Ragged(column)) if column == name);
        let members = &self.members[..self.members.len().saturating_sub(usize::from(ragged))];
        Some(match name {
            "block" => Compact(number).encode(),
            "num_uids" => Compact(u16::try_from(members.len()).unwrap_or(u16::MAX)).encode(),
            "hotkeys" => encode(members, |member| *member.hotkey.as_bytes()),
            "coldkeys" => encode(members, |member| *member.coldkey.as_bytes()),
            "axons" => encode(members, |member| axon(member.axon)),
            "active" => encode(members, |member| member.active),
            "validator_permit" => encode(members, |member| member.validator_permit),
            _ => encode(members, |member| Compact(member.alpha_stake_rao)),
        })
    }
}

fn encode<T: Encode>(members: &[Member], property: impl Fn(&Member) -> T) -> Vec<u8> {
    members.iter().map(property).collect::<Vec<_>>().encode()
}

/// Block, version, address, port, its kind, protocol and two that mean nothing.
fn axon(address: Option<SocketAddr>) -> (u64, u32, u128, u16, u8, u8, u8, u8) {
    let (ip, kind) = match address.map(|address| address.ip()) {
        Some(IpAddr::V4(ip)) => (u128::from(ip.to_bits()), 4),
        Some(IpAddr::V6(ip)) => (ip.to_bits(), 6),
        None => (0, 0),
    };
    (0, 0, ip, address.map_or(0, |address| address.port()), kind, 4, 0, 0)
}
