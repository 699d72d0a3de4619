//! A block that is proven final by itself, for what is not a deposit.

use alloy_primitives::{B256, Bytes};
use spandrel_verifiers::ethereum::containers::LightClientData;
use spandrel_verifiers::ethereum::{ChainConfig, EthereumVerifier, Update};
use spandrel_verifiers::{BlockEvidence, ErrorKind, Verifier};

use crate::chain::{OUTBOX, SEATS, World};

#[test]
fn a_block_is_proven_final_as_it_is_under_a_deposit_and_no_other_is() {
    let world = World::new();
    let verifier = EthereumVerifier::new(world.network.config.clone(), OUTBOX).unwrap();
    let now = world.network.now();
    let judge = |header: &Bytes, finality: Option<Bytes>| {
        verifier.verify_block(&world.store, &BlockEvidence { header: header.clone(), finality }, now)
    };
    let (header, finality) = (&world.execution.header, Bytes::from(world.finality.encode_ssz()));
    let proven = judge(header, Some(finality.clone())).unwrap();
    let deposit = verifier.verify(&world.store, &world.execution.evidence(0, Some(&world.finality)), now).unwrap();
    assert_eq!(proven.get(), deposit.under());

    assert_eq!(judge(header, None).unwrap_err().kind, ErrorKind::NotYet, "nothing shows it final");
    for index in [0, 40, 200, header.len() - 1] {
        let mut altered = header.to_vec();
        altered[index] ^= 1;
        judge(&altered.into(), Some(finality.clone())).unwrap_err();
    }
    for change in [0, 100, finality.len() - 1] {
        let mut altered = finality.to_vec();
        altered[change] ^= 1;
        judge(header, Some(altered.into())).unwrap_err();
    }
    let attested = world.network.block(96, Some(&world.finalized));
    let short = world.network.finality_update(&attested, &world.finalized, 0..(SEATS * 2 / 3));
    judge(header, Some(short.encode_ssz().into())).unwrap_err();
    let other = world.network.block(88, None);
    let of_other = world.network.finality_update(&world.network.block(104, Some(&other)), &other, 0..SEATS);
    judge(header, Some(of_other.encode_ssz().into())).unwrap_err();

    let elsewhere = ChainConfig { genesis_validators_root: B256::repeat_byte(9), ..world.network.config.clone() };
    let elsewhere = EthereumVerifier::new(elsewhere, OUTBOX).unwrap();
    let asked = BlockEvidence { header: header.clone(), finality: Some(finality.clone()) };
    elsewhere.verify_block(&world.store, &asked, now).unwrap_err();

    let mut store = world.store.clone();
    verifier.advance(&mut store, &Update::Finality(Box::new(world.finality.clone())), now).unwrap();
    let bare = BlockEvidence { header: header.clone(), finality: None };
    assert_eq!(verifier.verify_block(&store, &bare, now).unwrap(), proven);
}
