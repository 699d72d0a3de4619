//! `EthereumTrust` and `EthereumUpdate`.

use alloy_primitives::Address;

use super::{MAX_CONFIGURATION, MAX_UPDATES, no_update};
use crate::VerifyError;
use crate::ethereum::containers::{LightClientData, from_ssz};
use crate::ethereum::{ChainConfig, Update};
use crate::file::EthereumTrust;
use crate::protobuf::{Message, Reader, WHOLE, Writer};
use crate::wire::ethereum::MAX_FINALITY;
use crate::wire::text::{printed, text};

/// Longest bootstrap, and longest update of a period: a committee of 513 keys of 48 bytes, beside which two headers and
/// their branches are about 3 KiB.
const MAX_PERIOD: usize = 32 << 10;

impl Message for EthereumTrust {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, text(&self.network).as_bytes())
            .bytes(2, self.outbox.as_slice())
            .bytes(3, self.trusted_root.as_slice())
            .bytes(4, &self.bootstrap.encode_ssz())
            .each(5, self.updates.iter().map(write_update))
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let network = printed(&mut fields, 1, "network", MAX_CONFIGURATION)?;
        let outbox = Address(fields.fixed(2, "outbox")?);
        let trusted_root = fields.fixed(3, "trusted_root")?;
        let bootstrap = fields.bytes(4, "bootstrap", MAX_PERIOD)?;
        let bootstrap = from_ssz(bootstrap, &network).map_err(|error| error.within("bootstrap"))?;
        let found = fields.repeated(5, "updates", MAX_UPDATES, WHOLE)?.into_iter().enumerate();
        let updates = found.map(|(index, bytes)| {
            read_update(bytes, &network).map_err(|error| error.within(&format!("updates[{index}]")))
        });
        let updates = updates.collect::<Result<_, _>>()?;
        fields.end()?;
        Ok(Self { network, outbox, trusted_root, bootstrap, updates })
    }
}

fn write_update(update: &Update) -> Vec<u8> {
    match update {
        Update::Period(update) => Writer::new().message(1, &update.encode_ssz()),
        Update::Finality(update) => Writer::new().message(2, &update.encode_ssz()),
        Update::Optimistic(update) => Writer::new().message(3, &update.encode_ssz()),
    }
    .finish()
}

/// Which fork an update is of, it tells by its slot, as `network` has them.
fn read_update(bytes: &[u8], network: &ChainConfig) -> Result<Update, VerifyError> {
    let mut fields = Reader::new(bytes);
    let update = if let Some(ssz) = fields.optional(1, "period", MAX_PERIOD)? {
        Update::Period(Box::new(from_ssz(ssz, network)?))
    } else if let Some(ssz) = fields.optional(2, "finality", MAX_FINALITY)? {
        Update::Finality(Box::new(from_ssz(ssz, network)?))
    } else if let Some(ssz) = fields.optional(3, "optimistic", MAX_FINALITY)? {
        Update::Optimistic(Box::new(from_ssz(ssz, network)?))
    } else {
        return Err(no_update(&fields));
    };
    fields.end()?;
    Ok(update)
}
