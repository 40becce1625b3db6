//! Which process has opened a connection, as the kernel tells it: where all reach a node at one address,
//! it is only so that a proxy can tell who connects.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

/// Which of `candidates` has opened the connection from `from` to `to`, both on this machine.
pub fn opener(from: SocketAddr, to: SocketAddr, candidates: &[u32]) -> Option<u32> {
    let inode = inode(from, to)?;
    let socket = format!("socket:[{inode}]");
    let has = |pid: &&u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd"));
        let mut files = files.into_iter().flatten().flatten();
        files.any(|file| fs::read_link(file.path()).is_ok_and(|it| it == Path::new(&socket)))
    };
    candidates.iter().find(has).copied()
}

/// The inode of the socket at the end `from`.
fn inode(from: SocketAddr, to: SocketAddr) -> Option<u64> {
    let (IpAddr::V4(from_ip), IpAddr::V4(to_ip)) = (from.ip(), to.ip()) else {
        return None;
    };
    let (short_from, short_to) = (short(from_ip, from.port()), short(to_ip, to.port()));
    let lists = [
        ("/proc/net/tcp", String::new()),
        // A program may have asked for a socket of IPv6, and have reached an address of IPv4.
        ("/proc/net/tcp6", "0000000000000000FFFF0000".to_string()),
    ];
    lists.iter().find_map(|(list, prefix)| {
        let text = fs::read_to_string(list).ok()?;
        let (from, to) = (
            format!("{prefix}{short_from}"),
            format!("{prefix}{short_to}"),
        );
        text.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let is_it = words.get(1) == Some(&from.as_str()) && words.get(2) == Some(&to.as_str());
            words.get(9).filter(|_| is_it)?.parse().ok()
        })
    })
}

/// An address as the kernel writes it: its four bytes as one number in the machine's own order.
fn short(ip: Ipv4Addr, port: u16) -> String {
    format!("{:08X}:{port:04X}", u32::from_ne_bytes(ip.octets()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn who_has_opened_a_connection_is_found_among_those_who_may_have() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = listener.local_addr().unwrap();
        let mapped = SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), to.port());
        let this = std::process::id();
        for address in [to, mapped] {
            let _stream = TcpStream::connect(address).unwrap();
            let (_accepted, from) = listener.accept().unwrap();
            assert_eq!(opener(from, to, &[1, this]), Some(this), "{address}");
            assert_eq!(opener(from, to, &[1]), None);
        }
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        assert_eq!(opener(nobody, to, &[this]), None);
    }
}
