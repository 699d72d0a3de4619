//! The recorded files of Solana. What a file is, is told by what is in it: its name and its place say nothing.

use std::io::{BufReader, Read};

use serde_json::Value;
use solana_transaction::versioned::VersionedTransaction;
use solana_vote_interface::state::VoteStateVersions;
use spandrel_verifiers::solana::{
    Body, CODE_SHRED_LENGTH, DATA_SHRED_LENGTH, MessageVersion, Shred, Transaction, decode_entries,
};

use super::support::{files, json, unbase64, unhex, unzip};
use crate::vector_coverage::forms;

/// What a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// JSON: a bank, the votes for it, the stakes of its epoch.
    Votes,
    /// Compressed JSON: all data shreds of a block.
    BlockShreds,
    /// Compressed JSON: the accounts that a block reads.
    Accounts,
    /// Compressed: a bank in a snapshot.
    BankManifest,
    /// Shreds with a length of 64 bits before each.
    FramedShreds,
    /// Entries with a length of 64 bits before each.
    FramedEntries,
    /// Entries behind their number: one batch.
    Batch,
    /// Shreds in a Unix archive.
    ShredArchive,
    /// Text: what somebody else's decoder reads from a set of shreds.
    DecodedSet,
    /// One transaction, which may break a rule of `sanitize`.
    Transaction,
    /// One shred.
    Shred,
    /// The data of a vote account.
    VoteAccount,
    /// A gossip message with votes.
    GossipPush,
    /// Signatures over `Zcash`, each with its key.
    Signatures,
    /// Source text with lattice hashes.
    LatticeHashes,
    /// JSON: a block as a node gives it.
    NodeBlock,
    /// JSON: vote accounts as a node gives them.
    NodeVoteAccounts,
    /// Accounts of a hash that bank hashes hold no more.
    DeltaAccounts,
    /// Packets as they were on a network.
    Capture,
    /// A list of files.
    Index,
    /// Source text.
    Source,
}

impl Kind {
    /// All of them, with a name and, for those that no test reads, why not.
    pub const ALL: [(Self, &'static str, Option<&'static str>); 21] = [
        (Self::Votes, "a block's votes", None),
        (Self::BlockShreds, "a block's shreds", None),
        (Self::Accounts, "accounts that a block reads", None),
        (Self::BankManifest, "a bank in a snapshot", None),
        (Self::FramedShreds, "shreds in a row", None),
        (Self::FramedEntries, "entries in a row", None),
        (Self::Batch, "a batch of entries", None),
        (Self::ShredArchive, "an archive of shreds", None),
        (Self::DecodedSet, "what is in a set of shreds", None),
        (Self::Transaction, "a transaction", None),
        (Self::Shred, "a shred", None),
        (Self::VoteAccount, "a vote account", None),
        (Self::GossipPush, "a gossip message", None),
        (Self::Signatures, "ed25519 signatures of one verdict", None),
        (Self::LatticeHashes, "lattice hashes", None),
        (Self::NodeBlock, "a node's block", None),
        (Self::NodeVoteAccounts, "a node's vote accounts", None),
        (
            Self::DeltaAccounts,
            "accounts of a delta hash",
            Some("accounts of the delta hash, which SIMD-0223 took out of bank hashes"),
        ),
        (
            Self::Capture,
            "a capture of packets",
            Some("packets of a network (pcap): what is in them is under other layers"),
        ),
        (Self::Index, "a list of files", Some("the list itself")),
        (Self::Source, "source code", Some("source code: what it tests is tested in our own words")),
    ];

    /// What a file with these bytes is.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return Some(match front(bytes)? {
                [b'[', b'['] => Self::BlockShreds,
                [b'[', b'{'] => Self::Accounts,
                _ => {
                    // Anything else may be packed as well; a bank is large, and nothing that is known here.
                    let mut unpacked = Vec::new();
                    flate2::read::GzDecoder::new(bytes).read_to_end(&mut unpacked).ok()?;
                    (unpacked.len() > 1 << 16 && Self::of(&unpacked).is_none()).then_some(Self::BankManifest)?
                }
            });
        }
        if bytes.starts_with(b"!<arch>\n") {
            return Some(Self::ShredArchive);
        }
        match std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0')) {
            Some(text) => serde_json::from_str(text).ok().map_or_else(|| of_text(text), |value| of_json(&value)),
            None => of_binary(bytes),
        }
    }
}

/// What a compressed file begins with, white space apart.
fn front(bytes: &[u8]) -> Option<[u8; 2]> {
    let unzipped = BufReader::new(flate2::read::GzDecoder::new(bytes)).bytes().map_while(Result::ok);
    let mut dark = unzipped.filter(|byte| !byte.is_ascii_whitespace());
    Some([dark.next()?, dark.next()?])
}

fn of_json(value: &Value) -> Option<Kind> {
    let first = &value[0];
    match () {
        () if value["votes"].is_array() && value["stakes"].is_array() && value["bank"].is_object() => Some(Kind::Votes),
        () if value["base64"]["transactions"].is_array() => Some(Kind::NodeBlock),
        () if value["current"][0]["votePubkey"].is_string() => Some(Kind::NodeVoteAccounts),
        () if first["owner"].is_string() && first["lamports"].is_string() => Some(Kind::DeltaAccounts),
        () => None,
    }
}

fn of_text(text: &str) -> Option<Kind> {
    match () {
        () if text.contains("ushort const lthash_") => Some(Kind::LatticeHashes),
        () if text.starts_with(".{") && text.contains(".shred_version = ") => Some(Kind::DecodedSet),
        () if text.starts_with(".{") && text.contains(".fec_sets = ") => Some(Kind::Index),
        () if text.starts_with("# Vectors: ") => Some(Kind::Index),
        () if text.contains("#include ") || text.contains("#ifndef ") => Some(Kind::Source),
        () => None,
    }
}

fn of_binary(bytes: &[u8]) -> Option<Kind> {
    let is_shred = |bytes: &&[u8]| matches!(bytes.len(), DATA_SHRED_LENGTH | CODE_SHRED_LENGTH);
    // By its variant: one that cannot be parsed is a shred as well, and is to be judged as one.
    if is_shred(&bytes) && matches!(bytes[64], 0x40..=0x4f | 0x5a | 0x60..=0x9f | 0xa5 | 0xb0..=0xbf) {
        return Some(Kind::Shred);
    }
    if let Some(items) = framed(bytes).filter(|items| !items.is_empty()) {
        if items.iter().all(is_shred) {
            return Some(Kind::FramedShreds);
        }
        if decode_entries(&batch_of(&items)).is_ok() {
            return Some(Kind::FramedEntries);
        }
    }
    match () {
        // The number of pcap's format in either order of bytes.
        () if bytes.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]) || bytes.starts_with(&[0xa1, 0xb2, 0xc3, 0xd4]) => {
            Some(Kind::Capture)
        }
        () if VoteStateVersions::deserialize(bytes).is_ok() => Some(Kind::VoteAccount),
        () if wincode::deserialize_exact::<VersionedTransaction>(bytes).is_ok() => Some(Kind::Transaction),
        // Tag, who pushes, how many values.
        () if bytes.starts_with(&[2, 0, 0, 0]) && matches!(bytes.get(36..44), Some([1..=9, 0, 0, 0, 0, 0, 0, 0])) => {
            Some(Kind::GossipPush)
        }
        () if are_signatures(bytes) => Some(Kind::Signatures),
        () if is_batch(bytes) => Some(Kind::Batch),
        () => None,
    }
}

/// Entries with a transaction: other bytes may be entries without by chance.
fn is_batch(bytes: &[u8]) -> bool {
    decode_entries(bytes).is_ok_and(|entries| entries.iter().any(|entry| !entry.transactions.is_empty()))
}

/// Records of 96 bytes that end with keys: every second 32 bytes are a point by chance.
fn are_signatures(bytes: &[u8]) -> bool {
    let (records, rest) = bytes.as_chunks::<96>();
    let is_key = |record: &&[u8; 96]| {
        let key: [u8; 32] = record[64..].try_into().expect("32 bytes");
        ed25519_dalek::VerifyingKey::from_bytes(&key).is_ok()
    };
    rest.is_empty() && records.len() >= 10 && records.iter().filter(is_key).count() * 4 >= records.len() * 3
}

/// Every file of a kind, with its path; a line that says so when there is none. Of a file of no kind, what is packed in it.
pub fn of_kind(kind: Kind) -> Vec<(String, Vec<u8>)> {
    let unfolded = |(name, bytes): (String, Vec<u8>)| match Kind::of(&bytes) {
        Some(_) => vec![(name, bytes)],
        None => forms(&bytes).into_iter().map(|form| (name.clone(), form)).collect(),
    };
    let found = files("solana", "").into_iter().flat_map(unfolded);
    let found: Vec<_> = found.filter(|(_, bytes)| Kind::of(bytes) == Some(kind)).collect();
    if found.is_empty() {
        println!("skipped: no file of solana is of the kind {kind:?}");
    }
    found
}

/// The end of a path, to print.
pub fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Items with a length of 64 bits before each.
pub fn framed(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let (mut rest, mut items) = (bytes, Vec::new());
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<8>()?;
        let (item, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        items.push(item);
        rest = after;
    }
    Some(items)
}

/// The batch that these entries are.
pub fn batch_of(entries: &[&[u8]]) -> Vec<u8> {
    [&(entries.len() as u64).to_le_bytes()[..], &entries.concat()].concat()
}

/// The shreds of a block as compressed JSON.
pub fn block_shreds(bytes: &[u8]) -> Vec<Vec<u8>> {
    serde_json::from_slice(&unzip(bytes)).unwrap()
}

/// The payloads of a block's batches, from all its data shreds; None when they are not whole.
pub fn payloads(shreds: &[Shred<'_>]) -> Option<Vec<Vec<u8>>> {
    let mut batches = vec![Vec::new()];
    for shred in shreds {
        let Body::Data { ends_batch, data, .. } = shred.body else { return None };
        batches.last_mut()?.extend(data);
        if ends_batch {
            batches.push(Vec::new());
        }
    }
    batches.pop()?.is_empty().then_some(batches)
}

/// The payloads of the recorded blocks' batches, and the batches of recorded entries.
pub fn batches() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (_, bytes) in of_kind(Kind::BlockShreds) {
        let shreds = block_shreds(&bytes);
        let slices: Vec<&[u8]> = shreds.iter().map(Vec::as_slice).collect();
        let shreds: Vec<_> = Shred::parse_each(&slices).into_iter().map(Result::unwrap).collect();
        found.extend(payloads(&shreds).unwrap());
    }
    found.extend(of_kind(Kind::Batch).into_iter().map(|(_, bytes)| bytes));
    let entries = of_kind(Kind::FramedEntries);
    found.extend(entries.iter().map(|(_, bytes)| batch_of(&framed(bytes).unwrap())));
    found
}

/// Every recorded transaction: by itself, among votes, in a node's block, in entries.
pub fn transactions() -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = of_kind(Kind::Transaction).into_iter().map(|(_, bytes)| bytes).collect();
    for (_, bytes) in of_kind(Kind::Votes) {
        found.extend(json(&bytes)["votes"].as_array().unwrap().iter().map(|vote| unhex(&vote["tx"])));
    }
    for (_, bytes) in of_kind(Kind::NodeBlock) {
        let block = json(&bytes);
        let transactions = block["base64"]["transactions"].as_array().unwrap();
        found.extend(transactions.iter().map(|row| unbase64(row["transaction"][0].as_str().unwrap())));
    }
    for batch in batches() {
        let entries = decode_entries(&batch).unwrap();
        found.extend(entries.iter().flat_map(|entry| &entry.transactions).map(written));
    }
    found.sort();
    found.dedup();
    found
}

/// The bytes that a transaction was read from.
pub fn written(transaction: &Transaction<'_>) -> Vec<u8> {
    let signatures = transaction.signatures.as_flattened();
    match transaction.message.version {
        MessageVersion::One => [transaction.message.bytes, signatures].concat(),
        _ => [&[transaction.signatures.len() as u8][..], signatures, transaction.message.bytes].concat(),
    }
}

/// The data of every recorded vote account.
pub fn vote_accounts() -> Vec<Vec<u8>> {
    of_kind(Kind::VoteAccount).into_iter().map(|(_, bytes)| bytes).collect()
}

/// One of each length.
pub fn by_length(all: &[Vec<u8>]) -> Vec<&[u8]> {
    let by_length: std::collections::BTreeMap<usize, &[u8]> =
        all.iter().map(|bytes| (bytes.len(), &bytes[..])).collect();
    by_length.into_values().collect()
}

#[test]
fn a_batch_and_a_capture_are_known_by_what_is_in_them() {
    let transfer = super::maker::transfer(&super::scene::depositor(), 1, "a memo");
    let batch = super::maker::entries(&[vec![transfer; 2], vec![]]);
    assert_eq!(Kind::of(&batch), Some(Kind::Batch));
    assert_eq!(Kind::of(&super::maker::entries(&[vec![]])), None);
    assert_eq!(Kind::of(&[&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0][..], &batch].concat()), Some(Kind::Capture));
}
