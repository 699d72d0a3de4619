//! Evidence files of every chain in both forms: what is read means the same in the other form, and none but the honest
//! deposit is proven under the trust that the honest file tells.

use spandrel_verifiers::file::EvidenceFile;

use crate::evidence::Kind;
use crate::files::HONEST;
use crate::patch::{Patch, patched};

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
