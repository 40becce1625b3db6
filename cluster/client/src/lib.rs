//! The client library of the cluster, for applications and for test harnesses.
//!
//! ```no_run
//! # async fn example() -> Result<(), kensho_client::Error> {
//! use kensho_client::{Client, Condition, Container, Options};
//!
//! let client = Client::connect(["127.0.0.1:10001", "127.0.0.1:10002"], Options::new("myCluster"));
//! client.create_container(&Container::keyed("registers", "STRING").column("value", "LONG")).await?;
//! client.put("registers", "k1", r#"["k1",42]"#, Condition::Any).await?;
//! let row = client.get("registers", "k1").await?.value.expect("it was just put");
//! assert_eq!(row.value, r#"["k1",42]"#);
//! # Ok(())
//! # }
//! ```
//!
//! Statements go straight to the node that owns the container's partition, over pooled connections.
//! The partition table is fetched once, and again only when a statement fails or takes too long.
//! A failed statement is tried again, as the same statement, until the failover timeout; an update
//! therefore takes effect at most once. An error says whether the statement is certain to have had
//! no effect ([`Error::definite`]).
//!
//! Where no address of a node is known, [`discovery`] finds one.
//!
//! What routes and retries is [`kensho_protocol::session`]; here is what it needs of sockets, HTTP
//! and time.

mod answer;
mod client;
mod connection;
mod container;
mod core;
mod credentials;
pub mod discovery;
mod error;
mod options;
mod path;
mod pool;
mod request;
mod response;
mod scan;
mod table;
mod transaction;

pub use client::{Answered, Client, Condition, Create, Current, Delete, Put, ReadFrom, Row};
pub use container::Container;
pub use core::Counters;
pub use credentials::Credentials;
pub use error::Error;
pub use kensho_notice::{Group, Key as NoticeKey};
pub use options::Options;
pub use scan::{Rows, Scan};
pub use transaction::Transacted;
