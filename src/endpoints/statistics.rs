use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use resi_protocol::wire::{EpochStatistics, ErrorBody, LastAssignment, Statistics};

use super::health::page;
use crate::app::{App, AppState};
use crate::error::ApiError;
use crate::http::layer::Scope;
use crate::http::quota;
use crate::limits::AddressKey;

/// What validators have done
///
/// A few seconds old at most.
#[utoipa::path(
    get, path = "/api/v1/statistics", tag = "public",
    responses(
        (status = 200, description = "The counts", body = Statistics),
        (status = 429, description = "`RATE_LIMITED`", body = ErrorBody),
    )
)]
pub(crate) async fn get_statistics(
    State(app): State<AppState>,
    scope: Scope,
) -> Result<Response, ApiError> {
    let now = app.clock.now();
    let counted = match scope.client().filter(|_| !app.mock) {
        None => None,
        Some(client) => {
            app.limits.statistics.count(AddressKey::of(client), now).map_err(|quota| {
                ApiError::limited("statistics an hour for one address", quota, now)
            })?
        }
    };
    let (status, body) = app
        .board
        .statistics_page(now, || (200, serde_json::to_vec(&statistics(&app)).unwrap_or_default()));
    let mut response = page(status, body);
    quota::write(response.headers_mut(), counted, now);
    Ok(response)
}

fn statistics(app: &App) -> Statistics {
    let tally = app.board.tally();
    Statistics {
        total_validators: tally.validators,
        active_assignments: tally.started,
        completed_assignments: tally.completed,
        failed_assignments: tally.failed,
        expired_assignments: tally.expired,
        total_zipcodes_available: app.deck.set_at(app.clock.now()).pool_size,
        server_uptime: uptime(app.clock.monotonic().saturating_sub(app.started)),
        last_assignment: tally.last.as_ref().map(|last| LastAssignment {
            assignment_id: last.assignment_id.clone(),
            status: last.status,
            timestamp: last.at,
        }),
        epochs: tally
            .epochs
            .iter()
            .map(|epoch| EpochStatistics {
                id: epoch.epoch,
                validators: epoch.validators,
                completed: epoch.completed,
                success_rate: epoch.success_rate,
                consensus_agreement: (epoch.hashed > 0)
                    .then(|| epoch.agreeing as f64 / epoch.hashed as f64),
            })
            .collect(),
    }
}

fn uptime(up: Duration) -> String {
    let minutes = up.as_secs() / 60;
    format!("{}h {}m", minutes / 60, minutes % 60)
}
