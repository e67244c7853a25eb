//! A TCP proxy that does to connections what mobile networks do: it stalls, resets and swallows.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;

/// What happens to what comes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It goes on.
    Pass,
    /// It waits.
    Stall,
    /// It disappears, both ways, and connections stay open.
    Swallow,
    /// New connections are reset at once.
    Refuse,
}

struct Shared {
    mode: AtomicU8,
    target: AtomicU16,
    connections: Mutex<Vec<TcpStream>>,
    accepted: AtomicUsize,
    ended: AtomicBool,
}

/// The proxy. It ends with the test.
pub struct Proxy {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// In front of a port of this machine.
    pub fn start(target: u16) -> Self {
        Self::start_on(0, target)
    }

    /// On a port of the caller's choice.
    pub fn start_on(port: u16, target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            mode: AtomicU8::new(Mode::Pass as u8),
            target: AtomicU16::new(target),
            connections: Mutex::default(),
            accepted: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let inner = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if inner.ended.load(Ordering::Relaxed) {
                    return;
                }
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, inner.target.load(Ordering::Relaxed)));
                match server {
                    Ok(server) if inner.mode.load(Ordering::Relaxed) != Mode::Refuse as u8 => {
                        inner.accepted.fetch_add(1, Ordering::Relaxed);
                        join(&inner, client, server);
                    }
                    _ => reset(&client),
                }
            }
        });
        Self { port, shared }
    }

    pub fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::Relaxed);
    }

    /// Resets all connections, with RST.
    pub fn reset(&self) {
        self.shared.connections.lock().unwrap().drain(..).for_each(|stream| reset(&stream));
    }

    /// Connections that went through so far.
    pub fn accepted(&self) -> usize {
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

fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
    // Not both ways: that would say good-bye before the linger counts.
    let _ = stream.shutdown(Shutdown::Read);
}

fn join(shared: &Arc<Shared>, client: TcpStream, server: TcpStream) {
    let mut connections = shared.connections.lock().unwrap();
    connections.push(client.try_clone().unwrap());
    connections.push(server.try_clone().unwrap());
    drop(connections);
    let (client2, server2) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    for (from, to) in [(client, server), (server2, client2)] {
        let shared = Arc::clone(shared);
        std::thread::spawn(move || pump(&shared, from, to));
    }
}

fn pump(shared: &Shared, mut from: TcpStream, mut to: TcpStream) {
    let mut octets = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut octets) {
        while shared.mode.load(Ordering::Relaxed) == Mode::Stall as u8 {
            std::thread::sleep(Duration::from_millis(2));
        }
        if shared.mode.load(Ordering::Relaxed) != Mode::Swallow as u8 && to.write_all(&octets[..count]).is_err() {
            break;
        }
    }
    reset(&from);
    reset(&to);
}
