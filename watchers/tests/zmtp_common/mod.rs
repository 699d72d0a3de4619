//! What a ZMQ publisher says first, byte for byte (RFC 23).

/// Its READY: of a PUB socket.
pub const READY: &[u8] = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB";

/// Its greeting: ZMTP 3.1 without security, as libzmq says it.
pub fn greeting() -> [u8; 64] {
    let mut greeting = [0; 64];
    greeting[..16].copy_from_slice(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01NULL");
    greeting
}
