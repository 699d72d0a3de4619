//! Contradictions as protobuf: what is read is written again byte for byte, explained as it is judged, and shows nothing
//! else than the honest one under what the honest one tells the reader to compare.

use spandrel_verifiers::Contradiction;
use spandrel_verifiers::file::ContradictionFile;

use crate::contradictions::Kind;
use crate::patch::{Patch, patched};

fuzz_target!(|input: (Kind, Vec<Patch>)| {
    let (kind, patches) = input;
    let honest = kind.honest();
    let start = honest.to_bytes();
    let bytes = patched(start.clone(), &patches);
    let Ok(two) = Contradiction::from_bytes(&bytes) else { return };
    assert_eq!(two.to_bytes(), bytes);
    assert_eq!(bytes == start, two == *honest);
    let (verdict, said) = (two.verify(), two.said());
    let explained = ContradictionFile::new(two).explain();
    assert_eq!((&explained.verdict, &explained.trusted), (&verdict, &said));
    if let Ok(shown) = verdict {
        assert!(said != honest.said() || kind.may_show(&shown), "{shown}");
    }
});
