/// What was last read of a subnet's members from one chain, as whoever read it wants it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMembers {
    /// The genesis hash of the chain.
    pub genesis: [u8; 32],
    /// The subnet.
    pub netuid: u16,
    /// The finalized block they were read at.
    pub block: u64,
    /// The members; the store does not look into it.
    pub bytes: Vec<u8>,
}
