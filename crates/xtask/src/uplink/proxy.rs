//! The link between the system under test and the remote broker: it works, refuses, and breaks.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;

/// Who does not read for so long is not waited for.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Shared {
    target: u16,
    refuses: AtomicBool,
    ended: AtomicBool,
    accepted: AtomicUsize,
    streams: Mutex<Vec<TcpStream>>,
}

/// A TCP proxy on a free port of this machine.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// In front of a port of this machine.
    pub(crate) fn start(target: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            target,
            refuses: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            accepted: AtomicUsize::new(0),
            streams: Mutex::default(),
        });
        let inner = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if inner.ended.load(Ordering::Relaxed) {
                    return;
                }
                if inner.refuses.load(Ordering::Relaxed) || join(&inner, &client).is_err() {
                    cut(&client);
                }
            }
        });
        Ok(Self { port, shared })
    }

    /// Whether new connections are reset at once; those there are stay.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.shared.refuses.store(refuses, Ordering::Relaxed);
    }

    /// Resets all connections.
    pub(crate) fn reset(&self) {
        let mut streams = self.shared.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.drain(..).for_each(|stream| cut(&stream));
    }

    /// Connections that went through so far.
    #[cfg(test)]
    fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        self.reset();
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// With a reset, as soon as nobody holds the stream any more: only the reading end is shut down, which wakes its pump and
/// sends nothing.
fn cut(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    let _ = stream.shutdown(Shutdown::Read);
}

fn join(shared: &Arc<Shared>, client: &TcpStream) -> std::io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, shared.target))?;
    for stream in [client, &server] {
        // The proxy may not add delays of its own.
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    }
    let mut streams = shared.streams.lock().unwrap_or_else(PoisonError::into_inner);
    streams.push(client.try_clone()?);
    streams.push(server.try_clone()?);
    drop(streams);
    for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client.try_clone()?)] {
        std::thread::spawn(move || pump(from, to));
    }
    shared.accepted.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    let mut octets = [0; 16_384];
    while let Ok(count @ 1..) = from.read(&mut octets) {
        if octets.get(..count).is_none_or(|octets| to.write_all(octets).is_err()) {
            break;
        }
    }
    cut(&from);
    cut(&to);
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn it_passes_resets_and_refuses() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap().port()).unwrap();
        let connect = || TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port)).unwrap();
        let mut client = connect();
        let (mut behind, _) = server.accept().unwrap();
        client.write_all(b"there").unwrap();
        let mut octets = [0; 5];
        behind.read_exact(&mut octets).unwrap();
        behind.write_all(b"again").unwrap();
        client.read_exact(&mut octets).unwrap();
        assert_eq!((&octets, proxy.accepted()), (b"again", 1));

        proxy.reset();
        assert_eq!(client.read(&mut octets).unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert_eq!(behind.read(&mut octets).unwrap_err().kind(), ErrorKind::ConnectionReset);

        proxy.refuse(true);
        assert!(!matches!(connect().read(&mut octets), Ok(1..)));
        assert_eq!(proxy.accepted(), 1);
    }
}
