//! The message bus between roles: in-process
