//! Every decoder of outside bytes, with honest bytes for it and what it makes of them, written again.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use bitcoin::consensus::encode::serialize;
use serde::Serialize;
use serde::de::DeserializeOwned;
use spandrel_verifiers::cosmos::{
    ClientHeader, Commit, Header, LightBlock, Misbehaviour, Packet, SignedHeader, Transfer, ValidatorSet,
};
use spandrel_verifiers::ethereum::account::Account;
use spandrel_verifiers::ethereum::containers::{LightClientData, from_json, from_ssz, to_json};
use spandrel_verifiers::ethereum::{ExecutionHeader, Fork, Form, Outcome, Preset, Receipt};
use spandrel_verifiers::file::{ContradictionFile, EvidenceFile, ProofFile, Trust};
use spandrel_verifiers::solana::{
    BlockName, Certificate, Claim, MAX_RANKS, MemoTerms, MessageVersion, Signers, Transaction, decode_entries,
    from_base58, to_base58,
};
use spandrel_verifiers::{AssetId, ChainId, Contradiction, Evidence, bitcoin as btc};

use crate::contradictions::CONTRADICTIONS;
use crate::cosmos::chain::{members, set};
use crate::cosmos::scene::packet;
use crate::cosmos::store::field;
use crate::cosmos::transfers;
use crate::ethereum::chain::rlp_list;
use crate::ethereum::filled;
use crate::ethereum::networks::minimal_network;
use crate::honest::Honest;
use crate::proofs::proofs;
use crate::solana::maker;
use crate::trust_bytes::TRUSTS;

/// What comes of bytes: `None` when they are refused, or the value that was read, written again.
pub type Again = Box<dyn Fn(&[u8]) -> Option<Vec<u8>> + Sync + Send>;

/// A decoder of outside bytes.
pub struct Decoder {
    pub name: String,
    pub honest: Vec<u8>,
    /// Whether white space and the case of letters may differ without a difference in meaning.
    pub is_json: bool,
    pub again: Again,
}

impl Decoder {
    pub fn new(
        name: impl Into<String>,
        honest: impl Into<Vec<u8>>,
        again: impl Fn(&[u8]) -> Option<Vec<u8>> + Sync + Send + 'static,
    ) -> Self {
        Self { name: name.into(), honest: honest.into(), is_json: false, again: Box::new(again) }
    }

    fn json<T: Serialize + DeserializeOwned + 'static>(name: impl Into<String>, honest: &T) -> Self {
        let honest = serde_json::to_vec(honest).unwrap();
        let again = |bytes: &[u8]| Some(serde_json::to_vec(&serde_json::from_slice::<T>(bytes).ok()?).unwrap());
        Self { is_json: true, ..Self::new(name, honest, again) }
    }
}

/// All of them.
pub fn all(honest: &Honest) -> Vec<Decoder> {
    [evidence(honest), bitcoin(honest), ethereum(honest), containers(), headers(honest), proofs(honest), packets()]
        .into_iter()
        .flatten()
        .chain(contradictions())
        .chain(trusts())
        .chain(solana(honest))
        .chain(texts())
        .collect()
}

fn evidence(honest: &Honest) -> Vec<Decoder> {
    let again = |bytes: &[u8]| Some(Evidence::from_bytes(bytes).ok()?.to_bytes());
    let of_file = |bytes: &[u8]| Some(EvidenceFile::read(bytes).ok()?.to_bytes().unwrap());
    let of_json = |bytes: &[u8]| Some(serde_json::to_vec(&EvidenceFile::read(bytes).ok()?).unwrap());
    let each = |file: &EvidenceFile| {
        let (chain, evidence) = (file.evidence.kind(), &file.evidence);
        let json = serde_json::to_vec(file).unwrap();
        [
            Decoder::new(format!("evidence of {chain}"), evidence.to_bytes(), again),
            Decoder::json(format!("evidence of {chain} in JSON"), evidence),
            Decoder::new(format!("file of {chain}"), file.to_bytes().unwrap(), of_file),
            Decoder { is_json: true, ..Decoder::new(format!("file of {chain} in JSON"), json, of_json) },
        ]
    };
    honest.files.iter().flat_map(each).collect()
}

fn contradictions() -> Vec<Decoder> {
    let again = |bytes: &[u8]| Some(Contradiction::from_bytes(bytes).ok()?.to_bytes());
    let of_json = |bytes: &[u8]| match ProofFile::read(bytes).ok()? {
        ProofFile::Contradiction(file) => Some(serde_json::to_vec(&*file).unwrap()),
        ProofFile::Evidence(_) => None,
    };
    let each = |two: &Contradiction| {
        let (chain, json) = (two.kind(), serde_json::to_vec(&ContradictionFile::new(two.clone())).unwrap());
        [
            Decoder::new(format!("contradiction of {chain}"), two.to_bytes(), again),
            Decoder { is_json: true, ..Decoder::new(format!("contradiction of {chain} in JSON"), json, of_json) },
        ]
    };
    CONTRADICTIONS.iter().flat_map(each).collect()
}

fn trusts() -> Vec<Decoder> {
    let again = |bytes: &[u8]| Some(Trust::from_bytes(bytes).ok()?.to_bytes());
    let each = |(index, trust): (usize, &Trust)| Decoder::new(format!("trust {index}"), trust.to_bytes(), again);
    TRUSTS.iter().enumerate().map(each).collect()
}

fn bitcoin(honest: &Honest) -> Vec<Decoder> {
    let inclusion = &honest.bitcoin.evidence;
    vec![
        Decoder::new("Bitcoin header", inclusion.header.to_vec(), |bytes| {
            Some(btc::Header::parse(bytes).ok()?.encode().to_vec())
        }),
        Decoder::new("Bitcoin transaction", inclusion.transaction.to_vec(), |bytes| {
            Some(serialize(btc::decode_transaction("transaction", bytes).ok()?.transaction()))
        }),
    ]
}

/// RLP of one string.
fn string(bytes: &[u8]) -> Vec<u8> {
    alloy_rlp::encode(bytes)
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut out = Vec::new();
    alloy_rlp::Header { list: true, payload_length: payload.len() }.encode(&mut out);
    [out, payload].concat()
}

fn receipt(receipt: &Receipt) -> Vec<u8> {
    let status = match receipt.outcome {
        Outcome::Success => string(&[1]),
        Outcome::Failure => string(&[]),
        Outcome::StateRoot(root) => string(root.as_slice()),
    };
    let log = |log: &spandrel_verifiers::ethereum::Log| {
        let topics: Vec<_> = log.topics.iter().map(|topic| string(topic.as_slice())).collect();
        list(&[string(log.emitter.as_slice()), list(&topics), string(&log.data)])
    };
    let logs = list(&receipt.logs.iter().map(log).collect::<Vec<_>>());
    let gas = alloy_rlp::encode(receipt.cumulative_gas_used);
    let body = list(&[status, gas, string(receipt.logs_bloom.as_slice()), logs]);
    if receipt.kind == 0 { body } else { [vec![receipt.kind], body].concat() }
}

fn ethereum(honest: &Honest) -> Vec<Decoder> {
    let log =
        |seed: u8| list(&[string(&[seed; 20]), list(&[string(&[seed; 32]), string(&[3; 32])]), string(&[seed; 70])]);
    let body = |status: &[u8]| list(&[string(status), string(&[9, 9]), string(&[7; 256]), list(&[log(1), log(2)])]);
    let again = |bytes: &[u8]| Some(receipt(&Receipt::decode(bytes).ok()?));
    // The trie of this one account: what stands in its leaf, and no hash over it.
    let account = rlp_list(&[&3_u64, &U256::from(1_000_000_u64), &B256::repeat_byte(3), &B256::repeat_byte(4)]);
    let of_account = |bytes: &[u8]| {
        let address = alloy_primitives::Address::repeat_byte(5);
        let leaf = list(&[string(&[&[0x20][..], keccak256(address).as_slice()].concat()), string(bytes)]);
        let Account { nonce, balance, storage_root, code_hash } =
            Account::prove(keccak256(&leaf), address, &[Bytes::from(leaf)]).ok()??;
        Some(rlp_list(&[&nonce, &balance, &storage_root, &code_hash]))
    };
    let header = honest.ethereum.execution.header.to_vec();
    vec![
        // The hash names all of a header: whoever asks for a block asks for it.
        Decoder::new("execution header", header, |bytes| {
            let header = ExecutionHeader::decode(bytes).ok()?;
            (header.hash == keccak256(bytes)).then(|| bytes.to_vec())
        }),
        Decoder::new("legacy receipt", body(&[5; 32]), again),
        Decoder::new("typed receipt", [vec![2], body(&[1])].concat(), again),
        Decoder::new("account", account, of_account),
    ]
}

/// SSZ and JSON of the four containers, by the layouts of five forks.
fn containers() -> Vec<Decoder> {
    fn both<T>(name: &str, value: &T, form: Form) -> [Decoder; 3]
    where
        T: LightClientData + Serialize + DeserializeOwned + 'static,
    {
        let config = minimal_network(form.fork, B256::ZERO);
        let (ssz, json) = (value.encode_ssz(), to_json(value, &config).unwrap());
        let told = config.clone();
        let name = format!("{name} of {:?}", form.fork);
        let of_json = Decoder::new(format!("{name} in JSON"), json, move |bytes: &[u8]| {
            Some(to_json(&from_json::<T>(bytes, &config).ok()?, &config).unwrap())
        });
        [
            Decoder::new(name.clone(), ssz.clone(), move |bytes| Some(T::decode_ssz(bytes, form).ok()?.encode_ssz())),
            Decoder::new(format!("{name}, told by its slot"), ssz, move |bytes| {
                Some(from_ssz::<T>(bytes, &told).ok()?.encode_ssz())
            }),
            Decoder { is_json: true, ..of_json },
        ]
    }
    let of_fork = |fork: Fork| {
        let form = Form { fork, preset: Preset::Minimal };
        let update = filled::update(form, 77, 7);
        [
            both("bootstrap", &filled::bootstrap(form, 77, 7), form),
            both("finality update", &filled::finality(&update), form),
            both("optimistic update", &filled::optimistic(&update), form),
            both("update", &update, form),
        ]
    };
    let forks = [Fork::Altair, Fork::Capella, Fork::Deneb, Fork::Electra, Fork::Gloas];
    forks.into_iter().flat_map(of_fork).flatten().collect()
}

fn headers(honest: &Honest) -> Vec<Decoder> {
    let anchor = &honest.cosmos.anchor;
    let signed = &anchor.signed_header;
    let header = ClientHeader::decode(&honest.cosmos.header(10)).unwrap();
    let misbehaviour = Misbehaviour { header_1: header.clone(), header_2: header };
    let block = [field(1, &signed.encode()), field(2, &anchor.validators.encode())].concat();
    let again = |bytes: &[u8]| {
        let next = set(&members(0..4, 10));
        let block = LightBlock::decode(bytes, next).ok()?;
        Some([field(1, &block.signed_header.encode()), field(2, &block.validators.encode())].concat())
    };
    vec![
        Decoder::new("CometBFT header", signed.header.encode(), |bytes| Some(Header::decode(bytes).ok()?.encode())),
        Decoder::new("commit", signed.commit.encode(), |bytes| Some(Commit::decode(bytes).ok()?.encode())),
        Decoder::new("signed header", signed.encode(), |bytes| Some(SignedHeader::decode(bytes).ok()?.encode())),
        Decoder::new("validator set", anchor.validators.encode(), |bytes| {
            Some(ValidatorSet::decode(bytes).ok()?.encode().to_vec())
        }),
        Decoder::new("light block", block, again),
        Decoder::new("client header", honest.cosmos.header(10).to_vec(), |bytes| {
            Some(ClientHeader::decode(bytes).ok()?.encode().to_vec())
        }),
        Decoder::new("misbehaviour", misbehaviour.encode().to_vec(), |bytes| {
            Some(Misbehaviour::decode(bytes).ok()?.encode().to_vec())
        }),
    ]
}

fn packets() -> Vec<Decoder> {
    let of_encoding = |encoding: &'static str| {
        let again = move |bytes: &[u8]| {
            let transfer = Transfer::decode(&transfers::payload(encoding, bytes)).ok()?;
            Some(transfers::write(encoding, &transfer))
        };
        let honest = transfers::write(encoding, &transfers::transfer());
        let decoder = Decoder::new(format!("transfer as {encoding}"), honest, again);
        Decoder { is_json: encoding.ends_with("json"), ..decoder }
    };
    let packet = Decoder::new("packet", packet(5).encode(), |bytes| Some(Packet::decode(bytes).ok()?.encode()));
    transfers::ENCODINGS.map(of_encoding).into_iter().chain([packet]).collect()
}

fn solana(honest: &Honest) -> Vec<Decoder> {
    let name = BlockName { slot: 300, block_id: B256::repeat_byte(3) };
    let certificate = maker::certificate(Claim::NotarizeFallback(name), &maker::validators(), &[0, 1], &[2, 4]);
    let bitmap = |bytes: &[u8]| {
        let Signers { primary, fallback, is_base3 } = Signers::decode(bytes, MAX_RANKS).ok()?;
        Some(if is_base3 { maker::base3(&primary, &fallback) } else { maker::base2(&primary) })
    };
    let transfer = maker::transfer(&maker::key("depositor"), 5, &maker::terms().memo());
    let entries = maker::entries(&[vec![], vec![transfer.clone()], vec![transfer.clone(), transfer.clone()]]);
    let transaction = |transaction: &Transaction<'_>| {
        let signatures = transaction.signatures.as_flattened();
        match transaction.message.version {
            MessageVersion::One => [transaction.message.bytes, signatures].concat(),
            _ => [&maker::compact(transaction.signatures.len())[..], signatures, transaction.message.bytes].concat(),
        }
    };
    let of_entries = move |bytes: &[u8]| {
        let entries = decode_entries(bytes).ok()?;
        let mut again = (entries.len() as u64).to_le_bytes().to_vec();
        for entry in &entries {
            again.extend([entry.num_hashes.to_le_bytes().as_slice(), entry.hash.as_slice()].concat());
            again.extend((entry.transactions.len() as u64).to_le_bytes());
            again.extend(entry.transactions.iter().flat_map(transaction));
        }
        // Whatever follows is ignored.
        again.extend(bytes.get(again.len()..)?);
        Some(again)
    };
    let bank = match &honest.files[3].trust {
        Trust::Solana(trust) => trust.updates.clone(),
        _ => unreachable!("the fourth file is Solana's"),
    };
    vec![
        Decoder::new("certificate", certificate.encode(), |bytes| Some(Certificate::decode(bytes).ok()?.encode())),
        Decoder::new("bitmap of base 2", maker::base2(&[0, 3, 8, 21]), bitmap),
        Decoder::new("bitmap of base 3", maker::base3(&[0, 3, 8, 21], &[1, 2, 20]), bitmap),
        Decoder::new("transaction", transfer.to_vec(), move |bytes| {
            Some(transaction(&Transaction::decode(bytes).ok()?))
        }),
        Decoder::new("entries", entries, of_entries),
        Decoder::new("memo", maker::terms().memo(), |bytes| Some(MemoTerms::parse(bytes).ok()?.memo().into_bytes())),
        Decoder::json("updates of Solana", &bank),
        Decoder::new("base58", to_base58(B256::repeat_byte(7)), |bytes| {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(to_base58(from_base58("address", text).ok()?).into_bytes())
        }),
    ]
}

fn texts() -> Vec<Decoder> {
    fn text(bytes: &[u8]) -> Option<&str> {
        std::str::from_utf8(bytes).ok()
    }
    vec![
        Decoder::new("chain id", "bip122:000000000019d6689c085ae165831e93", |bytes| {
            Some(ChainId::parse(text(bytes)?).ok()?.to_string().into_bytes())
        }),
        Decoder::new("asset id", "eip155:1/erc20:0x6b175474e89094c44da98b954eedeac495271d0f", |bytes| {
            Some(AssetId::parse(text(bytes)?).ok()?.to_string().into_bytes())
        }),
    ]
}
