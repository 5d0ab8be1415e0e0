use std::borrow::Cow;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use resi_protocol::rotation::Announcement;
use resi_protocol::{Hotkey, Timestamp};

use crate::{GrantAttempt, GrantOutcome, Pull, ReportAttempt, ReportOutcome};

/// Which request something came with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The id of the request.
    pub request_id: Arc<str>,
    /// The address of the client, where it is known.
    pub address: Option<IpAddr>,
}

macro_rules! audit_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// What an entry of the audit is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AuditKind {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl AuditKind {
            /// The name in the database and for people.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl FromStr for AuditKind {
            type Err = UnknownAuditKind;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownAuditKind(name.to_owned())),
                }
            }
        }
    };
}

audit_kinds! {
    /// Access was granted.
    Grant = "grant";
    /// A request was refused; the code is that of the answer.
    Refusal = "refusal";
    /// A validator pulled blocks for the first time in an epoch.
    Deal = "deal";
    /// The status of an assignment changed; the code is the status.
    Status = "status";
    /// A change of the rotation's key or parameters was announced.
    Rotation = "rotation";
}

/// A text that names no [`AuditKind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no kind of audit entry")]
pub struct UnknownAuditKind(String);

/// Something that happened, to be kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When; of several equal ones, the first.
    pub at: Timestamp,
    /// What it is about.
    pub kind: AuditKind,
    /// What came of it.
    pub code: Cow<'static, str>,
    /// Who; `None` where nobody said who it was.
    pub hotkey: Option<Hotkey>,
    /// Whether the hotkey was proved; otherwise it was only claimed.
    pub proved: bool,
    /// What it was about: a route, an epoch, an assignment.
    pub subject: Option<String>,
    /// The request it came with; `None` where it was the service's own doing.
    pub origin: Option<Origin>,
    /// How many equal ones this entry stands for.
    pub times: u64,
}

/// An entry of the audit as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its position; later ones are higher.
    pub position: i64,
    /// What happened.
    pub event: AuditEvent,
}

/// Which entries of the audit to read.
#[derive(Clone, Copy, Debug)]
pub struct AuditQuery {
    /// Only those of this hotkey, proved or claimed.
    pub hotkey: Option<Hotkey>,
    /// Only those at this moment or later.
    pub since: Timestamp,
    /// Only those that come after this one in the order of time and position.
    pub after: Option<(Timestamp, i64)>,
    /// At most this many.
    pub limit: u32,
}

/// The entry of a change that was announced: its first epoch, and the key from then on.
pub fn announcement_event(announcement: &Announcement) -> AuditEvent {
    AuditEvent {
        at: announcement.announced_at,
        kind: AuditKind::Rotation,
        code: "announced".into(),
        hotkey: None,
        proved: false,
        subject: Some(format!("{} {}", announcement.from, announcement.after.public_key)),
        origin: None,
        times: 1,
    }
}

/// The entries of those attempts that were granted.
pub fn grant_events(attempts: &[GrantAttempt], outcomes: &[GrantOutcome]) -> Vec<AuditEvent> {
    let granted = attempts
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| matches!(outcome, GrantOutcome::Granted(_)));
    granted
        .map(|(attempt, _)| AuditEvent {
            at: attempt.now,
            kind: AuditKind::Grant,
            code: "granted".into(),
            hotkey: Some(attempt.hotkey),
            proved: true,
            subject: None,
            origin: Some(attempt.origin.clone()),
            times: 1,
        })
        .collect()
}

/// The entries of those reports that changed an assignment.
pub fn status_events(attempts: &[ReportAttempt], outcomes: &[ReportOutcome]) -> Vec<AuditEvent> {
    let recorded =
        attempts.iter().zip(outcomes).filter(|(_, outcome)| **outcome == ReportOutcome::Recorded);
    recorded
        .map(|(attempt, _)| AuditEvent {
            at: attempt.now,
            kind: AuditKind::Status,
            code: resi_protocol::wire::AssignmentStatus::from(attempt.report.status).name().into(),
            hotkey: Some(attempt.hotkey),
            proved: true,
            subject: Some(attempt.report.assignment_id.as_str().to_owned()),
            origin: Some(attempt.origin.clone()),
            times: 1,
        })
        .collect()
}

/// The entries of pulls that are the first of a validator in an epoch, `known` being those that pulled before.
pub fn deal_events<'a>(
    pulls: impl IntoIterator<Item = &'a Pull>,
    mut known: std::collections::HashSet<(u16, i64, Hotkey)>,
) -> Vec<AuditEvent> {
    let first = pulls.into_iter().filter(|pull| {
        known.insert((pull.netuid, crate::rows::epoch_start(pull.epoch), pull.hotkey))
    });
    first
        .map(|pull| AuditEvent {
            at: pull.at,
            kind: AuditKind::Deal,
            code: "dealt".into(),
            hotkey: Some(pull.hotkey),
            proved: true,
            subject: Some(pull.epoch.to_string()),
            origin: Some(pull.origin.clone()),
            times: 1,
        })
        .collect()
}
