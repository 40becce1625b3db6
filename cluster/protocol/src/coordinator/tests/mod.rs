//! The coordinator in virtual time.

mod birth;
mod doubted;
mod election;
mod evidence;
mod figures;
mod goodbye;
mod levelling;
mod members;
mod network;
mod random;
mod register;
mod room;
mod service;
