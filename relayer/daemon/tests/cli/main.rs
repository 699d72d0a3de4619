//! The binary as operators, guardians and users meet it.

mod answers;
mod audit;
mod balances;
mod basics;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../verifiers/tests/bitcoin_deposits/mod.rs"]
mod bitcoin_deposits;
#[path = "../../../../verifiers/tests/bitcoin_miner/mod.rs"]
mod bitcoin_miner;
#[path = "../../../api/tests/certificates/mod.rs"]
mod certificates;
mod commands;
mod console;
mod control;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../verifiers/tests/wire/cosmos.rs"]
mod cosmos;
mod doctor;
mod dry_runs;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../verifiers/tests/wire/ethereum.rs"]
mod ethereum;
mod exits;
mod health;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../verifiers/tests/wire/honest.rs"]
mod honest;
mod limits;
mod load;
mod manual;
mod metrics;
#[path = "../../../api/tests/pages/mod.rs"]
mod pages;
mod policy;
mod proof;
mod readiness;
mod reobserve;
mod replay;
mod run;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "../../../../verifiers/tests/wire/solana.rs"]
mod solana;
mod status;
mod stops;
mod tls;
mod traces;
mod transfers;
#[path = "../../../../verifiers/tests/wire/trusts.rs"]
mod trusts;
mod unwell;
mod usage;
mod vault;
mod waiting;
mod ward;
mod watch;
