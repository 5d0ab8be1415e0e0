use std::collections::HashSet;
use std::fmt;

use resi_protocol::Hotkey;
use serde::{Deserialize, Serialize};

/// The key of an owner, who may run many miners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coldkey(pub Hotkey);

impl fmt::Display for Coldkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A miner as the chain knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miner {
    /// Its place in the subnet; 0 is one like any other. Places are given to others when a miner leaves.
    pub uid: u16,
    /// Its identity.
    pub hotkey: Hotkey,
    /// Its owner.
    pub coldkey: Coldkey,
    /// Whether it can be given work.
    pub active: bool,
}

/// All miners of a subnet, by uid. Read from a list in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Miner>", into = "Vec<Miner>")]
pub struct Metagraph(Vec<Miner>);

/// Why a list of miners is no metagraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetagraphError {
    /// Two miners in one place.
    #[error("uid {0} is there twice")]
    RepeatedUid(u16),
    /// One miner in two places.
    #[error("hotkey {0} is there twice")]
    RepeatedHotkey(Hotkey),
}

impl Metagraph {
    /// A metagraph of these miners.
    ///
    /// # Errors
    /// When a uid or a hotkey is there twice.
    pub fn new(mut miners: Vec<Miner>) -> Result<Self, MetagraphError> {
        miners.sort_unstable_by_key(|miner| (miner.uid, miner.hotkey));
        if let Some(pair) = miners.windows(2).find(|pair| pair[0].uid == pair[1].uid) {
            return Err(MetagraphError::RepeatedUid(pair[0].uid));
        }
        let mut hotkeys = HashSet::with_capacity(miners.len());
        match miners.iter().find(|miner| !hotkeys.insert(miner.hotkey)) {
            Some(twice) => Err(MetagraphError::RepeatedHotkey(twice.hotkey)),
            None => Ok(Self(miners)),
        }
    }

    /// The miners, by uid.
    pub fn miners(&self) -> &[Miner] {
        &self.0
    }

    /// The miner at this place.
    pub fn get(&self, uid: u16) -> Option<&Miner> {
        self.0.binary_search_by_key(&uid, |miner| miner.uid).ok().map(|at| &self.0[at])
    }
}

impl TryFrom<Vec<Miner>> for Metagraph {
    type Error = MetagraphError;

    fn try_from(miners: Vec<Miner>) -> Result<Self, MetagraphError> {
        Self::new(miners)
    }
}

impl From<Metagraph> for Vec<Miner> {
    fn from(metagraph: Metagraph) -> Self {
        metagraph.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn miner(uid: u16, hotkey: u8) -> Miner {
        Miner {
            uid,
            hotkey: Hotkey::from_bytes([hotkey; 32]),
            coldkey: Coldkey(Hotkey::from_bytes([0; 32])),
            active: true,
        }
    }

    #[test]
    fn its_order_is_by_uid_and_nothing_is_there_twice() {
        let metagraph = Metagraph::new(vec![miner(9, 1), miner(0, 2)]).expect("valid");
        assert_eq!(metagraph.miners().iter().map(|miner| miner.uid).collect::<Vec<_>>(), [0, 9]);
        assert_eq!(metagraph.get(0), Some(&miner(0, 2)));
        assert_eq!(metagraph.get(5), None);
        assert_eq!(
            Metagraph::new(vec![miner(1, 1), miner(1, 2)]),
            Err(MetagraphError::RepeatedUid(1))
        );
        assert_eq!(
            Metagraph::new(vec![miner(1, 1), miner(2, 1)]),
            Err(MetagraphError::RepeatedHotkey(Hotkey::from_bytes([1; 32])))
        );
    }

    #[test]
    fn is_read_from_a_json_list() {
        let json = r#"[{"uid": 0, "hotkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
            "coldkey": "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "active": true}]"#;
        let metagraph: Metagraph = serde_json::from_str(json).expect("valid");
        assert!(metagraph.miners()[0].active);
        let twice = format!("[{0},{0}]", &json[1..json.len() - 1]);
        assert!(serde_json::from_str::<Metagraph>(&twice).is_err());
    }
}
