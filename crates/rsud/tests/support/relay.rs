//! Between the daemon and an emulated serial line: passes octets on, adds others to them, or loses them.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::wait_for;

/// A relay for one connection. It ends with the test.
pub struct Relay {
    cut: Arc<AtomicBool>,
    /// The ends towards the pole and towards the daemon.
    ends: Arc<Mutex<Vec<UnixStream>>>,
}

impl Relay {
    /// Listens at one path and connects to the other.
    pub fn start(listen: &Path, target: &Path) -> Self {
        let listener = UnixListener::bind(listen).unwrap();
        let pole = wait_for("the emulated line", || UnixStream::connect(target).ok());
        let cut = Arc::new(AtomicBool::new(false));
        let ends = Arc::new(Mutex::new(vec![pole.try_clone().unwrap()]));
        let (lost, shared) = (Arc::clone(&cut), Arc::clone(&ends));
        std::thread::spawn(move || {
            let Ok((daemon, _)) = listener.accept() else { return };
            shared.lock().unwrap().push(daemon.try_clone().unwrap());
            let (lost_too, shared_too) = (Arc::clone(&lost), Arc::clone(&shared));
            std::thread::spawn(move || pass(daemon, 0, &lost_too, &shared_too));
            pass(pole, 1, &lost, &shared);
        });
        Self { cut, ends }
    }

    /// Loses everything from now on, or no more.
    pub fn set_cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }

    /// Puts octets between the frames of both sides.
    pub fn disturb(&self, octets: &[u8]) {
        for end in self.ends.lock().unwrap().iter_mut() {
            end.write_all(octets).unwrap();
        }
    }
}

/// Passes octets on to an end. Whole pieces, so that a disturbance does not fall into them more than a real one would.
fn pass(mut from: UnixStream, to: usize, cut: &AtomicBool, ends: &Mutex<Vec<UnixStream>>) {
    let mut buffer = [0; 4096];
    while let Ok(octets) = from.read(&mut buffer) {
        if octets == 0 {
            return;
        }
        if !cut.load(Ordering::Relaxed)
            && let Some(end) = ends.lock().unwrap().get_mut(to)
            && end.write_all(&buffer[..octets]).is_err()
        {
            return;
        }
    }
}
