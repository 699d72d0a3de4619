//! Evidence files in both forms: what is read means the same in the other form, and none but the honest evidence verifies.

use std::sync::LazyLock;

use spandrel_verifiers::bitcoin::{Anchor, ChainParams};
use spandrel_verifiers::file::{BitcoinTrust, EvidenceFile, Trust, VERSION};

use crate::evidence::BITCOIN;
use crate::patch::{Patch, patched};

static HONEST: LazyLock<EvidenceFile> = LazyLock::new(|| {
    let params = ChainParams::regtest();
    let anchor = Anchor::genesis(&params).expect("the genesis block is an anchor");
    let confirmations = BITCOIN.verifier.confirmations().clone();
    let headers = BITCOIN.headers.clone();
    let trust = BitcoinTrust { chain: params.chain(), vault: BITCOIN.vault, confirmations, anchor, headers };
    let evidence = BITCOIN.evidence.clone().into();
    EvidenceFile { version: VERSION, at: BITCOIN.now, trust: Trust::Bitcoin(Box::new(trust)), evidence }
});

fuzz_target!(|input: (bool, Vec<Patch>)| {
    let (is_json, patches) = input;
    let honest = match is_json {
        true => serde_json::to_vec(&*HONEST).expect("a file prints"),
        false => HONEST.to_bytes().expect("a file prints"),
    };
    let bytes = patched(honest, &patches);
    let Ok(file) = EvidenceFile::read(&bytes) else { return };
    let written = file.to_bytes().expect("a file prints");
    let json = serde_json::to_vec(&file).expect("a file prints");
    if bytes.first() != Some(&b'{') && !is_json {
        assert_eq!(written, bytes);
    }
    assert_eq!(EvidenceFile::read(&json).expect("JSON").to_bytes(), Ok(written));
    let explanation = file.explain(u64::MAX);
    if let Ok(verified) = &explanation.verdict {
        assert_eq!(file.evidence, HONEST.evidence);
        assert_eq!(file.verify(u64::MAX).as_ref(), Ok(verified));
    }
});
