use std::collections::BTreeMap;

use resi_protocol::Hotkey;
use serde::{Deserialize, Serialize};

/// How credibility follows from an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CredibilityRules {
    /// How much the last epoch weighs, 0 to 1.
    pub alpha: f64,
    /// The credibility of a miner that is new, 0 to 1.
    pub initial: f64,
    /// What the credibility of copiers is multiplied by, beside what it falls anyway, 0 to 1.
    pub identical_content_penalty: f64,
}

impl Default for CredibilityRules {
    /// 0.15, 0.5, 0.5.
    fn default() -> Self {
        Self { alpha: 0.15, initial: 0.5, identical_content_penalty: 0.5 }
    }
}

/// What an epoch showed of a miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// So many of the accepted values of its assignment it had right; what it left out it had not.
    Agreement {
        /// How many it had right.
        correct: u64,
        /// How many were accepted. Where none was, nothing was shown.
        accepted: u64,
    },
    /// It is convicted of a finding.
    Convicted,
    /// It is convicted of copying.
    Copied,
}

impl CredibilityRules {
    /// The credibility after an epoch, from the one before it: `c + alpha × (agreement − c)`, where the agreement of
    /// the convicted is 0.
    ///
    /// ```
    /// use resi_validation::{CredibilityRules, Judgement};
    ///
    /// let rules = CredibilityRules::default();
    /// let honest = rules.after(0.5, Judgement::Agreement { correct: 98, accepted: 100 });
    /// assert!((honest - 0.572).abs() < 1e-12);
    /// assert!((rules.after(0.5, Judgement::Copied) - 0.2125).abs() < 1e-12);
    /// ```
    pub fn after(&self, before: f64, judgement: Judgement) -> f64 {
        let towards = |agreement: f64| before + self.alpha * (agreement - before);
        let after = match judgement {
            Judgement::Agreement { accepted: 0, .. } => before,
            Judgement::Agreement { correct, accepted } => {
                towards(correct.min(accepted) as f64 / accepted as f64)
            }
            Judgement::Convicted => towards(0.0),
            Judgement::Copied => towards(0.0) * self.identical_content_penalty,
        };
        after.clamp(0.0, 1.0)
    }
}

/// The weight of a miner's reward: its credibility to the power of 2.5, by operations that every processor rounds alike.
pub fn reward_weight(credibility: f64) -> f64 {
    credibility * credibility * credibility.sqrt()
}

/// What a validator thinks of each miner, by hotkey: a uid may be another miner's tomorrow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credibilities {
    initial: f64,
    by_hotkey: BTreeMap<Hotkey, f64>,
}

impl Default for Credibilities {
    /// Nobody is known; who is new has 0.5.
    fn default() -> Self {
        Self::new(CredibilityRules::default().initial)
    }
}

impl Credibilities {
    /// Nobody is known yet; who is new has `initial`.
    pub const fn new(initial: f64) -> Self {
        Self { initial, by_hotkey: BTreeMap::new() }
    }

    /// The credibility of this miner.
    pub fn of(&self, hotkey: &Hotkey) -> f64 {
        self.by_hotkey.get(hotkey).copied().unwrap_or(self.initial)
    }

    /// Sets the credibility of this miner, kept within 0 to 1; what is no number is 0.
    pub fn set(&mut self, hotkey: Hotkey, credibility: f64) {
        let credibility = if credibility.is_nan() { 0.0 } else { credibility.clamp(0.0, 1.0) };
        self.by_hotkey.insert(hotkey, credibility);
    }

    /// Judges this miner, and gives its new credibility.
    pub fn judge(&mut self, rules: &CredibilityRules, hotkey: Hotkey, judgement: Judgement) -> f64 {
        let after = rules.after(self.of(&hotkey), judgement);
        self.set(hotkey, after);
        after
    }

    /// All who are known.
    pub fn iter(&self) -> impl Iterator<Item = (&Hotkey, f64)> {
        self.by_hotkey.iter().map(|(hotkey, credibility)| (hotkey, *credibility))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_miner_starts_in_the_middle_and_rises_by_being_right() {
        let (rules, hotkey) = (CredibilityRules::default(), Hotkey::from_bytes([1; 32]));
        let mut book = Credibilities::default();
        assert_eq!(book.of(&hotkey), 0.5);
        for _ in 0..15 {
            book.judge(&rules, hotkey, Judgement::Agreement { correct: 50, accepted: 50 });
        }
        // 1 − 0.5 × 0.85^15.
        assert!((book.of(&hotkey) - 0.956_323).abs() < 1e-6);
        book.judge(&rules, hotkey, Judgement::Convicted);
        assert!((book.of(&hotkey) - 0.956_323 * 0.85).abs() < 1e-6);
    }

    #[test]
    fn the_lazy_have_little_and_who_was_not_judged_keeps_what_it_had() {
        let rules = CredibilityRules::default();
        let lazy = rules.after(0.9, Judgement::Agreement { correct: 30, accepted: 100 });
        assert!(lazy < rules.after(0.9, Judgement::Agreement { correct: 99, accepted: 100 }));
        assert_eq!(rules.after(0.9, Judgement::Agreement { correct: 0, accepted: 0 }), 0.9);
    }

    #[test]
    fn the_reward_is_the_power_of_two_and_a_half() {
        for credibility in [0.0, 0.25, 0.5, 1.0] {
            assert!((reward_weight(credibility) - f64::powf(credibility, 2.5)).abs() < 1e-15);
        }
        // The same bits on every processor.
        assert_eq!(reward_weight(0.9).to_bits(), (0.9_f64 * 0.9 * 0.9_f64.sqrt()).to_bits());
    }

    proptest! {
        #[test]
        fn it_stays_between_none_and_full(before in 0.0..=1.0_f64, correct: u64, accepted: u64) {
            let rules = CredibilityRules::default();
            for judgement in [Judgement::Agreement { correct, accepted }, Judgement::Convicted, Judgement::Copied] {
                prop_assert!((0.0..=1.0).contains(&rules.after(before, judgement)));
            }
        }

        #[test]
        fn a_finding_never_pays(before in 0.0..=1.0_f64, correct in 0_u64..100) {
            let rules = CredibilityRules::default();
            let judged = rules.after(before, Judgement::Agreement { correct, accepted: 100 });
            prop_assert!(rules.after(before, Judgement::Convicted) <= judged);
            prop_assert!(rules.after(before, Judgement::Copied) <= rules.after(before, Judgement::Convicted));
        }
    }
}
