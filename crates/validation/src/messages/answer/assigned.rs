use std::collections::HashSet;

use resi_protocol::{Source, Sources, Zipcode};

use crate::messages::{AssignmentMode, DataAssignmentRequest, PropertyKey, PropertyReport};

/// What a miner was asked for. A home outside of it is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    sources: Sources,
    homes: Homes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Homes {
    Any,
    InZipcodes(HashSet<Zipcode>),
    Known(HashSet<(Source, PropertyKey)>),
}

impl Assigned {
    /// Homes of any zipcode and source: for answers whose assignment is not known.
    pub fn anything() -> Self {
        Self { sources: Source::ALL.into_iter().collect(), homes: Homes::Any }
    }

    /// All homes of these zipcodes, at each of these sources.
    pub fn zipcodes(sources: Sources, zipcodes: impl IntoIterator<Item = Zipcode>) -> Self {
        Self { sources, homes: Homes::InZipcodes(zipcodes.into_iter().collect()) }
    }

    /// What a request lists. Ids that are none of their source are left out.
    pub fn of_request(request: &DataAssignmentRequest) -> Self {
        match request.assignment_mode {
            AssignmentMode::Zipcodes => Self::zipcodes(
                request.zipcode_assignments.keys().copied().collect(),
                request.zipcode_assignments.values().flatten().copied(),
            ),
            AssignmentMode::PropertyIds => {
                let known = request.assignment_data.iter().flat_map(|(source, ids)| {
                    ids.iter().filter_map(|id| Some((*source, PropertyKey::of_id(*source, id)?)))
                });
                Self {
                    sources: request.assignment_data.keys().copied().collect(),
                    homes: Homes::Known(known.collect()),
                }
            }
        }
    }

    /// Whether this home was asked for.
    pub fn keeps(&self, report: &PropertyReport) -> bool {
        self.has_source(report.source)
            && self.has(&(report.source, report.key.clone()), report.zipcode)
    }

    pub(super) fn has_source(&self, source: Source) -> bool {
        self.sources.contains(source)
    }

    pub(super) fn needs_zipcode(&self) -> bool {
        matches!(self.homes, Homes::InZipcodes(_))
    }

    pub(super) fn has(&self, home: &(Source, PropertyKey), zipcode: Option<Zipcode>) -> bool {
        match &self.homes {
            Homes::Any => true,
            Homes::InZipcodes(zipcodes) => {
                zipcode.is_some_and(|zipcode| zipcodes.contains(&zipcode))
            }
            Homes::Known(known) => known.contains(home),
        }
    }
}
