//! What was decided and what was ordered, in one order: that of the audit log, which has a row for each of both.

use spandrel_core::ledger::Recorded;
use spandrel_risk::RiskEvent;
use spandrel_risk::control::ControlEvent;

use crate::AuditRow;

/// How far the logs were read: the next row of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogPlace {
    /// Of the audit log.
    pub audit: u64,
    /// Of the risk log.
    pub risk: u64,
    /// Of the control log.
    pub control: u64,
}

/// An event of one of both logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logged {
    /// Of the risk log.
    Risk(Recorded<RiskEvent>),
    /// Of the control log.
    Control(Recorded<ControlEvent>),
}

/// A row of the audit log and the event whose turn it is in its log. Neither is checked against the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    /// As it was written down.
    pub told: AuditRow,
    /// As it is stored; nothing when its log has ended.
    pub stored: Option<Logged>,
}

/// A part of the merged logs, read in one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPage {
    /// In the order in which they were stored. Empty at the end.
    pub rows: Vec<LogRow>,
    /// Where the next page begins.
    pub next: LogPlace,
    /// At the end: the first event that the audit log does not tell of.
    pub untold: Option<Logged>,
}
