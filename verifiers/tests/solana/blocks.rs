//! Blocks of a small cluster: entries and footers, cut into shreds that stand under signed roots.

use alloy_primitives::{B256, Bytes};
use ed25519_dalek::{Signer, SigningKey};
use spandrel_verifiers::solana::{BlockPath, DATA_SHRED_LENGTH, ShredProof};

use super::{SHRED_VERSION, sha256};

/// A batch of entries with these transactions.
pub fn entries(entries: &[Vec<Bytes>]) -> Vec<u8> {
    let mut bytes = (entries.len() as u64).to_le_bytes().to_vec();
    for transactions in entries {
        bytes.extend([&1_u64.to_le_bytes()[..], &[7; 32], &(transactions.len() as u64).to_le_bytes()].concat());
        bytes.extend(transactions.iter().flatten());
    }
    bytes
}

/// The batch that a footer is.
pub fn footer(bank_hash: B256, time: u64) -> Vec<u8> {
    let nanoseconds = (time * 1_000_000_000 + 5).to_le_bytes();
    marker(0, &[&[1][..], bank_hash.as_slice(), &nanoseconds, &[4], b"test", &[0, 0, 0]].concat())
}

/// The batch that begins a block of Alpenglow on `parent`.
pub fn header(parent: (u64, B256)) -> Vec<u8> {
    marker(1, &[&[1][..], &parent.0.to_le_bytes(), parent.1.as_slice()].concat())
}

/// The batch that abandons what is before it, and goes on from `parent`.
pub fn update_parent(parent: (u64, B256)) -> Vec<u8> {
    marker(2, &[&[1][..], &parent.0.to_le_bytes(), parent.1.as_slice()].concat())
}

fn marker(variant: u8, content: &[u8]) -> Vec<u8> {
    [&[0; 8][..], &[1, 0, variant], &(content.len() as u16).to_le_bytes(), content].concat()
}

/// The batch that ends a block of Alpenglow.
pub fn tick() -> Vec<u8> {
    entries(&[vec![]])
}

/// A block as its data shreds; coding shreds are stood in for by their leaves.
pub struct Block {
    pub parent_slot: u64,
    pub parent_block_id: B256,
    pub shreds: Vec<Bytes>,
    pub roots: Vec<B256>,
    /// First and last index of each batch.
    pub batches: Vec<(usize, usize)>,
}

/// Entries of a proof in a set's tree of 32 data and 32 coding shreds.
pub const PROOF: usize = 6;
pub const SET: usize = 32;
const NODE: &[u8] = b"\x01SOLANA_MERKLE_SHREDS_NODE";
const LEAF: &[u8] = b"\x00SOLANA_MERKLE_SHREDS_LEAF";

/// Data of a shred with a proof of so many entries.
pub const fn capacity(proof: usize) -> usize {
    DATA_SHRED_LENGTH - 88 - 32 - proof * 20
}

impl Block {
    /// Shreds `batches`, each beginning right after the one before; the last is filled up to a whole FEC set.
    pub fn new(slot: u64, parent: (u64, B256), batches: &[Vec<u8>], leader: &SigningKey) -> Self {
        Self::filled(slot, parent, batches, leader, |place| place + 1 == batches.len())
    }

    /// As under Alpenglow, where each batch is filled up to a whole FEC set (SIMD-0337).
    pub fn aligned(slot: u64, parent: (u64, B256), batches: &[Vec<u8>], leader: &SigningKey) -> Self {
        Self::filled(slot, parent, batches, leader, |_| true)
    }

    fn filled(
        slot: u64,
        parent: (u64, B256),
        batches: &[Vec<u8>],
        leader: &SigningKey,
        is_filled: impl Fn(usize) -> bool,
    ) -> Self {
        let (mut pieces, mut ranges) = (Vec::<Piece>::new(), Vec::new());
        for (place, batch) in batches.iter().enumerate() {
            let first = pieces.len();
            pieces.extend(batch.chunks(capacity(PROOF)).map(|piece| (piece.to_vec(), 0)));
            while is_filled(place) && !pieces.len().is_multiple_of(SET) {
                pieces.push((Vec::new(), 0));
            }
            let last = pieces.len() - 1;
            pieces[last].1 = if place + 1 == batches.len() { 0xc0 } else { 0x40 };
            ranges.push((first, last));
        }
        let (mut shreds, mut roots, mut chained) = (Vec::new(), Vec::new(), parent.1);
        for (place, pieces) in pieces.chunks(SET).enumerate() {
            let set = Set { slot, parent: parent.0, first: (place * SET) as u32, chained };
            let (set_shreds, root) = set.shred(pieces, &[], leader);
            shreds.extend(set_shreds);
            roots.push(root);
            chained = root;
        }
        Self { parent_slot: parent.0, parent_block_id: parent.1, shreds, roots, batches: ranges }
    }

    /// Root of the last set: the id under TowerBFT.
    pub fn chained_id(&self) -> B256 {
        self.roots[self.roots.len() - 1]
    }

    /// Root of the tree over the sets and the parent: the id under Alpenglow.
    pub fn double_id(&self) -> B256 {
        let count = self.roots.len() as u32;
        let parent = sha256(&[&self.parent_slot.to_le_bytes(), self.parent_block_id.as_slice(), &count.to_le_bytes()]);
        let mut row = [&self.roots[..], &[parent]].concat();
        while row.len() > 1 {
            row = row.chunks(2).map(|pair| join(pair[0], pair[pair.len() - 1])).collect();
        }
        row[0]
    }

    /// The proof of a batch under TowerBFT.
    pub fn chained(&self, batch: usize) -> ShredProof {
        let (_, last) = self.batches[batch];
        let tail = self.shreds.chunks(32).skip(last / 32 + 1).map(|set| set[0].clone()).collect();
        self.proof(batch, BlockPath::Chained { tail })
    }

    /// The proof of a batch under Alpenglow.
    pub fn double(&self, batch: usize) -> ShredProof {
        let Self { parent_slot, parent_block_id, .. } = *self;
        let path = BlockPath::DoubleMerkle { parent_slot, parent_block_id, fec_set_roots: self.roots.clone() };
        self.proof(batch, path)
    }

    fn proof(&self, batch: usize, block: BlockPath) -> ShredProof {
        let (first, last) = self.batches[batch];
        let before = first.checked_sub(1).map(|before| self.shreds[before].clone());
        ShredProof { before, batch: self.shreds[first..=last].to_vec(), block }
    }
}

fn join(left: B256, right: B256) -> B256 {
    sha256(&[NODE, &left[..20], &right[..20]])
}

/// The data of a shred and its flags.
pub type Piece = (Vec<u8>, u8);

/// A FEC set before its shreds are made.
pub struct Set {
    pub slot: u64,
    pub parent: u64,
    /// Index of its first data shred.
    pub first: u32,
    /// Root of the set before.
    pub chained: B256,
}

impl Set {
    /// The shreds of `pieces`, from the set's first place on, and its root. With more than 32 of them, the set has data
    /// shreds in places of coding shreds.
    ///
    /// Each of `shallow` stands with its place where a tree of half the size has it: in ours, that is a node over two
    /// shreds, which nobody can then be shown. Their shreds follow those of `pieces`.
    pub fn shred(&self, pieces: &[Piece], shallow: &[(usize, Piece)], leader: &SigningKey) -> (Vec<Bytes>, B256) {
        let deep = pieces.iter().enumerate().map(|(place, piece)| (place, self.body(place, piece, PROOF)));
        let shallow = shallow.iter().map(|(place, piece)| (*place, self.body(*place, piece, PROOF - 1)));
        let (deep, shallow): (Vec<_>, Vec<_>) = (deep.collect(), shallow.collect());
        let leaf = |body: &[u8]| sha256(&[LEAF, body]);
        let coding = |n: usize| sha256(&[b"coding", &[n as u8], &self.slot.to_le_bytes(), &self.first.to_le_bytes()]);
        let mut row: Vec<B256> = deep.iter().map(|(_, body)| leaf(body)).collect();
        row.extend((row.len()..2 * SET).map(coding));
        let mut proofs = vec![Vec::new(); deep.len() + shallow.len()];
        for level in 0..PROOF {
            if level == 1 {
                shallow.iter().for_each(|(place, body)| row[*place] = leaf(body));
            }
            let (of_deep, of_shallow) = proofs.split_at_mut(deep.len());
            for (proof, (place, _)) in of_deep.iter_mut().zip(&deep) {
                proof.extend(&row[(place >> level) ^ 1][..20]);
            }
            for (proof, (place, _)) in of_shallow.iter_mut().zip(&shallow).filter(|_| level > 0) {
                proof.extend(&row[(place >> (level - 1)) ^ 1][..20]);
            }
            row = row.chunks(2).map(|pair| join(pair[0], pair[1])).collect();
        }
        let root = row[0];
        let signature = leader.sign(root.as_slice()).to_bytes();
        let bodies = deep.into_iter().chain(shallow).map(|(_, body)| body);
        let shred = |(body, proof): (Vec<u8>, Vec<u8>)| [&signature[..], &body, &proof].concat().into();
        (bodies.zip(proofs).map(shred).collect(), root)
    }

    /// A data shred without its signature and its proof.
    fn body(&self, place: usize, (data, flags): &Piece, proof: usize) -> Vec<u8> {
        let mut bytes = vec![0x90 | proof as u8];
        bytes.extend(self.slot.to_le_bytes());
        bytes.extend((self.first + place as u32).to_le_bytes());
        bytes.extend(SHRED_VERSION.to_le_bytes());
        bytes.extend(self.first.to_le_bytes());
        bytes.extend(((self.slot - self.parent) as u16).to_le_bytes());
        bytes.push(*flags);
        bytes.extend((88 + data.len() as u16).to_le_bytes());
        bytes.extend(data);
        bytes.resize(capacity(proof) + 88 - 64, 0);
        bytes.extend(self.chained);
        bytes
    }
}
