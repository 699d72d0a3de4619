//! Evidence files that prove their deposits, of every chain.

use std::sync::LazyLock;

use spandrel_verifiers::bitcoin::{Anchor, ChainParams};
use spandrel_verifiers::file::{BitcoinTrust, EvidenceFile, Trust, VERSION};
use spandrel_verifiers::{Deposit, Verified};

use crate::evidence::{BITCOIN, COSMOS, ETHEREUM};
use crate::solana::scene::Scene as Solana;
use crate::trusts;

/// Each with what it proves, in the order of [`Kind`](crate::evidence::Kind).
pub static HONEST: LazyLock<[(EvidenceFile, Verified<Deposit>); 4]> = LazyLock::new(|| {
    let files = [bitcoin(), trusts::ethereum(&ETHEREUM.1), trusts::cosmos(&COSMOS), trusts::solana(Solana::shared())];
    files.map(|file| {
        let verified = file.verify(file.at).expect("an honest file proves its deposit");
        (file, verified)
    })
});

fn bitcoin() -> EvidenceFile {
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params).expect("the genesis block is an anchor");
    let confirmations = BITCOIN.verifier.confirmations().clone();
    let headers = BITCOIN.headers.clone();
    let trust = BitcoinTrust { chain: params.chain(), vault: BITCOIN.vault, confirmations, anchor, headers };
    let evidence = BITCOIN.evidence.clone().into();
    EvidenceFile { version: VERSION, at: BITCOIN.now, trust: Trust::Bitcoin(Box::new(trust)), evidence }
}
