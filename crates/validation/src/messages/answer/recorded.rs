use std::fmt;

use resi_protocol::Timestamp;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::non_finite;
use super::raw::{Key, Known, Raw, UpTo};
use super::refusal::excerpt;
use super::{Answer, AnswerError, Assigned, Limits};

/// An answer that was written down when it came: a line of JSON, `{"uid": 12, "received_at": "…", "response": {…}}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedAnswer {
    /// Whose it is.
    pub uid: u16,
    /// When it came, by the validator's clock.
    pub received_at: Timestamp,
    /// What is kept of it, or why it is refused whole: whatever a miner sent, it is a matter of that miner.
    pub answer: Result<Answer, AnswerError>,
}

/// Why a line is no recorded answer. Nothing of it tells whose it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordedAnswerError {
    /// The line is over the limit.
    #[error("the line has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// How many bytes it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The line is not the JSON of an object.
    #[error("the line is not a JSON object: {0}")]
    Malformed(String),
    /// No uid from 0 to 65535.
    #[error("uid is {0}, not a whole number from 0 to 65535")]
    Uid(String),
    /// No time.
    #[error("received_at is {0}, not a time")]
    ReceivedAt(String),
    /// There is no answer in it.
    #[error("response is missing")]
    NoResponse,
}

impl RecordedAnswer {
    /// Reads a line, as [`Answer::parse`] reads a body. Which assignment it answers is often known only by its batch:
    /// [`Answer::restrict`] keeps what was assigned.
    ///
    /// What a miner sent may have been written into the line as it came. So where the line begins with `uid` and
    /// `received_at`, these count, and whatever is wrong with the line from `response` on is wrong with the answer.
    ///
    /// ```
    /// use resi_validation::messages::{Assigned, Limits, RecordedAnswer};
    ///
    /// let parse = |line: &str| RecordedAnswer::parse(line.as_bytes(), &Assigned::anything(), &Limits::default());
    /// let line = r#"{"uid": 0, "received_at": "2025-01-15T09:00:00Z", "response": {"completion_status": "failed"}}"#;
    /// let recorded = parse(line)?;
    /// assert_eq!((recorded.uid, recorded.answer.is_ok()), (0, true));
    ///
    /// let recorded = parse(r#"{"uid": 7, "received_at": "2025-01-15T09:00:00Z", "response": <html>}"#)?;
    /// assert_eq!((recorded.uid, recorded.answer.is_ok()), (7, false));
    /// # Ok::<(), resi_validation::messages::RecordedAnswerError>(())
    /// ```
    ///
    /// # Errors
    /// What is missing or cannot be read of the line itself.
    pub fn parse(
        line: &[u8],
        assigned: &Assigned,
        limits: &Limits,
    ) -> Result<Self, RecordedAnswerError> {
        let mut head = Head::default();
        if line.len() > limits.body_bytes {
            let (bytes, limit) = (line.len(), limits.body_bytes);
            head.stops_at_response = true;
            let _ = read(line, limits, &mut head);
            let error = AnswerError::TooLarge { bytes, limit };
            return head.refused(error).ok_or(RecordedAnswerError::TooLarge { bytes, limit });
        }
        let quoted;
        let mut parsed = read(line, limits, &mut head);
        if parsed.is_err()
            && let Some(with_quotes) = non_finite::quoted(line)
        {
            quoted = with_quotes;
            parsed = read(&quoted, limits, &mut Head::default()).or(parsed);
        }
        match parsed {
            Ok(body) => {
                let (uid, received_at) = body.head()?;
                let response = body.response.ok_or(RecordedAnswerError::NoResponse)?;
                let answer = Answer::parse(response.get().as_bytes(), assigned, limits);
                Ok(Self { uid, received_at, answer })
            }
            Err(error) => {
                let error = excerpt(&error.to_string());
                head.refused(AnswerError::Malformed(error.clone()))
                    .ok_or(RecordedAnswerError::Malformed(error))
            }
        }
    }
}

/// Whose answer a line has, and when it came, as far as it stands before the answer.
#[derive(Default)]
struct Head {
    line: Option<(Raw, Raw)>,
    /// What comes then is not looked at.
    stops_at_response: bool,
}

impl Head {
    /// The answer with this fault, where it is known whose it is.
    fn refused(self, error: AnswerError) -> Option<RecordedAnswer> {
        let (uid, received_at) = self.line?;
        let line = Line { uid, received_at, response: None };
        let (uid, received_at) = line.head().ok()?;
        Some(RecordedAnswer { uid, received_at, answer: Err(error) })
    }
}

#[derive(Default)]
struct Line<'a> {
    uid: Raw,
    received_at: Raw,
    response: Option<&'a RawValue>,
}

impl Line<'_> {
    fn head(&self) -> Result<(u16, Timestamp), RecordedAnswerError> {
        let uid = match self.uid {
            Raw::Number(uid) if uid.fract() == 0.0 && (0.0..=65_535.0).contains(&uid) => uid as u16,
            ref other => return Err(RecordedAnswerError::Uid(excerpt(&other.to_string()))),
        };
        let received_at = match &self.received_at {
            Raw::Text(text) => Timestamp::parse_lenient(text).ok(),
            _ => None,
        };
        let shown = || RecordedAnswerError::ReceivedAt(excerpt(&self.received_at.to_string()));
        Ok((uid, received_at.ok_or_else(shown)?))
    }
}

fn read<'a>(
    line: &'a [u8],
    limits: &Limits,
    head: &mut Head,
) -> Result<Line<'a>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(line);
    let parsed =
        LineSeed { short: UpTo(limits.text_bytes), head }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(parsed)
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

struct LineSeed<'h> {
    short: UpTo,
    head: &'h mut Head,
}

impl<'de> DeserializeSeed<'de> for LineSeed<'_> {
    type Value = Line<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Line<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LineSeed<'_> {
    type Value = Line<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a recorded answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line<'de>, A::Error> {
        let mut line = Line::default();
        while let Some(Key(name)) = map.next_key::<Key<LineKey>>()? {
            // A second answer, or another uid behind it, may be what a miner sent.
            if line.response.is_some() && matches!(name, Some(LineKey::Response)) {
                return Err(A::Error::custom("response is there twice"));
            }
            let field = match name {
                Some(LineKey::Uid) => &mut line.uid,
                Some(LineKey::ReceivedAt) => &mut line.received_at,
                Some(LineKey::Response) => {
                    self.head.line = Some((line.uid.clone(), line.received_at.clone()));
                    if self.head.stops_at_response {
                        return Err(A::Error::custom("the answer is too large"));
                    }
                    line.response = Some(map.next_value()?);
                    continue;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            if *field != Raw::Missing {
                return Err(A::Error::custom("uid or received_at is there twice"));
            }
            field.put(map.next_value_seed(self.short)?);
        }
        Ok(line)
    }
}
