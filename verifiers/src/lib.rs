//! Proofs that a deposit was made on another chain, checked without believing anyone on the way.
//!
//! The crate takes *evidence* that anyone may hand over and answers with a [`Verified`]`<`[`Deposit`]`>` or with a
//! [`VerifyError`] that names the field, what was expected and what was found. It is synchronous and deterministic: no
//! clock, no network, no storage; time is an argument ([`UnixSeconds`]). Hostile input cannot stop the process: the code
//! has no `unsafe`, does not panic, and bounds sizes and depths before it decodes.
//!
//! # Two steps, never mixed
//!
//! 1. **Consensus** evidence *advances* a trusted state: [`Verifier::advance`]. Done once for all deposits under it.
//! 2. **Inclusion** evidence under that state *verifies* a deposit: [`Verifier::verify`], or [`Verifier::verify_batch`]
//!    for many, or [`batch::Sources::verify`] for many of many chains.
//!
//! [`Finalized`] and [`Verified`] can be constructed only by the code of this crate that checks them, so a function that
//! takes one cannot be called with something unproven.
//!
//! # What finality means, chain by chain
//!
//! | chain | a block counts as final when | what could still undo it | where trust begins |
//! |---|---|---|---|
//! | [`ethereum`] | a sync-committee update, signed by at least two thirds of 512 keys, names it finalized | two thirds of a committee lie; they are not slashed for it | a beacon block root, not older than the weak-subjectivity period |
//! | [`bitcoin`] | it stands `k` blocks deep on the branch with most work, `k` rising with the amount | a longer branch of more work: a cost, not a rule | a block of known height and work |
//! | [`cosmos`] | more than two thirds of the power of its validator set signed it, and a third of a set that is trusted within the trusting period did | a third of the trusted power signs two blocks; they are slashed, if it is noticed within the unbonding period | a header not older than the trusting period |
//! | [`solana`] | two thirds of the epoch's stake voted for it and for blocks 32 slots later, or, under Alpenglow, a finalization certificate stands | a third of the stake votes twice | the epoch's table of stakes and keys |
//!
//! # What a proof proves, and what it does not
//!
//! A `Verified<Deposit>` binds everything that is paid: source chain, bridge and unique key, asset, amount, destination,
//! recipient, sender, lane and expiry. They are all in [`Deposit::id`], which the destination's contracts compute too.
//!
//! - **Ethereum**: the outbox's storage holds this deposit's id in a final block's state. The contract wrote it, so the
//!   deposit was made *and* executed. It does not prove that the outbox's code is honest: its address is trusted.
//! - **Bitcoin**: an output that pays to the vault's key and commits to these terms is in a block with enough work on
//!   it. It does not prove that the block is valid beyond its header, nor that the output is unspent: the vault's
//!   holders must move it before the depositor's refund comes near ([`bitcoin::REFUND_MARGIN`]).
//! - **Cosmos**: the chain's IBC store holds this packet's commitment in the state of a signed header. It does not
//!   prove that the packet was not timed out since.
//! - **Solana**: a transaction's bytes are in a block that the stake voted for. It proves neither success nor logs nor
//!   state: a failed transaction is included just the same. The type says so, and whoever pays on it must add a
//!   source for success that it trusts.
//!
//! What is trusted without proof is listed with every evidence file: [`file::Trust::said`].
//!
//! # A worked example
//!
//! Bitcoin on regtest, where a block is mined in a moment. Of the other chains only the types differ.
//!
//! ```
//! # use bitcoin::consensus::encode::serialize;
//! # use bitcoin::hashes::Hash;
//! # use bitcoin::script::{Builder, ScriptBuf};
//! # use bitcoin::{absolute, block, transaction, Amount, Block, BlockHash, CompactTarget, OutPoint, Sequence};
//! # use bitcoin::{Transaction, TxIn, TxMerkleNode, TxOut, Txid, Witness};
//! # use alloy_primitives::{B256, U256};
//! use spandrel_verifiers::bitcoin::{
//!     Anchor, BitcoinVerifier, ChainParams, ConfirmationPolicy, DepositTerms, HeaderChain, HeaderUpdate, Inclusion,
//!     deposit_script,
//! };
//! use spandrel_verifiers::{ChainId, LanePreference, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // What is trusted: the network's rules and one block. What is asked for: deposits to this key, two blocks deep.
//! let params = ChainParams::regtest();
//! let mut trusted = HeaderChain::new(params.clone(), Anchor::genesis(&params)?)?;
//! let vault: B256 = "0xc6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5".parse()?;
//! let verifier = BitcoinVerifier::new(params, vault, ConfirmationPolicy::flat(2))?;
//!
//! // A depositor pays to a script that commits to who is to be paid, and where.
//! let terms = DepositTerms {
//!     destination_chain: ChainId::eip155(1),
//!     destination_bridge: B256::left_padding_from(&[1; 20]),
//!     recipient: B256::left_padding_from(&[2; 20]),
//!     lane: LanePreference::Any,
//!     expiry: 1_900_000_000,
//!     refund_key: "0xf9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9".parse()?,
//!     refund_delay: 4_320,
//! };
//! let script = ScriptBuf::from(deposit_script(vault, &terms)?.to_vec());
//! let pays = TxOut { value: Amount::from_sat(250_000), script_pubkey: script };
//! # let spend = |previous_output, script_sig, output: TxOut| Transaction {
//! #     version: transaction::Version::TWO,
//! #     lock_time: absolute::LockTime::ZERO,
//! #     input: vec![TxIn { previous_output, script_sig, sequence: Sequence::MAX, witness: Witness::new() }],
//! #     output: vec![output],
//! # };
//! # let mine = |parent: B256, time: u32, txdata: Vec<Transaction>| {
//! #     let mut header = block::Header {
//! #         version: block::Version::from_consensus(4),
//! #         prev_blockhash: BlockHash::from_byte_array(parent.0),
//! #         merkle_root: TxMerkleNode::from_byte_array([0; 32]),
//! #         time,
//! #         bits: CompactTarget::from_consensus(0x207f_ffff),
//! #         nonce: 0,
//! #     };
//! #     let mut block = Block { header, txdata };
//! #     header.merkle_root = block.compute_merkle_root().unwrap_or(header.merkle_root);
//! #     while header.validate_pow(header.target()).is_err() {
//! #         header.nonce += 1;
//! #     }
//! #     block.header = header;
//! #     block
//! # };
//! # let nothing = TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::new() };
//! # let height = Builder::new().push_int(1).push_int(0).into_script();
//! # let coinbase = spend(OutPoint::null(), height, nothing.clone());
//! # let deposit = spend(OutPoint::new(Txid::from_byte_array([7; 32]), 0), ScriptBuf::new(), pays);
//! # let now = 1_700_001_200;
//! # let block = mine(trusted.best().hash, 1_700_000_000, vec![coinbase, deposit]);
//! # let next = mine(B256::new(block.block_hash().to_byte_array()), 1_700_000_600, vec![]);
//!
//! // Consensus: the headers of the block that holds the deposit, and of the next one, advance what is trusted.
//! let headers = [block.header, next.header].map(|header| serialize(&header).into()).to_vec();
//! verifier.advance(&mut trusted, &HeaderUpdate { headers }, now)?;
//!
//! // Inclusion: output 0 of transaction 1 of that block, at height 1.
//! let evidence = Inclusion::of_block(&block, 1, 1, 0, terms)?;
//! let verified = verifier.verify(&trusted, &evidence, now)?;
//! assert_eq!(verified.fact().amount, U256::from(250_000));
//! assert_eq!(verified.under().height, 1);
//!
//! // Whatever is changed is refused by its name.
//! let mut stolen = evidence;
//! stolen.terms.recipient = B256::left_padding_from(&[3; 20]);
//! assert_eq!(verifier.verify(&trusted, &stolen, now).unwrap_err().field, "terms");
//! # Ok(())
//! # }
//! ```
//!
//! The folder `examples` has the same for each of the other chains, on networks that really sign: `verify_ethereum`,
//! `verify_cosmos`, `verify_solana` (`cargo run --example verify_solana`); `follow_bitcoin` follows headers, and
//! `verify_evidence` explains a file.
//!
//! # Evidence
//!
//! [`Evidence`] has a canonical protobuf form ([`wire`]) and a JSON form. An [`file::EvidenceFile`] adds the anchor and
//! the consensus evidence, so that anyone can check a deposit offline:
//!
//! ```
//! use spandrel_verifiers::file::EvidenceFile;
//!
//! let error = EvidenceFile::read(br#"{"version": "one"}"#).unwrap_err();
//! assert_eq!(error.field, "version");
//! ```
//!
//! # Errors
//!
//! [`ErrorKind`] tells what to do: `Malformed` and `Invalid` never verify; `NotYet` may verify once the trusted state
//! has advanced; `Expired` needs a new anchor.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

// Makers of honest evidence are shared with the integration tests, which name the crate.
#[cfg(test)]
extern crate self as spandrel_verifiers;

pub mod attestation;
pub mod batch;
pub mod bitcoin;
mod caip;
mod checkpoint;
mod contradiction;
pub mod cosmos;
#[cfg(test)]
mod counted;
mod deposit;
pub mod eip712;
mod error;
pub mod ethereum;
mod evidence;
mod exact;
pub mod file;
mod finality;
pub mod follow;
pub mod merkle;
mod protobuf;
mod quantity;
pub mod solana;
mod verdict;
mod verifier;
pub mod wire;

pub use caip::{AssetId, ChainId};
pub use checkpoint::Checkpoint;
pub use contradiction::{Contradicted, Contradiction, MAX_CONTRADICTION};
pub use deposit::{Deposit, DepositId, LanePreference};
pub use error::{ErrorKind, VerifyError};
pub use evidence::{BlockEvidence, Evidence};
pub use finality::{Finalized, Verified};
pub use verdict::{SignedCheckpoint, SignedVerdict, Verdict, VerdictDomain, VerdictQuorum};
pub use verifier::Verifier;

/// Seconds since the Unix epoch. Always an argument, never read from a clock in this crate.
pub type UnixSeconds = u64;
