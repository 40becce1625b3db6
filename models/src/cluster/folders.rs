//! Folders that go back in time (rule R14): put back from an older copy, or cloned. They stay within what
//! is promised: each partition keeps elsewhere what it needs, and fewer than a majority of the members go
//! back at once.

use kensho_protocol::ids::{NodeId, PartitionId};
use kensho_protocol::table::Table;

use super::load::Load;
use super::node::Copied;
use super::sights::Sight;
use super::{Cluster, Happening};
use crate::world::promise;
use crate::world::table_service::{node_id, number_of, partition_id};

impl<L: Load> Cluster<L> {
    /// Copies a folder; or puts it back from the copy that was made before.
    pub(super) fn strike_restore(&mut self, node: usize, end_ns: u64) {
        let again = self.streams.nemesis.chance(300_000);
        if self.nodes[node].copy.is_none() || again {
            self.copy_folder(node);
        } else if self.may_go_back(node) {
            self.crash(node);
            self.put_back(node);
            self.schedule.put(end_ns, Happening::Start { node });
        }
    }

    /// Copies a folder.
    pub(super) fn copy_folder(&mut self, node: usize) {
        if self.nodes[node].is_up() {
            self.nodes[node].copy = Some(self.nodes[node].folder_now());
        }
    }

    pub(super) fn strike_clone(&mut self, node: usize, end_ns: u64) {
        if self.begin_clone(node) {
            self.schedule.put(end_ns, Happening::EndClone { node });
        }
    }

    /// A process works on a copy of a folder, of now or of some time ago, in the place of the node; then
    /// the node goes on from its own folder. (Both at once are refused by those that they connect to.) False
    /// if that would be more than is promised.
    pub(super) fn begin_clone(&mut self, node: usize) -> bool {
        if !self.may_go_back(node) || self.nodes[node].original.is_some() {
            return false;
        }
        self.sometimes.saw(Sight::FolderCloned);
        let older = self.nodes[node].copy.clone();
        let older = older.filter(|_| self.streams.nemesis.chance(500_000));
        self.crash(node);
        let original = self.nodes[node].folder_now();
        let clone = older.unwrap_or_else(|| original.clone());
        self.nodes[node].original = Some(original);
        self.go_back_to(node, clone);
        self.start(node);
        true
    }

    pub(super) fn end_clone(&mut self, node: usize) {
        let original = self.nodes[node].original.take();
        // Otherwise nobody has noticed: the clone is the node from now on.
        if let Some(original) = original.filter(|_| self.turbulent && self.may_go_back(node)) {
            self.crash(node);
            self.go_back_to(node, original);
            self.start(node);
        }
    }

    /// The node's folder is put back from its copy, if that may be, and the node starts.
    pub(super) fn put_back_and_start(&mut self, node: usize) {
        if self.turbulent && self.may_go_back(node) {
            self.crash(node);
            self.put_back(node);
            self.start(node);
        }
    }

    fn put_back(&mut self, node: usize) {
        if let Some(copy) = self.nodes[node].copy.clone() {
            self.sometimes.saw(Sight::FolderPutBack);
            self.go_back_to(node, copy);
        }
    }

    fn go_back_to(&mut self, node: usize, copy: Copied) {
        self.say(format_args!("{:?} is put back in time", node_id(node)));
        let this = &mut self.nodes[node];
        let (mut saved, mut replicas) = (copy.saved, copy.replicas);
        if let (Some(folder), Some(files)) = (&mut this.folder, copy.files) {
            match folder.put_back(files) {
                Ok(found) => {
                    saved = found.saved;
                    replicas = found.replicas.into_iter().map(|(found, _)| found).collect();
                }
                Err(error) => return self.report_failed_storage(node, &error),
            }
        }
        let accepted = saved.accepted.as_ref().map(|table| table.stamp);
        this.control_disk.put_back(saved);
        self.tables
            .put_back(node_id(node), accepted.unwrap_or_default());
        for (number, recovered) in replicas.into_iter().enumerate() {
            let partition = partition_id(number);
            self.nodes[node].disks[number].put_back(recovered);
            self.watch.put_back(partition, node_id(node));
            let safe = self.nodes[node].disks[number].safe();
            self.watch.disk_changed(partition, node_id(node), safe);
            self.watch.stopped(partition, node_id(node));
        }
    }

    /// Whether each partition keeps elsewhere what it needs, and enough members know what was decided.
    fn may_go_back(&self, node: usize) -> bool {
        let Some(table) = self.tables.last() else {
            return false;
        };
        let mut partitions = (0..self.plan.partitions).map(partition_id);
        // A copy of when there were other members may be a majority of those.
        let same = |copied: &Option<Copied>| {
            copied.as_ref().is_none_or(|copied| {
                let accepted = copied.saved.accepted.as_ref();
                accepted.is_some_and(|then| then.members.keys().eq(table.members.keys()))
            })
        };
        let this = &self.nodes[node];
        this.is_up()
            && same(&this.copy)
            && same(&this.original)
            && self.few_are_deaf(table, node)
            && partitions.all(|partition| self.survives_without(table, partition, node_id(node)))
    }

    /// No other voter has gone back, or is down: it may be about to be put back itself. One that went back
    /// counts until it has the tables again that it may have had.
    fn few_are_deaf(&self, table: &Table, node: usize) -> bool {
        let members = table.members.keys().map(|member| number_of(*member));
        let mut others = members.filter(|other| *other != node);
        table.members.len() > 2
            && others.all(|other| {
                let coordinator = self.nodes[other].coordinator();
                coordinator.is_some_and(|coordinator| !coordinator.lacks_tables())
            })
    }

    fn survives_without(&self, table: &Table, partition: PartitionId, node: NodeId) -> bool {
        // A newer table may be accepted already.
        let accepted = self
            .nodes
            .iter()
            .filter_map(|n| n.control_disk.safe().accepted.as_ref());
        let mut tables = accepted.map(|table| &**table).chain([table]);
        let disk = |node: NodeId| self.nodes[number_of(node)].disk(partition).safe();
        tables.all(|table| {
            let assignment = table.assignment(partition);
            let kept = |node: NodeId| {
                let clean = assignment.recorded(node) == Some(disk(node).incarnation);
                clean && !self.watch.is_put_back(node)
            };
            let entered = self.watch.entered(partition);
            promise::covers(assignment, entered, node, kept)
        })
    }
}
