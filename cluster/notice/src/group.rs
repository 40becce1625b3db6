//! The multicast group that notices are sent to.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Longer datagrams are no notices.
pub const LONGEST: usize = 4_096;

/// A multicast group, and the network that leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's address and port.
    pub address: SocketAddrV4,
    /// The address of the network interface; unspecified: the system chooses.
    pub interface: Ipv4Addr,
}

impl Group {
    /// The group that nodes use if no other is named.
    pub const DEFAULT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 0, 0, 1), 31_999);

    /// What sends to the group. Datagrams do not leave the local network.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn sender(&self) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_multicast_if_v4(&self.interface)?;
        // Listeners on this machine hear it as well.
        socket.set_multicast_loop_v4(true)?;
        socket.set_multicast_ttl_v4(1)?;
        socket.bind(&SocketAddrV4::new(self.interface, 0).into())?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }

    /// What hears what is sent to the group, besides others that listen.
    ///
    /// # Errors
    /// When the operating system refuses.
    pub fn listener(&self) -> io::Result<UdpSocket> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        // Bound to the group, so that nothing else that arrives at the port is heard.
        socket.bind(&self.address.into())?;
        socket.join_multicast_v4(self.address.ip(), &self.interface)?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    }
}

/// How often the master makes itself known, if nothing else is set.
pub const INTERVAL: Duration = Duration::from_secs(5);
