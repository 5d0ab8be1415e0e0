/// How much of one answer is looked at. What is over a limit is refused, so that memory and time stay bounded whatever a
/// miner sends. Beside the body and the [`super::Answer`], parsing needs a buffer for one content and for one text with
/// escapes, and where the body is no JSON but for `NaN` and the like, a copy of it: about twice the body at worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body in bytes; a larger one is refused whole, unread.
    pub body_bytes: usize,
    /// The most entities; with one more the answer is refused whole.
    pub entities: u32,
    /// The largest content of an entity in bytes, as sent (an object in place of text does not count).
    pub content_bytes: usize,
    /// The longest `uri` in bytes.
    pub uri_bytes: usize,
    /// The longest text of a field in bytes.
    pub text_bytes: usize,
    /// How many refusals are kept word for word; all are counted.
    pub refusals_kept: usize,
}

impl Default for Limits {
    /// 64 MiB, 50,000 entities of 256 KiB; addresses of 2,048 and texts of 256 bytes; 100 refusals.
    fn default() -> Self {
        Self {
            body_bytes: 64 << 20,
            entities: 50_000,
            content_bytes: 256 << 10,
            uri_bytes: 2_048,
            text_bytes: 256,
            refusals_kept: 100,
        }
    }
}
