use std::fmt;

use resi_protocol::Timestamp;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::body::{BodySeed, RawBody};
use super::collector::Collector;
use super::raw::{Key, Known, Raw, UpTo};
use super::{Answer, AnswerError, Assigned, Limits, non_finite, read};

/// An answer that was written down when it came: a line of JSON, `{"uid": 12, "received_at": "…", "response": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAnswer {
    /// Whose it is.
    pub uid: u16,
    /// When it came, by the validator's clock.
    pub received_at: Timestamp,
    /// What is kept of it.
    pub answer: Answer,
}

/// Why a line is no recorded answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordedAnswerError {
    /// The line cannot be read.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// No uid from 0 to 65535.
    #[error("uid is {0}, not a whole number from 0 to 65535")]
    Uid(String),
    /// No time.
    #[error("received_at is {0}, not a time")]
    ReceivedAt(String),
    /// There is no answer in it.
    #[error("response is missing")]
    NoResponse,
    /// The line is whole, and what the miner sent is refused whole: that is nobody's fault but its own.
    #[error("the answer of miner {uid}: {error}")]
    Refused {
        /// Whose it is.
        uid: u16,
        /// Why.
        error: AnswerError,
    },
}

impl RecordedAnswer {
    /// Reads a line, as [`Answer::parse`] reads a body. Which assignment it answers is often known only by its batch:
    /// [`Answer::restrict`] keeps what was assigned.
    ///
    /// ```
    /// use resi_validation::messages::{Assigned, Limits, RecordedAnswer};
    ///
    /// let line = br#"{"uid": 0, "received_at": "2025-01-15T09:00:00Z", "response": {"completion_status": "failed"}}"#;
    /// let recorded = RecordedAnswer::parse(line, &Assigned::anything(), &Limits::default())?;
    /// assert_eq!((recorded.uid, recorded.answer.reports.len()), (0, 0));
    /// # Ok::<(), resi_validation::messages::RecordedAnswerError>(())
    /// ```
    ///
    /// # Errors
    /// What is missing or cannot be read.
    pub fn parse(
        line: &[u8],
        assigned: &Assigned,
        limits: &Limits,
    ) -> Result<Self, RecordedAnswerError> {
        Self::parse_line(line, assigned, limits).map_err(|error| match error {
            RecordedAnswerError::Answer(error) => match Envelope::uid(line, limits) {
                Some(uid) => RecordedAnswerError::Refused { uid, error },
                None => RecordedAnswerError::Answer(error),
            },
            other => other,
        })
    }

    fn parse_line(
        line: &[u8],
        assigned: &Assigned,
        limits: &Limits,
    ) -> Result<Self, RecordedAnswerError> {
        let (line, answer) = read(line, limits, |json| {
            let mut collector = Collector::new(assigned, limits);
            let mut deserializer = serde_json::Deserializer::from_slice(json);
            let line = LineSeed(&mut collector)
                .deserialize(&mut deserializer)
                .and_then(|line| deserializer.end().map(|()| line))
                .map_err(|error| collector.error(&error))?;
            let answer = line.response.as_ref().map(|body| Answer::of(body, collector));
            Ok((line, answer))
        })?;
        let uid = match line.uid {
            Raw::Number(number) => uid(number),
            _ => None,
        };
        let uid = uid.ok_or_else(|| RecordedAnswerError::Uid(line.uid.to_string()))?;
        let received_at = match &line.received_at {
            Raw::Text(text) => Timestamp::parse_lenient(text).ok(),
            _ => None,
        };
        let received_at = received_at
            .ok_or_else(|| RecordedAnswerError::ReceivedAt(line.received_at.to_string()))?;
        let answer = answer.ok_or(RecordedAnswerError::NoResponse)?;
        Ok(Self { uid, received_at, answer })
    }
}

fn uid(number: f64) -> Option<u16> {
    let is_uid = number.fract() == 0.0 && (0.0..=65_535.0).contains(&number);
    is_uid.then_some(number as u16)
}

/// A line, whatever the miner sent.
#[derive(Deserialize)]
struct Envelope {
    uid: f64,
    received_at: String,
    #[serde(rename = "response")]
    _response: IgnoredAny,
}

impl Envelope {
    /// Whose answer a line holds that is whole but for the answer.
    fn uid(line: &[u8], limits: &Limits) -> Option<u16> {
        let parse = |json: &[u8]| serde_json::from_slice::<Self>(json).ok();
        let is_small = line.len() <= limits.body_bytes;
        let quoted = || parse(&non_finite::quoted(line)?);
        let envelope = is_small.then(|| parse(line).or_else(quoted)).flatten()?;
        Timestamp::parse_lenient(&envelope.received_at).ok()?;
        uid(envelope.uid)
    }
}

#[derive(Default)]
struct Line {
    uid: Raw,
    received_at: Raw,
    response: Option<RawBody>,
}

enum LineKey {
    Uid,
    ReceivedAt,
    Response,
}

impl Known for LineKey {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "uid" => Some(Self::Uid),
            "received_at" => Some(Self::ReceivedAt),
            "response" => Some(Self::Response),
            _ => None,
        }
    }
}

struct LineSeed<'a, 'b>(&'b mut Collector<'a>);

impl<'de> DeserializeSeed<'de> for LineSeed<'_, '_> {
    type Value = Line;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Line, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_, '_> {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recorded answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        let short = UpTo(self.0.limits.text_bytes);
        let mut line = Line::default();
        while let Some(Key(name)) = map.next_key::<Key<LineKey>>()? {
            match name {
                Some(LineKey::Uid) => line.uid.put(map.next_value_seed(short)?),
                Some(LineKey::ReceivedAt) => line.received_at.put(map.next_value_seed(short)?),
                Some(LineKey::Response) => {
                    line.response = Some(map.next_value_seed(BodySeed(self.0))?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(line)
    }
}
