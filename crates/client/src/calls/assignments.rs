use std::collections::HashSet;

use resi_protocol::Timestamp;
use resi_protocol::wire::{
    AssignmentAccepted, AssignmentId, AssignmentList, AssignmentReport, AssignmentView,
};

use super::{Call, check_page, ensure, same};
use crate::requests::AssignmentsRequest;
use crate::transport::Request;

const MAX_ACCEPTED: usize = 64 * 1024;
/// A report is at most 16 KiB, and comes back with a few fields more.
const MAX_ASSIGNMENT: usize = 20 * 1024;
/// What is kept as sent takes many times its size in memory.
const MAX_PAGE: usize = 2 * 1024 * 1024;
const DEFAULT_LIMIT: u32 = 50;
/// The service reads more as this.
const MAX_LIMIT: u32 = 200;

/// Is this report on disk?
pub(crate) struct ReportCall<'a>(pub(crate) &'a AssignmentReport);

impl Call for ReportCall<'_> {
    type Answer = AssignmentAccepted;

    fn request(&self) -> Request {
        Request::post(["api", "v1", "assignment-status"], self.0).at_most(MAX_ACCEPTED)
    }

    fn check(&self, answer: &AssignmentAccepted, _: Timestamp) -> Result<(), String> {
        ensure(answer.success, || {
            format!("it does not say that the report was taken: {}", answer.message)
        })
    }
}

/// How does this assignment stand?
pub(crate) struct AssignmentCall<'a>(pub(crate) &'a AssignmentId);

impl Call for AssignmentCall<'_> {
    type Answer = AssignmentView;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "assignments", self.0.as_str()]).at_most(MAX_ASSIGNMENT)
    }

    fn check(&self, answer: &AssignmentView, _: Timestamp) -> Result<(), String> {
        same("assignment_id", &answer.assignment_id, self.0)
    }
}

impl AssignmentsRequest {
    fn most(&self) -> usize {
        self.page.limit.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT) as usize
    }
}

impl Call for AssignmentsRequest {
    type Answer = AssignmentList;

    fn request(&self) -> Request {
        let request = Request::get(["api", "v1", "assignments"]);
        let request = request.query("status", self.status.map(|status| status.name()));
        let most_bytes = self.most().max(1) * MAX_ASSIGNMENT;
        self.page.add_to(request).at_most(most_bytes.min(MAX_PAGE))
    }

    fn check(&self, page: &AssignmentList, _: Timestamp) -> Result<(), String> {
        let found = &page.assignments;
        let (asked, next) = (self.page.cursor.as_deref(), page.next_cursor.as_deref());
        check_page(found.len(), self.most(), asked, next)?;
        let mut seen = HashSet::new();
        for assignment in found {
            let id = &assignment.assignment_id;
            ensure(seen.insert(id), || format!("assignment {id} is there twice"))?;
            if let Some(status) = self.status {
                same("status", assignment.status.name(), status.name())?;
            }
        }
        Ok(())
    }
}
