//! What a verification checked, step by step, for people.

use std::fmt;

use serde::Serialize;

use super::EvidenceFile;
use crate::{Deposit, ErrorKind, UnixSeconds, Verified, VerifyError};

/// One step of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What must hold.
    pub claim: String,
    /// What it is checked against.
    pub against: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Beginnings of the names of the error fields that are this step's.
    #[serde(skip)]
    fields: &'static [&'static str],
    /// The same, but for what does not even decode: that is another step's.
    #[serde(skip)]
    contents: &'static [&'static str],
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It holds.
    Checked,
    /// It does not.
    Refused(VerifyError),
    /// A step before it was refused.
    NotReached,
}

/// A verification told step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The steps, in the order in which they are taken.
    pub steps: Vec<Step>,
    /// What is trusted and not proven.
    pub trusted: Vec<String>,
    /// What is proven, or why not.
    pub verdict: Result<Verified<Deposit>, VerifyError>,
}

impl Step {
    pub(crate) fn new(claim: String, against: String, fields: &'static [&'static str]) -> Self {
        Self { claim, against, outcome: Outcome::Checked, fields, contents: &[] }
    }

    /// With `contents`, fields that another step decodes and this one looks into.
    pub(super) fn looking_into(self, contents: &'static [&'static str]) -> Self {
        Self { contents, ..self }
    }

    /// How much of an error's field this step names: the step that names most of it is the one refused.
    fn names(&self, error: &VerifyError) -> usize {
        let contents = if error.kind == ErrorKind::Malformed { &[] } else { self.contents };
        let names = self.fields.iter().chain(contents).filter(|name| is_within(&error.field, name));
        names.map(|name| name.len()).max().unwrap_or_default()
    }
}

/// Whether `field` is `name` or a part of it; of `a or b`, either.
fn is_within(field: &str, name: &str) -> bool {
    field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', ' ']))
}

pub(super) fn explain(file: &EvidenceFile, now: UnixSeconds) -> Explanation {
    let verdict = file.verify(now);
    let clock = Step::new(
        format!("the evidence is of Unix time {}", file.at),
        format!("the reader's clock, {now}; the rules about time are checked for then"),
        &["at"],
    );
    let mut steps = vec![clock];
    steps.extend(file.trust.steps(&file.evidence));
    if let Err(error) = &verdict {
        mark(&mut steps, error);
    }
    Explanation { steps, trusted: file.trust.said(), verdict }
}

/// Marks the step that `error` belongs to, and those that were not reached.
pub(super) fn mark(steps: &mut [Step], error: &VerifyError) {
    let named = steps.iter().enumerate().max_by_key(|(index, step)| (step.names(error), *index));
    let refused = named.map_or(0, |(index, _)| index);
    for (index, step) in steps.iter_mut().enumerate().skip(refused) {
        step.outcome = if index == refused { Outcome::Refused(error.clone()) } else { Outcome::NotReached };
    }
}

/// The steps and what is trusted, for people.
pub(super) fn told(f: &mut fmt::Formatter<'_>, steps: &[Step], trusted: &[String]) -> fmt::Result {
    for (index, step) in steps.iter().enumerate() {
        let outcome = match &step.outcome {
            Outcome::Checked => "checked".to_owned(),
            Outcome::Refused(_) => "REFUSED".to_owned(),
            Outcome::NotReached => "-".to_owned(),
        };
        writeln!(f, "{:>2} {outcome:<8} {}", index.saturating_add(1), step.claim)?;
        writeln!(f, "            against: {}", step.against)?;
        if let Outcome::Refused(error) = &step.outcome {
            writeln!(f, "            {error}")?;
        }
    }
    trusted.iter().try_for_each(|line| writeln!(f, "trusted     {line}"))
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        told(f, &self.steps, &self.trusted)?;
        match &self.verdict {
            Ok(verified) => {
                let (deposit, under) = (verified.fact(), verified.under());
                writeln!(f, "proven      deposit {} of {} {}", deposit.id(), deposit.amount, deposit.asset)?;
                writeln!(f, "            for {} on {}", deposit.recipient, deposit.destination_chain)?;
                writeln!(f, "            under block {} {} of {}", under.height, under.root, under.chain)
            }
            Err(error) => writeln!(f, "refused     {error}"),
        }
    }
}
