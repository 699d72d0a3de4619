//! The subscriber's end of ZMTP: what a publisher may say is heard as it was said, and anything else is refused before
//! more is held of it than a message may have.

mod zmtp_common;

use futures::executor::block_on;
use proptest::collection::vec;
use proptest::prelude::any;
use spandrel_watchers::bitcoin::{MAX_MESSAGE, Subscription, ZmtpError};
use tokio::io::{Join, join};
use zmtp_common::{READY, greeting};

/// A connection on which the publisher says `bytes` and ends, and what was said to it.
type Ended<'a> = Join<&'a [u8], Vec<u8>>;

fn open(bytes: &[u8]) -> Result<Subscription<Ended<'_>>, ZmtpError> {
    block_on(Subscription::open(join(bytes, Vec::new()), &["hashblock", "sequence"]))
}

/// What is refused of what the publisher says after `before`.
fn refused(before: &[&[u8]], then: &[u8]) -> String {
    let said = [before.concat(), then.to_vec()].concat();
    match open(&said) {
        Ok(mut publisher) => block_on(publisher.next()).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

/// A frame as RFC 23 has it.
fn frame(flags: u8, is_long: bool, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u64;
    match u8::try_from(length) {
        Ok(short) if !is_long => [&[flags, short], body].concat(),
        _ => [&[flags | 2][..], &length.to_be_bytes(), body].concat(),
    }
}

#[test]
fn a_length_is_refused_before_its_frame_has_come() {
    let begun = &[&greeting()[..], READY];
    let announced = |flags: u8, length: u64| [&[flags | 2][..], &length.to_be_bytes()].concat();
    for length in [MAX_MESSAGE + 1, 1 << 32, 1 << 62, u64::MAX] {
        let message = format!("frame: expected at most {MAX_MESSAGE} bytes, found {length}");
        assert_eq!(refused(begun, &announced(0, length)), message);
        assert_eq!(
            refused(begun, &announced(4, length)),
            format!("frame: expected at most 1024 bytes, found {length}")
        );
        assert_eq!(
            refused(&[&greeting()], &announced(0, length)),
            format!("frame: expected at most 0 bytes, found {length}")
        );
    }
    let ended = refused(begun, &announced(0, MAX_MESSAGE));
    assert!(ended.starts_with("connection: "), "as long as a message may be: {ended}");
    let left = MAX_MESSAGE - 9;
    let second = [frame(1, false, b"hashblock"), announced(0, left + 1)].concat();
    assert_eq!(refused(begun, &second), format!("frame: expected at most {left} bytes, found {}", left + 1));
}

#[test]
fn frames_without_an_end_are_refused_at_the_fourth() {
    let begun = &[&greeting()[..], READY];
    assert_eq!(refused(begun, &[1, 0].repeat(3)), "message: expected at most 3 frames, found more");
}

#[test]
fn what_is_no_publisher_is_refused_by_name() {
    let changed = |place: usize, byte: u8| {
        let mut greeting = greeting();
        greeting[place] = byte;
        refused(&[], &greeting)
    };
    assert_eq!(changed(10, 2), "greeting: expected ff … 7f, version 3 or above, found ff … 7f, version 2");
    assert_eq!(changed(0, b'H'), "greeting: expected ff … 7f, version 3 or above, found 48 … 7f, version 3");
    assert_eq!(changed(12, b'P'), r"mechanism: expected NULL, found PULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let refused = |then: &[u8]| refused(&[&greeting()], then);
    assert_eq!(refused(b"\x04\x06\x05READY"), "socket type: expected PUB or XPUB, found none");
    assert_eq!(
        refused(b"\x04\x19\x05READY\x0bsocket-TYPE\0\0\0\x03REP"),
        "socket type: expected PUB or XPUB, found REP"
    );
    assert_eq!(refused(b"\x04\x0a\x05ERROR\x03no\n"), r"refused: expected READY, found no\n");
    assert_eq!(refused(b"\x00\x00"), "handshake: expected READY, found a message");
    assert_eq!(refused(b"\x08\x00"), "flags: expected a command's or a message's, found 0x08");
    assert_eq!(refused(b"\x05\x00"), "flags: expected a command's or a message's, found 0x05");
}

#[tokio::test]
async fn a_ping_is_answered_in_the_middle_of_a_message() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    let ping = [frame(1, false, b"sequence"), frame(4, false, b"\x04PING\0\x0aabc"), frame(0, true, b"")].concat();
    theirs.write_all(&[&greeting()[..], READY, &ping].concat()).await.unwrap();
    let mut publisher = Subscription::open(ours, &["sequence"]).await.unwrap();
    assert_eq!(publisher.next().await.unwrap(), [b"sequence".to_vec(), Vec::new()]);
    drop(publisher);
    let mut heard = Vec::new();
    theirs.read_to_end(&mut heard).await.unwrap();
    let said = [frame(0, false, b"\x01sequence"), frame(4, false, b"\x04PONGabc")].concat();
    assert!(heard.ends_with(&said), "{heard:02x?}");
    let long = frame(4, false, b"\x04PING\0\0seventeen bytes..");
    let refused = refused(&[&greeting()[..], READY], &long);
    assert_eq!(refused, "ping: expected at most 16 bytes of context, found 17");
}

proptest::proptest! {
    /// What a publisher says is heard, whatever the lengths and the way they are written.
    #[test]
    fn messages_are_heard_as_they_were_said(
        said in vec(vec((vec(any::<u8>(), 0..600), any::<bool>()), 1..=3), 0..5),
    ) {
        let mut bytes = [&greeting()[..], READY].concat();
        for message in &said {
            for (index, (body, is_long)) in message.iter().enumerate() {
                bytes.extend(frame(u8::from(index + 1 < message.len()), *is_long, body));
            }
        }
        let mut publisher = open(&bytes).unwrap();
        for message in &said {
            let bodies: Vec<_> = message.iter().map(|(body, _)| body.clone()).collect();
            assert_eq!(block_on(publisher.next()).unwrap(), bodies);
        }
        assert!(matches!(block_on(publisher.next()), Err(ZmtpError::Io(_))));
    }

    /// Whatever else is said is a message or an error.
    #[test]
    fn whatever_is_said_is_heard_or_refused(bytes: Vec<u8>, begun in 0..3usize) {
        let begin = [&[][..], &greeting(), &[&greeting()[..], READY].concat()][begun].to_vec();
        let bytes = [begin, bytes].concat();
        if let Ok(mut publisher) = open(&bytes) {
            while let Ok(message) = block_on(publisher.next()) {
                assert!((1..=3).contains(&message.len()));
            }
        }
    }
}
