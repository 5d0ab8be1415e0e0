use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use schnorrkel::derive::ChainCode;

/// A step from one key to another, as `//hard` and `/soft` stand in the URI of a key.
///
/// ```
/// use resi_protocol::{Junction, Keypair};
///
/// let alice = Keypair::development("Alice");
/// assert_ne!(alice.derive(Junction::hard("stash")).hotkey(), alice.derive(Junction::soft("stash")).hotkey());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Junction {
    pub(crate) is_hard: bool,
    code: [u8; 32],
}

impl Junction {
    /// `//name`: needs the secret of the parent. A `name` that is a number is encoded as one.
    pub fn hard(name: &str) -> Self {
        Self { is_hard: true, code: chain_code(name) }
    }

    /// `/name`: the public key of the parent gives that of the child. A `name` that is a number is encoded as one.
    pub fn soft(name: &str) -> Self {
        Self { is_hard: false, code: chain_code(name) }
    }

    pub(crate) const fn chain_code(&self) -> ChainCode {
        ChainCode(self.code)
    }
}

/// The SCALE encoding of a number or text, padded to 32 bytes; a longer one is hashed.
fn chain_code(name: &str) -> [u8; 32] {
    let encoded = match name.parse::<u64>() {
        Ok(number) => number.to_le_bytes().to_vec(),
        Err(_) => [compact(name.len()), name.as_bytes().to_vec()].concat(),
    };
    let mut code = [0; 32];
    match code.get_mut(..encoded.len()) {
        Some(start) => start.copy_from_slice(&encoded),
        None => code = Blake2b::<U32>::digest(&encoded).into(),
    }
    code
}

/// A length as SCALE writes it: the two lowest bits say in how many bytes.
fn compact(length: usize) -> Vec<u8> {
    match length {
        0..64 => vec![(length as u8) << 2],
        64..0x4000 => ((length as u16) << 2 | 0b01).to_le_bytes().to_vec(),
        _ => ((length.min(0x3fff_ffff) as u32) << 2 | 0b10).to_le_bytes().to_vec(),
    }
}
