//! What a ZMQ publisher says on its connection, from its greeting on: messages that are in bounds, or an error.

use futures::executor::block_on;
use spandrel_verifiers_fuzz::patch::{Patch, patched};
use spandrel_watchers::bitcoin::{Hint, MAX_FRAMES, Subscription, TOPICS};
use tokio::io::join;

use crate::publishers::{READY, greeting};

/// A message about a block, of three short frames.
fn message() -> Vec<u8> {
    [&[1, 9], &b"hashblock"[..], &[1, 32], &[0; 32], &[0, 4], &[7, 0, 0, 0]].concat()
}

fuzz_target!(|input: (u8, Vec<Patch>, bool)| {
    let (count, patches, is_begun) = input;
    let (begin, messages) = ([&greeting()[..], READY].concat(), message().repeat(usize::from(count % 4)));
    let said = match is_begun {
        true => [begin, patched(messages, &patches)].concat(),
        false => patched([begin, messages].concat(), &patches),
    };
    let mut heard = 0;
    if let Ok(mut publisher) = block_on(Subscription::open(join(&said[..], Vec::new()), &TOPICS)) {
        while let Ok(message) = block_on(publisher.next()) {
            assert!(!message.is_empty() && message.len() <= MAX_FRAMES);
            let length: usize = message.iter().map(Vec::len).sum();
            assert!(length < said.len());
            heard += usize::from(Hint::parse(&message).is_some());
        }
    }
    assert!(!patches.is_empty() || heard == usize::from(count % 4));
});
