//! One file a target. To add one: write `NAME.rs` with a `fuzz_target!`, and put its name below.

targets!(body, call, header, message, node, path, publisher, query, statement);

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, RngCore, SeedableRng};
    use spandrel_verifiers_fuzz::frame::{is_every_file, run_on_scraps};

    use super::ALL;

    #[test]
    fn every_file_is_a_target() {
        assert!(is_every_file(env!("CARGO_MANIFEST_DIR"), ALL));
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
        run_on_scraps(ALL);
    }
}
