use resi_protocol::Keypair;
use serde::{Deserialize, Serialize};

use crate::network::GenesisHash;
use crate::snapshot::{Coldkey, Member, RAO_PER_ALPHA};

/// The chain that a stand-in tells of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandInChain {
    /// Its first block.
    pub genesis: GenesisHash,
    /// Its only subnet.
    pub netuid: u16,
    /// Its last finalized block.
    pub block: u64,
    /// How many blocks are finalized whenever somebody asks for the last one.
    pub advance: u64,
    /// The members of the subnet, in the order of their uids.
    pub members: Vec<Member>,
    /// What is wrong with the node.
    pub fault: Option<Fault>,
}

/// What can be wrong with a node. Calls are named as by [`StandInNode::calls`](super::StandInNode::calls).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It accepts connections and never says a word.
    Mute,
    /// It does not answer this call.
    Silent(String),
    /// It hangs up on this call.
    HangUp(String),
    /// It answers this call with an error.
    Error(String),
    /// It gives this result for a call.
    Result(String, serde_json::Value),
    /// It sends this text in answer to a call.
    Text(String, String),
    /// A column of the members is one entry short.
    Ragged(String),
    /// A column of the members is missing.
    Missing(String),
}

impl StandInChain {
    /// Subnet 46 of a chain like `finney`, at block 1,000, a block further with each question: Alice with a permit and
    /// 25,000 alpha, Bob with a permit and one rao less than 20,000 alpha, Charlie with 50,000 alpha and no permit.
    pub fn example() -> Self {
        let members = [
            ("Alice", true, 25_000 * RAO_PER_ALPHA),
            ("Bob", true, 20_000 * RAO_PER_ALPHA - 1),
            ("Charlie", false, 50_000 * RAO_PER_ALPHA),
        ];
        let mut chain = Self {
            genesis: GenesisHash::FINNEY,
            netuid: 46,
            block: 1_000,
            advance: 1,
            members: Vec::new(),
            fault: None,
        };
        for (name, permit, stake) in members {
            chain.register(name, permit, stake);
        }
        chain.members[0].axon = Some(([127, 0, 0, 1], 8091).into());
        chain
    }

    /// Adds the development key `//name` as a member.
    pub fn register(&mut self, name: &str, validator_permit: bool, alpha_stake_rao: u64) {
        let owner = Keypair::development("Dave").hotkey();
        self.members.push(Member {
            uid: u16::try_from(self.members.len()).unwrap_or(u16::MAX),
            hotkey: Keypair::development(name).hotkey(),
            coldkey: Coldkey::from_bytes(*owner.as_bytes()),
            active: true,
            validator_permit,
            alpha_stake_rao,
            axon: None,
        });
    }

    /// Gives the place of the development key `//name` to another, `//successor`, without permit and stake, as the
    /// chain does with a member that is deregistered.
    pub fn replace(&mut self, name: &str, successor: &str) {
        let gone = Keypair::development(name).hotkey();
        for member in self.members.iter_mut().filter(|member| member.hotkey == gone) {
            member.hotkey = Keypair::development(successor).hotkey();
            member.validator_permit = false;
            member.alpha_stake_rao = 0;
            member.axon = None;
        }
    }
}
