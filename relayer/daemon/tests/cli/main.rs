//! The binary as operators, guardians and users meet it.

mod audit;
mod basics;
mod control;
mod doctor;
mod load;
mod manual;
mod metrics;
mod replay;
mod run;
mod traces;
mod transfers;
