//! The types of `tendermint`, `tendermint-light-client` and `ibc-relayer-types` become the verifier's own.

use ibc_relayer_types::clients::ics07_tendermint::header::decode_header;
use ibc_relayer_types::clients::ics07_tendermint::misbehaviour::Misbehaviour as IbcMisbehaviour;
use ibc_relayer_types::core::ics24_host::identifier::ClientId;
use spandrel_verifiers::cosmos::{ClientHeader, Header, LightBlock, Misbehaviour, SignedHeader};
use tendermint_light_client::verifier::types::LightBlock as TmLightBlock;
use tendermint_testgen::{Generator, LightBlock as Generated, Validator};

use crate::chain::{block, members};
use crate::support::{cases, vectors};

/// A light block of tendermint-testgen with `count` validators.
pub fn generated(count: usize, height: u64) -> TmLightBlock {
    let validators: Vec<Validator> = (0..count).map(|n| Validator::new(&format!("v{n}")).voting_power(50)).collect();
    let time = tendermint::Time::from_unix_timestamp(1_700_000_000 + height as i64, 0).unwrap();
    let header = tendermint_testgen::Header::new(&validators)
        .height(height)
        .chain_id("test-chain")
        .next_validators(&validators)
        .time(time);
    let block = Generated::new_default_with_header(header).generate().unwrap();
    TmLightBlock::new(block.signed_header, block.validators, block.next_validators, block.provider)
}

#[test]
fn generated_blocks_convert_with_their_hashes() {
    for count in [1, 4, 30] {
        let theirs = generated(count, 5);
        let ours = LightBlock::try_from(&theirs).unwrap();
        let hash = theirs.signed_header.header.hash();
        assert_eq!(ours.check().unwrap().hash.as_slice(), hash.as_bytes());
        assert_eq!(ours.validators.hash().as_slice(), theirs.validators.hash().as_bytes());
    }
}

#[test]
fn sign_bytes_are_those_of_tendermint() {
    use tendermint::block::CommitSig;
    use tendermint::vote::{SignedVote, Type, ValidatorIndex, Vote};
    let members = members(0..4, 10);
    let mut samples = vec![block(10, &members, &members), block(1 << 30, &members, &members)];
    samples[1].signed_header.commit.round = 7;
    for ours in &samples {
        let mut header = ours.verified_from(ours);
        header.trusted_height -= 1;
        let theirs = decode_header(&header.encode()[..]).unwrap();
        let commit = theirs.signed_header.commit();
        let chain_id = &theirs.signed_header.header().chain_id;
        for (index, (signature, own)) in commit.signatures.iter().zip(&ours.signed_header.commit.signatures).enumerate()
        {
            let CommitSig::BlockIdFlagCommit { validator_address, timestamp, signature } = signature else {
                panic!("everybody signed")
            };
            let vote = Vote {
                vote_type: Type::Precommit,
                height: commit.height,
                round: commit.round,
                block_id: Some(commit.block_id),
                timestamp: Some(*timestamp),
                validator_address: *validator_address,
                validator_index: ValidatorIndex::try_from(index).unwrap(),
                signature: signature.clone(),
                extension: Vec::new(),
                extension_signature: None,
            };
            let expected = SignedVote::from_vote(vote, chain_id.clone()).unwrap().sign_bytes();
            let vote = own.for_block().unwrap();
            let chain_id = &ours.signed_header.header.chain_id;
            assert_eq!(ours.signed_header.commit.sign_bytes(chain_id, vote), expected);
        }
    }
}

#[test]
fn ibc_headers_survive_the_way_there_and_back() {
    let members = members(0..4, 10);
    let trusted = block(3, &members, &members);
    let ours = block(10, &members, &members).verified_from(&trusted);
    let theirs = decode_header(&ours.encode()[..]).unwrap();
    assert_eq!(ClientHeader::try_from(&theirs).unwrap(), ours);
}

#[test]
fn ibc_misbehaviour_becomes_the_same_two_headers() {
    let members = members(0..4, 10);
    let trusted = block(3, &members, &members);
    let ours = [10, 11].map(|height| block(height, &members, &members).verified_from(&trusted));
    let [header1, header2] = ours.each_ref().map(|header| decode_header(&header.encode()[..]).unwrap());
    let theirs = IbcMisbehaviour { client_id: ClientId::default(), header1, header2 };
    let [header_1, header_2] = ours;
    assert_eq!(Misbehaviour::try_from(&theirs).unwrap(), Misbehaviour { header_1, header_2 });
}

#[test]
fn hermes_fixture_converts_as_it_is_read() {
    let Some(folder) = vectors("cosmos/hermes") else { return };
    for (_, value) in cases(&folder, |value| value["header"].is_object() && value["commit"].is_object()) {
        let theirs: tendermint::block::signed_header::SignedHeader = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(SignedHeader::try_from(&theirs).unwrap(), crate::json::signed_header(&value));
        assert_eq!(Header::try_from(theirs.header()).unwrap().hash().as_slice(), theirs.header().hash().as_bytes());
    }
}
