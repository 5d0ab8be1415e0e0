//! What is done from time to time. Each turn is a function of the time it is given; being late changes nothing.

use std::time::Duration;

use resi_protocol::btauth::Nonce;
use resi_protocol::wire::Check;
use tokio::time::timeout;

use crate::app::{ASSIGNMENT_TIMEOUT, App, Limits};
use crate::board::PROBE_DEADLINE;
use crate::endpoints::health::{assess, flags};
use crate::metrics::Standing;
use crate::shared_limit::{STRETCH, WINDOW};

/// How many epochs statistics show.
const SHOWN_EPOCHS: u32 = 12;
/// How many rows are changed at once, so that requests do not wait for long.
const SWEPT_AT_ONCE: u32 = 500;

/// How long refusals are kept whose hotkey nobody proved.
pub const UNPROVED_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Longer than a nonce could still pass, by the slowest clock of all replicas.
const NONCES_REMEMBERED: Duration = Duration::from_secs(360);

/// Asks the database whether it is there and can be written, takes its counts, and compares the clocks.
pub async fn probe(app: &App) {
    let asked = timeout(PROBE_DEADLINE, async {
        app.store.try_write().await?;
        let time = app.store.time().await?.map(|time| (time, app.clock.monotonic()));
        Ok::<_, resi_store::StoreError>((time, app.store.tally(SHOWN_EPOCHS).await?))
    });
    let answered = match asked.await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("the database did not answer within {} s", PROBE_DEADLINE.as_secs())),
    };
    let was_probed = app.board.was_probed();
    let was_away = app.board.probed(app.clock.monotonic()).0 != Check::Ok;
    match answered {
        Ok((time, tally)) => {
            if was_probed && was_away {
                tracing::info!("the database answers again");
            }
            app.board.database_answered(tally, app.clock.monotonic());
            if let Some((time, monotonic)) = time {
                app.clock_watch.trust_database(time, monotonic);
            }
        }
        Err(problem) => {
            if !was_probed || !was_away {
                tracing::error!(
                    "{problem}; blocks go on, access and reports are refused until it is back"
                );
            }
            app.board.database_failed(problem);
        }
    }
    let problem = app.clock_watch.problem(&*app.clock);
    if app.board.clock_compared(problem.is_some()) {
        match &problem {
            Some(problem) => tracing::error!(
                "{problem}; no epoch is agreed and nobody let in anew until it is right"
            ),
            None => tracing::info!("the clock is right again"),
        }
    }

    let now = app.clock.now();
    let health = assess(app, now);
    app.metrics.standing(&Standing {
        epoch: app.deck.epoch_at(now).0,
        connections: app.store.connections(),
        checks: flags(health.checks),
        registry_age: app.registry.age(now),
        active_assignments: app.board.tally().started,
    });
}

/// Prepares the coming epoch and settles the running one.
pub async fn tend_deck(app: &App) {
    // By a clock that is wrong, other replicas would be held to an epoch that is not the next.
    if app.clock_watch.problem(&*app.clock).is_none() {
        let now = app.clock.now();
        app.deck.tend(now).await;
        if let Some(Ok(deal)) = app.deck.prepared_at(now) {
            app.known_epochs.dealt(deal.epoch.index);
        }
    }
}

/// Writes who pulled blocks.
pub async fn write_pulls(app: &App) {
    if let Err(error) = app.pulls.write(&*app.store).await {
        // The probe says that the database is away; nothing is lost.
        tracing::debug!("pulls are kept until they can be written: {error}");
    }
}

/// Exchanges with the other replicas how many requests passed.
pub async fn share_limits(app: &App) {
    let Limits { requests, reports, exchange, .. } = &app.limits;
    let shared = exchange.turn([requests, reports], &*app.store, app.clock.now()).await;
    if let Err(error) = shared {
        tracing::debug!("limits hold in this replica alone until the database is back: {error}");
    }
}

/// Writes what was refused.
pub async fn write_refusals(app: &App) {
    if let Err(error) = app.refusals.write(&*app.store, app.clock.now()).await {
        tracing::debug!("refusals are kept until they can be written: {error}");
    }
}

/// Writes what was refused and is still counted, when the service stops.
pub async fn write_all_refusals(app: &App) {
    if let Err(error) = app.refusals.write_all(&*app.store).await {
        tracing::warn!("the last refusals are not in the audit: {error}");
    }
}

/// Deletes what is older than it is to be kept, in small batches.
pub async fn prune(app: &App) {
    if app.clock_watch.problem(&*app.clock).is_some() {
        return;
    }
    let now = app.clock.now();
    let unproved_before =
        now.minus(app.retention.map_or(UNPROVED_KEPT, |kept| kept.min(UNPROVED_KEPT)));
    let pruned = async {
        let (store, at_once) = (&app.store, u64::from(SWEPT_AT_ONCE));
        while store.prune_unproved(unproved_before, SWEPT_AT_ONCE).await? >= at_once {}
        let Some(retention) = app.retention else { return Ok(()) };
        let before = now.minus(retention);
        while store.prune_audit(before, SWEPT_AT_ONCE).await? >= at_once {}
        while store.prune_assignments(before, SWEPT_AT_ONCE).await? >= at_once {}
        Ok::<_, resi_store::StoreError>(())
    };
    if let Err(error) = pruned.await {
        tracing::warn!("what is too old is left for the next turn: {error}");
    }
}

/// Writes down what has expired, and forgets signatures, nonces and counts whose time has passed anyway.
pub async fn sweep(app: &App) {
    if app.clock_watch.problem(&*app.clock).is_some() {
        // By a clock that is wrong, live assignments would expire and used signatures would be forgotten.
        return;
    }
    let now = app.clock.now();
    let cutoff = now.minus(ASSIGNMENT_TIMEOUT);
    let swept = async {
        while app.store.expire_assignments(cutoff, now, SWEPT_AT_ONCE).await?
            >= u64::from(SWEPT_AT_ONCE)
        {}
        while app.store.forget_signatures(now, SWEPT_AT_ONCE).await? >= u64::from(SWEPT_AT_ONCE) {}
        let before = now.minus(WINDOW + 2 * STRETCH);
        while app.store.forget_passed(before, SWEPT_AT_ONCE).await? >= u64::from(SWEPT_AT_ONCE) {}
        let before = Nonce::at(now.minus(NONCES_REMEMBERED));
        while app.store.forget_nonces(before, SWEPT_AT_ONCE).await? >= u64::from(SWEPT_AT_ONCE) {}
        Ok::<_, resi_store::StoreError>(())
    };
    if let Err(error) = swept.await {
        tracing::warn!("the sweep is left for the next turn: {error}");
    }
}

/// How often replicas tell each other what passed.
pub const SHARE_INTERVAL: Duration = Duration::from_secs(1);
/// How often the deck is tended, and pulls and refusals are written.
pub const TEND_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is swept.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
/// How often it is looked for what is too old.
pub const PRUNE_INTERVAL: Duration = Duration::from_secs(60);
/// How often the registry is looked at.
pub const REGISTRY_INTERVAL: Duration = Duration::from_secs(5);
