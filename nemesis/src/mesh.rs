//! All proxied links of a cluster: one for each ordered pair of nodes, and one from clients to
//! each node.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;

use crate::fault::Heal;
use crate::proxy::{Conduct, Link};
use crate::topology::{Endpoint, Pair};

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ports {
    /// Its name.
    pub name: String,
    /// For clients.
    pub client: SocketAddr,
    /// For other nodes.
    pub peer: SocketAddr,
}

/// The links, by their ends.
#[derive(Debug)]
pub struct Mesh {
    links: BTreeMap<Pair, Link>,
}

impl Mesh {
    /// Opens a link for each ordered pair of `nodes` and from clients to each of them.
    ///
    /// # Errors
    /// If there are no ports to listen on.
    pub async fn open(nodes: &[Ports]) -> io::Result<Mesh> {
        let mut links = BTreeMap::new();
        for to in nodes {
            let end = Endpoint::Node(to.name.clone());
            links.insert(
                (Endpoint::Clients, end.clone()),
                Link::open(to.client).await?,
            );
            for from in nodes.iter().filter(|from| from.name != to.name) {
                let pair = (Endpoint::Node(from.name.clone()), end.clone());
                links.insert(pair, Link::open(to.peer).await?);
            }
        }
        Ok(Mesh { links })
    }

    /// Where `from` connects to in order to reach node `to`; `None` if there is no such link.
    pub fn address(&self, from: &Endpoint, to: &str) -> Option<SocketAddr> {
        let pair = (from.clone(), Endpoint::Node(to.to_string()));
        self.links.get(&pair).map(Link::address)
    }

    /// Lets the links of `pairs` do `conduct`. Gives how many there were.
    pub fn set(&self, pairs: &BTreeSet<Pair>, conduct: Conduct) -> usize {
        let cut = pairs.iter().filter_map(|pair| self.links.get(pair));
        cut.map(|link| link.set(conduct)).count()
    }

    /// Opens every link that is not open. Gives how many there were.
    pub fn heal(&self, heal: Heal) -> usize {
        let cut = self
            .links
            .values()
            .filter(|link| link.conduct() != Conduct::OPEN);
        cut.map(|link| {
            if heal == Heal::Close {
                link.close_connections();
            }
            link.set(Conduct::OPEN);
        })
        .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{ClientAccess, Shape};
    use crate::topology::cuts;
    use tokio::net::TcpListener;

    async fn node(name: &str) -> (Ports, TcpListener, TcpListener) {
        let client = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ports = Ports {
            name: name.to_string(),
            client: client.local_addr().unwrap(),
            peer: peer.local_addr().unwrap(),
        };
        (ports, client, peer)
    }

    #[tokio::test]
    async fn a_partition_cuts_its_links_and_healing_opens_them() {
        let nodes = [node("n1").await, node("n2").await, node("n3").await];
        let ports: Vec<Ports> = nodes.iter().map(|(ports, ..)| ports.clone()).collect();
        let mesh = Mesh::open(&ports).await.unwrap();
        assert_eq!(mesh.links.len(), 3 + 3 * 2);
        let names: Vec<String> = ports.iter().map(|ports| ports.name.clone()).collect();
        let targets = BTreeSet::from(["n2".to_string()]);
        let pairs = cuts(Shape::Split, ClientAccess::Cut, &names, &targets, 0);
        assert_eq!(mesh.set(&pairs, Conduct::CUT), 5);
        let cut = |from: Endpoint, to: &str| {
            let pair = (from, Endpoint::Node(to.to_string()));
            mesh.links[&pair].conduct() == Conduct::CUT
        };
        assert!(cut(Endpoint::Clients, "n2") && cut(Endpoint::Node("n1".into()), "n2"));
        assert!(!cut(Endpoint::Clients, "n1") && !cut(Endpoint::Node("n1".into()), "n3"));
        assert_eq!(mesh.heal(Heal::Close), 5);
        assert_eq!(mesh.heal(Heal::Close), 0);
    }

    #[tokio::test]
    async fn a_link_leads_to_the_listener_it_is_for() {
        let (ports, client, _) = node("n1").await;
        let mesh = Mesh::open(&[ports]).await.unwrap();
        let address = mesh.address(&Endpoint::Clients, "n1").unwrap();
        let _connection = tokio::net::TcpStream::connect(address).await.unwrap();
        client.accept().await.unwrap();
        assert_eq!(mesh.address(&Endpoint::Clients, "n9"), None);
    }
}
