//! Evidence files of every chain in both forms: what is read means the same in the other form, and none but the honest
//! deposit is proven under the trust that the honest file tells.

use std::sync::LazyLock;

use spandrel_verifiers::bitcoin::{Anchor, ChainParams};
use spandrel_verifiers::file::{BitcoinTrust, EvidenceFile, Trust, VERSION};
use spandrel_verifiers::{Deposit, Verified};

use crate::evidence::{BITCOIN, COSMOS, ETHEREUM, Kind};
use crate::patch::{Patch, patched};
use crate::solana::scene::Scene as Solana;
use crate::trusts;

static HONEST: LazyLock<[(EvidenceFile, Verified<Deposit>); 4]> = LazyLock::new(|| {
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

fuzz_target!(|input: (Kind, bool, Vec<Patch>)| {
    let (kind, is_json, patches) = input;
    let (honest, proven) = &HONEST[kind as usize];
    let start = match is_json {
        true => serde_json::to_vec(honest).expect("a file prints"),
        false => honest.to_bytes().expect("a file prints"),
    };
    let bytes = patched(start, &patches);
    let Ok(file) = EvidenceFile::read(&bytes) else { return };
    let written = file.to_bytes().expect("a file prints");
    let json = serde_json::to_vec(&file).expect("a file prints");
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        assert_eq!(written, bytes);
    }
    assert_eq!(EvidenceFile::read(&json).expect("JSON").to_bytes(), Ok(written));
    let explanation = file.explain(u64::MAX);
    assert_eq!(file.verify(u64::MAX), explanation.verdict);
    if let Ok(verified) = &explanation.verdict {
        assert!(verified == proven || file.trust.said() != honest.trust.said());
    }
});
