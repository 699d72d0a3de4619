//! Conversions from the types of other crates: they never panic, what converts means what its own bytes mean, and what
//! both decode is the same.

use std::sync::LazyLock;

use ibc_relayer_types::clients::ics07_tendermint::header::{Header as IbcHeader, decode_header};
use ibc_relayer_types::clients::ics07_tendermint::misbehaviour::Misbehaviour as IbcMisbehaviour;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use spandrel_verifiers::cosmos::{ClientHeader, LightBlock, Misbehaviour, SignedHeader};
use tendermint::block::signed_header::SignedHeader as TmSignedHeader;
use tendermint_light_client::verifier::types::LightBlock as TmLightBlock;
use crate::evidence::COSMOS;
use crate::patch::{Patch, patched};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Start {
    /// A header for a client, as protobuf.
    Header,
    /// A light block, as JSON.
    Block,
}

static HEADER: LazyLock<Vec<u8>> = LazyLock::new(|| COSMOS.header(10).to_vec());
static BLOCK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let IbcHeader { signed_header, validator_set, trusted_validator_set, .. } = decode_header(&HEADER[..]).expect("honest");
    let block = TmLightBlock::new(signed_header, validator_set, trusted_validator_set, PEER.parse().expect("a peer"));
    serde_json::to_vec(&block).expect("a block prints")
});
const PEER: &str = "0101010101010101010101010101010101010101";

/// Both of them are signed headers of the same bytes.
fn check_signed(theirs: &TmSignedHeader) {
    let Ok(ours) = SignedHeader::try_from(theirs) else { return };
    let header = theirs.header();
    if header.height.value() > 0 {
        assert_eq!(ours.header.hash().as_slice(), header.hash().as_bytes());
    }
    assert_eq!(ours.commit.signatures.len(), theirs.commit().signatures.len());
}

fuzz_target!(|input: (Start, Vec<Patch>)| {
    let (start, patches) = input;
    match start {
        Start::Header => {
            let bytes = patched(HEADER.clone(), &patches);
            let own = ClientHeader::decode(&bytes);
            let Ok(theirs) = decode_header(&bytes[..]) else {
                assert_ne!(bytes, *HEADER);
                return;
            };
            check_signed(&theirs.signed_header);
            let converted = ClientHeader::try_from(&theirs);
            // Their validator sets are sorted as they are read: in another order ours are another set.
            if let (Ok(own), Ok(converted)) = (&own, &converted) {
                assert_eq!(own.signed_header, converted.signed_header);
                assert_eq!(own.trusted_height, converted.trusted_height);
            }
            let Ok(converted) = converted else { return };
            if let Ok(again) = decode_header(&converted.encode()[..]) {
                assert_eq!(ClientHeader::try_from(&again).as_ref(), Ok(&converted));
            }
            let both = IbcMisbehaviour { client_id: Default::default(), header1: theirs.clone(), header2: theirs };
            let both = Misbehaviour::try_from(&both).expect("each of them converts");
            assert_eq!((&both.header_1, &both.header_2), (&converted, &converted));
        }
        Start::Block => {
            let bytes = patched(BLOCK.clone(), &patches);
            let Ok(theirs) = serde_json::from_slice::<TmLightBlock>(&bytes) else {
                assert_ne!(bytes, *BLOCK);
                return;
            };
            check_signed(&theirs.signed_header);
            let Ok(ours) = LightBlock::try_from(&theirs) else { return };
            assert_eq!(ours.validators.hash().as_slice(), theirs.validators.hash().as_bytes());
            assert_eq!(ours.next_validators.hash().as_slice(), theirs.next_validators.hash().as_bytes());
            if let Ok(state) = ours.check() {
                assert_eq!(state.hash.as_slice(), theirs.signed_header.header().hash().as_bytes());
            }
        }
    }
});
