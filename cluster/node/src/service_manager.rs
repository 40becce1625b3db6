//! What a service manager is told (systemd's `Type=notify`): that the node listens, and that it stops. Where
//! nobody wants to know, nothing happens.

use std::env;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Names the socket of whoever wants to know.
const SOCKET: &str = "NOTIFY_SOCKET";

/// The node listens.
pub(crate) fn ready() {
    tell("READY=1\n");
}

/// The node has begun to stop.
pub(crate) fn stopping() {
    tell("STOPPING=1\n");
}

fn tell(state: &str) {
    let Ok(socket) = env::var(SOCKET) else {
        return;
    };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(
            socket,
            "the service manager cannot be told of {}: {error}",
            state.trim()
        );
    }
}

fn send(socket: &str, state: &str) -> io::Result<()> {
    // A name that begins with @ is none of a file.
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_listens_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("socket");
        let listener = UnixDatagram::bind(&path).expect("a socket");
        send(path.to_str().expect("a path"), "READY=1\n").expect("it is sent");
        let mut told = [0; 64];
        let length = listener.recv(&mut told).expect("it came");
        assert_eq!(&told[..length], b"READY=1\n");
        assert!(send("/nowhere/socket", "READY=1\n").is_err());
    }
}
