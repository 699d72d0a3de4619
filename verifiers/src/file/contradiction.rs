//! Files that show a contradiction: the same two forms as an evidence file's, told apart by what stands in them.

use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::explain::{mark, told};
use super::{EvidenceFile, MAX_FILE, MAX_NESTING, Step, VERSION, depth, is_json, json_error, require_version};
use crate::contradiction::Contradicted;
use crate::protobuf::Reader;
use crate::wire::FIRST_FIELD;
use crate::{Contradiction, VerifyError};

/// What may stand in a file.
#[derive(Clone, Debug)]
pub enum ProofFile {
    /// A deposit's evidence.
    Evidence(Box<EvidenceFile>),
    /// What shows that a chain contradicted itself.
    Contradiction(Box<ContradictionFile>),
}

/// A contradiction as JSON. As protobuf it is the contradiction's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContradictionFile {
    /// Format version, [`VERSION`].
    pub version: u32,
    /// Both sides.
    pub contradiction: Contradiction,
}

/// The check of a contradiction, told step by step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContradictionExplained {
    /// The steps, in the order in which they are taken.
    pub steps: Vec<Step>,
    /// What is trusted and not proven.
    pub trusted: Vec<String>,
    /// What is shown, or why not.
    pub verdict: Result<Contradicted, VerifyError>,
}

/// Enough to tell which file it is.
#[derive(Deserialize)]
struct Glance {
    contradiction: Option<IgnoredAny>,
}

impl ProofFile {
    /// A file's content from either of its forms.
    ///
    /// # Errors
    /// `Malformed`, with the field's name.
    pub fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let is_contradiction = match is_json(bytes) {
            true => {
                bytes.len() <= MAX_FILE
                    && serde_json::from_slice::<Glance>(bytes).is_ok_and(|glance| glance.contradiction.is_some())
            }
            false => {
                let mut fields = Reader::new(bytes);
                let second = fields.uint64(1, "version").and_then(|_| fields.next_number());
                second.is_ok_and(|number| number.is_some_and(|number| number >= FIRST_FIELD))
            }
        };
        match is_contradiction {
            true => ContradictionFile::read(bytes).map(|file| Self::Contradiction(Box::new(file))),
            false => EvidenceFile::read(bytes).map(|file| Self::Evidence(Box::new(file))),
        }
    }
}

impl ContradictionFile {
    /// The file of a contradiction.
    pub fn new(contradiction: Contradiction) -> Self {
        Self { version: VERSION, contradiction }
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        if !is_json(bytes) {
            return Contradiction::from_bytes(bytes).map(Self::new);
        }
        depth::require("file", bytes, MAX_NESTING)?;
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let file: Self = serde_path_to_error::deserialize(&mut json).map_err(|error| json_error(None, &error))?;
        json.end().map_err(|error| VerifyError::malformed("file", "nothing after the contradiction", error))?;
        require_version(file.version)?;
        // The limits of the format hold for both of its forms.
        let contradiction = Contradiction::from_bytes(&file.contradiction.to_bytes())?;
        Ok(Self { contradiction, ..file })
    }

    /// What was checked, step by step.
    pub fn explain(&self) -> ContradictionExplained {
        let (verdict, mut steps) = (self.contradiction.verify(), self.contradiction.steps());
        if let Err(error) = &verdict {
            mark(&mut steps, error);
        }
        ContradictionExplained { steps, trusted: self.contradiction.said(), verdict }
    }
}

impl fmt::Display for ContradictionExplained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        told(f, &self.steps, &self.trusted)?;
        match &self.verdict {
            Ok(shown) => writeln!(f, "shown       {shown}"),
            Err(error) => writeln!(f, "refused     {error}"),
        }
    }
}
