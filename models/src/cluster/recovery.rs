//! Whether the cluster has recovered: one master whom all follow, one table, and every partition
//! served by a full in-sync set with equal logs, in which new writes are acknowledged.

use kensho_protocol::coordinator::{Coordinator, Standing};
use kensho_protocol::replica::RoleKind;

use super::load::Load;
use super::{Cluster, Happening};
use crate::invariants::Violation;
use crate::invariants::recovers::{self, Final, Missing};
use crate::world::disk;
use crate::world::table_service::{node_id, partition_id};

impl<L: Load> Cluster<L> {
    /// Looks twice a heartbeat whether the cluster has recovered by now.
    pub(super) fn look_for_recovery(&mut self) {
        L::look(self);
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
                    let hosted = self.nodes[node].hosted(partition);
                    let replica = hosted.replica.as_ref()?;
                    let current = replica.owned_epoch() == Some(assignment.epoch);
                    Some(Final {
                        in_sync: assignment.in_sync.contains_key(&node_id(node)),
                        serves: current && replica.serves() && replica.role() == RoleKind::Serving,
                        end: (disk::end(hosted.disk.safe()), replica.commit()),
                    })
                })
                .collect();
            let wanted = self.plan.settings.replicas;
            recovers::missing(partition, &replicas, wanted, self.written[number])
        })
    }

    /// One node is master, all others follow it, and all know the committed table.
    fn has_one_master(&self) -> bool {
        let Some(table) = self.tables.last() else {
            return false;
        };
        let coordinators: Vec<&Coordinator> =
            self.nodes.iter().filter_map(|n| n.coordinator()).collect();
        let mut masters = coordinators
            .iter()
            .filter(|c| c.standing() == Standing::Master);
        let Some(master) = masters.next() else {
            return false;
        };
        let follows = |c: &&Coordinator| {
            c.master() == Some(master.id())
                && c.term() == master.term()
                && c.committed()
                    .is_some_and(|known| known.stamp == table.stamp)
                && c.in_service()
        };
        coordinators.len() == self.plan.nodes && coordinators.iter().all(follows)
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
