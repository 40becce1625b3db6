//! Tests of storage as a whole.

mod crashes;
mod damage;
mod disk;
mod golden;
mod model;
mod real_disk;
mod threads;
