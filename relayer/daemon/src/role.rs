//! Which roles a process runs.

use std::fmt;

use anyhow::{Result, ensure};
use spandrel_bus::Hears;

use crate::config::Config;

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Every role at once.
    Whole,
    /// Decides and pays: desks, payouts, guardians' orders.
    Relayer,
    /// Follows source chains and prices, and builds evidence.
    Watcher,
    /// Serves the transfer API.
    Api,
    /// Verifies evidence.
    Verifier,
    /// Signs for the fast lane.
    Signer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "up",
            Self::Relayer => "relayer",
            Self::Watcher => "watcher",
            Self::Api => "api",
            Self::Verifier => "verifier",
            Self::Signer => "signer",
        })
    }
}

impl Role {
    /// Whether it is one of the process's roles.
    pub fn runs(self, part: Self) -> bool {
        self == Self::Whole || self == part
    }

    /// Whether it works without a ledger: it believes nothing but its own nodes.
    pub fn is_independent(self) -> bool {
        matches!(self, Self::Verifier | Self::Signer)
    }

    /// What it hears on a bus between processes; `None` where it speaks with nobody.
    pub fn hears(self) -> Option<Hears> {
        match self {
            Self::Whole => Some(Hears::All),
            Self::Relayer => Some(Hears::Answers),
            Self::Verifier => Some(Hears::Evidence),
            Self::Signer => Some(Hears::Batches),
            Self::Watcher | Self::Api => None,
        }
    }

    /// Refuses a configuration under which this role has nothing to do, or nobody to speak with.
    ///
    /// # Errors
    /// The field that is missing.
    pub fn check(self, config: &Config) -> Result<()> {
        let needs_bus = self != Self::Whole && self.hears().is_some();
        ensure!(!needs_bus || config.bus.is_some(), "bus: expected one for the role {self}, found none");
        let asks = self.runs(Self::Relayer) && config.bus.as_ref().is_some_and(|bus| bus.request_key.is_none());
        ensure!(!asks, "bus.request_key: expected one for the role {self}, found none");
        ensure!(self != Self::Verifier || !config.verifier.is_empty(), "verifier: expected at least one, found none");
        ensure!(self != Self::Signer || !config.signer.is_empty(), "signer: expected at least one, found none");
        ensure!(self != Self::Api || config.api.is_some(), "api: expected its table, found none");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    #[test]
    fn a_role_without_a_bus_or_without_work_is_refused_by_name() {
        let mut config = Config::parse(EXAMPLE).unwrap();
        let refused = |role: Role, config: &Config| role.check(config).unwrap_err().to_string();
        for role in [Role::Relayer, Role::Verifier, Role::Signer] {
            assert_eq!(refused(role, &config), format!("bus: expected one for the role {role}, found none"));
        }
        for role in [Role::Whole, Role::Watcher, Role::Api] {
            role.check(&config).unwrap();
        }
        config.api = None;
        assert!(refused(Role::Api, &config).starts_with("api:"));
        let bus = "url = \"tls://bus.example\"\nname = \"main\"\ncredentials = \"env:BUS\"";
        let mut config =
            Config::parse(&EXAMPLE.replacen("[telemetry]", &format!("[bus]\n{bus}\n[telemetry]"), 1)).unwrap();
        for role in [Role::Relayer, Role::Whole] {
            assert_eq!(
                refused(role, &config),
                format!("bus.request_key: expected one for the role {role}, found none")
            );
        }
        config.bus.as_mut().unwrap().request_key = Some(config.verifier[0].key.clone());
        Role::Relayer.check(&config).unwrap();
        (config.verifier, config.signer) = (Vec::new(), Vec::new());
        assert!(refused(Role::Verifier, &config).starts_with("verifier:"));
        assert!(refused(Role::Signer, &config).starts_with("signer:"));
    }
}
