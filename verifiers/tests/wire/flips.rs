//! Any flipped byte of anything that is decoded is refused, means the same, or is the one writing of what it means; and
//! no flipped byte of a proof proves another deposit under the same trust.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use spandrel_verifiers::file::EvidenceFile;

use crate::decoders::{Decoder, all};
use crate::honest::HONEST;

static DECODERS: LazyLock<Vec<Decoder>> = LazyLock::new(|| all(&HONEST));

/// What came of a flipped byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fate {
    Refused,
    Same,
    Another,
}

/// JSON without what means nothing in it: white space, the prefix and case of hexadecimal digits, and the stroke before
/// a slash, which is the only letter that may be escaped and is written without.
fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    text.split_ascii_whitespace().collect::<String>().replace("\"0x", "\"").replace("\\/", "/")
}

impl Decoder {
    fn is_writing(&self, written: &[u8], bytes: &[u8]) -> bool {
        written == bytes || (self.is_json && plain(written) == plain(bytes))
    }

    /// The fate of honest bytes with one of them changed; what breaks the rule is told.
    fn flip(&self, place: usize, mask: u8) -> Result<Fate, String> {
        let mut bytes = self.honest.clone();
        bytes[place] ^= mask;
        match (self.again)(&bytes) {
            None => Ok(Fate::Refused),
            Some(again) if again == self.honest => {
                // Where one meaning has one writing, no other writing is read.
                if self.is_json {
                    Ok(Fate::Same)
                } else {
                    Err(self.told(place, mask, "is another writing of the same"))
                }
            }
            Some(again) if self.is_writing(&again, &bytes) => Ok(Fate::Another),
            // Read in any notation (hexadecimal, decimal, octal, binary): a work that the reader compares, and numbers of
            // signatures that are checked.
            Some(_) if self.is_json && ["chain_work", "r", "s"].contains(&self.key_at(place)) => Ok(Fate::Another),
            Some(again) => {
                let shown = |bytes: &[u8]| {
                    let around = &bytes[place.saturating_sub(30).min(bytes.len())..bytes.len().min(place + 30)];
                    String::from_utf8_lossy(around).into_owned()
                };
                let what = format!("is read as something else: {:?} became {:?}", shown(&bytes), shown(&again));
                Err(self.told(place, mask, &what))
            }
        }
    }

    /// The name before the text in which a place of JSON lies.
    fn key_at(&self, place: usize) -> &str {
        let text = std::str::from_utf8(&self.honest).unwrap();
        let before = text[..place].rsplit_once("\":\"").map_or("", |(before, _)| before);
        before.rsplit_once('"').map_or("", |(_, key)| key)
    }

    fn told(&self, place: usize, mask: u8, what: &str) -> String {
        format!("{}: byte {place} of {} with {mask:#04x} flipped {what}", self.name, self.honest.len())
    }
}

#[test]
fn honest_bytes_are_read_and_written_again() {
    for decoder in &*DECODERS {
        assert_eq!((decoder.again)(&decoder.honest).as_ref(), Some(&decoder.honest), "{}", decoder.name);
    }
}

/// A byte before a slash that became a stroke: the text is one letter shorter, and may be one that is read.
#[test]
fn a_slash_of_json_may_be_escaped() {
    let mut read = 0;
    for decoder in DECODERS.iter().filter(|decoder| decoder.is_json) {
        let text = String::from_utf8(decoder.honest.clone()).unwrap();
        let escaped = text.replace('/', "\\/").into_bytes();
        assert_eq!((decoder.again)(&escaped).as_ref(), Some(&decoder.honest), "{}", decoder.name);
        for (place, _) in text.match_indices('/') {
            let fate = decoder.flip(place - 1, text.as_bytes()[place - 1] ^ b'\\').unwrap();
            read += usize::from(fate == Fate::Another);
        }
    }
    assert!(read > 0, "none was read");
}

/// Every byte of a short input, in all of its bits; of a long one, bytes all over it.
#[test]
fn bytes_flipped_all_over_are_refused_or_mean_what_they_say() {
    let mut broken = Vec::new();
    for decoder in &*DECODERS {
        let mut fates = BTreeMap::new();
        let length = decoder.honest.len();
        let is_short = length <= 600;
        for place in (0..length).step_by(if is_short { 1 } else { length.div_ceil(400) }) {
            let masks = if is_short { vec![1, 2, 4, 8, 16, 32, 64, 128, 255] } else { vec![1 << (place % 8), 0x20] };
            for mask in masks {
                match decoder.flip(place, mask) {
                    Ok(fate) => *fates.entry(fate).or_insert(0_usize) += 1,
                    Err(told) => broken.push(told),
                }
            }
        }
        println!("{}: {fates:?} of {} bytes", decoder.name, decoder.honest.len());
    }
    assert!(broken.is_empty(), "{} break the rule:\n{}", broken.len(), broken.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_byte_flipped_in_any_way_is_refused_or_means_what_it_says(which: Index, place: Index, mask in 1..=255_u8) {
        let decoder = which.get(DECODERS.as_slice());
        let told = decoder.flip(place.index(decoder.honest.len()), mask);
        prop_assert!(told.is_ok(), "{}", told.unwrap_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_200))]

    /// Either form of the file of any chain. What is trusted is part of a file: whoever changes it may prove another
    /// deposit, but what the reader is told to compare is another then.
    #[test]
    fn a_flipped_byte_of_a_file_proves_nothing_else_under_the_same_trust(
        which in 0..4_usize, is_json: bool, place: Index, mask in 1..=255_u8,
    ) {
        let honest = &HONEST.files[which];
        let mut bytes =
            if is_json { serde_json::to_vec(honest).unwrap() } else { honest.to_bytes().unwrap() };
        let place = place.index(bytes.len());
        bytes[place] ^= mask;
        if let Ok(file) = EvidenceFile::read(&bytes)
            && let Ok(verified) = file.verify(u64::MAX)
        {
            let expected = honest.verify(u64::MAX).unwrap();
            let is_told = file.trust.said() != honest.trust.said();
            prop_assert!(verified == expected || is_told, "byte {}: {:?}", place, verified);
        }
    }
}
