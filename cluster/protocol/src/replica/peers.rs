//! The other replicas of a partition, as their owner knows them.

use super::peer::Peer;
use crate::ids::NodeId;

/// In order of their nodes. They are so few that a look along the row takes less than one down a tree,
/// and every message takes several.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Peers(Vec<(NodeId, Peer)>);

impl Peers {
    /// These; of the same node the last one.
    pub(super) fn new(peers: impl Iterator<Item = (NodeId, Peer)>) -> Self {
        let mut all = Peers(Vec::new());
        for (node, peer) in peers {
            match all.place(node) {
                Ok(place) => all.0[place].1 = peer,
                Err(place) => all.0.insert(place, (node, peer)),
            }
        }
        all
    }

    /// Where `node` stands, or would stand.
    fn place(&self, node: NodeId) -> Result<usize, usize> {
        let place = self.0.iter().position(|(other, _)| *other >= node);
        match place {
            Some(place) if self.0[place].0 == node => Ok(place),
            Some(place) => Err(place),
            None => Err(self.0.len()),
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (NodeId, &Peer)> + Clone {
        self.0.iter().map(|(node, peer)| (*node, peer))
    }

    #[inline]
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (NodeId, &mut Peer)> {
        self.0.iter_mut().map(|(node, peer)| (*node, peer))
    }

    #[inline]
    pub(super) fn values(&self) -> impl Iterator<Item = &Peer> {
        self.0.iter().map(|(_, peer)| peer)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, node: NodeId) -> Option<&mut Peer> {
        let mut peers = self.iter_mut();
        peers.find_map(|(other, peer)| (other == node).then_some(peer))
    }

    /// The one at `place` in the row.
    #[inline]
    pub(super) fn at(&self, place: usize) -> Option<(NodeId, &Peer)> {
        self.0.get(place).map(|(node, peer)| (*node, peer))
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(NodeId, &Peer) -> bool) {
        self.0.retain(|(node, peer)| keep(*node, peer));
    }

    /// Puts one in, unless `node` is there.
    pub(super) fn or_insert(&mut self, node: NodeId, peer: impl FnOnce() -> Peer) {
        if let Err(place) = self.place(node) {
            self.0.insert(place, (node, peer()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::peer::Standing;
    use super::*;
    use crate::ids::Position;
    use crate::time::Time;

    fn peer(heard: u64) -> Peer {
        Peer::new(Standing::CatchUp, Position::default(), Time(heard))
    }

    #[test]
    fn they_stand_in_order_and_once_each() {
        let given = [(3, 1), (1, 2), (3, 3)];
        let given = given.map(|(node, heard)| (NodeId(node), peer(heard)));
        let mut peers = Peers::new(given.into_iter());
        peers.or_insert(NodeId(2), || peer(4));
        peers.or_insert(NodeId(2), || peer(5));
        let row = |peers: &Peers| {
            let row = peers.iter().map(|(node, peer)| (node.0, peer.heard.0));
            row.collect::<Vec<_>>()
        };
        assert_eq!(row(&peers), [(1, 2), (2, 4), (3, 3)]);
        let heard = |peers: &mut Peers, node| peers.get_mut(node).map(|peer| peer.heard);
        assert_eq!(heard(&mut peers, NodeId(3)), Some(Time(3)));
        assert!(peers.get_mut(NodeId(4)).is_none());
        peers.retain(|node, _| node != NodeId(2));
        assert_eq!(row(&peers), [(1, 2), (3, 3)]);
        assert_eq!(peers.at(1).map(|(node, _)| node), Some(NodeId(3)));
        assert!(peers.at(2).is_none());
    }
}
