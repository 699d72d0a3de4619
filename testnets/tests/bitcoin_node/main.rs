//! The embedded Bitcoin node against the rules of the network and the shapes of Core, and the same operations on a
//! real `bitcoind` where there is one.

mod answers;
mod chains;
mod scene;
mod spending;
