use crate::network::GenesisHash;
use crate::snapshot::Snapshot;

/// How a snapshot follows the one that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is of a later block, or the first one.
    Forward,
    /// It is of the same block: the node is alive, its chain may be not.
    Standstill,
}

/// Why a snapshot may not take the place of the one that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuccessor {
    /// Of another chain.
    #[error("the node is of the chain with genesis {found}, not {expected}")]
    OtherChain {
        /// The chain that is known.
        expected: GenesisHash,
        /// The node's.
        found: GenesisHash,
    },
    /// Of another subnet.
    #[error("the snapshot is of subnet {found}, not {expected}")]
    OtherSubnet {
        /// The subnet that is known.
        expected: u16,
        /// The snapshot's.
        found: u16,
    },
    /// Of an earlier block: the node lags behind, or lies.
    #[error("block {offered} is before block {known}, which was finalized already")]
    Backwards {
        /// The block that is known.
        known: u64,
        /// The one that was offered.
        offered: u64,
    },
    /// Without a member, where there were some.
    #[error("the snapshot has no member where there were {known}")]
    Emptied {
        /// How many there were.
        known: usize,
    },
}

/// Tells whether `next` may follow `known`.
///
/// # Errors
/// [`NoSuccessor`]; what is known stays then.
pub fn follow(known: Option<&Snapshot>, next: &Snapshot) -> Result<Step, NoSuccessor> {
    let Some(known) = known else {
        return Ok(Step::Forward);
    };
    if next.genesis != known.genesis {
        return Err(NoSuccessor::OtherChain { expected: known.genesis, found: next.genesis });
    }
    if next.netuid != known.netuid {
        return Err(NoSuccessor::OtherSubnet { expected: known.netuid, found: next.netuid });
    }
    if next.block < known.block {
        return Err(NoSuccessor::Backwards { known: known.block, offered: next.block });
    }
    if next.members().is_empty() && !known.members().is_empty() {
        return Err(NoSuccessor::Emptied { known: known.members().len() });
    }
    Ok(if next.block > known.block { Step::Forward } else { Step::Standstill })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::snapshot;

    #[test]
    fn only_a_later_block_of_the_same_subnet_moves_on() {
        let known = snapshot(100, 3);
        let follow = |next: &Snapshot| follow(Some(&known), next);
        assert_eq!(follow(&snapshot(101, 3)), Ok(Step::Forward));
        assert_eq!(follow(&snapshot(101, 1)), Ok(Step::Forward));
        assert_eq!(follow(&snapshot(100, 3)), Ok(Step::Standstill));
        let backwards = NoSuccessor::Backwards { known: 100, offered: 99 };
        assert_eq!(follow(&snapshot(99, 3)), Err(backwards));
        assert_eq!(follow(&snapshot(101, 0)), Err(NoSuccessor::Emptied { known: 3 }));

        let mut elsewhere = snapshot(101, 3);
        elsewhere.genesis = GenesisHash::TEST;
        assert!(matches!(follow(&elsewhere), Err(NoSuccessor::OtherChain { .. })));
        let mut other = snapshot(101, 3);
        other.netuid = 47;
        assert_eq!(follow(&other), Err(NoSuccessor::OtherSubnet { expected: 46, found: 47 }));
    }

    #[test]
    fn anything_is_first() {
        assert_eq!(follow(None, &snapshot(0, 0)), Ok(Step::Forward));
        assert_eq!(follow(Some(&snapshot(1, 0)), &snapshot(2, 0)), Ok(Step::Forward));
    }
}
