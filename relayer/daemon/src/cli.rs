//! The command line.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use spandrel_signer::SecretRef;
use spandrel_verifiers::ChainId;

use crate::config::Config;
use crate::control::{AuditCommand, ControlCommand};
use crate::{api_keys, control, demo, keys, operate, proof, status, telemetry, up};

/// Bridge relayer and proof verifier.
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 evidence or audit log refused.
#[derive(Debug, Parser)]
#[command(name = "spandrel", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start local chains, move transfers over every route and both lanes, and show what happened.
    Demo(demo::DemoOptions),
    /// Run every role of a configuration in one process.
    Up {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Show chains, transfers and waiting work.
    Status {
        #[command(flatten)]
        ledger: LedgerOptions,
    },
    /// Look at transfers, and send quarantined ones back to work.
    #[command(subcommand)]
    Transfer(TransferCommand),
    /// Let a halted chain be followed again.
    Acknowledge {
        /// The halted chain.
        chain: ChainId,
        /// Who says so: kept with the halt.
        #[arg(long)]
        operator: String,
        #[command(flatten)]
        ledger: LedgerOptions,
    },
    /// Check a proof by yourself.
    #[command(subcommand)]
    Proof(ProofCommand),
    #[command(flatten)]
    Control(ControlCommand),
    /// The audit log: export it, verify it.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look at configurations.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Handle keys of the transfer API, and print its document.
    #[command(subcommand)]
    Api(ApiCommand),
    /// Handle the encrypted keystore.
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Debug, clap::Args)]
struct LedgerOptions {
    /// The ledger's database file.
    #[arg(long, default_value = "spandrel.sqlite")]
    database: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum TransferCommand {
    /// Show one transfer and its events.
    Show {
        /// Its deposit id.
        id: String,
        #[command(flatten)]
        ledger: LedgerOptions,
    },
    /// Send a quarantined transfer back to work.
    Requeue {
        /// Its deposit id.
        id: String,
        /// The configuration: ledger and policy.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ProofCommand {
    /// Write the evidence file of a transfer.
    Export {
        /// Its deposit id.
        id: String,
        /// Where to; the file must not exist. Protobuf when it ends in `.pb`, else JSON.
        #[arg(long)]
        to: PathBuf,
        /// The configuration: ledger, anchors and nodes.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Verify an evidence file offline, and say what it proves and what is trusted.
    Verify {
        /// The file, JSON or protobuf.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Verify an evidence file offline and tell it step by step: what is checked, against what, and what is trusted.
    Explain {
        /// The file, JSON or protobuf.
        file: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check a configuration file; nothing is started.
    Check {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Print a commented example.
    Example,
}

#[derive(Debug, Subcommand)]
enum ApiCommand {
    /// Make a key that may write transfers and have webhooks, and print it: its secret is shown this once.
    NewKey {
        /// Whose it is.
        name: String,
        /// With a partner's rate.
        #[arg(long)]
        partner: bool,
        /// The ledger's database file.
        #[arg(long, default_value = "spandrel.sqlite")]
        database: PathBuf,
    },
    /// List keys.
    ListKeys {
        /// The ledger's database file.
        #[arg(long, default_value = "spandrel.sqlite")]
        database: PathBuf,
    },
    /// End a key.
    RevokeKey {
        /// Its id: the part between `sk_` and the next underscore.
        id: String,
        /// The ledger's database file.
        #[arg(long, default_value = "spandrel.sqlite")]
        database: PathBuf,
    },
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Create a key.
    New {
        /// Its name.
        name: String,
        /// Folder of the keystore.
        #[arg(long, default_value = "keys")]
        keystore: PathBuf,
        /// Where the password is: `file:<path>` or `env:<NAME>`.
        #[arg(long)]
        password: SecretRef,
    },
    /// Import a private key.
    Import {
        /// Its name.
        name: String,
        /// Folder of the keystore.
        #[arg(long, default_value = "keys")]
        keystore: PathBuf,
        /// Where the key is, as 64 hexadecimal digits: `file:<path>` or `env:<NAME>`.
        #[arg(long)]
        key: SecretRef,
        /// Where the password is: `file:<path>` or `env:<NAME>`.
        #[arg(long)]
        password: SecretRef,
    },
    /// List keys.
    List {
        /// Folder of the keystore.
        #[arg(long, default_value = "keys")]
        keystore: PathBuf,
    },
}

/// Carries a command out.
pub async fn run(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Demo(options) => return demo::run(options).await,
        Command::Up { config } => {
            let config = Config::read(&config)?;
            telemetry::start(&config.telemetry.log, config.telemetry.format)?;
            up::run(config).await?;
        }
        Command::Status { ledger } => status::status(&ledger.database, ledger.json).await?,
        Command::Transfer(TransferCommand::Show { id, ledger }) => {
            status::show(&ledger.database, &id, ledger.json).await?;
        }
        Command::Transfer(TransferCommand::Requeue { id, config }) => {
            operate::requeue(&Config::read(&config)?, &id).await?;
        }
        Command::Acknowledge { chain, operator, ledger } => {
            operate::acknowledge(&ledger.database, &chain, &operator).await?;
        }
        Command::Proof(ProofCommand::Verify { file, json }) => return proof::verify(&file, json),
        Command::Proof(ProofCommand::Explain { file, json }) => return proof::explain(&file, json),
        Command::Proof(ProofCommand::Export { id, to, config }) => {
            proof::export(&Config::read(&config)?, &id, &to).await?;
            println!("{}", to.display());
        }
        Command::Control(command) => control::run(command).await?,
        Command::Audit(command) => return control::audit(command).await,
        Command::Config(ConfigCommand::Check { config }) => {
            Config::read(&config)?;
            println!("{}: ok", config.display());
        }
        Command::Config(ConfigCommand::Example) => print!("{}", crate::config::EXAMPLE),
        Command::Api(ApiCommand::NewKey { name, partner, database }) => {
            api_keys::new(&database, &name, partner).await?
        }
        Command::Api(ApiCommand::ListKeys { database }) => api_keys::list(&database).await?,
        Command::Api(ApiCommand::RevokeKey { id, database }) => api_keys::revoke(&database, &id).await?,
        Command::Api(ApiCommand::Openapi) => api_keys::document()?,
        Command::Keys(KeysCommand::New { name, keystore, password }) => keys::new(&keystore, &name, &password)?,
        Command::Keys(KeysCommand::Import { name, keystore, key, password }) => {
            keys::import(&keystore, &name, &key, &password)?;
        }
        Command::Keys(KeysCommand::List { keystore }) => keys::list(&keystore)?,
    }
    Ok(ExitCode::SUCCESS)
}
