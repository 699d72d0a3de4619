//! How a connection begins (RFC 23, "Connection" and "NULL"): greetings of 64 bytes, then a READY of either end.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::frame::{self, Frame};
use super::{ZmtpError, unexpected};

const GREETING: usize = 64;
/// Where a greeting has version and mechanism.
const MAJOR: usize = 10;
const MECHANISM: std::ops::Range<usize> = 12..32;

const READY: &[u8] = b"\x05READY";
const ERROR: &[u8] = b"\x05ERROR";
const SOCKET_TYPE: &[u8] = b"socket-type";

/// Says who this is, and hears that the other end is a publisher.
pub async fn shake(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), ZmtpError> {
    stream.write_all(&greeting()).await?;
    stream.flush().await?;
    let mut theirs = [0; GREETING];
    stream.read_exact(&mut theirs).await?;
    check(&theirs)?;
    let ready = [READY, &[11], b"Socket-Type", &3u32.to_be_bytes(), b"SUB"].concat();
    frame::write(stream, frame::COMMAND, &ready).await?;
    stream.flush().await?;
    match frame::read(stream, 0).await? {
        Frame::Command(command) => hear(&command),
        Frame::Part { .. } => unexpected("handshake", "READY".to_owned(), "a message".to_owned()),
    }
}

fn greeting() -> [u8; GREETING] {
    let mut greeting = [0; GREETING];
    (greeting[0], greeting[9], greeting[MAJOR]) = (0xff, 0x7f, 3);
    greeting.iter_mut().skip(MECHANISM.start).zip(b"NULL").for_each(|(place, byte)| *place = *byte);
    greeting
}

fn check(theirs: &[u8; GREETING]) -> Result<(), ZmtpError> {
    let ours = greeting();
    if (theirs[0], theirs[9]) != (ours[0], ours[9]) || theirs[MAJOR] < ours[MAJOR] {
        let found = format!("{:02x} … {:02x}, version {}", theirs[0], theirs[9], theirs[MAJOR]);
        return unexpected("greeting", "ff … 7f, version 3 or above".to_owned(), found);
    }
    if theirs[MECHANISM] != ours[MECHANISM] {
        let found = String::from_utf8_lossy(&theirs[MECHANISM]).escape_debug().to_string();
        return unexpected("mechanism", "NULL".to_owned(), found);
    }
    Ok(())
}

/// Takes the other end's first command.
fn hear(command: &[u8]) -> Result<(), ZmtpError> {
    let Some(properties) = command.strip_prefix(READY) else {
        let is_error = command.starts_with(ERROR);
        let said = if is_error { command.get(ERROR.len() + 1..).unwrap_or_default() } else { command };
        let said = String::from_utf8_lossy(said).escape_debug().take(80).collect();
        return unexpected(if is_error { "refused" } else { "handshake" }, "READY".to_owned(), said);
    };
    match socket_type(properties) {
        Some(b"PUB" | b"XPUB") => Ok(()),
        found => {
            let found = found.map_or("none".into(), String::from_utf8_lossy);
            unexpected("socket type", "PUB or XPUB".to_owned(), found.escape_debug().take(80).collect())
        }
    }
}

/// The property of that name: names have a length of 1 byte, in any case of letters, values one of 4.
fn socket_type(mut properties: &[u8]) -> Option<&[u8]> {
    loop {
        let (length, rest) = properties.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        if name.eq_ignore_ascii_case(SOCKET_TYPE) {
            return Some(value);
        }
        properties = rest;
    }
}
