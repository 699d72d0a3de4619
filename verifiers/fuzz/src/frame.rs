//! The frame of a fuzz crate, here and in `relayer/fuzz`: targets, one file each, and the fuzzer that runs one of them.

use std::collections::BTreeSet;
use std::path::Path;

pub use libfuzzer_sys::arbitrary::{Arbitrary, Unstructured};

/// What is done with the fuzzer's bytes.
pub type Target = fn(&[u8]);

/// Makes a file of `targets` a target: `fuzz_target!(|input: T| { … });` for bytes or anything `Arbitrary`. A panic in
/// the body is a finding.
#[macro_export]
macro_rules! fuzz_target {
    (|$input:ident: &[u8]| $body:block) => {
        pub fn run($input: &[u8]) $body
    };
    (|$input:ident: $type:ty| $body:block) => {
        pub fn run(bytes: &[u8]) {
            let unstructured = $crate::frame::Unstructured::new(bytes);
            if let Ok($input) = <$type as $crate::frame::Arbitrary>::arbitrary_take_rest(unstructured) {
                $body
            }
        }
    };
}

/// Makes these files the targets.
#[macro_export]
macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+
        /// Every target by its name.
        pub const ALL: &[(&str, $crate::frame::Target)] = &[$((stringify!($name), $name::run)),+];
    };
}

/// The target that `FUZZ_TARGET` names.
///
/// # Panics
/// When none is called so.
pub fn asked_for(all: &[(&str, Target)]) -> Target {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = all.iter().find(|(name, _)| *name == wanted);
    let names = || all.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    found.unwrap_or_else(|| panic!("FUZZ_TARGET: expected one of {:?}, found {wanted:?}", names())).1
}

/// Whether every file in `src/targets` of the crate at `root`, and every row of the README there, is one of these, and they
/// are no others.
///
/// # Panics
/// When the folder cannot be read.
pub fn is_every_file(root: &str, all: &[(&str, Target)]) -> bool {
    let files = std::fs::read_dir(Path::new(root).join("src/targets")).expect("a folder of targets");
    let files = files.map(|entry| entry.expect("an entry").path());
    let names = files.map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned());
    let names: BTreeSet<String> = names.filter(|name| name != "mod").collect();
    let known: BTreeSet<String> = all.iter().map(|(name, _)| (*name).to_owned()).collect();
    let table = std::fs::read_to_string(Path::new(root).join("README.md")).expect("a README");
    let rows = table.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()));
    names == known && rows.collect::<BTreeSet<_>>() == known
}

/// Gives every target what is hardly an input.
pub fn run_on_scraps(all: &[(&str, Target)]) {
    for (_, target) in all {
        for scrap in [&[][..], &[0], &[0xff; 64]] {
            target(scrap);
        }
    }
}
