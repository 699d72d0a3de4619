//! Both doors of the API, over real connections and a real ledger.

#[path = "../answers/mod.rs"]
mod answers;
mod bytes;
mod calls;
#[path = "../certificates/mod.rs"]
mod certificates;
mod connections;
mod console;
mod decoders;
mod keys;
mod open_orders;
mod orders;
mod reads;
mod receiver;
mod remembered;
mod streams;
mod tls;
mod webhooks;
mod world;
