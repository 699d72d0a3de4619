//! Signed statements: only what the guardian signed is taken, however it is written.

use spandrel_risk::control::SignedStatement;
use spandrel_verifiers_fuzz::patch::Patch;

use crate::scene::{Door, on, patched};

fuzz_target!(|input: (Vec<Patch>, Option<Vec<Patch>>)| {
    let (patches, version) = input;
    on(|scene| {
        let honest = serde_json::to_string(&scene.statement).expect("it prints");
        let body = patched(&honest, &patches);
        let version = version.map(|patches| patched("\"v0\"", &patches));
        let mut headers = vec![("content-type", &b"application/json"[..])];
        if let Some(version) = &version {
            headers.push(("if-match", version));
        }
        let Some(answer) = scene.ask(Door::Guardians, "POST", "/v1/control/statements", &headers, &body) else { return };
        if answer.status.is_success() {
            let taken: SignedStatement = serde_json::from_slice(&body).expect("what was taken reads");
            let meant = |signed: &SignedStatement| serde_json::to_value(signed).expect("it prints");
            assert_eq!(meant(&taken), meant(&scene.statement), "nobody signed that");
        }
    });
});
