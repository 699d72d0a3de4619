//! What each kind of `SolanaUpdate` carries.

use alloy_primitives::{Bytes, Signature};

use crate::VerifyError;
use crate::protobuf::{Message, Reader, WHOLE, Writer};
use crate::solana::{
    BankPreimage, FinalUpdate, LATTICE_LENGTH, MAX_BANKS, MAX_CERTIFICATE_LENGTH, MAX_TRANSACTION_V1_LENGTH,
    MAX_VOTE_ACCOUNTS, MigrationUpdate, RootUpdate, StakesUpdate, VotesUpdate,
};
use crate::wire::solana::signatures;

/// A certificate that finalizes a slot, and the one that notarizes its block.
const MAX_CERTIFICATES: usize = 2;

impl Message for StakesUpdate {
    fn write(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(Signature::as_bytes);
        Writer::new().message(1, &self.table.write()).each(2, signatures).message(3, &self.carried.write()).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let update = Self {
            table: fields.message(1, "table")?,
            signatures: signatures(&mut fields, 2)?,
            carried: fields.message(3, "carried")?,
        };
        fields.end()?;
        Ok(update)
    }
}

impl Message for VotesUpdate {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .uint(1, self.slot)
            .bytes(2, self.bank_hash.as_slice())
            .bytes(3, self.block_id.as_slice())
            .each(4, &self.votes)
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let update = Self {
            slot: fields.uint64(1, "slot")?,
            bank_hash: fields.fixed(2, "bank_hash")?,
            block_id: fields.fixed(3, "block_id")?,
            votes: fields.copied(4, "votes", MAX_VOTE_ACCOUNTS, MAX_TRANSACTION_V1_LENGTH)?,
        };
        fields.end()?;
        Ok(update)
    }
}

impl Message for RootUpdate {
    fn write(&self) -> Vec<u8> {
        let banks = self.banks.iter().map(Message::write);
        Writer::new().uint(1, self.slot).uint(2, self.descendant).each(3, banks).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let update = Self {
            slot: fields.uint64(1, "slot")?,
            descendant: fields.uint64(2, "descendant")?,
            banks: fields.messages(3, "banks", MAX_BANKS, WHOLE)?,
        };
        fields.end()?;
        Ok(update)
    }
}

impl Message for BankPreimage {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, self.parent.as_slice())
            .uint(2, self.signature_count)
            .bytes(3, self.last_blockhash.as_slice())
            .bytes(4, &self.accounts)
            .optional_uint(5, self.hard_forks)
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let bank = Self {
            parent: fields.fixed(1, "parent")?,
            signature_count: fields.uint64(2, "signature_count")?,
            last_blockhash: fields.fixed(3, "last_blockhash")?,
            accounts: fields.fixed::<LATTICE_LENGTH>(4, "accounts")?.into(),
            hard_forks: fields.optional_uint64(5, "hard_forks")?,
        };
        fields.end()?;
        Ok(bank)
    }
}

impl Message for FinalUpdate {
    fn write(&self) -> Vec<u8> {
        let writer = Writer::new().each(1, &self.certificates);
        writer.message(2, &self.footer.write()).message(3, &self.tick.write()).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let update = Self {
            certificates: fields.copied(1, "certificates", MAX_CERTIFICATES, MAX_CERTIFICATE_LENGTH)?,
            footer: fields.message(2, "footer")?,
            tick: fields.message(3, "tick")?,
        };
        fields.end()?;
        Ok(update)
    }
}

impl Message for MigrationUpdate {
    fn write(&self) -> Vec<u8> {
        Writer::new().bytes(1, &self.certificate).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let certificate = Bytes::copy_from_slice(fields.bytes(1, "certificate", MAX_CERTIFICATE_LENGTH)?);
        fields.end()?;
        Ok(Self { certificate })
    }
}
