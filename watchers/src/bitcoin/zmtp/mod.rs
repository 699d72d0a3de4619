//! The subscriber's end of a ZMQ connection: ZMTP 3.0 without security, as much of it as hearing a publisher takes.
//!
//! Source: ZeroMQ RFC 23 (ZMTP 3.0), and RFC 37 (3.1) for PING and PONG. Whoever is on the other end, no more than
//! [`MAX_MESSAGE`] bytes are held of it, and nothing is reserved for bytes that have not come: a length is refused before
//! its frame is read.

mod frame;
mod handshake;

use std::io;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};

use frame::{Frame, read, write};

/// Longest message, all its frames together: a block (BIP 141) with its topic and counter.
pub const MAX_MESSAGE: u64 = 4_000_000 + 64;
/// Most frames of a message.
pub const MAX_FRAMES: usize = 3;
/// Longest context of a PING, which its PONG repeats (RFC 37).
const MAX_CONTEXT: usize = 16;

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum ZmtpError {
    /// It broke, or ended.
    #[error("connection: {0}")]
    Io(#[from] io::Error),
    /// The other end says what a publisher does not.
    #[error("{field}: expected {expected}, found {found}")]
    Unexpected {
        /// Which part.
        field: &'static str,
        /// What a publisher says there.
        expected: String,
        /// What was said.
        found: String,
    },
}

/// A connection to a publisher that knows what is wanted.
#[derive(Debug)]
pub struct Subscription<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Subscription<S> {
    /// Greets the publisher on `stream`, and asks it for what begins with one of `topics`.
    ///
    /// # Errors
    /// [`ZmtpError`]. It waits for as long as the other end is silent: the time limit is the caller's.
    pub async fn open(stream: S, topics: &[&str]) -> Result<Self, ZmtpError> {
        let mut stream = BufReader::new(stream);
        handshake::shake(&mut stream).await?;
        for topic in topics {
            write(&mut stream, 0, &[&[1], topic.as_bytes()].concat()).await?;
        }
        stream.flush().await?;
        Ok(Self { stream })
    }

    /// The next message's frames: 1 to [`MAX_FRAMES`], together at most [`MAX_MESSAGE`] bytes. Answers pings meanwhile. Not to
    /// be called again after an error, or after it was dropped unfinished.
    ///
    /// # Errors
    /// [`ZmtpError`].
    pub async fn next(&mut self) -> Result<Vec<Vec<u8>>, ZmtpError> {
        let (mut frames, mut room) = (Vec::new(), MAX_MESSAGE);
        loop {
            match read(&mut self.stream, room).await? {
                Frame::Command(command) => self.answer(&command).await?,
                Frame::Part { body, has_more } => {
                    room = room.saturating_sub(body.len() as u64);
                    frames.push(body);
                    if !has_more {
                        return Ok(frames);
                    }
                    if frames.len() == MAX_FRAMES {
                        return unexpected("message", format!("at most {MAX_FRAMES} frames"), "more".to_owned());
                    }
                }
            }
        }
    }

    /// Answers a PING; other commands ask for no answer.
    async fn answer(&mut self, command: &[u8]) -> Result<(), ZmtpError> {
        let Some([_, _, context @ ..]) = command.strip_prefix(b"\x04PING") else { return Ok(()) };
        if context.len() > MAX_CONTEXT {
            let expected = format!("at most {MAX_CONTEXT} bytes of context");
            return unexpected("ping", expected, context.len().to_string());
        }
        write(&mut self.stream, frame::COMMAND, &[b"\x04PONG", context].concat()).await?;
        Ok(self.stream.flush().await?)
    }
}

fn unexpected<T>(field: &'static str, expected: String, found: String) -> Result<T, ZmtpError> {
    Err(ZmtpError::Unexpected { field, expected, found })
}
