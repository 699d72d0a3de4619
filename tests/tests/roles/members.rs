//! Who may do what on the bus, as `docs/operations/bus.md` has it.

use alloy::primitives::Address;
use anyhow::{Context, Result};
use spandrel::config::{Config, RoleConfig};
use spandrel_signer::{Hardness, Keystore};
use spandrel_testnets::nats::NatsUser;

/// First part of every subject.
pub const NAME: &str = "e2e";

pub struct Users {
    pub relayer: NatsUser,
    /// With the address of each.
    pub verifiers: Vec<(Address, NatsUser)>,
    pub signers: Vec<(Address, NatsUser)>,
}

impl Users {
    pub fn new(config: &Config) -> Result<Self> {
        let keys = Keystore::open(&config.keystore, Hardness::Dev)?.list()?;
        let own = |role: &RoleConfig, words: &[&str], asked: &[&str]| {
            let found = keys.iter().find(|info| info.name == role.key.name).context("its key")?;
            let subject = |word: &&str| format!("{NAME}.answer.{:#x}.{word}", found.address);
            let subjects: Vec<String> = words.iter().map(subject).collect();
            let user = NatsUser::new(&subjects.iter().map(String::as_str).collect::<Vec<_>>(), asked)?;
            anyhow::Ok((found.address, user))
        };
        let proves = (["verdict", "doubt", "checkpoint"], ["e2e.ask.evidence", "e2e.ask.block"]);
        let verifiers = config.verifier.iter().map(|role| own(role, &proves.0, &proves.1));
        let signers = config.signer.iter().map(|role| own(role, &["attestation", "unseen"], &["e2e.ask.attest"]));
        Ok(Self {
            relayer: NatsUser::new(&["e2e.ask.>"], &["e2e.answer.>"])?,
            verifiers: verifiers.collect::<Result<_>>()?,
            signers: signers.collect::<Result<_>>()?,
        })
    }

    pub fn all(&self) -> Vec<NatsUser> {
        let members = self.verifiers.iter().chain(&self.signers).map(|(_, user)| user.clone());
        std::iter::once(self.relayer.clone()).chain(members).collect()
    }
}
