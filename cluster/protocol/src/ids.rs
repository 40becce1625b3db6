//! The numbers that name things. Each is a type of its own, so that they cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
    };
}

number!(
    /// A node's identity: drawn at random when its data folder is made, and kept with the data, so
    /// that a node whose data was wiped is a different node.
    NodeId(u32), "n"
);
number!(
    /// A partition, counted from 0.
    PartitionId(u16), "p"
);
number!(
    /// The reign of one master (rule M1).
    Term(u64), "t"
);
number!(
    /// Counts the changes of the partition table.
    Revision(u64), "r"
);
number!(
    /// The reign of one configuration (owner and in-sync set) of a partition. 0: none yet.
    Epoch(u64), "e"
);
number!(
    /// Log sequence number of a partition, counted from 1. 0: before the first entry.
    Lsn(u64), "l"
);
number!(
    /// Which life of a replica's data this is; it changes when data may have been lost (rule R5).
    Incarnation(u32), "i"
);
number!(
    /// A client's identity, drawn at random.
    ClientId(u64), "c"
);
number!(
    /// Counts a client's statements, from 1.
    Sequence(u64), "s"
);
number!(
    /// Names a write to disk; later ones have higher numbers.
    Ticket(u64), "w"
);
number!(
    /// Names a waiting caller; the driver chooses it, and gets it back with the reply.
    Token(u64), "#"
);

/// One start of a node (rule R14). The counter is kept with the data, and goes back with them; the
/// nonce is drawn at the start, so that no two starts are the same.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Life {
    /// Counts the starts from this data folder, from 1.
    pub counter: u64,
    /// Drawn at the start.
    pub nonce: u128,
}

impl Life {
    /// Whether the folder was made in this very start: its identity is new, so that nobody can have
    /// an older copy of it.
    #[must_use]
    pub const fn is_first(self) -> bool {
        self.counter <= 1
    }

    /// Another incarnation of data that were `before`, which no other start comes to: a counter would go
    /// back with the folder.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the bits are folded")]
    pub const fn incarnation_after(self, before: Incarnation) -> Incarnation {
        let folded = (self.nonce ^ (self.nonce >> 64)) as u64;
        let drawn = (folded ^ (folded >> 32)) as u32;
        if drawn == before.0 {
            Incarnation(drawn.wrapping_add(1))
        } else {
            Incarnation(drawn)
        }
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "life {} ({:08x})", self.counter, self.nonce >> 96)
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A place in a partition's log. It orders by epoch first: a log whose last position is higher is
/// the newer one.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The epoch in which the entry was made.
    pub epoch: Epoch,
    /// Its number in the log.
    pub lsn: Lsn,
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{:?}", self.epoch, self.lsn)
    }
}

impl fmt::Display for Position {
    /// As in an ETag: `<epoch>-<lsn>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.lsn)
    }
}

impl FromStr for Position {
    type Err = NotAPosition;
    /// What [`Position`]'s `Display` writes.
    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let wrong = || NotAPosition(text.to_owned());
        let (epoch, lsn) = text.split_once('-').ok_or_else(wrong)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(epoch) || !digits(lsn) {
            return Err(wrong());
        }
        Ok(Position {
            epoch: Epoch(epoch.parse().map_err(|_| wrong())?),
            lsn: Lsn(lsn.parse().map_err(|_| wrong())?),
        })
    }
}

/// A text that should be a [`Position`] is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAPosition(pub String);

impl fmt::Display for NotAPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no position <epoch>-<lsn>, like 3-17", self.0)
    }
}

impl std::error::Error for NotAPosition {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position = Position {
            epoch: Epoch(3),
            lsn: Lsn(17),
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for wrong in [
            "", "3", "-", "3-", "-17", "3--17", "+3-17", "3-17 ", "e3-l17",
        ] {
            assert!(wrong.parse::<Position>().is_err(), "{wrong}");
        }
        let too_large = format!("1-{}0", u64::MAX);
        assert!(too_large.parse::<Position>().is_err());
    }

    #[test]
    fn a_position_of_a_later_epoch_is_above_all_of_an_earlier_one() {
        let at = |epoch, lsn| Position {
            epoch: Epoch(epoch),
            lsn: Lsn(lsn),
        };
        assert!(at(2, 21) > at(1, 22) && at(1, 22) > at(1, 21));
    }
}
