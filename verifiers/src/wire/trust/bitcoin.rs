//! `BitcoinTrust`.

use super::MAX_CONFIGURATION;
use crate::VerifyError;
use crate::bitcoin::HEADER_LENGTH;
use crate::file::BitcoinTrust;
use crate::protobuf::{Message, Reader, Writer};
use crate::wire::deposit::chain;
use crate::wire::text::{printed, text};

/// Most headers: nearly four years of blocks, and as many as the JSON of a file can hold.
const MAX_HEADERS: usize = 200_000;

impl Message for BitcoinTrust {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, self.chain.as_str().as_bytes())
            .bytes(2, self.vault.as_slice())
            .bytes(3, text(&self.confirmations).as_bytes())
            .bytes(4, text(&self.anchor).as_bytes())
            .each(5, &self.headers)
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let trust = Self {
            chain: chain(&mut fields, 1, "chain")?,
            vault: fields.fixed(2, "vault")?,
            confirmations: printed(&mut fields, 3, "confirmations", MAX_CONFIGURATION)?,
            anchor: printed(&mut fields, 4, "anchor", MAX_CONFIGURATION)?,
            headers: {
                let found = fields.repeated_fixed::<HEADER_LENGTH>(5, "headers", MAX_HEADERS)?;
                found.into_iter().map(Into::into).collect()
            },
        };
        fields.end()?;
        Ok(trust)
    }
}
