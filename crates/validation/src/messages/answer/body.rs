use std::fmt;

use resi_protocol::{Source, Timestamp};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::collector::Collector;
use super::entity::{EntitySeed, scalars_are};
use super::home::text;
use super::raw::{Key, Known, Raw, UpTo, skip_list, skip_map};
use super::refusal::{FieldName, Reason};
use crate::messages::{CompletionStatus, tolerant};

/// The fields of an answer beside its homes, as they were sent.
#[derive(Default)]
pub(super) struct RawBody {
    request_id: Raw,
    zipcode_batch_id: Raw,
    overlap_group: Raw,
    completion_status: Raw,
    scrape_timestamp: Raw,
    submission_timestamp: Raw,
    error_details: Raw,
}

/// The same, as far as they hold.
pub(super) struct Body {
    pub(super) request_id: Option<String>,
    pub(super) zipcode_batch_id: Option<String>,
    pub(super) overlap_group: Option<u32>,
    pub(super) status: Option<CompletionStatus>,
    pub(super) scrape_timestamp: Option<Timestamp>,
    pub(super) submission_timestamp: Option<Timestamp>,
    pub(super) error_details: Option<String>,
}

impl RawBody {
    pub(super) fn keep(&self, collector: &mut Collector<'_>) -> Body {
        let mut text_of = |field, raw| match text(raw) {
            Ok(text) => text,
            Err(reason) => {
                collector.refuse(field, reason, raw);
                None
            }
        };
        let status = text_of(FieldName::CompletionStatus, &self.completion_status);
        let scraped = text_of(FieldName::ScrapeTimestamp, &self.scrape_timestamp);
        let sent = text_of(FieldName::SubmissionTimestamp, &self.submission_timestamp);
        let request_id = text_of(FieldName::RequestId, &self.request_id).map(str::to_owned);
        let zipcode_batch_id =
            text_of(FieldName::ZipcodeBatchId, &self.zipcode_batch_id).map(str::to_owned);
        let error_details =
            text_of(FieldName::ErrorDetails, &self.error_details).map(str::to_owned);
        let mut time = |field, text: Option<&str>| {
            let time = Timestamp::parse_lenient(text?);
            if time.is_err() {
                collector.refuse(field, Reason::NotATime, text.unwrap_or_default());
            }
            time.ok()
        };
        let scrape_timestamp = time(FieldName::ScrapeTimestamp, scraped);
        let submission_timestamp = time(FieldName::SubmissionTimestamp, sent);
        let status = status.and_then(|name| {
            let status = CompletionStatus::from_name(name);
            if status.is_none() {
                collector.refuse(FieldName::CompletionStatus, Reason::UnknownStatus, name);
            }
            status
        });
        let overlap_group = match self.overlap_group {
            Raw::Missing => None,
            Raw::Number(group)
                if group.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&group) =>
            {
                Some(group as u32)
            }
            ref other => {
                collector.refuse(FieldName::OverlapGroup, Reason::NotANumber, other);
                None
            }
        };
        Body {
            request_id,
            zipcode_batch_id,
            overlap_group,
            status,
            scrape_timestamp,
            submission_timestamp,
            error_details,
        }
    }
}

enum BodyKey {
    RequestId,
    ZipcodeBatchId,
    OverlapGroup,
    CompletionStatus,
    ScrapeTimestamp,
    SubmissionTimestamp,
    ErrorDetails,
    ScrapedData,
}

impl Known for BodyKey {
    fn of_name(name: &str) -> Option<Self> {
        match name {
            "request_id" => Some(Self::RequestId),
            "zipcode_batch_id" => Some(Self::ZipcodeBatchId),
            "overlap_group" => Some(Self::OverlapGroup),
            "completion_status" => Some(Self::CompletionStatus),
            "scrape_timestamp" => Some(Self::ScrapeTimestamp),
            "submission_timestamp" => Some(Self::SubmissionTimestamp),
            "error_details" => Some(Self::ErrorDetails),
            "scraped_data" => Some(Self::ScrapedData),
            _ => None,
        }
    }
}

/// Reads the whole message.
pub(super) struct BodySeed<'a, 'b>(pub(super) &'b mut Collector<'a>);

impl<'de> DeserializeSeed<'de> for BodySeed<'_, '_> {
    type Value = RawBody;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawBody, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BodySeed<'_, '_> {
    type Value = RawBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a DataAssignmentRequest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawBody, A::Error> {
        let mut body = RawBody::default();
        while let Some(Key(name)) = map.next_key::<Key<BodyKey>>()? {
            let field = match name {
                Some(BodyKey::RequestId) => &mut body.request_id,
                Some(BodyKey::ZipcodeBatchId) => &mut body.zipcode_batch_id,
                Some(BodyKey::OverlapGroup) => &mut body.overlap_group,
                Some(BodyKey::CompletionStatus) => &mut body.completion_status,
                Some(BodyKey::ScrapeTimestamp) => &mut body.scrape_timestamp,
                Some(BodyKey::SubmissionTimestamp) => &mut body.submission_timestamp,
                Some(BodyKey::ErrorDetails) => &mut body.error_details,
                Some(BodyKey::ScrapedData) => {
                    map.next_value_seed(SourcesSeed(self.0))?;
                    continue;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            field.put(map.next_value_seed(UpTo(self.0.limits.text_bytes))?);
        }
        Ok(body)
    }
}

impl Known for Source {
    fn of_name(name: &str) -> Option<Self> {
        tolerant::source(name)
    }
}

/// Reads the map from sources to lists of entities.
struct SourcesSeed<'a, 'b>(&'b mut Collector<'a>);

impl<'de> DeserializeSeed<'de> for SourcesSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SourcesSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("homes by source")
    }

    scalars_are!(());

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        skip_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(source)) = map.next_key::<Key<Source>>()? {
            map.next_value_seed(EntitiesSeed { source, collector: self.0 })?;
        }
        Ok(())
    }
}

/// Reads the entities of one source.
struct EntitiesSeed<'a, 'b> {
    source: Option<Source>,
    collector: &'b mut Collector<'a>,
}

impl<'de> DeserializeSeed<'de> for EntitiesSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EntitiesSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entities")
    }

    scalars_are!(());

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        skip_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(entity) = list.next_element_seed(EntitySeed(self.collector))? {
            if !self.collector.next_entity() {
                return Err(A::Error::custom("too many entities"));
            }
            self.collector.take(self.source, entity);
        }
        Ok(())
    }
}
