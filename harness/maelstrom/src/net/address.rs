//! Who messages are from and for.

use crate::service::Service;

/// An end of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A node, by its place in the list of nodes.
    Node(usize),
    /// A client of the harness: `c0`, `c1`, ….
    Client(u64),
    /// A service.
    Service(Service),
}

impl Address {
    /// Its name.
    pub fn name(self, nodes: &[String]) -> String {
        match self {
            Address::Node(node) => nodes[node].clone(),
            Address::Client(number) => format!("c{number}"),
            Address::Service(service) => service.name().to_owned(),
        }
    }

    /// Who goes by this name, if anybody does: of clients there are those below `clients`.
    pub fn named(name: &str, nodes: &[String], clients: u64) -> Option<Address> {
        if let Some(node) = nodes.iter().position(|node| node == name) {
            return Some(Address::Node(node));
        }
        if let Some(service) = Service::named(name) {
            return Some(Address::Service(service));
        }
        let number = name.strip_prefix('c')?.parse().ok()?;
        (number < clients).then_some(Address::Client(number))
    }

    /// Whether it is a client.
    pub fn is_client(self) -> bool {
        matches!(self, Address::Client(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_belong_together() {
        let nodes = ["n1".to_owned(), "n2".to_owned()];
        for name in ["n1", "n2", "c0", "c2", "lin-kv", "lin-tso"] {
            let address = Address::named(name, &nodes, 3).unwrap();
            assert_eq!(address.name(&nodes), name);
        }
        for stranger in ["n3", "c3", "cx", "kv", ""] {
            assert_eq!(Address::named(stranger, &nodes, 3), None);
        }
    }
}
