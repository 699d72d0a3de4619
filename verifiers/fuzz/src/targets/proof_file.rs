//! Files with evidence or a contradiction, in both forms: what is read means the same in the other form, and is explained
//! as it is judged.

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::file::{ContradictionFile, EvidenceFile, Outcome, ProofFile, Step};

use crate::patch::{Patch, patched};
use crate::{contradictions, evidence, files};

/// What stands in the honest file.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Content {
    Evidence(evidence::Kind),
    Contradiction(contradictions::Kind),
}

impl Content {
    fn written(self, is_json: bool) -> Vec<u8> {
        match self {
            Self::Evidence(kind) => {
                let (file, _) = &files::HONEST[kind as usize];
                if is_json {
                    serde_json::to_vec(file).expect("a file prints")
                } else {
                    file.to_bytes().expect("a file prints")
                }
            }
            Self::Contradiction(kind) => {
                let file = ContradictionFile::new(kind.honest().clone());
                if is_json { serde_json::to_vec(&file).expect("a file prints") } else { file.contradiction.to_bytes() }
            }
        }
    }
}

/// Whether one step is refused if the verdict is so, and otherwise none.
fn is_marked(steps: &[Step], is_refused: bool) -> bool {
    steps.iter().filter(|step| matches!(step.outcome, Outcome::Refused(_))).count() == usize::from(is_refused)
}

fuzz_target!(|input: (Content, bool, Vec<Patch>)| {
    let (content, is_json, patches) = input;
    let bytes = patched(content.written(is_json), &patches);
    match ProofFile::read(&bytes) {
        Ok(ProofFile::Evidence(file)) => {
            assert_eq!(EvidenceFile::read(&bytes).and_then(|again| again.to_bytes()), file.to_bytes());
            let explained = file.explain(u64::MAX);
            assert_eq!((&explained.verdict, &explained.trusted), (&file.verify(u64::MAX), &file.trust.said()));
            assert!(is_marked(&explained.steps, explained.verdict.is_err()), "{explained}");
        }
        Ok(ProofFile::Contradiction(file)) => {
            let written = file.contradiction.to_bytes();
            if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
                assert_eq!(written, bytes);
            }
            for form in [written, serde_json::to_vec(&*file).expect("a file prints")] {
                let Ok(ProofFile::Contradiction(again)) = ProofFile::read(&form) else { panic!("another file") };
                assert_eq!(again, file);
            }
            let explained = file.explain();
            let (verdict, said) = (file.contradiction.verify(), file.contradiction.said());
            assert_eq!((&explained.verdict, &explained.trusted), (&verdict, &said));
            assert!(is_marked(&explained.steps, verdict.is_err()), "{explained}");
        }
        Err(_) => {}
    }
});
