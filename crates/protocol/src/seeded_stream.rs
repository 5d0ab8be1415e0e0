use sha3::Shake256;
use sha3::digest::{ExtendableOutput, Update, XofReader};

/// Random choices that follow from a seed, the same on every machine and in every release: the SHAKE-256 output of the
/// seed, read as little-endian 64-bit numbers one after another.
///
/// ```
/// use resi_protocol::SeededStream;
///
/// let mut order = [1, 2, 3, 4, 5];
/// SeededStream::labelled("an example", &[7; 32]).shuffle(&mut order);
/// let mut again = [1, 2, 3, 4, 5];
/// SeededStream::labelled("an example", &[7; 32]).shuffle(&mut again);
/// assert_eq!(order, again);
/// ```
pub struct SeededStream(<Shake256 as ExtendableOutput>::Reader);

impl SeededStream {
    /// The stream of exactly these bytes.
    pub fn new(seed: &[u8; 32]) -> Self {
        Self(Shake256::default().chain(seed).finalize_xof())
    }

    /// The stream of the bytes of `label`, a zero byte and `seed`: streams of one seed for different purposes tell
    /// nothing about each other.
    pub fn labelled(label: &str, seed: &[u8; 32]) -> Self {
        Self(Shake256::default().chain(label).chain([0]).chain(seed).finalize_xof())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.read(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `m`, every one as likely as any other; 0 when `m` is 0.
    pub fn uniform(&mut self, m: u64) -> u64 {
        if m == 0 {
            return 0;
        }
        let remainder = (u64::MAX % m + 1) % m;
        loop {
            let drawn = self.next_u64();
            if drawn <= u64::MAX - remainder {
                return drawn % m;
            }
        }
    }

    /// A position below `len`, every one as likely as any other; 0 when `len` is 0.
    pub fn position(&mut self, len: usize) -> usize {
        self.uniform(len as u64) as usize
    }

    /// Puts `items` in an order that is as likely as any other.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.position(last + 1);
            items.swap(last, other);
        }
    }
}

impl std::fmt::Debug for SeededStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeededStream")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_label_gives_another_stream() {
        let seed = [42; 32];
        let first = |mut stream: SeededStream| stream.next_u64();
        // hashlib.shake_256(b"a\0" + bytes([42]) * 32).digest(8) and the like.
        assert_eq!(first(SeededStream::new(&seed)), 8_346_159_173_826_970_714);
        assert_eq!(first(SeededStream::labelled("a", &seed)), 1_922_578_429_726_661_149);
    }

    proptest! {
        #[test]
        fn a_drawn_number_is_below_its_bound(seed: [u8; 32], m in 1_u64..) {
            prop_assert!(SeededStream::new(&seed).uniform(m) < m);
        }
    }
}
