//! What Prometheus is told.

mod duration_histogram;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::StatusCode;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use resi_protocol::wire::ErrorCode;
use resi_store::Connections;

use duration_histogram::DurationHistogram;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CheckLabels {
    check: &'static str,
}

/// The metrics of one route, found once: labels are not looked up for every request.
#[derive(Debug)]
struct RouteMetrics {
    duration: DurationHistogram,
    statuses: RwLock<Vec<(u16, Counter)>>,
}

/// All metrics. Counting never fails and takes no lock that is held for long.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    routes: RwLock<HashMap<Box<str>, Arc<RouteMetrics>>>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, DurationHistogram>,
    grants: Counter,
    refusals: Family<CodeLabels, Counter>,
    deals: Counter,
    reports: Family<OutcomeLabels, Counter>,
    epoch: Gauge,
    connections: Family<StateLabels, Gauge>,
    checks: Family<CheckLabels, Gauge>,
    registry_age: Gauge,
    active_assignments: Gauge,
    resident_memory: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("resi");
        let metrics = Self {
            routes: RwLock::default(),
            requests: Family::default(),
            durations: Family::default(),
            grants: Counter::default(),
            refusals: Family::default(),
            deals: Counter::default(),
            reports: Family::default(),
            epoch: Gauge::default(),
            connections: Family::default(),
            checks: Family::default(),
            registry_age: Gauge::default(),
            active_assignments: Gauge::default(),
            resident_memory: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register(
            "http_requests",
            "Requests by matched route and status",
            metrics.requests.clone(),
        );
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            metrics.durations.clone(),
        );
        registry.register("access_grants", "Access granted", metrics.grants.clone());
        registry.register(
            "access_refusals",
            "Access refused, by error code",
            metrics.refusals.clone(),
        );
        registry.register("deals", "Answers with blocks", metrics.deals.clone());
        registry.register("status_reports", "Status reports by outcome", metrics.reports.clone());
        registry.register("epoch_index", "The running epoch", metrics.epoch.clone());
        registry.register(
            "database_connections",
            "Connections to the database",
            metrics.connections.clone(),
        );
        registry.register(
            "check_ok",
            "1 where a check of /health is ok, 0 where not",
            metrics.checks.clone(),
        );
        registry.register_with_unit(
            "registry_age",
            "Time since the registry was last read without fault",
            Unit::Seconds,
            metrics.registry_age.clone(),
        );
        registry.register(
            "active_assignments",
            "Assignments that have neither ended nor expired",
            metrics.active_assignments.clone(),
        );
        registry.register_with_unit(
            "resident_memory",
            "Memory of this process",
            Unit::Bytes,
            metrics.resident_memory.clone(),
        );
        Self { registry, ..metrics }
    }

    /// A request was answered.
    pub fn request(&self, route: Option<&str>, status: StatusCode, duration: Duration) {
        // Paths that match nothing share one label: strangers must not make new series.
        let route = route.unwrap_or("none");
        let known = self.routes.read().unwrap_or_else(PoisonError::into_inner).get(route).cloned();
        let metrics = known.unwrap_or_else(|| self.add_route(route));
        metrics.duration.observe(duration);
        let status = status.as_u16();
        let counted = {
            let statuses = metrics.statuses.read().unwrap_or_else(PoisonError::into_inner);
            statuses.iter().find(|(known, _)| *known == status).map(|(_, counter)| counter.inc())
        };
        if counted.is_none() {
            let counter = self
                .requests
                .get_or_create_owned(&RequestLabels { route: route.to_owned(), status });
            counter.inc();
            metrics
                .statuses
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .push((status, counter));
        }
    }

    fn add_route(&self, route: &str) -> Arc<RouteMetrics> {
        let duration = self.durations.get_or_create_owned(&RouteLabels { route: route.to_owned() });
        let metrics = Arc::new(RouteMetrics { duration, statuses: RwLock::default() });
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routes.entry(route.into()).or_insert(metrics))
    }

    /// Access was granted.
    pub fn granted(&self) {
        self.grants.inc();
    }

    /// Access was refused.
    pub fn refused(&self, code: ErrorCode) {
        self.refusals.get_or_create(&CodeLabels { code: code.name() }).inc();
    }

    /// Blocks were handed out.
    pub fn dealt(&self) {
        self.deals.inc();
    }

    /// A report was answered.
    pub fn reported(&self, outcome: &'static str) {
        self.reports.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// How things stand now.
    pub fn standing(&self, standing: &Standing) {
        self.epoch.set(i64::try_from(standing.epoch).unwrap_or(i64::MAX));
        let Connections { open, idle } = standing.connections;
        self.connections.get_or_create(&StateLabels { state: "idle" }).set(i64::from(idle));
        self.connections
            .get_or_create(&StateLabels { state: "busy" })
            .set(i64::from(open.saturating_sub(idle)));
        for (check, ok) in standing.checks {
            self.checks.get_or_create(&CheckLabels { check }).set(i64::from(ok));
        }
        self.registry_age.set(standing.registry_age.map_or(0, |age| age.as_secs() as i64));
        self.active_assignments.set(i64::try_from(standing.active_assignments).unwrap_or(i64::MAX));
        self.resident_memory.set(resident_memory().unwrap_or(0));
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        let mut page = String::new();
        if text::encode(&mut page, &self.registry).is_err() {
            let _ = write!(page, "# some metrics could not be written\n# EOF\n");
        }
        page
    }
}

/// What is set anew with every probe, and not counted.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// The running epoch.
    pub epoch: u64,
    /// Connections to the database.
    pub connections: Connections,
    /// Each check of `/health`, and whether it is ok.
    pub checks: [(&'static str, bool); 4],
    /// Time since the registry was last read without fault.
    pub registry_age: Option<Duration>,
    /// Assignments that have neither ended nor expired.
    pub active_assignments: u64,
}

/// In bytes; from `/proc`, so only on Linux.
fn resident_memory() -> Option<i64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: i64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as i64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_was_counted_is_on_the_page() {
        let metrics = Metrics::new();
        metrics.request(Some("/health"), StatusCode::OK, Duration::from_millis(1));
        metrics.request(Some("/health"), StatusCode::OK, Duration::from_secs(20));
        metrics.request(None, StatusCode::NOT_FOUND, Duration::from_millis(1));
        metrics.refused(ErrorCode::InvalidSignature);
        let page = metrics.render();
        for line in [
            r#"resi_http_requests_total{route="/health",status="200"} 2"#,
            r#"resi_http_requests_total{route="none",status="404"} 1"#,
            r#"resi_http_request_duration_seconds_bucket{le="0.001",route="/health"} 1"#,
            r#"resi_http_request_duration_seconds_bucket{le="+Inf",route="/health"} 2"#,
            r#"resi_http_request_duration_seconds_count{route="/health"} 2"#,
            r#"resi_http_request_duration_seconds_sum{route="/health"} 20.001"#,
            r#"resi_access_refusals_total{code="INVALID_SIGNATURE"} 1"#,
        ] {
            assert!(page.contains(line), "{line} is missing in\n{page}");
        }
    }

    /// One of each series.
    fn all() -> Metrics {
        let metrics = Metrics::new();
        metrics.request(Some("/health"), StatusCode::OK, Duration::from_millis(1));
        metrics.refused(ErrorCode::InvalidSignature);
        metrics.reported("recorded");
        metrics.standing(&Standing {
            epoch: 1,
            connections: Connections { open: 2, idle: 1 },
            checks: ["database", "registry", "rotation", "clock"].map(|check| (check, true)),
            registry_age: None,
            active_assignments: 0,
        });
        metrics
    }

    #[test]
    fn operators_are_told_of_every_metric_and_alert_and_of_no_other() {
        let document = include_str!("../docs/operations.md");
        let named = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
        let documented: BTreeSet<String> = document.lines().filter_map(named).collect();

        let page = all().render();
        let exposed = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let exposed = exposed.map(|line| {
            let (name, kind) = line.split_once(' ').expect("a name and a type");
            if kind == "counter" { format!("{name}_total") } else { name.to_owned() }
        });
        let alerts = include_str!("../deploy/alerts.yml").lines();
        let alerts = alerts.filter_map(|line| line.trim().strip_prefix("- alert: "));
        let known: BTreeSet<String> = exposed.chain(alerts.map(str::to_owned)).collect();
        assert!(known.len() > 15, "{known:?}");
        assert_eq!(documented, known);
    }
}
