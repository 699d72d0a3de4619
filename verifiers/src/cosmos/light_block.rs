//! What a light client is given: a signed header, the validators behind it, and where trust in them comes from.

use alloy_primitives::{B256, Bytes};

use super::commit::Commit;
use super::header::Header;
use super::validators::ValidatorSet;
use super::verify::ConsensusState;
use crate::VerifyError;
use crate::protobuf::{Reader, Writer};

/// Most bytes of a header for a client: two sets and a commit of the largest size take less.
pub const MAX_CLIENT_HEADER_LENGTH: usize = 4 << 20;

/// A header with the commit that decided it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// The header.
    pub header: Header,
    /// The votes for it.
    pub commit: Commit,
}

/// A signed header with its validators and the next block's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LightBlock {
    /// Header and commit.
    pub signed_header: SignedHeader,
    /// The set that signed it.
    pub validators: ValidatorSet,
    /// The set of the next block.
    pub next_validators: ValidatorSet,
}

/// A signed header as relayers bring it: with the height from which it is to be verified, and the validators that are
/// trusted there (`ibc.lightclients.tendermint.v1.Header`, ICS-07).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientHeader {
    /// Header and commit.
    pub signed_header: SignedHeader,
    /// The set that signed it.
    pub validators: ValidatorSet,
    /// Revision of the chain, as in its name (`{name}-{revision}`).
    pub revision: u64,
    /// A height that is trusted, below the header's.
    pub trusted_height: u64,
    /// The set of the block after `trusted_height`.
    pub trusted_validators: ValidatorSet,
}

/// Two headers of which one chain can have signed but one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misbehaviour {
    /// The one of the greater height, or one of two at the same height.
    pub header_1: ClientHeader,
    /// The other.
    pub header_2: ClientHeader,
}

impl SignedHeader {
    /// Decodes canonical `tendermint.types.SignedHeader` protobuf.
    ///
    /// # Errors
    /// Names the field under `header` or `commit`.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::of("signed_header", bytes);
        let header = Header::decode(fields.required(1, "header")?)?;
        let commit = Commit::decode(fields.required(2, "commit")?)?;
        fields.end()?;
        Ok(Self { header, commit })
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Vec<u8> {
        Writer::new().message(1, &self.header.encode()).message(2, &self.commit.encode()).finish()
    }

    /// Checks that the commit is for this header, and returns the header's hash.
    pub(crate) fn check(&self) -> Result<B256, VerifyError> {
        self.header.check()?;
        self.commit.check()?;
        if self.commit.height != self.header.height {
            return Err(VerifyError::invalid("commit.height", self.header.height, self.commit.height));
        }
        let hash = self.header.hash();
        match self.commit.block_id.hash {
            Some(signed) if signed == hash => Ok(hash),
            signed => Err(VerifyError::invalid("commit.block_id.hash", hash, signed.unwrap_or_default())),
        }
    }
}

impl LightBlock {
    /// Decodes canonical `tendermint.types.LightBlock` protobuf, with the next block's set, which that message lacks.
    ///
    /// # Errors
    /// Names the field that does not decode.
    pub fn decode(bytes: &[u8], next_validators: ValidatorSet) -> Result<Self, VerifyError> {
        let mut fields = Reader::bounded("light_block", bytes, MAX_CLIENT_HEADER_LENGTH)?;
        let signed_header = SignedHeader::decode(fields.required(1, "signed_header")?)?;
        let validators = ValidatorSet::decode(fields.required(2, "validator_set")?)?;
        fields.end()?;
        Ok(Self { signed_header, validators, next_validators })
    }

    /// Height of its header.
    pub fn height(&self) -> u64 {
        self.signed_header.header.height
    }

    /// Checks that header, commit and both sets belong together, and returns what would be kept of it. Says nothing
    /// about signatures.
    ///
    /// # Errors
    /// Names what does not belong.
    pub fn check(&self) -> Result<ConsensusState, VerifyError> {
        let hash = self.signed_header.check()?;
        let header = &self.signed_header.header;
        let sets = [
            ("validators", header.validators_hash, &self.validators),
            ("next_validators", header.next_validators_hash, &self.next_validators),
        ];
        for (field, named, set) in sets {
            let found = set.hash();
            if found != named {
                return Err(VerifyError::invalid(field, named, found));
            }
        }
        Ok(ConsensusState::of(header, hash))
    }

    /// The form in which it is verified from `trusted`.
    pub fn verified_from(&self, trusted: &LightBlock) -> ClientHeader {
        ClientHeader {
            signed_header: self.signed_header.clone(),
            validators: self.validators.clone(),
            revision: revision(&self.signed_header.header.chain_id),
            trusted_height: trusted.height(),
            trusted_validators: trusted.next_validators.clone(),
        }
    }
}

impl ClientHeader {
    /// Decodes canonical `ibc.lightclients.tendermint.v1.Header` protobuf.
    ///
    /// # Errors
    /// Names the field that does not decode.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::bounded("client_header", bytes, MAX_CLIENT_HEADER_LENGTH)?;
        let signed_header = SignedHeader::decode(fields.required(1, "signed_header")?)?;
        let validators = ValidatorSet::decode(fields.required(2, "validator_set")?)?;
        let (revision, trusted_height) = decode_height(fields.required(3, "trusted_height")?)?;
        let trusted_validators = ValidatorSet::decode(fields.required(4, "trusted_validators")?)?;
        fields.end()?;
        let header = Self { signed_header, validators, revision, trusted_height, trusted_validators };
        header.check_revision()?;
        Ok(header)
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Bytes {
        let height = Writer::new().uint(1, self.revision).uint(2, self.trusted_height).finish();
        Writer::new()
            .message(1, &self.signed_header.encode())
            .message(2, &self.validators.encode())
            .message(3, &height)
            .message(4, &self.trusted_validators.encode())
            .finish()
            .into()
    }

    /// Height of its header.
    pub fn height(&self) -> u64 {
        self.signed_header.header.height
    }

    /// The trusted height must be of the chain's own revision.
    pub(crate) fn check_revision(&self) -> Result<(), VerifyError> {
        let own = revision(&self.signed_header.header.chain_id);
        if self.revision == own {
            Ok(())
        } else {
            Err(VerifyError::invalid("client_header.trusted_height.revision", own, self.revision))
        }
    }
}

impl Misbehaviour {
    /// Decodes canonical `ibc.lightclients.tendermint.v1.Misbehaviour` protobuf.
    ///
    /// # Errors
    /// Names the field that does not decode.
    pub fn decode(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::bounded("misbehaviour", bytes, MAX_CLIENT_HEADER_LENGTH.saturating_mul(2))?;
        // Deprecated in ICS-07: which client it is meant for. Any that trusts the headers' heights may take it.
        fields.text(1, "client_id", 128)?;
        let header_1 = ClientHeader::decode(fields.required(2, "header_1")?)?;
        let header_2 = ClientHeader::decode(fields.required(3, "header_2")?)?;
        fields.end()?;
        Ok(Self { header_1, header_2 })
    }

    /// The canonical protobuf that [`Self::decode`] reads.
    pub fn encode(&self) -> Bytes {
        Writer::new().message(2, &self.header_1.encode()).message(3, &self.header_2.encode()).finish().into()
    }
}

/// Revision of a chain: the number behind the last dash of its name, 0 where there is none (ibc-go `ParseChainID`).
pub fn revision(chain_id: &str) -> u64 {
    let number = chain_id.rsplit_once('-').filter(|(name, _)| !name.is_empty()).map(|(_, number)| number);
    let canonical = number.filter(|text| !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    canonical.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// `ibc.core.client.v1.Height`: revision and height.
fn decode_height(bytes: &[u8]) -> Result<(u64, u64), VerifyError> {
    let mut fields = Reader::of("client_header.trusted_height", bytes);
    let height = (fields.uint64(1, "revision_number")?, fields.uint64(2, "revision_height")?);
    fields.end()?;
    Ok(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revisions_are_read_from_names() {
        let known = [("cosmoshub-4", 4), ("test-chain-01", 0), ("private", 0), ("a-b-12", 12), ("-3", 0), ("x-", 0)];
        for (chain_id, expected) in known {
            assert_eq!(revision(chain_id), expected, "{chain_id}");
        }
    }
}
