//! Whether the cluster has recovered: one master whom all follow, one table, and every partition
//! served by a full in-sync set with equal logs, in which new writes are acknowledged.

use kensho_protocol::coordinator::{Coordinator, Standing};
use kensho_protocol::replica::RoleKind;

use super::load::Load;
use super::{Cluster, Happening};
use crate::invariants::Violation;
use crate::invariants::recovers::{self, Final, Missing};
use crate::world::disk;
use crate::world::table_service::{node_id, number_of, partition_id};

impl<L: Load> Cluster<L> {
    /// Looks twice a heartbeat whether the cluster has recovered by now.
    pub(super) fn look_for_recovery(&mut self) {
        L::look(self);
        if self.plan.faults.join_every_ns.is_some() {
            self.bring_all_back();
        }
        let next_ns = self.now_ns + self.plan.heartbeat_ns() / 2;
        self.schedule.put(next_ns, Happening::Look);
    }

    pub(super) fn first_missing(&self) -> Option<Missing> {
        if !self.has_one_master() {
            return Some(Missing::NoMaster);
        }
        (0..self.plan.partitions).find_map(|number| {
            let partition = partition_id(number);
            let table = self.tables.last()?;
            let assignment = table.assignment(partition);
            let replicas: Vec<Final> = (0..self.plan.nodes)
                .filter_map(|node| {
                    let replica = self.nodes[node].replica(partition)?;
                    let safe = self.nodes[node].disk(partition).safe();
                    let current = replica.owned_epoch() == Some(assignment.epoch);
                    Some(Final {
                        in_sync: assignment.in_sync.contains_key(&node_id(node)),
                        serves: current && replica.serves() && replica.role() == RoleKind::Serving,
                        end: (disk::end(safe), replica.commit()),
                    })
                })
                .collect();
            let wanted = self.plan.settings.replicas.min(table.members.len());
            recovers::missing(partition, &replicas, wanted, self.written[number])
        })
    }

    /// One node is master, all other members follow it, and all know the committed table; whoever wants
    /// to be a member is one.
    pub(super) fn has_one_master(&self) -> bool {
        let Some(table) = self.tables.last() else {
            return false;
        };
        let member = |c: &Coordinator| table.members.contains_key(&c.id());
        let (members, others): (Vec<&Coordinator>, Vec<_>) =
            (self.nodes.iter().filter_map(|n| n.coordinator())).partition(|c| member(c));
        let mut masters = members.iter().filter(|c| c.standing() == Standing::Master);
        let Some(master) = masters.next() else {
            return false;
        };
        let waits = |c: &&Coordinator| self.nodes[number_of(c.id())].joins || c.in_service();
        if others.iter().any(waits) {
            return false;
        }
        let follows = |c: &&Coordinator| {
            c.master() == Some(master.id())
                && c.term() == master.term()
                && c.committed()
                    .is_some_and(|known| known.stamp == table.stamp)
                && c.in_service()
        };
        members.len() == table.members.len() && members.iter().all(follows)
    }

    /// The time to recover is over.
    pub(super) fn report_missing(&mut self) {
        if self.goes_round() {
            let missing = "an end of the messages".to_owned();
            self.watch.report(Violation::NotRecovered { missing });
        }
        if let Some(missing) = L::missing(self) {
            self.watch.report(Violation::NotRecovered { missing });
        }
    }
}
