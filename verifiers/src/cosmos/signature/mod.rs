//! Signatures of votes: many at once, with the verdict of the single check.

mod batch;
mod secp256k1;
mod single;
mod tables;
#[cfg(test)]
mod tests;

pub(crate) use batch::verify_all;
pub use single::verify_signature;
pub use tables::KeyTables;

use super::commit::VoteSignature;
use super::validators::PublicKey;

/// One signature to be checked.
pub(crate) struct Signed<'a> {
    /// Whose.
    pub(crate) key: &'a PublicKey,
    /// Where the key stands in the set whose tables are used; `None` if it is of another set.
    pub(crate) seat: Option<usize>,
    /// What was signed.
    pub(crate) message: Vec<u8>,
    /// The signature.
    pub(crate) signature: &'a VoteSignature,
}
