//! `SolanaStakeTable` and its rows.

use crate::VerifyError;
use crate::protobuf::{Message, Reader, WHOLE, Writer};
use crate::solana::{AlpenglowKeys, MAX_VOTE_ACCOUNTS, Stake, StakeTable};

impl Message for StakeTable {
    fn write(&self) -> Vec<u8> {
        Writer::new().uint(1, self.epoch).each(2, self.stakes.iter().map(Message::write)).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let table =
            Self { epoch: fields.uint64(1, "epoch")?, stakes: fields.messages(2, "stakes", MAX_VOTE_ACCOUNTS, WHOLE)? };
        fields.end()?;
        Ok(table)
    }
}

impl Message for Stake {
    fn write(&self) -> Vec<u8> {
        Writer::new()
            .bytes(1, self.vote_account.as_slice())
            .uint(2, self.stake)
            .bytes(3, self.authorized_voter.as_slice())
            .each(4, self.alpenglow.iter().map(Message::write))
            .finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let stake = Self {
            vote_account: fields.fixed(1, "vote_account")?,
            stake: fields.uint64(2, "stake")?,
            authorized_voter: fields.fixed(3, "authorized_voter")?,
            alpenglow: {
                let keys = fields.optional(4, "alpenglow", WHOLE)?.map(AlpenglowKeys::read).transpose();
                keys.map_err(|error| error.within("alpenglow"))?
            },
        };
        fields.end()?;
        Ok(stake)
    }
}

impl Message for AlpenglowKeys {
    fn write(&self) -> Vec<u8> {
        Writer::new().bytes(1, self.node.as_slice()).bytes(2, self.bls.as_slice()).finish()
    }

    fn read(bytes: &[u8]) -> Result<Self, VerifyError> {
        let mut fields = Reader::new(bytes);
        let keys = Self { node: fields.fixed(1, "node")?, bls: fields.fixed(2, "bls")? };
        fields.end()?;
        Ok(keys)
    }
}
