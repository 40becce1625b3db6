//! Ports for nodes: free ones, outside of the range from which the system draws ports for outgoing
//! connections, so that nobody takes a node's port while it is down.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Result, bail};

/// The lowest port considered.
const LOWEST: u16 = 10_000;

/// So many free ports of loopback.
///
/// # Errors
/// If there are not as many.
pub(crate) fn free(count: usize) -> Result<Vec<SocketAddr>> {
    let end = ephemeral_begin();
    let width = u32::from(end - LOWEST);
    // Runs that begin at the same time look in different places.
    let begin = std::process::id().wrapping_mul(101) % width;
    let mut found = Vec::new();
    for step in 0..width {
        if found.len() == count {
            break;
        }
        let offset = u16::try_from((begin + step) % width).unwrap_or(0);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, LOWEST + offset));
        if TcpListener::bind(address).is_ok() {
            found.push(address);
        }
    }
    if found.len() < count {
        bail!(
            "only {} of {count} ports are free between {LOWEST} and {end}",
            found.len()
        );
    }
    Ok(found)
}

/// Where the range for outgoing connections begins.
fn ephemeral_begin() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let begin = range
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse().ok());
    begin
        .filter(|&begin| begin > LOWEST + 1_000)
        .unwrap_or(32_768)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_free_different_and_not_for_outgoing_connections() {
        let ports = free(20).unwrap();
        let mut numbers: Vec<u16> = ports.iter().map(SocketAddr::port).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 20);
        assert!(
            numbers
                .iter()
                .all(|&port| (LOWEST..ephemeral_begin()).contains(&port))
        );
    }
}
