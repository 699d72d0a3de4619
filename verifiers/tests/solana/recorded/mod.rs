//! Every recorded Solana file: real blocks, votes, shreds, transactions, accounts. Prints counts for each set.

mod accounts;
mod blocks;
mod nodes;
mod renamed;
mod shreds;
mod transactions;
mod votes;
