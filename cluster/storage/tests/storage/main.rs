//! Tests of storage as a whole.

mod crashes;
mod damage;
mod golden;
mod model;
mod real_disk;
mod threads;
