//! All proxied links of a cluster: one for each ordered pair of nodes, and one from clients to
//! each node.
//!
//! Either each link has an address of its own, or all reach a node at the same address, and which link a
//! connection is on follows from who has opened it: the members of many systems tell each other where
//! they are, and must then be told the same.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kensho_nemesis::conduct::Conduct;
use kensho_nemesis::fault::Heal;
use kensho_nemesis::topology::{Endpoint, Pair};
use tokio::net::TcpStream;

use crate::proxy::{Door, Link};

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

/// Where a node listens whom all reach at the same addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedPorts {
    /// Its name.
    pub name: String,
    /// Its ports by their names.
    pub ports: BTreeMap<String, SocketAddr>,
}

/// Who has opened the connection from the first address to the second one. It may look for a while.
pub type Opener = Arc<dyn Fn(SocketAddr, SocketAddr) -> Endpoint + Send + Sync>;

/// Who disturbs links: the number of a fault.
pub type Disturber = usize;

/// The links, by their ends.
#[derive(Debug)]
pub struct Mesh {
    links: BTreeMap<Pair, Arc<Link>>,
    /// Where all reach a node, by its name and the port's.
    doors: BTreeMap<(String, String), Door>,
    /// What each fault that goes on does to which links.
    disturbances: Mutex<BTreeMap<Disturber, BTreeMap<Pair, Conduct>>>,
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
                Arc::new(Link::open(to.client).await?),
            );
            for from in nodes.iter().filter(|from| from.name != to.name) {
                let pair = (Endpoint::Node(from.name.clone()), end.clone());
                links.insert(pair, Arc::new(Link::open(to.peer).await?));
            }
        }
        Ok(Mesh {
            links,
            doors: BTreeMap::new(),
            disturbances: Mutex::default(),
        })
    }

    /// The same, but all reach a port of a node at the same address, and `opener` says who connects.
    ///
    /// # Errors
    /// If there are no ports to listen on.
    pub async fn open_shared(nodes: &[SharedPorts], opener: &Opener) -> io::Result<Mesh> {
        let mut links = BTreeMap::new();
        let mut doors = BTreeMap::new();
        let ends = nodes.iter().map(|node| Endpoint::Node(node.name.clone()));
        let ends: Vec<Endpoint> = ends.chain([Endpoint::Clients]).collect();
        for to in nodes {
            let end = Endpoint::Node(to.name.clone());
            // A node that connects to itself is never cut off from that.
            let to_itself = Arc::new(Link::without_door());
            let mut by_origin = BTreeMap::from([(end.clone(), to_itself)]);
            for from in ends.iter().filter(|from| **from != end) {
                let link = Arc::new(Link::without_door());
                by_origin.insert(from.clone(), Arc::clone(&link));
                links.insert((from.clone(), end.clone()), link);
            }
            let by_origin = Arc::new(by_origin);
            for (port, &target) in &to.ports {
                let door = Door::open(sorted(&by_origin, opener, target)).await?;
                doors.insert((to.name.clone(), port.clone()), door);
            }
        }
        Ok(Mesh {
            links,
            doors,
            disturbances: Mutex::default(),
        })
    }

    /// Where `from` connects to in order to reach node `to`; `None` if that link has no address of its
    /// own.
    pub fn address(&self, from: &Endpoint, to: &str) -> Option<SocketAddr> {
        let pair = (from.clone(), Endpoint::Node(to.to_string()));
        self.links.get(&pair)?.address()
    }

    /// Where all reach a port of node `to`; `None` if they do not reach it at one address.
    pub fn shared_address(&self, to: &str, port: &str) -> Option<SocketAddr> {
        let door = self.doors.get(&(to.to_string(), port.to_string()));
        door.map(Door::address)
    }

    /// Lets the links of `pairs` do `conduct` until the same disturber [lifts](Mesh::lift) that. What
    /// several disturbers do to a link, [the worst](Conduct::worse) of it counts. Gives how many of the
    /// links there are.
    pub fn disturb(&self, by: Disturber, pairs: &BTreeSet<Pair>, conduct: Conduct) -> usize {
        let mut disturbances = self.disturbances();
        let there: Vec<&Pair> = pairs
            .iter()
            .filter(|pair| self.links.contains_key(*pair))
            .collect();
        let own = disturbances.entry(by).or_default();
        for pair in &there {
            let before = own.get(*pair).copied().unwrap_or(Conduct::OPEN);
            own.insert((*pair).clone(), before.worse(conduct));
        }
        for pair in &there {
            self.links[*pair].set(conduct_of(&disturbances, pair));
        }
        there.len()
    }

    /// Takes back all that the disturber did. Gives how many links that were.
    pub fn lift(&self, by: Disturber, heal: Heal) -> usize {
        let mut disturbances = self.disturbances();
        let pairs = disturbances.remove(&by).unwrap_or_default();
        for pair in pairs.keys() {
            let link = &self.links[pair];
            match heal {
                Heal::Close => link.close_connections(),
                Heal::Release => {}
            }
            link.set(conduct_of(&disturbances, pair));
        }
        pairs.len()
    }

    /// What a link does now; `None` if there is no such link.
    pub fn conduct(&self, pair: &Pair) -> Option<Conduct> {
        self.links.get(pair).map(|link| link.conduct())
    }

    fn disturbances(&self) -> MutexGuard<'_, BTreeMap<Disturber, BTreeMap<Pair, Conduct>>> {
        self.disturbances
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes each connection to the link that it is on.
fn sorted(
    links: &Arc<BTreeMap<Endpoint, Arc<Link>>>,
    opener: &Opener,
    target: SocketAddr,
) -> impl FnMut(TcpStream, SocketAddr) + Send + 'static {
    let (links, opener) = (Arc::clone(links), Arc::clone(opener));
    move |stream, from| {
        let (links, opener) = (Arc::clone(&links), Arc::clone(&opener));
        tokio::spawn(async move {
            let Ok(to) = stream.local_addr() else { return };
            let asked = tokio::task::spawn_blocking(move || opener(from, to)).await;
            let link = asked.ok().and_then(|origin| links.get(&origin).cloned());
            if let Some(link) = link {
                link.carry(stream, target);
            }
        });
    }
}

fn conduct_of(disturbances: &BTreeMap<Disturber, BTreeMap<Pair, Conduct>>, pair: &Pair) -> Conduct {
    let each = disturbances.values().filter_map(|own| own.get(pair));
    each.fold(Conduct::OPEN, |all, one| all.worse(*one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kensho_nemesis::fault::{ClientAccess, Shape};
    use kensho_nemesis::topology::cuts;
    use std::time::Duration;
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
        assert_eq!(mesh.disturb(0, &pairs, Conduct::CUT), 5);
        let cut = |from: Endpoint, to: &str| {
            let pair = (from, Endpoint::Node(to.to_string()));
            mesh.links[&pair].conduct() == Conduct::CUT
        };
        assert!(cut(Endpoint::Clients, "n2") && cut(Endpoint::Node("n1".into()), "n2"));
        assert!(!cut(Endpoint::Clients, "n1") && !cut(Endpoint::Node("n1".into()), "n3"));
        assert_eq!(mesh.lift(0, Heal::Close), 5);
        assert_eq!(mesh.lift(0, Heal::Close), 0);
        let open = |pair| mesh.conduct(pair) == Some(Conduct::OPEN);
        assert!(pairs.iter().all(open));
    }

    #[tokio::test]
    async fn two_faults_on_a_link_each_take_back_their_own() {
        let nodes = [node("n1").await, node("n2").await];
        let ports: Vec<Ports> = nodes.iter().map(|(ports, ..)| ports.clone()).collect();
        let mesh = Mesh::open(&ports).await.unwrap();
        let link = (Endpoint::Node("n1".into()), Endpoint::Node("n2".into()));
        let pairs = BTreeSet::from([link.clone()]);
        let slow = Conduct::delay(Duration::from_millis(50));
        mesh.disturb(1, &pairs, slow);
        mesh.disturb(2, &pairs, Conduct::CUT);
        assert_eq!(mesh.conduct(&link), Some(Conduct::CUT));
        mesh.lift(2, Heal::Release);
        assert_eq!(mesh.conduct(&link), Some(slow), "the other fault goes on");
        mesh.lift(1, Heal::Release);
        assert_eq!(mesh.conduct(&link), Some(Conduct::OPEN));
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

    #[tokio::test]
    async fn at_a_shared_address_a_connection_is_on_the_link_of_who_has_opened_it() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let (ports, listener, _) = node("n1").await;
        let names = ["n1", "n2"].map(|name| SharedPorts {
            name: name.to_string(),
            ports: [("client".to_string(), ports.client)].into(),
        });
        // Who comes first is n2.
        let first = Mutex::new(true);
        let opener: Opener =
            Arc::new(
                move |_, _| match std::mem::take(&mut *first.lock().unwrap()) {
                    true => Endpoint::Node("n2".into()),
                    false => Endpoint::Clients,
                },
            );
        let mesh = Mesh::open_shared(&names, &opener).await.unwrap();
        let address = mesh.shared_address("n1", "client").unwrap();
        let mut from = Vec::new();
        for _ in 0..2 {
            let stream = TcpStream::connect(address).await.unwrap();
            let (accepted, _) = listener.accept().await.unwrap();
            from.push((stream, accepted));
        }
        let cut = (Endpoint::Node("n2".into()), Endpoint::Node("n1".into()));
        assert_eq!(mesh.disturb(0, &BTreeSet::from([cut]), Conduct::CUT), 1);
        for (stream, _) in &mut from {
            stream.write_all(b"x").await.unwrap();
        }
        let mut byte = [0];
        let (_, open) = &mut from[1];
        open.read_exact(&mut byte).await.unwrap();
        mesh.lift(0, Heal::Close);
        let (_, closed) = &mut from[0];
        let read = closed.read(&mut byte).await;
        assert!(matches!(read, Ok(0) | Err(_)), "what was held is lost");
    }
}
