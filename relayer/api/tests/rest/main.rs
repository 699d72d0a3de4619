//! Both doors of the API, over real connections and a real ledger.

mod calls;
mod connections;
mod console;
mod decoders;
mod keys;
mod orders;
mod reads;
mod receiver;
mod remembered;
mod streams;
mod webhooks;
mod world;
