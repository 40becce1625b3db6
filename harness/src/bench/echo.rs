//! The calibration: a bare TCP echo server. What it does is what the machine's sockets and this
//! runtime can do at most with the same messages; a database can only be measured against that.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer messages are answered in pieces.
const BUFFER_BYTES: usize = 16 << 10;

/// Serves for ever; the address stands on the first line that it prints.
///
/// # Errors
/// If it cannot listen.
pub async fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.context("the echo server cannot listen")?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener
            .accept()
            .await
            .context("the echo server cannot accept")?;
        tokio::spawn(async move {
            // Its client has gone, and so has the connection.
            let _ = answer(stream).await;
        });
    }
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..length]).await?;
    }
}

/// The server in a process of its own, so that its processor time is counted apart. It is killed
/// when this is dropped, and by the kernel if this process dies.
#[derive(Debug)]
pub(super) struct EchoServer {
    child: Child,
    address: SocketAddr,
}

impl EchoServer {
    pub(super) fn start() -> Result<EchoServer> {
        let this = std::env::current_exe().context("cannot find this program")?;
        let mut child = Command::new(&this)
            .arg("run-with-parent")
            .arg(std::process::id().to_string())
            .arg(&this)
            .arg("echo")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the echo server")?;
        let mut line = String::new();
        let output = child
            .stdout
            .take()
            .context("the echo server's output is piped")?;
        let read = BufReader::new(output).read_line(&mut line);
        let mut server = EchoServer {
            child,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        };
        read.context("the echo server says nothing")?;
        server.address = line
            .trim()
            .parse()
            .context("the echo server does not tell its address")?;
        Ok(server)
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(super) async fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.context("cannot connect to the echo server")?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Drop for EchoServer {
    fn drop(&mut self) {
        // Both fail for a process that has ended, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
