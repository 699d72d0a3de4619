//! The command line.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use spandrel_signer::SecretRef;

use crate::api_keys::{self, ApiCommand};
use crate::audit::{self, AuditCommand};
use crate::config::Config;
use crate::control::{self, ControlCommand};
use crate::exit::Exit;
use crate::output::print;
use crate::role::Role;
use crate::secret_arg::Reference;
use crate::traces::{Traces, TransferSpans};
use crate::transfers::{self, TransferCommand};
use crate::vault::{self, VaultCommand};
use crate::{database, demo, doctor, keys, manual, proof, replay, status, telemetry, up, wiring};

/// Bridge relayer and proof verifier.
#[derive(Debug, Parser)]
#[command(name = "spandrel", version, after_help = Exit::listed())]
pub struct Cli {
    /// Print JSON: one value on standard output, failures on standard error.
    #[arg(long, global = true)]
    json: bool,
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
    /// Decide and pay: the relayer alone, beside verifiers, signers, watchers and the API in processes of their own.
    Relayer {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Follow the source chains into the relayer's ledger and build evidence, in a process of its own.
    Watcher {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Verify what the relayer asks over the bus: own key, own nodes, no ledger.
    Verifier {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Sign for the fast lane what the relayer asks over the bus: own key, own nodes, no ledger.
    Signer {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Probe every node, key, contract, account, the database and the clock, and say what to mend.
    Doctor {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Show chains, what is paused and why, transfers, what they are held for, and waiting work.
    Status {
        #[command(flatten)]
        ledger: LedgerOptions,
    },
    /// Look at transfers, order one, and follow it to its end.
    #[command(subcommand)]
    Transfer(TransferCommand),
    /// What the holders of a Bitcoin vault's key have to move.
    #[command(subcommand)]
    Vault(VaultCommand),
    /// Fold the stored events of transfers anew: they must come to what is stored. From the first transfer on, every decision
    /// is made again too: it must be what is recorded.
    Replay {
        /// A deposit id, or places as in `1..100`, `5..` or `..`; the last one is not included.
        what: replay::What,
        #[command(flatten)]
        ledger: LedgerOptions,
        /// The configuration file that was in force before any policy was agreed on, for ledgers that are older than that.
        #[arg(long)]
        config: Option<PathBuf>,
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
    /// The ledger's database.
    #[command(subcommand)]
    Db(DbCommand),
    /// Serve the transfer API in a process of its own, or handle its keys and print its document.
    #[command(args_conflicts_with_subcommands = true)]
    Api {
        #[command(subcommand)]
        command: Option<ApiCommand>,
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Handle the encrypted keystore.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Print a completion script.
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Write man pages.
    Man {
        /// Where to.
        folder: PathBuf,
        /// One page of Markdown (`cli.md`) instead.
        #[arg(long)]
        markdown: bool,
    },
}

/// Which ledger.
#[derive(Debug, clap::Args)]
pub struct LedgerOptions {
    /// The ledger's database file.
    #[arg(long, default_value = "spandrel.sqlite")]
    pub database: PathBuf,
}

#[derive(Debug, Subcommand)]
enum ProofCommand {
    /// Write the evidence file of a transfer, or what shows that a halted chain contradicted itself.
    Export {
        /// The transfer's deposit id, or the chain (CAIP-2).
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
    },
    /// Verify an evidence file offline and tell it step by step: what is checked, against what, and what is trusted.
    Explain {
        /// The file, JSON or protobuf.
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Check a configuration file, and whether its ledger, where it is at hand, lets a process start with it; nothing is
    /// started.
    Check {
        /// The configuration file.
        #[arg(long, default_value = "spandrel.toml")]
        config: PathBuf,
    },
    /// Print a commented example.
    Example,
    /// Print the JSON Schema of a configuration, for editors.
    Schema,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Bring the schema up to date. Every command that writes does so by itself; this one says what it did.
    Migrate {
        #[command(flatten)]
        ledger: LedgerOptions,
        /// Show what would be done.
        #[arg(long)]
        dry_run: bool,
    },
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
        #[arg(long, value_parser = Reference)]
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
        #[arg(long, value_parser = Reference)]
        key: SecretRef,
        /// Where the password is: `file:<path>` or `env:<NAME>`.
        #[arg(long, value_parser = Reference)]
        password: SecretRef,
    },
    /// List keys.
    List {
        /// Folder of the keystore.
        #[arg(long, default_value = "keys")]
        keystore: PathBuf,
    },
}

impl Cli {
    /// Whether JSON is asked for.
    pub fn is_json(&self) -> bool {
        self.json
    }
}

/// Carries a command out.
pub async fn run(cli: Cli) -> Result<Exit> {
    let json = cli.json;
    match cli.command {
        Command::Demo(options) => return demo::run(options, json).await,
        Command::Up { config } => serve(&config, Role::Whole).await?,
        Command::Relayer { config } => serve(&config, Role::Relayer).await?,
        Command::Watcher { config } => serve(&config, Role::Watcher).await?,
        Command::Verifier { config } => serve(&config, Role::Verifier).await?,
        Command::Signer { config } => serve(&config, Role::Signer).await?,
        Command::Api { command: None, config } => serve(&config, Role::Api).await?,
        Command::Api { command: Some(command), .. } => api_keys::run(command, json).await?,
        Command::Doctor { config } => return doctor::run(&config, json).await,
        Command::Status { ledger } => status::status(&ledger.database, json).await?,
        Command::Transfer(command) => return transfers::run(command, json).await,
        Command::Vault(command) => vault::run(command, json).await?,
        Command::Replay { what, ledger, config } => {
            return replay::run(&ledger.database, what, config.as_deref(), json).await;
        }
        Command::Proof(ProofCommand::Verify { file }) => return proof::verify(&file, json),
        Command::Proof(ProofCommand::Explain { file }) => return proof::explain(&file, json),
        Command::Proof(ProofCommand::Export { id, to, config }) => {
            proof::export(&Config::read(&config)?, &id, &to, json).await?;
            print(json, &serde_json::json!({ "file": to }), || to.display().to_string())?;
        }
        Command::Control(command) => control::run(command, json).await?,
        Command::Audit(command) => return audit::run(command, json).await,
        Command::Config(ConfigCommand::Check { config }) => {
            let read = Config::read(&config)?;
            for (field, tls) in wiring::tls_ports(&read) {
                wiring::read_tls(field, tls)?;
            }
            wiring::require_known_request_key(&read)?;
            let agreed = check_agreed(&read).await?;
            print(json, &serde_json::json!({ "config": config, "ok": true, "agreed": agreed }), || {
                format!("{}: ok{}", config.display(), agreed.map_or(String::new(), |agreed| format!(", {agreed}")))
            })?;
        }
        Command::Config(ConfigCommand::Schema) => {
            let schema = serde_json::to_string_pretty(&crate::config::schema::schema())?;
            print(json, &crate::config::schema::schema(), || schema)?;
        }
        Command::Config(ConfigCommand::Example) => {
            print(json, &Config::parse(crate::config::EXAMPLE)?, || crate::config::EXAMPLE.to_owned())?;
        }
        Command::Db(DbCommand::Migrate { ledger, dry_run }) => {
            database::migrate(&ledger.database, dry_run, json).await?;
        }
        Command::Keys(KeysCommand::New { name, keystore, password }) => keys::new(&keystore, &name, &password, json)?,
        Command::Keys(KeysCommand::Import { name, keystore, key, password }) => {
            keys::import(&keystore, &name, &key, &password, json)?;
        }
        Command::Keys(KeysCommand::List { keystore }) => keys::list(&keystore, json)?,
        Command::Completions { shell } => {
            let script = manual::completions(shell)?;
            let value = serde_json::json!({ "shell": shell.to_string(), "script": script });
            print(json, &value, || script.clone())?;
        }
        Command::Man { folder, markdown } => {
            let written =
                if markdown { vec![manual::write_reference(&folder)?] } else { manual::write_pages(&folder)? };
            print(json, &serde_json::json!({ "written": written }), || {
                written.iter().map(|path| path.display().to_string() + "\n").collect()
            })?;
        }
    }
    Ok(Exit::Done)
}

/// What a start would find, by the ledger of the configuration; nothing where there is none yet.
async fn check_agreed(config: &Config) -> Result<Option<&'static str>> {
    if !config.database.exists() {
        return Ok(None);
    }
    let store = status::look_at(&config.database).await?;
    let events = wiring::require_agreeable(config, &store).await;
    store.close().await;
    Ok(Some(match events?.is_empty() {
        true => "as agreed",
        false => "to be agreed on by the next start with it",
    }))
}

/// Runs a role until it is stopped.
async fn serve(config: &Path, role: Role) -> Result<()> {
    let config = Config::read(config)?;
    role.check(&config)?;
    let traces = config.telemetry.otlp.as_deref().map(Traces::start).transpose()?;
    let spans = traces.clone().map(TransferSpans);
    telemetry::start(&config.telemetry.log, config.telemetry.format, spans)?;
    up::run(config, role, traces).await
}
