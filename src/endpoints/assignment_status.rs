use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use resi_protocol::wire::{AssignmentAccepted, AssignmentReport, ErrorBody, ErrorCode};
use resi_protocol::{EpochId, EpochIndex};
use resi_store::{Quota, ReportAttempt, ReportOutcome};

use crate::app::{ASSIGNMENT_TIMEOUT, AppState};
use crate::auth::{Admitted, ByReporter, ByValidator};
use crate::error::ApiError;
use crate::http::layer::Scope;
use crate::http::{body, quota};
use crate::known_epochs::REPORTABLE_EPOCHS;
use crate::nonces;

pub(crate) const MAX_BODY: usize = 16 * 1024;

/// Report how an assignment goes
///
/// The answer is sent only when the report is on disk. Repeating a report changes nothing.
#[utoipa::path(
    post, path = "/api/v1/assignment-status", tag = "validators",
    security(("token" = []), ("btauth" = [])),
    request_body = AssignmentReport,
    responses(
        (status = 200, description = "The report is on disk", body = AssignmentAccepted),
        (status = 400, description = "`INVALID_REQUEST`, `INVALID_HOTKEY`, `TIMESTAMP_OUT_OF_RANGE`, `UNKNOWN_EPOCH`", body = ErrorBody),
        (status = 401, description = "`MISSING_TOKEN`, `INVALID_TOKEN`, `TOKEN_EXPIRED`, `INVALID_SIGNATURE`, `REPLAYED_SIGNATURE`", body = ErrorBody),
        (status = 403, description = "`NOT_A_VALIDATOR`", body = ErrorBody),
        (status = 408, description = "`REQUEST_TIMEOUT`", body = ErrorBody),
        (status = 409, description = "`ASSIGNMENT_ENDED`", body = ErrorBody),
        (status = 413, description = "`BODY_TOO_LARGE`", body = ErrorBody),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
        (status = 503, description = "`STORAGE_UNAVAILABLE`, `REGISTRY_STALE`", body = ErrorBody),
    )
)]
pub(crate) async fn post_assignment_status(
    State(app): State<AppState>,
    scope: Scope,
    ByReporter(ByValidator { validator, request }): ByReporter,
) -> Result<Response, ApiError> {
    let report: AssignmentReport = body::json(request, MAX_BODY).await?;
    let now = app.clock.now();
    let schedule = app.deck.parameters().schedule;
    let running = app.deck.epoch_at(now);
    let reported_epoch = reported_epoch(&app, &report, running).await?;
    let Admitted { hotkey, quota, nonce } = validator.admit_report(&app, now)?;
    let new_assignments = app.limits.settings.assignments_per_epoch;
    let attempt = ReportAttempt {
        hotkey,
        report,
        reported_epoch,
        running_epoch: schedule.id(running),
        now,
        timeout: ASSIGNMENT_TIMEOUT,
        new_assignments: (new_assignments > 0 && !app.mock).then_some(new_assignments),
        nonce,
        origin: scope.origin(),
    };
    let outcome = app.store.record_report(attempt).await;
    app.board.wrote(&outcome, app.clock.monotonic());
    let outcome = outcome?;
    app.metrics.reported(name(outcome));
    match outcome {
        ReportOutcome::Recorded | ReportOutcome::Unchanged => {
            let accepted = AssignmentAccepted { success: true, message: "Status updated".into() };
            let mut response = Json(accepted).into_response();
            quota::write(response.headers_mut(), quota, now);
            Ok(response)
        }
        ReportOutcome::Replayed => Err(nonces::replayed()),
        ReportOutcome::Ended(status) => {
            let message = format!("The assignment is {} already", status.name());
            Err(ApiError::new(ErrorCode::AssignmentEnded, message))
        }
        ReportOutcome::TooManyAssignments => {
            let resets_at = schedule.ends_at(running);
            let spent = Quota { limit: new_assignments, remaining: 0, resets_at };
            Err(ApiError::limited("new assignments an epoch", spent, now))
        }
    }
}

/// The epoch that a report names, where it names one that it may.
async fn reported_epoch(
    app: &AppState,
    report: &AssignmentReport,
    running: EpochIndex,
) -> Result<Option<EpochId>, ApiError> {
    let Some(id) = report.epoch_id.filter(|_| !app.mock) else { return Ok(report.epoch_id) };
    let epoch = app.deck.parameters().schedule.index_of(id);
    let epoch = epoch.ok_or_else(|| ApiError::invalid("epoch_id", "no epoch starts then"))?;
    let unknown = |why: String| ApiError::new(ErrorCode::UnknownEpoch, format!("epoch_id: {why}"));
    if epoch > running {
        return Err(unknown("this epoch has not begun".into()));
    }
    if running.0 - epoch.0 > REPORTABLE_EPOCHS {
        return Err(unknown(format!("this epoch is more than {REPORTABLE_EPOCHS} epochs back")));
    }
    if !app.known_epochs.knows(epoch, running, &app.deck, &*app.store).await? {
        return Err(unknown("no blocks were dealt in this epoch".into()));
    }
    Ok(Some(id))
}

const fn name(outcome: ReportOutcome) -> &'static str {
    match outcome {
        ReportOutcome::Recorded => "recorded",
        ReportOutcome::Unchanged => "unchanged",
        ReportOutcome::Replayed => "replayed",
        ReportOutcome::Ended(_) => "ended",
        ReportOutcome::TooManyAssignments => "too_many",
    }
}
