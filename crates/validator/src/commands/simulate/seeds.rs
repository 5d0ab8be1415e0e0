use std::str::FromStr;

/// The first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seeds(u64, u64);

impl Seeds {
    pub(super) fn all(self) -> impl Iterator<Item = u64> {
        self.0..=self.1
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().ok();
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        match (number(first), number(last.trim_start_matches('='))) {
            (Some(first), Some(last)) if first <= last && last - first < 10_000 => {
                Ok(Self(first, last))
            }
            (Some(first), Some(last)) if first <= last => Err("more than 10000 seeds".to_owned()),
            (Some(_), Some(_)) => Err("the first is after the last".to_owned()),
            _ => Err("not like 1..20".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_is_played_too() {
        assert_eq!("1..20".parse(), Ok(Seeds(1, 20)));
        assert_eq!("1..=20".parse(), Ok(Seeds(1, 20)));
        assert_eq!("7".parse(), Ok(Seeds(7, 7)));
        for wrong in ["", "a..b", "1..", "3..2", "0..18446744073709551615"] {
            assert!(wrong.parse::<Seeds>().is_err(), "{wrong}");
        }
    }
}
