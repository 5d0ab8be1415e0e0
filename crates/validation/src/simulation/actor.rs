use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bounds::{Count, Part};

/// A part of the miners that behaves alike.
///
/// As text: the kind, its share, and what differs from the defaults.
///
/// ```
/// use resi_validation::simulation::{Actor, Behaviour};
///
/// let actor: Actor = "lazy=0.3,sends=0.5".parse()?;
/// assert_eq!(actor, Actor { share: 0.3, behaviour: Behaviour::Lazy { sends: 0.5 } });
/// assert!("lazy=0.3,delay=5".parse::<Actor>().is_err());
/// # Ok::<(), resi_validation::simulation::ActorError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Draft")]
pub struct Actor {
    /// Of all miners, from 0 to 1.
    pub share: f64,
    /// How.
    #[serde(flatten)]
    pub behaviour: Behaviour,
}

/// How a dishonest miner behaves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Behaviour {
    /// All tell the same lies.
    Ring {
        /// The part of homes they lie about; 1.
        homes: f64,
        /// What they lie about; everything.
        lies: Lies,
        /// They lie only in batches where so many of them sit; 0.
        holding: usize,
        /// So many miners have one owner; 1.
        miners_per_owner: usize,
    },
    /// A ring of which each member is honest for long, and then in some batches still.
    DoubleAgent {
        /// The part of homes they lie about; 1.
        homes: f64,
        /// What they lie about; everything.
        lies: Lies,
        /// They lie only in batches where so many of them sit; 0.
        holding: usize,
        /// So many epochs they are honest first; 0.
        sleeps: u32,
        /// In this part of its batches, drawn by lot, each of them stays honest; 0.5.
        honest: f64,
    },
    /// Each makes up values of its own.
    Fabricator {
        /// The part of homes they do so for; 0.5.
        homes: f64,
    },
    /// Groups of a few that report homes that do not exist.
    Inventor {
        /// So many invent the same homes; 2.
        together: usize,
        /// Invented homes, as a part of the real ones; 0.1.
        homes: f64,
    },
    /// Sends the answer of an honest miner of the batch; all of a batch copy the same one.
    Copier {
        /// The longest time between the two answers, in seconds; 1200.
        delay: u32,
        /// The part of homes that are changed a little, or left out; 0.
        changes: f64,
    },
    /// Sends a part of what it was asked for.
    Lazy {
        /// Which part; a third.
        sends: f64,
    },
    /// Answers after more than two hours.
    Slow,
    /// Answers within two minutes.
    Fast,
}

impl Behaviour {
    /// The name of its kind, as it is written.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ring { .. } => "ring",
            Self::DoubleAgent { .. } => "double_agent",
            Self::Fabricator { .. } => "fabricator",
            Self::Inventor { .. } => "inventor",
            Self::Copier { .. } => "copier",
            Self::Lazy { .. } => "lazy",
            Self::Slow => "slow",
            Self::Fast => "fast",
        }
    }

    /// What all members of a group say together: the part of homes that they lie about, and what.
    pub(super) fn common_lies(&self) -> Option<(f64, Lies)> {
        match *self {
            Self::Ring { homes, lies, .. } | Self::DoubleAgent { homes, lies, .. } => {
                Some((homes, lies))
            }
            _ => None,
        }
    }
}

/// What a ring lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lies {
    /// Every field.
    Everything,
    /// The price.
    Price,
    /// The price, by 4.5 % only.
    Shade,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Ring,
    DoubleAgent,
    Fabricator,
    Inventor,
    Copier,
    Lazy,
    Slow,
    Fast,
}

/// An actor as people write it: a kind, and some of the parameters of all kinds. One flat record, so that a reader of
/// files can tell in which line an error is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    kind: Kind,
    share: Part,
    homes: Option<Part>,
    lies: Option<Lies>,
    holding: Option<usize>,
    miners_per_owner: Option<Count>,
    sleeps: Option<u32>,
    honest: Option<Part>,
    together: Option<Count>,
    delay: Option<u32>,
    changes: Option<Part>,
    sends: Option<Part>,
}

impl Draft {
    /// After what belongs to its kind was taken.
    fn refuse_what_is_left(&self, kind: &str) -> Result<(), String> {
        let left = [
            ("homes", self.homes.is_some()),
            ("lies", self.lies.is_some()),
            ("holding", self.holding.is_some()),
            ("miners_per_owner", self.miners_per_owner.is_some()),
            ("sleeps", self.sleeps.is_some()),
            ("honest", self.honest.is_some()),
            ("together", self.together.is_some()),
            ("delay", self.delay.is_some()),
            ("changes", self.changes.is_some()),
            ("sends", self.sends.is_some()),
        ];
        match left.into_iter().find(|(_, left)| *left) {
            Some((name, _)) => Err(format!("`{name}` is no parameter of `{kind}`")),
            None => Ok(()),
        }
    }
}

impl TryFrom<Draft> for Actor {
    type Error = String;

    fn try_from(mut draft: Draft) -> Result<Self, String> {
        let part = |given: &mut Option<Part>, usual: f64| given.take().map_or(usual, |part| part.0);
        let count = |given: &mut Option<Count>, usual| given.take().map_or(usual, |count| count.0);
        let behaviour = match draft.kind {
            Kind::Ring => Behaviour::Ring {
                homes: part(&mut draft.homes, 1.0),
                lies: draft.lies.take().unwrap_or(Lies::Everything),
                holding: draft.holding.take().unwrap_or(0),
                miners_per_owner: count(&mut draft.miners_per_owner, 1),
            },
            Kind::DoubleAgent => Behaviour::DoubleAgent {
                homes: part(&mut draft.homes, 1.0),
                lies: draft.lies.take().unwrap_or(Lies::Everything),
                holding: draft.holding.take().unwrap_or(0),
                sleeps: draft.sleeps.take().unwrap_or(0),
                honest: part(&mut draft.honest, 0.5),
            },
            Kind::Fabricator => Behaviour::Fabricator { homes: part(&mut draft.homes, 0.5) },
            Kind::Inventor => Behaviour::Inventor {
                together: count(&mut draft.together, 2),
                homes: part(&mut draft.homes, 0.1),
            },
            Kind::Copier => Behaviour::Copier {
                delay: draft.delay.take().unwrap_or(20 * 60),
                changes: part(&mut draft.changes, 0.0),
            },
            Kind::Lazy => Behaviour::Lazy { sends: part(&mut draft.sends, 1.0 / 3.0) },
            Kind::Slow => Behaviour::Slow,
            Kind::Fast => Behaviour::Fast,
        };
        draft.refuse_what_is_left(behaviour.name())?;
        Ok(Self { share: draft.share.0, behaviour })
    }
}

/// Why a text is no [`Actor`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActorError {
    /// Something is not like `name=value`.
    #[error("{0:?} is not like KIND=SHARE[,PARAMETER=VALUE…]")]
    Shape(String),
    /// A kind, a parameter or a value that does not exist.
    #[error("{0}")]
    Value(String),
}

impl FromStr for Actor {
    type Err = ActorError;

    fn from_str(text: &str) -> Result<Self, ActorError> {
        let mut draft = Map::new();
        for (position, pair) in text.split(',').enumerate() {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| ActorError::Shape(text.to_owned()))?;
            let name = name.trim();
            let name = if position == 0 {
                draft.insert("kind".to_owned(), Value::from(name.replace('-', "_")));
                "share"
            } else {
                name
            };
            draft.insert(name.replace('-', "_"), value_of(value.trim()));
        }
        serde_json::from_value(Value::Object(draft))
            .map_err(|error| ActorError::Value(error.to_string()))
    }
}

/// A number where it is one: every parameter is a number or a name.
fn value_of(text: &str) -> Value {
    serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| Value::from(text), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        text.parse::<Actor>().expect_err(text).to_string()
    }

    #[test]
    fn a_kind_and_a_share_are_enough() {
        for kind in
            ["ring", "double_agent", "fabricator", "inventor", "copier", "lazy", "slow", "fast"]
        {
            let actor: Actor = format!("{kind}=0.25").parse().expect(kind);
            assert_eq!(actor.share, 0.25);
            let written = serde_json::to_value(actor).expect("plain data");
            assert_eq!(written["kind"], kind);
            assert_eq!(serde_json::from_value::<Actor>(written).ok(), Some(actor));
        }
        let agent: Actor = "double-agent=0.3, sleeps=10, lies=price".parse().expect("blanks");
        assert!(matches!(
            agent.behaviour,
            Behaviour::DoubleAgent { sleeps: 10, lies: Lies::Price, .. }
        ));
    }

    #[test]
    fn what_is_wrong_is_named() {
        insta::assert_snapshot!(error("ring"), @r#""ring" is not like KIND=SHARE[,PARAMETER=VALUE…]"#);
        insta::assert_snapshot!(error("pirate=0.1"), @"unknown variant `pirate`, expected one of `ring`, `double_agent`, `fabricator`, `inventor`, `copier`, `lazy`, `slow`, `fast`");
        insta::assert_snapshot!(error("ring=1.5"), @"1.5 is not from 0 to 1");
        insta::assert_snapshot!(error("ring=0.3,sends=0.5"), @"`sends` is no parameter of `ring`");
        insta::assert_snapshot!(error("ring=0.3,miners_per_owner=0"), @"0 is not from 1 to 1000000");
    }
}
