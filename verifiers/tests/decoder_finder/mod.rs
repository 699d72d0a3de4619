//! Which functions of a crate make values of outside bytes or text, and which of them some other sources really call.
//! Sources are parsed, so that no comment, string, `use` or longer name counts as a call.

mod calls;
mod definitions;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

pub use calls::Calls;
pub use definitions::{Decoder, derived, functions};

/// A decoder that the sources need not call: through what they reach it, or why nothing from outside gets there.
#[derive(Clone, Copy)]
pub enum Excuse {
    /// Through this call.
    Through(&'static str),
    /// Because of this.
    Since(&'static str),
}

/// Paths and texts of the Rust sources under a folder.
pub fn sources(folder: PathBuf) -> Vec<(PathBuf, String)> {
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let read = |path: PathBuf| match path.is_dir() {
        true => sources(path),
        false => vec![(path.clone(), std::fs::read_to_string(&path).unwrap())],
    };
    let found = entries.flat_map(|entry| read(entry.unwrap().path()));
    found.filter(|(path, _)| path.extension().is_some_and(|kind| kind == "rs")).collect()
}

/// What is wrong: decoders that are neither called nor excused, and excuses that excuse nothing.
pub fn judge(decoders: &[Decoder], calls: &Calls, excuses: &[(&str, Excuse)]) -> Vec<String> {
    let by_name: BTreeMap<&str, Excuse> = excuses.iter().copied().collect();
    let known: BTreeSet<&str> = decoders.iter().map(|decoder| decoder.name.as_str()).collect();
    let mut wrong = Vec::new();
    for decoder in decoders {
        let name = decoder.name.as_str();
        match by_name.get(name) {
            None if !calls.has(name) => wrong.push(format!("{name} ({}): never called", decoder.at)),
            None => {}
            Some(_) if calls.has(name) => wrong.push(format!("{name}: excused, and called all the same")),
            Some(Excuse::Through(by)) if !calls.has(by) => {
                wrong.push(format!("{name}: excused by {by}, which is never called"));
            }
            Some(Excuse::Since("")) => wrong.push(format!("{name}: excused without a reason")),
            Some(_) => {}
        }
    }
    let gone = by_name.keys().filter(|name| !known.contains(*name));
    wrong.extend(gone.map(|name| format!("{name}: excused, but no such decoder")));
    wrong.extend((by_name.len() < excuses.len()).then(|| "a decoder is excused twice".to_owned()));
    wrong
}

#[test]
fn only_a_call_is_a_call() {
    let none = [
        "// Header::decode(bytes)",
        "const TEXT: &str = \"Header::decode(bytes)\";",
        "use headers::{Header::decode, decode};",
        "fn f() { OtherHeader::decode(b); Header::decode_all(b); header.decode(b); Header::encode(b) }",
        "fn decode() {}",
    ];
    for text in none {
        let calls = Calls::of([text]);
        assert!(!calls.has("Header::decode") && !calls.has("decode"), "{text}");
    }
    let some = [
        "fuzz_target!(|b: &[u8]| { if let Ok(read) = cosmos::Header::decode(b) {} });",
        "fn f() { bytes.map(Header::decode) }",
        "fn f() { Header::<'_>::decode(b) }",
    ];
    assert!(some.iter().all(|text| Calls::of([text]).has("Header::decode")));
    assert!(!Calls::of(some).has("decode"));
    let free = ["fn f() { bus::decode(b) }", "fn f() { decode(b) }", "fn f() { decode::<T>(b) }"];
    assert!(free.iter().all(|text| Calls::of([text]).has("decode")));
    let parsed = Calls::of(["fn f() { text.parse::<ChainId>(); serde_json::from_slice::<file::Trust>(b); }"]);
    assert!(parsed.has("ChainId: FromStr") && parsed.has("Trust: Deserialize"));
    assert!(!parsed.has("Trust: FromStr") && !parsed.has("ChainId: Deserialize"));
}

#[test]
fn every_way_to_write_a_decoder_is_found() {
    let text = r#"
        pub fn decode_entries(bytes: &[u8]) -> Result<Vec<Entry>, Error> { todo!() }
        pub(crate) fn parse_inside(bytes: &[u8]) -> Option<u8> { None }
        fn parse_alone(bytes: &[u8]) -> Option<u8> { None }
        impl<'a> Shred<'a> {
            pub fn parse(bytes: &'a [u8]) -> Option<Self> { None }
            pub fn of_wire(bytes: &[u8]) -> Result<Self, Error> { todo!() }
            pub fn parsed(&self) -> bool { true }
        }
        pub trait Container: Sized { fn decode_ssz(bytes: &[u8]) -> Option<Self>; }
        impl Container for Update { fn decode_ssz(bytes: &[u8]) -> Option<Self> { None } }
        impl TryFrom<&[u8]> for Key { type Error = (); fn try_from(bytes: &[u8]) -> Result<Self, ()> { Err(()) } }
        impl TryFrom<u8> for Lane { type Error = (); fn try_from(lane: u8) -> Result<Self, ()> { Err(()) } }
        impl std::str::FromStr for Url { type Err = (); fn from_str(text: &str) -> Result<Self, ()> { Err(()) } }
        impl<'de> Deserialize<'de> for Amount { fn deserialize<D>(from: D) -> Result<Self, D::Error> { todo!() } }
        macro_rules! ids { ($name:ident) => { impl FromStr for $name { } } }
        #[cfg(test)]
        mod tests { pub fn decode_in_tests(bytes: &[u8]) -> Option<u8> { None } }
    "#;
    let found: Vec<String> = functions("of.rs", text).into_iter().map(|decoder| decoder.name).collect();
    let expected = [
        "decode_entries",
        "Shred::parse",
        "Shred::of_wire",
        "Container::decode_ssz",
        "Key: TryFrom",
        "Url: FromStr",
        "Amount: Deserialize",
        "ids!: FromStr",
    ];
    assert_eq!(found, expected);
    let text = "
        #[derive(Deserialize)] pub struct Outer { inner: Vec<Inner> }
        #[derive(Debug, serde::Deserialize)] pub enum Inner { One(Deep) }
        #[derive(Deserialize)] pub struct Deep;
        #[derive(Deserialize)] struct Hidden { seen: Seen }
        #[derive(Deserialize)] pub struct Seen;
        #[derive(Serialize)] pub struct Written;
    ";
    let found: Vec<String> =
        derived(&[("of.rs".into(), text.to_owned())]).into_iter().map(|found| found.name).collect();
    assert_eq!(found, ["Outer: Deserialize"]);
}

#[test]
fn an_excuse_must_be_needed() {
    let decoders = functions("of.rs", "pub fn decode(bytes: &[u8]) -> u8 { 0 }");
    let (called, silent) = (Calls::of(["fn f() { decode(b); Outer::read(b) }"]), Calls::of(["fn f() {}"]));
    assert!(judge(&decoders, &called, &[]).is_empty());
    assert_eq!(judge(&decoders, &silent, &[]).len(), 1);
    let since = [("decode", Excuse::Since("a reason"))];
    assert!(judge(&decoders, &silent, &since).is_empty());
    assert_eq!(judge(&decoders, &called, &since).len(), 1);
    assert_eq!(judge(&decoders, &silent, &[("decode", Excuse::Since(""))]).len(), 1);
    let through = [("decode", Excuse::Through("Outer::read"))];
    assert_eq!(judge(&decoders, &silent, &through).len(), 1);
    assert_eq!(judge(&[], &called, &through).len(), 1);
}
