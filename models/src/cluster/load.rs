//! What the nodes of a cluster hold, and what its clients ask of it.
//!
//! A [`Load`] decides; the sessions, the network and the nodes around it are the same for all. There
//! is [`Swarm`](super::swarm::Swarm), whose clients draw what they ask for from the seed, and
//! [`Play`](super::play::Play), in which a workload of the harness is played.

use std::fmt::Debug;

use kensho_checker::history::Event;
use kensho_protocol::apply::Apply;
use kensho_protocol::ids::{Epoch, Lsn, PartitionId, Token};
use kensho_protocol::request::{Reply, RequestId};
use kensho_protocol::session::{self, Failure};
use serde_json::Value;

use super::Cluster;
use super::clients::Attempt;
use super::plan::Plan;
use crate::invariants::linearizable::Asked;
use crate::run::Given;

/// See the [module](self).
pub trait Load: Debug + Sized {
    /// What the replicas hold.
    type Data: Apply;

    /// Whether the nodes keep what they hold as real ones do, in files on simulated disks.
    const FILES: bool;

    /// The plan of the run that `seed` stands for.
    fn plan(given: &Given, seed: u64) -> Plan;

    /// The load of a run of this plan.
    fn new(plan: &Plan) -> Self;

    /// What the session of `client` is told.
    fn session(plan: &Plan, client: usize) -> session::Settings;

    /// Plans what comes first, besides the start of the nodes.
    fn begin(cluster: &mut Cluster<Self>);

    /// `client` may begin something.
    fn think(cluster: &mut Cluster<Self>, client: usize);

    /// A statement of `client` ended.
    fn ended(cluster: &mut Cluster<Self>, client: usize, ended: Ended);

    /// Faults have just ended.
    fn calm(cluster: &mut Cluster<Self>);

    /// It is time to look whether the cluster has recovered.
    fn look(cluster: &mut Cluster<Self>);

    /// What keeps the run from having ended well, when its time is over.
    fn missing(cluster: &Cluster<Self>) -> Option<String>;

    /// Judges what clients saw, at the end.
    fn judge(cluster: &mut Cluster<Self>);

    /// Whether the run goes on after a violation, so that what clients see of it is judged as well.
    fn goes_on(cluster: &Cluster<Self>) -> bool;

    /// What `attempt` asked for with the number `request`, and the last entry that any client had been
    /// told of then; none if its client no longer waits for it, or the invariants cannot tell what
    /// its answer must be.
    fn asked(&self, attempt: Attempt, request: Option<RequestId>) -> Option<(Asked, Lsn)>;

    /// Async only: everything above `keep` of `partition` is lost, and the owner of `epoch` goes on
    /// without it.
    fn lose_above(&mut self, partition: PartitionId, keep: Lsn, epoch: Epoch);

    /// What clients and the nemesis did, in the form in which the harness writes it; nothing where
    /// clients play no workload.
    fn history(&self) -> &[Event] {
        &[]
    }

    /// The nemesis did something.
    fn note_fault(&mut self, now_ns: u64, name: &'static str, what: Value);
}

/// How a statement ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Which.
    pub token: Token,
    /// The partition it was about.
    pub partition: PartitionId,
    /// How often it was sent.
    pub attempts: u32,
    /// The node that was asked last.
    pub node: Option<usize>,
    /// The reply, or why there is none.
    pub result: Result<Reply, Failure>,
}
