use super::{Epoch, Judgement, Memory};

/// A way to come from answers to a judgement. The same input gives the same judgement, in whatever order answers stand.
pub trait Strategy {
    /// `robust` or `majority`.
    fn name(&self) -> &'static str;

    /// Judges an epoch with what was learned in earlier ones. Never fails: what cannot be read is refused with a reason.
    fn judge(&self, epoch: &Epoch, memory: &Memory) -> Conclusion;
}

/// A judgement, and what to hand to the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conclusion {
    /// The epoch that was judged.
    pub epoch_id: String,
    /// What is concluded.
    pub judgement: Judgement,
    /// What to carry into the next epoch.
    pub memory: Memory,
}
