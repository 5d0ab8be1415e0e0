use std::collections::HashSet;
use std::fmt;

use resi_protocol::{Source, Zipcode};

use super::entity::{RawContent, RawEntity};
use super::home::{Home, text};
use super::raw::Raw;
use super::refusal::{FieldName, Reason, Refusals, excerpt};
use super::{AnswerError, Assigned, Limits};
use crate::messages::entity::{key_of_label, zipcode_of_label};
use crate::messages::{PropertyKey, PropertyReport};

/// What has been kept and refused of an answer so far.
pub(super) struct Collector<'a> {
    pub(super) limits: &'a Limits,
    assigned: &'a Assigned,
    pub(super) reports: Vec<PropertyReport>,
    pub(super) refusals: Refusals,
    seen: HashSet<(Source, PropertyKey)>,
    pub(super) entities: u32,
    /// The buffer for decoded contents.
    pub(super) decoded: Vec<u8>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(assigned: &'a Assigned, limits: &'a Limits) -> Self {
        Self {
            limits,
            assigned,
            reports: Vec::new(),
            refusals: Refusals::default(),
            seen: HashSet::new(),
            entities: 0,
            decoded: Vec::new(),
        }
    }

    /// Makes room for one more entity; `false` when there are too many.
    pub(super) fn next_entity(&mut self) -> bool {
        self.entities = self.entities.saturating_add(1);
        self.entities <= self.limits.entities
    }

    /// What an error while reading means.
    pub(super) fn error(&self, error: &serde_json::Error) -> AnswerError {
        let limit = self.limits.entities;
        if self.entities > limit {
            AnswerError::TooManyEntities { limit }
        } else {
            AnswerError::Malformed(excerpt(&error.to_string()))
        }
    }

    /// Judges the entity that was read last.
    pub(super) fn take(&mut self, source: Option<Source>, entity: Option<RawEntity>) {
        match self.report(source, entity) {
            Ok(report) => self.reports.push(report),
            Err((field, reason, detail)) => self.refuse_entity(field, reason, detail),
        }
    }

    fn report(
        &mut self,
        source: Option<Source>,
        entity: Option<RawEntity>,
    ) -> Result<PropertyReport, (Option<FieldName>, Reason, String)> {
        let whole = |reason| (None, reason, String::new());
        let source = source.ok_or(whole(Reason::UnknownSource))?;
        if !self.assigned.has_source(source) {
            return Err((None, Reason::NotAssigned, source.to_string()));
        }
        let entity = entity.ok_or(whole(Reason::NotAnEntity))?;
        let content = Some(FieldName::Content);
        let home = match entity.content {
            RawContent::Home(home) => home,
            RawContent::Missing => return Err((content, Reason::BadContent, "nothing".into())),
            RawContent::Refused(reason, detail) => return Err((content, reason, detail)),
        };
        let home = home.keep(|field, reason, raw| self.refuse_entity(Some(field), reason, raw));
        let label = self.optional_text(FieldName::Label, &entity.label);
        let uri = self.optional_text(FieldName::Uri, &entity.uri);

        let key = key(source, uri, label, &home).ok_or(whole(Reason::NoKey))?;
        let zipcode = zipcode(label, &home);
        if zipcode.is_none() && self.assigned.needs_zipcode() {
            return Err(whole(Reason::NoZipcode));
        }
        let known = (source, key);
        if !self.assigned.has(&known, zipcode) {
            return Err((None, Reason::NotAssigned, named(&known.1, zipcode)));
        }
        if !self.seen.insert(known.clone()) {
            return Err((None, Reason::Repeated, known.1.to_string()));
        }
        Ok(PropertyReport {
            key: known.1,
            source,
            zipcode,
            price: home.price,
            bedrooms: home.bedrooms,
            bathrooms: home.bathrooms,
            living_area: home.living_area,
            address: home.address,
            property_type: home.property_type,
        })
    }

    fn optional_text<'r>(&mut self, field: FieldName, raw: &'r Raw) -> Option<&'r str> {
        text(raw).unwrap_or_else(|reason| {
            self.refuse_entity(Some(field), reason, raw);
            None
        })
    }

    fn refuse_entity(
        &mut self,
        field: Option<FieldName>,
        reason: Reason,
        detail: impl fmt::Display,
    ) {
        let position = self.entities.saturating_sub(1);
        self.refusals.add(self.limits.refusals_kept, Some(position), field, reason, detail);
    }

    /// Refuses something of the answer as a whole.
    pub(super) fn refuse(&mut self, field: FieldName, reason: Reason, detail: impl fmt::Display) {
        self.refusals.add(self.limits.refusals_kept, None, Some(field), reason, detail);
    }
}

fn named(key: &PropertyKey, zipcode: Option<Zipcode>) -> String {
    match zipcode {
        Some(zipcode) => format!("{key} in {zipcode}"),
        None => key.to_string(),
    }
}

fn key(source: Source, uri: Option<&str>, label: Option<&str>, home: &Home) -> Option<PropertyKey> {
    match source {
        Source::RealtorCom | Source::HomesCom => home.address.clone().map(PropertyKey::Address),
        Source::Zillow | Source::ZillowSold => uri
            .and_then(|uri| PropertyKey::of_uri(source, uri))
            .or_else(|| label.and_then(key_of_label)),
        Source::Redfin => uri.and_then(|uri| PropertyKey::of_uri(source, uri)),
    }
}

/// The label says which part of the assignment the home answers to; content and address stand in where it does not.
fn zipcode(label: Option<&str>, home: &Home) -> Option<Zipcode> {
    label.and_then(zipcode_of_label).or(home.zipcode).or_else(|| {
        home.address.as_ref().and_then(|address| address.last_five_digits()?.parse().ok())
    })
}
