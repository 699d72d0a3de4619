//! Frames (RFC 23, "Framing"): flags, a length of 1 or 8 bytes, and so many bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{ZmtpError, unexpected};

/// More frames of the message follow.
const MORE: u8 = 1;
/// The length has 8 bytes.
const LONG: u8 = 2;
/// A command, not a part of a message.
pub const COMMAND: u8 = 4;

/// Longest command that is read: one whose properties are a socket's type and identity is far shorter.
const MAX_COMMAND: u64 = 1024;

/// One frame.
pub enum Frame {
    /// Of the protocol itself.
    Command(Vec<u8>),
    /// Of a message.
    Part { body: Vec<u8>, has_more: bool },
}

/// Reads a frame; a part of a message may have `room` bytes.
pub async fn read(stream: &mut (impl AsyncRead + Unpin), room: u64) -> Result<Frame, ZmtpError> {
    let flags = stream.read_u8().await?;
    let (is_command, has_more) = (flags & COMMAND != 0, flags & MORE != 0);
    if flags & !(MORE | LONG | COMMAND) != 0 || is_command && has_more {
        return unexpected("flags", "a command's or a message's".to_owned(), format!("{flags:#04x}"));
    }
    let length = if flags & LONG == 0 { stream.read_u8().await?.into() } else { stream.read_u64().await? };
    let most = if is_command { MAX_COMMAND } else { room };
    if length > most {
        return unexpected("frame", format!("at most {most} bytes"), length.to_string());
    }
    // Grows with what comes, not by what was announced.
    let mut body = Vec::new();
    if (&mut *stream).take(length).read_to_end(&mut body).await? as u64 != length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    Ok(if is_command { Frame::Command(body) } else { Frame::Part { body, has_more } })
}

/// Writes a frame of fewer than 256 bytes; it may stay in a buffer.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), flags: u8, body: &[u8]) -> io::Result<()> {
    let length = u8::try_from(body.len()).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    stream.write_all(&[&[flags, length], body].concat()).await
}
