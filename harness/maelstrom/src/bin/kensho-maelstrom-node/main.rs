//! Small nodes for every workload, to try `kensho maelstrom` with, and to test it: each is right, and
//! goes wrong on purpose if it is told how.
//!
//! `kensho maelstrom -w broadcast --bin target/release/kensho-maelstrom-node -- broadcast`
//! `kensho maelstrom -w broadcast --bin target/release/kensho-maelstrom-node -- broadcast --bug forget`

mod counter;
mod gossip;
mod misbehaving;
mod node;
mod primary;
mod proxy;
mod simple;

use clap::{Parser, ValueEnum};

use node::{Behaviour, serve};

/// A node for one of Maelstrom's workloads.
#[derive(Debug, Parser)]
struct Arguments {
    /// What the node is
    #[arg(value_enum)]
    kind: Kind,
    /// What it does wrong
    #[arg(long, value_enum)]
    bug: Option<Bug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Answers the same
    Echo,
    /// Names with its own name and a number
    UniqueIds,
    /// Gossips what it was told, until each neighbour has acknowledged it
    Broadcast,
    /// Gossips its whole set
    GSet,
    /// Gossips what each node has added
    GCounter,
    /// The same
    PnCounter,
    /// Asks the service lin-kv
    LinKv,
    /// Lets the first node execute all transactions
    TxnListAppend,
    /// The same
    TxnRwRegister,
    /// Lets the first node keep all logs
    Kafka,
}

/// What a node does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bug {
    /// Answers something else now and then (echo)
    Garble,
    /// Leaves out its name (unique-ids)
    Nameless,
    /// Forgets some of what it has acknowledged (broadcast, g-set, kafka)
    Forget,
    /// Tells the same twice (g-set)
    Twice,
    /// Never tells others (g-counter, pn-counter, broadcast)
    Mute,
    /// Adds up what it hears again and again (g-counter, pn-counter)
    AddUp,
    /// Answers reads from what it saw last (lin-kv, txn-list-append, txn-rw-register)
    Stale,
    /// Acknowledges some writes without doing them (lin-kv, txn-list-append, txn-rw-register)
    LoseWrites,
    /// Asks seq-kv instead of lin-kv (lin-kv)
    SeqKv,
    /// Asks lww-kv instead of lin-kv (lin-kv)
    LwwKv,
    /// Gives one offset to two messages (kafka)
    SameOffset,
    /// Leaves messages out of polls (kafka)
    Skip,
    /// Writes a line that is no JSON
    Garbage,
    /// Ends after some messages
    Exit,
    /// Sends a message to nobody
    Stranger,
    /// Answers in another form
    Malformed,
    /// Does not answer `init`
    Silent,
    /// Answers no client
    Deaf,
}

impl Kind {
    fn behaviour(self, bug: Option<Bug>) -> Box<dyn Behaviour> {
        match self {
            Kind::Echo => Box::new(simple::Echo::new(bug)),
            Kind::UniqueIds => Box::new(simple::UniqueIds::new(bug)),
            Kind::Broadcast => Box::new(gossip::Broadcast::new(bug)),
            Kind::GSet => Box::new(gossip::GSet::new(bug)),
            Kind::GCounter | Kind::PnCounter => Box::new(counter::Counter::new(bug)),
            Kind::LinKv => Box::new(proxy::Proxy::new(bug)),
            Kind::TxnListAppend | Kind::TxnRwRegister => Box::new(primary::transactions(bug)),
            Kind::Kafka => Box::new(primary::logs(bug)),
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    let behaviour = arguments.kind.behaviour(arguments.bug);
    let behaviour = misbehaving::wrap(behaviour, arguments.bug);
    serve(behaviour);
}
