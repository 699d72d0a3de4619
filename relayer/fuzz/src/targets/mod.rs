//! One file a target. To add one: write `NAME.rs` with a `fuzz_target!`, and put its name below.

/// What is done with the fuzzer's bytes.
pub type Target = fn(&[u8]);

macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        $(mod $name;)+
        /// Every target by its name.
        pub const ALL: &[(&str, Target)] = &[$((stringify!($name), $name::run)),+];
    };
}

targets!(body, call, header, message, path, query, statement);

/// The target called `name`.
pub fn find(name: &str) -> Option<Target> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use rand::rngs::StdRng;
    use rand::{Rng, RngCore, SeedableRng};

    use super::*;

    #[test]
    fn every_file_is_a_target() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/targets");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let names = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        let names: BTreeSet<_> = names.filter(|name| name != "mod").collect();
        assert_eq!(names, ALL.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    /// What the fuzzer does with its feedback, blindly: it finds at once what is plainly wrong.
    #[test]
    fn every_target_holds_for_inputs_at_random() {
        let mut random = StdRng::seed_from_u64(7);
        for (_, target) in ALL {
            for _ in 0..500 {
                let mut input = vec![0; random.random_range(0..300)];
                random.fill_bytes(&mut input);
                target(&input);
            }
        }
    }

    #[test]
    fn every_target_takes_what_is_no_input() {
        for (_, target) in ALL {
            for input in [&[][..], &[0], &[0xff; 64]] {
                target(input);
            }
        }
    }
}
