//! An index never disagrees with the rows: on no node, whatever was taken back, put back from an image or
//! replayed from a log there.

use super::Play;
use crate::cluster::Cluster;
use crate::invariants::Violation;
use crate::world::table_service::partition_id;

/// Looks into the indexes of all replicas of nodes that run.
pub(super) fn look(cluster: &mut Cluster<Play>) {
    let wrong = (0..cluster.plan.nodes).find_map(|node| {
        let mut partitions = (0..cluster.plan.partitions).map(partition_id);
        let error = partitions.find_map(|partition| {
            let replica = cluster.nodes[node].replica(partition)?;
            replica.state().wrong_index()
        })?;
        Some(Violation::StorageFailed {
            node: crate::world::table_service::node_id(node),
            error,
        })
    });
    if let Some(wrong) = wrong {
        cluster.watch.report(wrong);
    }
}
