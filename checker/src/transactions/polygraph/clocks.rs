//! Who comes before whom: transactions that write are covered with chains, and each node knows how
//! far each chain has come where it stands.
//!
//! All pairs would be quadratic. Chains are few, since sessions are chains, and so is whatever reads
//! what it replaces.

use super::super::rows::Rows;
use super::Polygraph;
use crate::history::NEVER;

/// How many numbers clocks may take.
const CLOCKS_MAX: usize = 1 << 25;

/// Chains of transactions: each is committed before the next one begins.
pub(super) struct Chains {
    /// Per transaction, its chain and the place there; [`NEVER`] for those in none.
    places: Vec<(u32, u32)>,
    count: usize,
    /// How many edges there were.
    edges: usize,
}

/// How far each chain has come at each node.
pub(super) struct Clocks {
    chains: Chains,
    /// Per node and chain, twice the number of transactions that are committed, and one more if the
    /// next one has begun.
    ticks: Vec<u32>,
}

/// All nodes, each after those from which an edge leads to it; none if that is not possible.
pub(super) fn topological(leaving: &Rows<u32>) -> Option<Vec<u32>> {
    let nodes = leaving.len();
    let mut open = vec![0_u32; nodes];
    for to in leaving.items() {
        open[*to as usize] += 1;
    }
    let mut order: Vec<u32> = Vec::with_capacity(nodes);
    order.extend((0..nodes as u32).filter(|node| open[*node as usize] == 0));
    let mut next = 0;
    while let Some(node) = order.get(next).copied() {
        next += 1;
        for to in leaving.row(node) {
            open[*to as usize] -= 1;
            if open[*to as usize] == 0 {
                order.push(*to);
            }
        }
    }
    (order.len() == nodes).then_some(order)
}

impl Chains {
    /// The path with the most transactions that are in no chain yet is the next chain, until all are
    /// in one or there are too many.
    fn cover(polygraph: &Polygraph<'_>, entering: &Rows<u32>, order: &[u32]) -> Chains {
        let dependencies = polygraph.dependencies;
        let nodes = entering.len();
        let mut places = vec![(NEVER, 0); dependencies.len()];
        // Those whose place among other writers is not known; the node at which each is committed.
        let mut ends = vec![NEVER; nodes];
        let mut left = 0;
        for at in 0..dependencies.len() as u32 {
            let mut writes = dependencies.writes.row(at).iter();
            if writes.any(|write| polygraph.is_contested(write.key)) {
                ends[polygraph.commit(at) as usize] = at;
                left += 1;
            }
        }
        let mut best = vec![(0_u32, NEVER); nodes];
        let mut count = 0;
        while left > 0 && (count + 1) * nodes <= CLOCKS_MAX {
            let mut longest = (0, NEVER);
            for node in order {
                let at = ends[*node as usize];
                let mut mine = (0, NEVER);
                for from in entering.row(*node) {
                    let theirs = best[*from as usize].0;
                    if theirs > mine.0 {
                        mine = (theirs, *from);
                    }
                }
                if at != NEVER && places[at as usize].0 == NEVER {
                    // It must have begun after what came before.
                    let begin = polygraph.begin(at);
                    if begin != *node {
                        mine = (best[begin as usize].0, begin);
                    }
                    mine.0 += 1;
                }
                best[*node as usize] = mine;
                if mine.0 > longest.0 {
                    longest = (mine.0, *node);
                }
            }
            let mut node = longest.1;
            let mut place = longest.0;
            while node != NEVER {
                let at = ends[node as usize];
                if at != NEVER && places[at as usize].0 == NEVER {
                    place -= 1;
                    places[at as usize] = (count as u32, place);
                    left -= 1;
                }
                node = best[node as usize].1;
            }
            count += 1;
        }
        Chains {
            places,
            count,
            edges: polygraph.edges.list().len(),
        }
    }
}

impl Clocks {
    /// None if the edges go in a circle. `earlier` are clocks of fewer edges: their chains are still
    /// good. Counts its steps.
    pub(super) fn of(
        polygraph: &Polygraph<'_>,
        earlier: Option<Clocks>,
        work: &mut u64,
    ) -> Option<Clocks> {
        let edges = polygraph.edges.list();
        let nodes = polygraph.edges.nodes();
        let leaving = Rows::collect(nodes, |add| {
            for edge in edges {
                add(edge.from, edge.to);
            }
        });
        let order = topological(&leaving)?;
        drop(leaving);
        let entering = Rows::collect(nodes, |add| {
            for edge in edges {
                add(edge.to, edge.from);
            }
        });
        // Of few chains, or with few new edges, new ones are not worth their time.
        let (mut ticks, earlier) = match earlier {
            Some(clocks) => (clocks.ticks, Some(clocks.chains)),
            None => (Vec::new(), None),
        };
        let good = earlier.filter(|chains| chains.count <= 64 || edges.len() < chains.edges * 2);
        let steps = (nodes + edges.len()) as u64;
        let chains = good.unwrap_or_else(|| {
            let chains = Chains::cover(polygraph, &entering, &order);
            *work = work.saturating_sub(steps * chains.count as u64 / 4);
            chains
        });
        let width = chains.count;
        *work = work.saturating_sub(steps * (width as u64 + 1) / 16);
        ticks.resize(nodes * width, 0);
        let mut mine = vec![0_u32; width];
        for node in order {
            mine.fill(0);
            for from in entering.row(node) {
                let theirs = &ticks[*from as usize * width..][..width];
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    *mine = (*mine).max(*theirs);
                }
            }
            if let Some((at, committed)) = polygraph.transaction(node) {
                let (chain, place) = chains.places[at as usize];
                if chain != NEVER {
                    mine[chain as usize] = place * 2 + 1 + u32::from(committed);
                }
            }
            ticks[node as usize * width..][..width].copy_from_slice(&mine);
        }
        Some(Clocks { chains, ticks })
    }

    /// Of no chain at all.
    #[cfg(test)]
    pub(super) fn nothing(dependencies: &super::Dependencies<'_>) -> Clocks {
        Clocks {
            chains: Chains {
                places: vec![(NEVER, 0); dependencies.len()],
                count: 0,
                edges: 0,
            },
            ticks: Vec::new(),
        }
    }

    /// The chain of a transaction and its place there, if it is in one.
    pub(super) fn place(&self, at: u32) -> Option<(u32, u32)> {
        let (chain, place) = self.chains.places[at as usize];
        (chain != NEVER).then_some((chain, place))
    }

    /// How many transactions of a chain have begun at a node.
    pub(super) fn begun(&self, node: u32, chain: u32) -> u32 {
        self.ticks[node as usize * self.chains.count + chain as usize].div_ceil(2)
    }

    /// How many transactions of a chain are committed at a node.
    pub(super) fn committed(&self, node: u32, chain: u32) -> u32 {
        self.ticks[node as usize * self.chains.count + chain as usize] / 2
    }
}
