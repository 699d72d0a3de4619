//! Evidence files: one deposit's evidence with everything that leads to it from a trusted anchor, to be checked offline.
//!
//! A file has two forms that say the same, within the same limits: JSON for people, and canonical protobuf (`EvidenceFile` of
//! [`wire::PROTO`]) for programs. [`EvidenceFile::read`] takes both, and the JSON also with what the
//! transfer API answers beside it. What a file proves is worth as much as what it trusts: [`Trust::said`] lists that, and the
//! reader must compare it with what they know.

mod answer;
mod contradiction;
pub(crate) mod depth;
mod explain;
mod trust;

use serde::Serialize;

use answer::Answer;
pub use contradiction::{ContradictionExplained, ContradictionFile, ProofFile};
pub use explain::{Explanation, Outcome, Step};
pub use trust::{BitcoinTrust, BlockTrust, CosmosTrust, EthereumTrust, SolanaTrust, Trust, assumed};

use crate::protobuf::{Message, Reader, Writer};
use crate::wire::{self, FILE_VERSION, MAX_EVIDENCE};
use crate::{Deposit, Evidence, UnixSeconds, Verified, VerifyError};

/// Longest file, bytes, in either form.
pub const MAX_FILE: usize = 32 << 20;
/// Longest [`Trust`] in the protobuf form, bytes: what a file of [`MAX_FILE`] has beside the longest evidence.
pub const MAX_TRUST: usize = MAX_FILE - MAX_EVIDENCE;
/// Most objects and lists in one another, in the JSON of a file, itself counted.
pub const MAX_NESTING: usize = 16;
/// The only version of the JSON form that there is; that of the protobuf form is [`FILE_VERSION`].
pub const VERSION: u32 = 1;

/// What must be trusted, the consensus evidence from there, and one deposit's evidence.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceFile {
    /// Version of the JSON form, [`VERSION`].
    pub version: u32,
    /// When the evidence was good, Unix seconds; clock rules are checked for then.
    pub at: UnixSeconds,
    /// What the reader must agree to trust.
    pub trust: Trust,
    /// The deposit's evidence.
    pub evidence: Evidence,
}

impl EvidenceFile {
    /// A file's content from either of its forms.
    ///
    /// # Errors
    /// `Malformed`, with the field's name, when it is neither or longer than [`MAX_FILE`].
    pub fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        require_length(bytes)?;
        if is_json(bytes) { from_json(bytes) } else { from_protobuf(bytes) }
    }

    /// The canonical protobuf.
    ///
    /// # Errors
    /// When it is longer than [`MAX_FILE`]: no one would read it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, VerifyError> {
        let writer = Writer::new().uint(1, FILE_VERSION).uint(2, self.at).message(3, &self.trust.write());
        let bytes = writer.message(4, &self.evidence.write()).finish();
        require_length(&bytes).map(|()| bytes)
    }

    /// The file as its protobuf says it: the limits of the format hold for both of its forms.
    fn within_limits(self) -> Result<Self, VerifyError> {
        let again = from_protobuf(&self.to_bytes()?)?;
        if again.trust != self.trust || again.evidence != self.evidence {
            // Such as a list in light-client data that is longer than its fork has it, with the next one shorter.
            return Err(VerifyError::malformed("file", "what both forms can say", "what JSON alone can"));
        }
        Ok(again)
    }

    /// Checks everything, from the anchor to the deposit, as of [`Self::at`], which must not be after `now`.
    ///
    /// # Errors
    /// Names the field under `trust` or `evidence`, or `at`.
    pub fn verify(&self, now: UnixSeconds) -> Result<Verified<Deposit>, VerifyError> {
        self.require_past(now)?;
        self.trust.verify(&self.evidence, self.at)
    }

    /// What was checked, step by step, against what, and what is trusted. Verifies as [`Self::verify`] does.
    pub fn explain(&self, now: UnixSeconds) -> Explanation {
        explain::explain(self, now)
    }

    fn require_past(&self, now: UnixSeconds) -> Result<(), VerifyError> {
        if self.at > now {
            return Err(VerifyError::invalid("at", format!("not after now, {now}"), self.at));
        }
        Ok(())
    }
}

/// Protobuf does not begin with a brace.
fn is_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

fn from_protobuf(bytes: &[u8]) -> Result<EvidenceFile, VerifyError> {
    // The version comes first: the tag of a number in field 1.
    if bytes.first() != Some(&0x08) {
        return Err(VerifyError::malformed("file", "an evidence file, JSON or protobuf", "neither"));
    }
    let mut fields = Reader::new(bytes);
    wire::require_version(&mut fields, FILE_VERSION)?;
    let file = EvidenceFile {
        version: VERSION,
        at: fields.uint64(2, "at")?,
        trust: Trust::from_bytes(fields.bytes(3, "trust", MAX_TRUST)?).map_err(|error| error.within("trust"))?,
        evidence: fields.message(4, "evidence")?,
    };
    fields.end()?;
    Ok(file)
}

fn from_json(bytes: &[u8]) -> Result<EvidenceFile, VerifyError> {
    depth::require("file", bytes, MAX_NESTING)?;
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let answer: Answer = serde_path_to_error::deserialize(&mut json).map_err(|error| json_error(None, &error))?;
    json.end().map_err(|error| VerifyError::malformed("file", "nothing after the evidence", error))?;
    require_version(answer.version)?;
    answer.file()
}

fn require_length(bytes: &[u8]) -> Result<(), VerifyError> {
    if bytes.len() <= MAX_FILE {
        return Ok(());
    }
    Err(VerifyError::malformed("file", format!("at most {MAX_FILE} bytes"), bytes.len()))
}

fn require_version(found: u32) -> Result<(), VerifyError> {
    if found == VERSION { Ok(()) } else { Err(VerifyError::malformed("version", VERSION, found)) }
}

/// What does not parse as JSON, named by its path, which starts in `within` or in the file itself.
pub(crate) fn json_error(within: Option<&str>, error: &serde_path_to_error::Error<serde_json::Error>) -> VerifyError {
    let path = error.path().to_string();
    let field = match (within, path.as_str()) {
        (None, ".") => "file".to_owned(),
        (None, path) => path.to_owned(),
        (Some(within), ".") => within.to_owned(),
        (Some(within), path) => format!("{within}.{path}"),
    };
    VerifyError::malformed(field, "a field of an evidence file", error.inner())
}
