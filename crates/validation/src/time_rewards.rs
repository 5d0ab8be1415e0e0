use std::time::Duration;

const FAST: Duration = Duration::from_secs(30 * 60);
const MEDIUM: Duration = Duration::from_secs(60 * 60);
const SLOW: Duration = Duration::from_secs(120 * 60);

/// How the time that a miner took changes its reward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeRewardRules {
    /// Whether it does at all.
    pub enabled: bool,
    /// The factor up to 30 minutes.
    pub fast: f64,
    /// The factor up to 60 minutes.
    pub medium: f64,
    /// The factor past 120 minutes.
    pub slow: f64,
    /// Who took less is suspicious and earns nothing.
    pub suspiciously_fast: Duration,
}

impl Default for TimeRewardRules {
    /// 1.5, 1.2 and 0.8; nothing under 5 minutes.
    fn default() -> Self {
        Self {
            enabled: true,
            fast: 1.5,
            medium: 1.2,
            slow: 0.8,
            suspiciously_fast: Duration::from_secs(5 * 60),
        }
    }
}

impl TimeRewardRules {
    /// The factor for an answer that took so long by the validator's own clock.
    ///
    /// ```
    /// use std::time::Duration;
    /// use resi_validation::TimeRewardRules;
    ///
    /// let rules = TimeRewardRules::default();
    /// let minutes = |minutes: u64| rules.factor(Duration::from_secs(minutes * 60));
    /// assert_eq!([2, 30, 60, 90, 121].map(minutes), [0.0, 1.5, 1.2, 1.0, 0.8]);
    /// ```
    pub fn factor(&self, took: Duration) -> f64 {
        match took {
            _ if !self.enabled => 1.0,
            took if took < self.suspiciously_fast => 0.0,
            took if took <= FAST => self.fast,
            took if took <= MEDIUM => self.medium,
            took if took > SLOW => self.slow,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_belong_to_the_better_side() {
        let rules = TimeRewardRules::default();
        for (seconds, factor) in [
            (0, 0.0),
            (299, 0.0),
            (300, 1.5),
            (1_800, 1.5),
            (1_801, 1.2),
            (3_600, 1.2),
            (3_601, 1.0),
            (7_200, 1.0),
            (7_201, 0.8),
        ] {
            assert_eq!(rules.factor(Duration::from_secs(seconds)), factor, "{seconds}");
        }
    }

    #[test]
    fn where_they_are_off_time_does_not_matter() {
        let rules = TimeRewardRules { enabled: false, ..TimeRewardRules::default() };
        assert_eq!([0, 600, 9_000].map(|took| rules.factor(Duration::from_secs(took))), [1.0; 3]);
    }
}
