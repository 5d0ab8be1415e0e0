use std::collections::BTreeMap;

use resi_protocol::Hotkey;
use serde::{Deserialize, Serialize};

use crate::consensus::Share;

/// How credibility follows from an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CredibilityRules {
    /// How much the last epoch weighs.
    pub alpha: Share,
    /// The credibility of a miner that is new.
    pub initial: Share,
    /// What the credibility of copiers is multiplied by, beside what it falls anyway.
    pub identical_content_penalty: Share,
}

impl Default for CredibilityRules {
    /// 0.15, 0.5, 0.5.
    fn default() -> Self {
        Self {
            alpha: Share::percent(15),
            initial: Share::percent(50),
            identical_content_penalty: Share::percent(50),
        }
    }
}

/// What an epoch showed of a miner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
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
    /// use resi_validation::consensus::Share;
    /// use resi_validation::{Conduct, CredibilityRules};
    ///
    /// let (rules, half) = (CredibilityRules::default(), Share::percent(50));
    /// let honest = rules.after(half, Conduct::Agreement { correct: 98, accepted: 100 });
    /// assert_eq!(honest, Share::per_mille(572));
    /// assert_eq!(rules.after(half, Conduct::Copied), Share::millionths(212_500));
    /// ```
    pub fn after(&self, before: Share, conduct: Conduct) -> Share {
        match conduct {
            Conduct::Agreement { accepted: 0, .. } => before,
            Conduct::Agreement { correct, accepted } => {
                before.towards(Share::of(correct, accepted), self.alpha)
            }
            Conduct::Convicted => before.towards(Share::ZERO, self.alpha),
            Conduct::Copied => {
                before.towards(Share::ZERO, self.alpha).times(self.identical_content_penalty)
            }
        }
    }
}

/// The weight of a miner's reward: its credibility to the power of 2.5, by operations that every processor rounds alike.
pub fn reward_weight(credibility: f64) -> f64 {
    credibility * credibility * credibility.sqrt()
}

/// What a validator thinks of each miner, by hotkey: a uid may be another miner's tomorrow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credibilities {
    initial: Share,
    by_hotkey: BTreeMap<Hotkey, Share>,
}

impl Default for Credibilities {
    /// Nobody is known; who is new has 0.5.
    fn default() -> Self {
        Self::new(CredibilityRules::default().initial)
    }
}

impl Credibilities {
    /// Nobody is known yet; who is new has `initial`.
    pub const fn new(initial: Share) -> Self {
        Self { initial, by_hotkey: BTreeMap::new() }
    }

    /// The credibility of this miner.
    pub fn of(&self, hotkey: &Hotkey) -> Share {
        self.by_hotkey.get(hotkey).copied().unwrap_or(self.initial)
    }

    /// Sets the credibility of this miner.
    pub fn set(&mut self, hotkey: Hotkey, credibility: Share) {
        self.by_hotkey.insert(hotkey, credibility);
    }

    /// Moves the credibility of this miner by what an epoch showed of it, and gives the new one.
    pub fn judge(&mut self, rules: &CredibilityRules, hotkey: Hotkey, conduct: Conduct) -> Share {
        let after = rules.after(self.of(&hotkey), conduct);
        self.set(hotkey, after);
        after
    }

    /// All who are known.
    pub fn iter(&self) -> impl Iterator<Item = (&Hotkey, Share)> {
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
        assert_eq!(book.of(&hotkey), Share::percent(50));
        for _ in 0..15 {
            book.judge(&rules, hotkey, Conduct::Agreement { correct: 50, accepted: 50 });
        }
        // 1 − 0.5 × 0.85^15, but for fifteen roundings.
        assert!((book.of(&hotkey).as_f64() - 0.956_323).abs() < 1e-5);
        book.judge(&rules, hotkey, Conduct::Convicted);
        assert!((book.of(&hotkey).as_f64() - 0.956_323 * 0.85).abs() < 1e-5);
    }

    #[test]
    fn the_lazy_have_little_and_who_was_not_judged_keeps_what_it_had() {
        let (rules, before) = (CredibilityRules::default(), Share::percent(90));
        let right = |correct| rules.after(before, Conduct::Agreement { correct, accepted: 100 });
        assert!(right(30) < right(99));
        assert_eq!(rules.after(before, Conduct::Agreement { correct: 0, accepted: 0 }), before);
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
        fn a_finding_never_pays(before in 0..=1_000_000_u32, correct in 0_u64..100) {
            let (rules, before) = (CredibilityRules::default(), Share::millionths(before));
            let judged = rules.after(before, Conduct::Agreement { correct, accepted: 100 });
            prop_assert!(rules.after(before, Conduct::Convicted) <= judged);
            prop_assert!(rules.after(before, Conduct::Copied) <= rules.after(before, Conduct::Convicted));
        }

        #[test]
        fn being_right_never_lowers_it(before in 0..=1_000_000_u32, accepted in 1_u64..1_000) {
            let (rules, before) = (CredibilityRules::default(), Share::millionths(before));
            let right = Conduct::Agreement { correct: accepted, accepted };
            prop_assert!(rules.after(before, right) >= before);
        }
    }
}
