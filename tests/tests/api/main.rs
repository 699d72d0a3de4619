//! A transfer as a user makes it: by the REST API alone, from the quote to the proof, on the demo's chains.

mod claims;
mod ends;
mod hooks;
mod orders;
mod stage;
