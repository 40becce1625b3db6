//! Who may do what: users with roles, whose passwords a file holds as hashes ([`users`]), and a look at
//! where a request of a browser comes from (`origin`).

mod command;
mod guard;
mod origin;
mod role;
pub mod users;

pub use command::UserCommand;
pub(crate) use guard::{Guard, NoEntry};
pub(crate) use origin::{Foreign, check as check_origin};
pub use role::Role;
