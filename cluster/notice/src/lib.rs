//! The notice by which a cluster's master makes itself known: a datagram to a multicast group, again and again.
//!
//! A datagram is a line of 64 hexadecimal digits, the HMAC-SHA-256 of the rest, and then JSON. The key of
//! the HMAC is made of the cluster's secret, so that nobody without it makes a notice that counts, and two
//! clusters in one network do not mix. It is not the secret itself: a client that is given the key cannot
//! pass for a node.
//!
//! Who repeats an old notice tells an old address, and nothing worse: a notice is only where to begin.
//! Nodes show the secret to each other, and clients go by the partition table.

mod group;

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub use group::{Group, INTERVAL, LONGEST};

/// What the master says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The cluster's name.
    pub cluster: String,
    /// The master's name.
    pub master: String,
    /// Where clients reach it (`host:port`).
    pub client: String,
    /// Where other nodes reach it (`host:port`).
    pub peer: String,
    /// The term of its partition table...
    pub term: u64,
    /// ...and the number of the table in it.
    pub revision: u64,
}

/// What notices of a cluster are signed with.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key of the cluster that has this secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        let mac = mac(secret.as_bytes(), b"kensho notice");
        Key(mac.finalize().into_bytes().into())
    }

    /// A notice as a datagram.
    ///
    /// # Panics
    /// When memory is exhausted.
    #[must_use]
    pub fn sign(&self, notice: &Notice) -> Vec<u8> {
        let told = serde_json::to_vec(notice).expect("texts and numbers are JSON");
        let mut datagram = String::with_capacity(65);
        for byte in mac(&self.0, &told).finalize().into_bytes() {
            write!(datagram, "{byte:02x}").expect("a text takes everything");
        }
        datagram.push('\n');
        let mut datagram = datagram.into_bytes();
        datagram.extend_from_slice(&told);
        datagram
    }

    /// The notice that a datagram is, if it was signed with this key and is one of `cluster`.
    #[must_use]
    pub fn read(&self, datagram: &[u8], cluster: &str) -> Option<Notice> {
        let (digits, rest) = datagram.split_at_checked(64)?;
        let told = rest.strip_prefix(b"\n")?;
        let mut signed = [0; 32];
        for (byte, pair) in signed.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            let all_digits = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            *byte = u8::from_str_radix(pair, 16).ok().filter(|_| all_digits)?;
        }
        // Compared in constant time.
        mac(&self.0, told).verify_slice(&signed).ok()?;
        let notice: Notice = serde_json::from_slice(told).ok()?;
        (notice.cluster == cluster).then_some(notice)
    }
}

fn mac(key: &[u8], text: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(text);
    mac
}

#[cfg(test)]
mod tests;
