//! Queries of every route and page that takes one.

use spandrel_verifiers_fuzz::patch::Patch;

use crate::scene::{Door, escaped, on, patched};

fuzz_target!(|input: (u8, Vec<Patch>, bool)| {
    let (which, patches, is_escaped) = input;
    on(|scene| {
        let hash = "11".repeat(32);
        let route = escaped(scene.route.as_bytes(), "");
        let (door, path, start) = match which % 10 {
            0 => (Door::Users, "/v1/limits", format!("route={route}")),
            1 => (Door::Users, "/v1/transfers", format!("source_tx=0x{hash}&limit=5&status=observed")),
            2 => (Door::Users, "/v1/transfers", format!("sender={}&cursor=3&limit=100", &hash[..40])),
            3 => (Door::Users, "/console/transfers", "status=observed&cursor=3".to_owned()),
            4 => (Door::Users, "/console/send", format!("route={route}&amount=0.0002&recipient=0x{}", &hash[..40])),
            5 => (Door::Guardians, "/v1/control/audit", "cursor=1&limit=5".to_owned()),
            6 => (Door::Guardians, "/v1/control/held", "cursor=1&limit=5".to_owned()),
            7 => (Door::Guardians, "/v1/control/quarantine", "cursor=1&limit=5".to_owned()),
            8 => (Door::Guardians, "/console/draft", "act=pause&scope=global&seconds=60&reason=a+drill".to_owned()),
            _ => (Door::Guardians, "/console/review", format!("id=0x{hash}")),
        };
        let query = patched(&start, &patches);
        let query = match is_escaped {
            true => escaped(&query, "&=%+-_."),
            false => String::from_utf8_lossy(&query).into_owned(),
        };
        let _not_sent = scene.ask(door, "GET", &format!("{path}?{query}"), &[], &[]);
    });
});
