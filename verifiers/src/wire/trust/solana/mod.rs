//! `SolanaTrust`, `SolanaUpdate` and what is in them.

mod table;
mod updates;

use super::{MAX_CONFIGURATION, MAX_UPDATES, no_update};
use crate::VerifyError;
use crate::file::SolanaTrust;
use crate::protobuf::{Message, Reader, WHOLE, Writer};
use crate::solana::{CarriedBlock, Update};
use crate::wire::text::{printed, text};

impl Message for SolanaTrust {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, text(&self.config).as_bytes())
            .message(2, &self.table.write())
            .each(3, self.updates.iter().map(Message::write))
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let trust = Self {
            config: printed(&mut fields, 1, "config", MAX_CONFIGURATION)?,
            table: fields.message(2, "table")?,
            updates: fields.messages(3, "updates", MAX_UPDATES, WHOLE)?,
        };
        fields.end()?;
        Ok(trust)
    }
}

impl Message for Update {
    fn write(&self) -> Vec<u8> {
        match self {
            Self::Stakes(update) => Writer::new().message(1, &update.write()),
            Self::Votes(update) => Writer::new().message(2, &update.write()),
            Self::Root(update) => Writer::new().message(3, &update.write()),
            Self::Final(update) => Writer::new().message(4, &update.write()),
            Self::Migration(update) => Writer::new().message(5, &update.write()),
        }
        .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let update = match fields.next_number()? {
            Some(1) => Self::Stakes(Box::new(fields.message(1, "stakes")?)),
            Some(2) => Self::Votes(fields.message(2, "votes")?),
            Some(3) => Self::Root(fields.message(3, "root")?),
            Some(4) => Self::Final(fields.message(4, "final")?),
            Some(5) => Self::Migration(fields.message(5, "migration")?),
            _ => return Err(no_update(&fields)),
        };
        fields.end()?;
        Ok(update)
    }
}

impl Message for CarriedBlock {
    fn write(&self) -> Vec<u8> {
        match self {
            Self::Votes(update) => Writer::new().message(1, &update.write()),
            Self::Final(update) => Writer::new().message(2, &update.write()),
        }
        .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let carried = match fields.next_number()? {
            Some(1) => Self::Votes(fields.message(1, "votes")?),
            Some(2) => Self::Final(fields.message(2, "final")?),
            _ => return Err(VerifyError::malformed("block", "votes or final", "neither")),
        };
        fields.end()?;
        Ok(carried)
    }
}
