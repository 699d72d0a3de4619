//! What nodes say, before anything of it is verified: lists of updates of the Beacon API, and notifications of Bitcoin Core.

use spandrel_verifiers::ethereum::containers::{LightClientData, LightClientUpdate, to_json};
use spandrel_verifiers_fuzz::containers::{Choice, update};
use spandrel_verifiers_fuzz::patch::{Patch, patched};
use spandrel_watchers::bitcoin::{Hint, TOPICS};
use spandrel_watchers::ethereum::{Encoding, decode_updates};

/// As `getLightClientUpdatesByRange` answers in SSZ.
fn chunked(updates: &[LightClientUpdate]) -> Vec<u8> {
    let chunk = |update: &LightClientUpdate| {
        let ssz = update.encode_ssz();
        [&(ssz.len() as u64 + 4).to_le_bytes()[..], &[0; 4], &ssz].concat()
    };
    updates.iter().flat_map(chunk).collect()
}

fuzz_target!(|input: (Choice, u8, Vec<Patch>, Vec<Vec<u8>>)| {
    let (choice, count, patches, frames) = input;
    let (network, honest) = (choice.config(), vec![update(choice.form()); usize::from(count % 4)]);
    assert_eq!(decode_updates(&chunked(&honest), Encoding::Ssz, &network), Ok(honest.clone()));
    if let Ok(read) = decode_updates(&patched(chunked(&honest), &patches), Encoding::Ssz, &network) {
        assert_eq!(decode_updates(&chunked(&read), Encoding::Ssz, &network), Ok(read));
    }
    let rows: Vec<_> = honest.iter().map(|update| to_json(update, &network).expect("it prints")).collect();
    let listed = [&b"["[..], &rows.join(&b','), b"]"].concat();
    assert_eq!(decode_updates(&listed, Encoding::Json, &network), Ok(honest));
    let _ = decode_updates(&patched(listed, &patches), Encoding::Json, &network);

    if let Some(hint) = Hint::parse(&frames) {
        assert!(frames.len() == 3 && frames[0] == hint.topic.as_bytes());
    }
    let body = frames.first().cloned().unwrap_or_default();
    for topic in TOPICS {
        let _ = Hint::parse(&[topic.as_bytes(), &body, &[count; 4]]);
    }
});
