//! Ids in paths, and paths altogether.

use spandrel_verifiers_fuzz::patch::Patch;

use crate::scene::{Door, escaped, on, patched};

const PATHS: [(Door, &str, &str); 18] = [
    (Door::Users, "GET", "/v1/transfers/{id}"),
    (Door::Users, "GET", "/v1/transfers/{id}/events"),
    (Door::Users, "GET", "/v1/transfers/{id}/proof"),
    (Door::Users, "POST", "/v1/transfers/{id}/cancel"),
    (Door::Users, "DELETE", "/v1/webhooks/{id}"),
    (Door::Users, "POST", "/v1/webhooks/{id}/test"),
    (Door::Users, "POST", "/v1/webhooks/{id}/rotate"),
    (Door::Users, "GET", "/v1/webhooks/{id}/deliveries"),
    (Door::Users, "POST", "/v1/webhooks/wh_000000000000000000000000/deliveries/{id}/redeliver"),
    (Door::Users, "GET", "/console/transfers/{id}"),
    (Door::Users, "GET", "/console/transfers/{id}/qr.svg"),
    (Door::Users, "GET", "/console/live/{id}"),
    (Door::Users, "GET", "/console/assets/{id}"),
    (Door::Users, "POST", "/spandrel.transfer.v1.Transfers/{id}"),
    (Door::Guardians, "GET", "/v1/control/held/{id}"),
    (Door::Guardians, "GET", "/v1/control/quarantine/{id}"),
    (Door::Guardians, "GET", "/console/assets/{id}"),
    (Door::Guardians, "GET", "/{id}"),
];

fuzz_target!(|input: (u8, Vec<Patch>, u8)| {
    let (which, patches, form) = input;
    on(|scene| {
        let (door, method, path) = PATHS[usize::from(which) % PATHS.len()];
        let id = patched(&scene.order, &patches);
        let target = match form % 3 {
            0 => path.replace("{id}", &escaped(&id, "")),
            1 => path.replace("{id}", &escaped(&id, "/%.-_?")),
            _ => path.replace("{id}", &String::from_utf8_lossy(&id)),
        };
        let headers = [("authorization", scene.bearer.as_bytes())];
        let _not_sent = scene.ask(door, method, &target, &headers, &[]);
    });
});
