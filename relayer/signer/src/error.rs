//! The one error of this crate. Never carries a secret.

/// Why a key could not be made, read or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// The file system refused.
    #[error("{path}: {reason}")]
    File {
        /// Which file or folder.
        path: String,
        /// What it said.
        reason: String,
    },
    /// A value is not what it must be. `found` describes a secret, it never repeats one.
    #[error("{field}: expected {expected}, found {found}")]
    Invalid {
        /// Which value.
        field: String,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// The password does not open the file, or the file's ciphertext or MAC was changed: the two look the same.
    #[error("{path}: wrong password or damaged file")]
    WrongPassword {
        /// Which file.
        path: String,
    },
    /// The signing back end failed.
    #[error("signing as {signer}: {reason}")]
    Signing {
        /// Which account.
        signer: alloy_primitives::Address,
        /// What it said.
        reason: String,
    },
}

impl SignerError {
    pub(crate) fn file(path: &std::path::Path, reason: impl ToString) -> Self {
        Self::File { path: path.display().to_string(), reason: reason.to_string() }
    }

    pub(crate) fn invalid(field: impl ToString, expected: impl ToString, found: impl ToString) -> Self {
        Self::Invalid { field: field.to_string(), expected: expected.to_string(), found: found.to_string() }
    }
}
