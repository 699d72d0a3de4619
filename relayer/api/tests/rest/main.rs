//! Both doors of the API, over real connections and a real ledger.

#[path = "../answers/mod.rs"]
mod answers;
mod at_rest;
mod audited;
mod bytes;
mod calls;
#[path = "../certificates/mod.rs"]
mod certificates;
mod conforms;
mod connections;
mod console;
mod decoders;
mod expected;
mod headers;
mod holds;
mod instructions;
mod keys;
mod life;
mod links;
mod open_orders;
mod orders;
mod own_orders;
#[path = "../peers/mod.rs"]
mod peers;
mod promises;
mod proxies;
mod reads;
mod receiver;
mod refund;
mod refusals;
mod remembered;
mod scanner;
mod source_tx;
mod stages;
mod streams;
mod takers;
mod taking_back;
mod tls;
mod too_long;
mod units;
mod unproven;
#[path = "../untouched/mod.rs"]
mod untouched;
mod wallets;
mod webhooks;
mod world;
