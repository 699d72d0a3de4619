//! `CosmosTrust` and `CosmosUpdate`.

use alloy_primitives::Bytes;

use super::{MAX_CONFIGURATION, MAX_UPDATES, no_update};
use crate::VerifyError;
use crate::cosmos::{MAX_CLIENT_HEADER_LENGTH, Update};
use crate::file::CosmosTrust;
use crate::protobuf::{Message, Reader, WHOLE, Writer};
use crate::wire::text::{printed, text};

/// Longest misbehaviour: two headers.
const MAX_MISBEHAVIOUR: usize = 2 * MAX_CLIENT_HEADER_LENGTH;

impl Message for CosmosTrust {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, text(&self.client).as_bytes())
            .bytes(2, text(&self.route).as_bytes())
            .bytes(3, text(&self.anchor).as_bytes())
            .each(4, self.updates.iter().map(Message::write))
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let trust = Self {
            client: printed(&mut fields, 1, "client", MAX_CONFIGURATION)?,
            route: printed(&mut fields, 2, "route", MAX_CONFIGURATION)?,
            anchor: printed(&mut fields, 3, "anchor", MAX_CONFIGURATION)?,
            updates: fields.messages(4, "updates", MAX_UPDATES, WHOLE)?,
        };
        fields.end()?;
        Ok(trust)
    }
}

impl Message for Update {
    fn write(&self) -> Vec<u8> {
        match self {
            Self::Header(header) => Writer::new().message(1, header),
            Self::Misbehaviour(misbehaviour) => Writer::new().message(2, misbehaviour),
        }
        .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let update = if let Some(header) = fields.optional(1, "header", MAX_CLIENT_HEADER_LENGTH)? {
            Self::Header(Bytes::copy_from_slice(header))
        } else if let Some(misbehaviour) = fields.optional(2, "misbehaviour", MAX_MISBEHAVIOUR)? {
            Self::Misbehaviour(Bytes::copy_from_slice(misbehaviour))
        } else {
            return Err(no_update(&fields));
        };
        fields.end()?;
        Ok(update)
    }
}
