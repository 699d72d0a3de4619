//! SSZ by description: any node of any object's tree, of types that nothing here reads but official suites prove in.
//!
//! Source: ethereum/consensus-specs `ssz/simple-serialize.md`, with its progressive types.

use alloy_primitives::B256;
use rand::Rng;
use spandrel_verifiers::ethereum::ssz::{hash_pair, merkleize, uint64_chunk};

/// How an object is encoded and hashed.
#[derive(Clone, Debug)]
pub enum Type {
    /// A number, or a truth value, of so many bytes.
    Number(usize),
    Vector(Box<Type>, usize),
    /// Of at most so many elements; without a limit, in a tree that grows.
    List(Box<Type>, Option<u64>),
    BitVector(usize),
    BitList(Option<u64>),
    Container(Vec<(&'static str, Type)>),
    /// A container in a tree that grows, all of whose fields are active.
    Growing(Vec<(&'static str, Type)>),
}

/// What stands in the leaves of an object's tree.
enum Chunk<'a> {
    Packed(B256),
    Object(&'a Type, &'a [u8]),
}

/// The tree over the leaves: of this depth, or growing.
#[derive(Clone, Copy)]
enum Shape {
    Even(usize),
    Growing,
}

pub fn bytes(count: usize) -> Type {
    Type::Vector(Box::new(Type::Number(1)), count)
}

pub fn vector(of: Type, count: usize) -> Type {
    Type::Vector(Box::new(of), count)
}

pub fn list(of: Type, limit: u64) -> Type {
    Type::List(Box::new(of), Some(limit))
}

/// Leaves that so many elements of so many bytes are packed in.
fn packed(count: u64, size: usize) -> u64 {
    count.saturating_mul(size as u64).div_ceil(32)
}

fn depth(leaves: u64) -> usize {
    leaves.next_power_of_two().ilog2() as usize
}

fn pack(bytes: &[u8]) -> Vec<Chunk<'_>> {
    bytes.chunks(32).map(|part| Chunk::Packed(B256::right_padding_from(part))).collect()
}

/// The length that all encodings of a type have.
fn length(of: &Type) -> Option<usize> {
    match of {
        Type::Number(size) => Some(*size),
        Type::Vector(of, count) => Some(length(of)? * count),
        Type::BitVector(count) => Some(count.div_ceil(8)),
        Type::List(..) | Type::BitList(_) => None,
        Type::Container(fields) | Type::Growing(fields) => fields.iter().map(|(_, of)| length(of)).sum(),
    }
}

fn types<'a>(fields: &'a [(&'static str, Type)]) -> Vec<&'a Type> {
    fields.iter().map(|(_, of)| of).collect()
}

/// The encodings of parts of these types: those of varying length stand behind the others, at offsets.
fn split<'a>(types: &[&'a Type], encoded: &'a [u8]) -> Vec<Chunk<'a>> {
    let offset = |at: usize| u32::from_le_bytes(encoded[at..at + 4].try_into().unwrap()) as usize;
    let mut place = 0;
    let mut starts = Vec::new();
    for of in types {
        starts.push(length(of).map_or_else(|| offset(place), |_| place));
        place += length(of).unwrap_or(4);
    }
    let varying: Vec<usize> = (0..types.len()).filter(|index| length(types[*index]).is_none()).collect();
    assert_eq!(varying.first().map_or(encoded.len(), |first| starts[*first]), place, "no gap, nothing behind");
    let end = |index: usize| match length(types[index]) {
        Some(length) => starts[index] + length,
        None => varying.iter().find(|next| **next > index).map_or(encoded.len(), |next| starts[*next]),
    };
    (0..types.len()).map(|index| Chunk::Object(types[index], &encoded[starts[index]..end(index)])).collect()
}

/// The elements of a list: as many as the first offset, or the length of each, leaves room for.
fn elements<'a>(of: &'a Type, encoded: &'a [u8]) -> Vec<Chunk<'a>> {
    let count = match length(of) {
        Some(length) => encoded.len() / length,
        None if encoded.is_empty() => 0,
        None => u32::from_le_bytes(encoded[..4].try_into().unwrap()) as usize / 4,
    };
    split(&vec![of; count], encoded)
}

/// Bits without the one that marks their end, and how many there are.
fn bits(encoded: &[u8]) -> (Vec<u8>, u64) {
    let mut bits = encoded.to_vec();
    let last = bits.last_mut().expect("a mark");
    let mark = last.ilog2();
    *last ^= 1 << mark;
    let count = (encoded.len() as u64 - 1) * 8 + u64::from(mark);
    bits.truncate(count.div_ceil(8) as usize);
    (bits, count)
}

/// The node of an object's tree to which `path` leads from its root, right where it is true.
pub fn node(of: &Type, encoded: &[u8], path: &[bool]) -> B256 {
    let unpacked;
    let (leaves, shape, mixed_in) = match of {
        Type::Number(_) => (pack(encoded), Shape::Even(0), None),
        Type::BitVector(count) => (pack(encoded), Shape::Even(depth(count.div_ceil(256) as u64)), None),
        Type::BitList(limit) => {
            let count;
            (unpacked, count) = bits(encoded);
            let shape = limit.map_or(Shape::Growing, |limit| Shape::Even(depth(limit.div_ceil(256))));
            (pack(&unpacked), shape, Some(uint64_chunk(count)))
        }
        Type::Vector(of, count) => match **of {
            Type::Number(size) => (pack(encoded), Shape::Even(depth(packed(*count as u64, size))), None),
            _ => {
                let elements = elements(of, encoded);
                assert_eq!(elements.len(), *count);
                (elements, Shape::Even(depth(*count as u64)), None)
            }
        },
        Type::List(of, limit) => {
            let (leaves, count, limit) = match **of {
                Type::Number(size) => (pack(encoded), encoded.len() / size, limit.map(|limit| packed(limit, size))),
                _ => {
                    let elements = elements(of, encoded);
                    let count = elements.len();
                    (elements, count, *limit)
                }
            };
            let shape = limit.map_or(Shape::Growing, |limit| Shape::Even(depth(limit)));
            (leaves, shape, Some(uint64_chunk(count as u64)))
        }
        Type::Container(of) => (split(&types(of), encoded), Shape::Even(depth(of.len() as u64)), None),
        Type::Growing(of) => {
            let of_byte = |byte: usize| ((1_u32 << of.len().saturating_sub(8 * byte).min(8)) - 1) as u8;
            let active = B256::from(std::array::from_fn(of_byte));
            (split(&types(of), encoded), Shape::Growing, Some(active))
        }
    };
    let within = |path: &[bool]| match shape {
        Shape::Even(depth) => even(&leaves, depth, path),
        Shape::Growing => growing(&leaves, 0, path),
    };
    match (mixed_in, path) {
        (None, path) => within(path),
        (Some(mixed_in), []) => hash_pair(within(&[]), mixed_in),
        (Some(_), [false, path @ ..]) => within(path),
        (Some(mixed_in), path) => {
            assert_eq!(path, [true], "nothing stands under a length");
            mixed_in
        }
    }
}

impl Chunk<'_> {
    fn node(&self, path: &[bool]) -> B256 {
        match self {
            Self::Object(of, encoded) => node(of, encoded, path),
            Self::Packed(chunk) => {
                assert!(path.is_empty(), "nothing stands under a chunk");
                *chunk
            }
        }
    }
}

/// In a tree of `2^depth` leaves, of which those that are missing are zero.
fn even(leaves: &[Chunk<'_>], depth: usize, path: &[bool]) -> B256 {
    match (path, depth, leaves) {
        ([is_right, path @ ..], 1.., _) => {
            let (left, right) = leaves.split_at(leaves.len().min(1 << (depth - 1)));
            even(if *is_right { right } else { left }, depth - 1, path)
        }
        (path, 0, [leaf]) => leaf.node(path),
        _ => {
            assert!(path.is_empty() && leaves.len() <= 1 << depth, "nothing stands under a missing leaf");
            merkleize(&leaves.iter().map(|leaf| leaf.node(&[])).collect::<Vec<_>>(), depth)
        }
    }
}

/// In a tree of trees, each on the left of those behind it and four times as wide as the one before.
fn growing(leaves: &[Chunk<'_>], depth: usize, path: &[bool]) -> B256 {
    if leaves.is_empty() {
        assert!(path.is_empty(), "nothing stands behind the last leaf");
        return B256::ZERO;
    }
    let (here, behind) = leaves.split_at(leaves.len().min(1 << depth));
    match path {
        [] => hash_pair(even(here, depth, &[]), growing(behind, depth + 2, &[])),
        [false, path @ ..] => even(here, depth, path),
        [true, path @ ..] => growing(behind, depth + 2, path),
    }
}

/// The way to a generalized index.
pub fn path_to(index: u64) -> Vec<bool> {
    (0..index.ilog2()).rev().map(|height| (index >> height) & 1 == 1).collect()
}

/// The generalized index of the field with these names, from the outside in.
pub fn index_of(of: &Type, names: &[&str]) -> u64 {
    let [name, rest @ ..] = names else { return 1 };
    let below = |fields: &[(&str, Type)], within: &dyn Fn(u64) -> u64| {
        let place = fields.iter().position(|(field, _)| field == name).expect("a field of this name");
        let (outer, inner) = (within(place as u64), index_of(&fields[place].1, rest));
        (outer << inner.ilog2()) | (inner ^ (1 << inner.ilog2()))
    };
    match of {
        Type::Container(fields) => below(fields, &|place| (1 << depth(fields.len() as u64)) + place),
        // On the left of the active fields: right once for each tree before it, then left.
        Type::Growing(fields) => below(fields, &|place| {
            let (mut spine, mut depth, mut place) = (2, 0, place);
            while place >= 1 << depth {
                place -= 1 << depth;
                (spine, depth) = (2 * spine + 1, depth + 2);
            }
            ((2 * spine) << depth) + place
        }),
        other => panic!("no field {name} in {other:?}"),
    }
}

/// The encoding of the field with these names, from the outside in.
pub fn encoded_field<'a>(of: &'a Type, encoded: &'a [u8], names: &[&str]) -> &'a [u8] {
    let [name, rest @ ..] = names else { return encoded };
    let (Type::Container(fields) | Type::Growing(fields)) = of else { panic!("no field {name} in {of:?}") };
    let place = fields.iter().position(|(field, _)| field == name).expect("a field of this name");
    let parts = split(&types(fields), encoded);
    let Chunk::Object(of, encoded) = parts[place] else { unreachable!("fields are objects") };
    encoded_field(of, encoded, rest)
}

/// Some object of a type, its lists short.
pub fn sample(of: &Type, random: &mut impl Rng) -> Vec<u8> {
    let mut count = |limit: Option<u64>| random.random_range(0..=limit.map_or(6, |limit| limit.min(6))) as usize;
    match of {
        Type::Number(size) => (0..*size).map(|_| random.random()).collect(),
        Type::Vector(of, count) => join(&vec![&**of; *count], random),
        Type::List(of, limit) => {
            let count = count(*limit);
            join(&vec![&**of; count], random)
        }
        Type::BitVector(count) => {
            let mut bits: Vec<u8> = (0..count.div_ceil(8)).map(|_| random.random()).collect();
            if !count.is_multiple_of(8) {
                *bits.last_mut().unwrap() &= (1 << (count % 8)) - 1;
            }
            bits
        }
        Type::BitList(limit) => {
            let count = 50 * count(*limit);
            let mut bits: Vec<u8> = (0..=count / 8).map(|_| random.random()).collect();
            let (last, mark) = (bits.last_mut().unwrap(), 1_u8 << (count % 8));
            *last = (*last & (mark - 1)) | mark;
            bits
        }
        Type::Container(fields) | Type::Growing(fields) => join(&types(fields), random),
    }
}

/// Parts of these types: those of varying length behind the others, at offsets.
fn join(types: &[&Type], random: &mut impl Rng) -> Vec<u8> {
    let fixed: usize = types.iter().map(|of| length(of).unwrap_or(4)).sum();
    let (mut front, mut behind) = (Vec::new(), Vec::new());
    for of in types {
        let part = sample(of, random);
        if length(of).is_some() {
            front.extend(part);
        } else {
            front.extend(((fixed + behind.len()) as u32).to_le_bytes());
            behind.extend(part);
        }
    }
    [front, behind].concat()
}
