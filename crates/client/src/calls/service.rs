use resi_protocol::Timestamp;
use resi_protocol::wire::{Health, Statistics};

use super::{Call, ensure};
use crate::transport::Request;

const MAX_ANSWER: usize = 256 * 1024;

/// How is the service?
pub(crate) struct HealthCall;

impl Call for HealthCall {
    type Answer = Health;

    fn request(&self) -> Request {
        let request = Request::get(["health"]).at_most(MAX_ANSWER);
        request.answered_by(|status, body| {
            let is_unhealthy = || serde_json::from_slice::<Health>(body).is_ok();
            status == 200 || (status == 503 && is_unhealthy())
        })
    }

    fn check(&self, health: &Health, _: Timestamp) -> Result<(), String> {
        let epoch = health.epoch;
        ensure(epoch.id.starts_at() <= health.timestamp && health.timestamp < epoch.ends_at, || {
            format!(
                "epoch {} until {} does not run at {}",
                epoch.id, epoch.ends_at, health.timestamp
            )
        })
    }
}

/// What has happened so far?
pub(crate) struct StatisticsCall;

impl Call for StatisticsCall {
    type Answer = Statistics;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "statistics"]).at_most(MAX_ANSWER)
    }

    fn check(&self, answer: &Statistics, _: Timestamp) -> Result<(), String> {
        let mut newer = None;
        for epoch in &answer.epochs {
            let is_older = newer.is_none_or(|newer| epoch.id < newer);
            ensure(is_older, || format!("epoch {} is not listed newest first", epoch.id))?;
            newer = Some(epoch.id);
            let shares = [epoch.success_rate, epoch.consensus_agreement].into_iter().flatten();
            for share in shares {
                ensure((0.0..=1.0).contains(&share), || {
                    format!("{share} of epoch {} is no share", epoch.id)
                })?;
            }
        }
        Ok(())
    }
}
