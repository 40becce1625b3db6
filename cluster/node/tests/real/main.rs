//! Real nodes as processes on this machine, from the outside: what they answer, how they start and
//! stop, and what clients see while nodes die and come back.

mod access;
mod backups;
mod cluster;
mod delayed;
mod discovery;
mod disks;
mod door;
mod evidence;
mod griddb;
mod http;
mod levelling;
mod load;
mod log_length;
mod members;
mod partitions;
mod python;
mod registers;
mod retries;
mod rolling;
mod room;
mod starts;
mod state;
mod survives;
mod transactions;
