//! Simulated smart poles: the pole's end of the link and a small application, on a Unix socket that the daemon connects to, on a
//! terminal, or in datagrams. Several of them can share a line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pole_link::{
    AlarmKey, AlarmKind, Capabilities, Colour, Command, ConfigKey, ErrorCounters, LightMode, MAX_WIRE, Medium, Millis,
    Outcome, Permille, PoleAddress, PoleConfig, PoleEnd, PoleEvent, PoleInfo, Quantity, Reading, Refusal, ResetCause,
    Sample, ShownWarning, State, Ticket, Version,
};

/// The application of a simulated pole.
pub struct App {
    pub end: PoleEnd,
    address: u8,
    medium: Medium,
    serial: String,
    boot: u32,
    samples: u32,
    pub level: u16,
    pub warning: Option<(u16, Colour, bool, Millis)>,
    pub config: BTreeMap<u8, i32>,
    /// What it was told to do, and when, since the test began.
    pub carried_out: Vec<(Instant, Command)>,
    /// Commands are carried out and not answered.
    pub holds_answers: bool,
    held: Vec<(Ticket, Outcome)>,
    reset_when_answered: bool,
    /// It neither hears nor says anything.
    pub mute: bool,
    /// How often its end of the link went down.
    pub downs: usize,
}

impl App {
    fn new(address: u8, medium: Medium, serial: &str, now: Millis) -> Self {
        let mut app = Self {
            end: end(address, medium, serial, (1, ResetCause::POWER_ON), now),
            address,
            medium,
            serial: serial.into(),
            boot: 1,
            samples: 0,
            level: 300,
            warning: None,
            config: [(ConfigKey::TELEMETRY_PERIOD_MS.0, 60_000)].into(),
            carried_out: Vec::new(),
            holds_answers: false,
            held: Vec::new(),
            reset_when_answered: false,
            mute: false,
            downs: 0,
        };
        app.say_state(now);
        app
    }

    /// All that the controller knew is gone.
    pub fn reset(&mut self, cause: ResetCause, now: Millis) {
        self.boot += 1;
        self.end = end(self.address, self.medium, &self.serial, (self.boot, cause), now);
        self.held.clear();
        self.reset_when_answered = false;
        self.warning = None;
        self.level = 300;
    }

    fn say_state(&mut self, now: Millis) {
        let warning = self.warning.map(|(text_id, colour, _, until)| ShownWarning {
            text_id,
            colour,
            remaining_ms: until.age_ms(now),
        });
        let state = State {
            level: Permille::at_most(self.level),
            target: Permille::at_most(self.level),
            mode: LightMode::COMMAND,
            warning,
            beacon: self.warning.is_some_and(|warning| warning.2),
            safe: false,
            lost_telemetry: 0,
            link: *self.end.counters(),
        };
        self.end.send_state(state);
    }

    fn event(&mut self, event: PoleEvent, now: Millis) {
        let (ticket, command) = match event {
            PoleEvent::Command(ticket, command) => (Some(ticket), command),
            PoleEvent::Broadcast(command) => (None, command),
            PoleEvent::Down => {
                self.downs += 1;
                return;
            }
            PoleEvent::Up { .. } | PoleEvent::Rejected(_) => return,
        };
        self.carried_out.push((Instant::now(), command.clone()));
        let outcome = match command {
            Command::SetLuminaire { level, .. } | Command::Presence { level, .. } => {
                self.level = level.get();
                Outcome::Done
            }
            Command::ShowWarning { text_id, colour, beacon, expires_ms, .. } => {
                self.warning = Some((text_id, colour, beacon, now.plus(expires_ms)));
                Outcome::Done
            }
            Command::ClearWarning => {
                self.warning = None;
                Outcome::Done
            }
            Command::SetConfig { key, value } if ConfigKey::KNOWN.contains(&key) => {
                self.config.insert(key.0, value);
                Outcome::Done
            }
            Command::GetConfig { key } if self.config.contains_key(&key.0) => Outcome::Value(self.config[&key.0]),
            Command::SetConfig { .. } | Command::GetConfig { .. } => Outcome::Refused(Refusal::UNKNOWN_KEY),
            Command::GetState => {
                self.say_state(now);
                Outcome::Done
            }
            Command::Reset => {
                self.reset_when_answered = true;
                Outcome::Done
            }
            Command::Schedule { .. } | Command::SetTime { .. } => Outcome::Done,
            Command::PrepareUpdate { .. } => Outcome::Refused(Refusal::UNSUPPORTED),
        };
        let Some(ticket) = ticket else { return };
        if self.holds_answers {
            self.held.push((ticket, outcome));
        } else {
            self.end.finish(ticket, outcome);
        }
    }

    fn run(&mut self, now: Millis) {
        while let Some(event) = self.end.poll(now) {
            self.event(event, now);
        }
        if self.warning.is_some_and(|warning| now >= warning.3) {
            self.warning = None;
        }
        if self.reset_when_answered && self.end.is_answered() {
            self.reset(ResetCause::COMMAND, now);
        }
    }

    /// Hands readings in; false if the link does not take them now.
    pub fn sample(&mut self, readings: &[(Quantity, i32)], now: Millis) -> bool {
        let readings =
            readings.iter().map(|(quantity, value)| Reading { quantity: *quantity, value: *value }).collect();
        let sample = Sample { number: self.samples + 1, taken_at: now, backlog: false, readings };
        let taken = self.end.send_telemetry(sample).is_ok();
        self.samples += u32::from(taken);
        taken
    }

    pub fn raise(&mut self, kind: AlarmKind, active: bool, now: Millis) {
        self.end.raise(now, AlarmKey { kind, source: 0 }, active, 0).unwrap();
    }

    /// The orders of a sort that it carried out.
    pub fn count(&self, is: impl Fn(&Command) -> bool) -> usize {
        self.carried_out.iter().filter(|(_, command)| is(command)).count()
    }
}

fn end(
    address: u8,
    medium: Medium,
    serial: &str,
    (boot_count, reset_cause): (u32, ResetCause),
    now: Millis,
) -> PoleEnd {
    let info = PoleInfo {
        serial: serial.try_into().unwrap(),
        model: "SIM-4".try_into().unwrap(),
        firmware: Version { major: 1, minor: 2, patch: 3 },
        capabilities: Capabilities::LUMINAIRE.with(Capabilities::DISPLAY).with(Capabilities::BEACON),
        reset_cause,
        errors: ErrorCounters::default(),
    };
    PoleEnd::new(PoleConfig { address: PoleAddress::try_from(address).unwrap(), medium, boot_count, info }, now)
}

enum Transport {
    /// The daemon connects to it, as to an emulator.
    Unix { listener: UnixListener, stream: Option<UnixStream> },
    /// The controlling end of a pseudo terminal.
    Terminal(File),
    /// Datagrams, and where the daemon is.
    Udp(UdpSocket, SocketAddr),
}

impl Transport {
    /// Waits a moment for octets.
    fn receive(&mut self, buffer: &mut [u8]) -> usize {
        let read = match self {
            Self::Unix { listener, stream } => {
                let Some(open) = stream else {
                    *stream = listener.accept().ok().map(|(stream, _)| stream);
                    if let Some(stream) = stream {
                        stream.set_nonblocking(false).unwrap();
                        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                    }
                    return 0;
                };
                match open.read(buffer) {
                    Ok(0) => {
                        *stream = None;
                        return 0;
                    }
                    read => read,
                }
            }
            Self::Terminal(file) => file.read(buffer),
            Self::Udp(socket, _) => socket.recv(buffer),
        };
        match read {
            Ok(octets) => octets,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
            // The other side of a terminal or a socket is not there yet.
            Err(_) => 0,
        }
    }

    fn send(&mut self, octets: &[u8]) {
        // A line that is cut loses what is sent.
        let _ = match self {
            Self::Unix { stream: Some(stream), .. } => stream.write_all(octets),
            Self::Unix { stream: None, .. } => Ok(()),
            Self::Terminal(file) => file.write_all(octets),
            Self::Udp(socket, to) => socket.send_to(octets, *to).map(|_| ()),
        };
    }
}

struct Inner {
    transport: Transport,
    apps: Vec<App>,
}

/// A line with simulated poles. It ends with the test.
pub struct Line {
    inner: Arc<Mutex<Inner>>,
    epoch: Instant,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Line {
    /// One pole on a Unix socket.
    pub fn unix(path: &Path, serial: &str) -> Self {
        Self::start(unix(path), Medium::Uart, &[(1, serial)])
    }

    /// Several poles on a bus at a Unix socket.
    pub fn bus(path: &Path, poles: &[(u8, &str)]) -> Self {
        Self::start(unix(path), Medium::Bus(pole_link::BusTiming::BAUD_115200), poles)
    }

    /// One pole at the controlling end of a pseudo terminal.
    pub fn terminal(file: File, serial: &str) -> Self {
        Self::start(Transport::Terminal(file), Medium::Uart, &[(1, serial)])
    }

    /// One pole in datagrams.
    pub fn udp(daemon: SocketAddr, address: u8, serial: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        Self::start(Transport::Udp(socket, daemon), Medium::Udp, &[(address, serial)])
    }

    fn start(transport: Transport, medium: Medium, poles: &[(u8, &str)]) -> Self {
        let epoch = Instant::now();
        let apps = poles.iter().map(|(address, serial)| App::new(*address, medium, serial, Millis(0))).collect();
        let inner = Arc::new(Mutex::new(Inner { transport, apps }));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, ended) = (Arc::clone(&inner), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                let came = turn(&mut shared.lock().unwrap(), epoch);
                if !came {
                    // The test wants the lock too, and not every transport waits by itself.
                    std::thread::sleep(Duration::from_micros(300));
                }
            }
        });
        Self { inner, epoch, stop, thread: Some(thread) }
    }

    pub fn now(&self) -> Millis {
        Millis(self.epoch.elapsed().as_millis() as u64)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Looks at a pole, or changes it.
    pub fn with<T>(&self, pole: usize, look: impl FnOnce(&mut App, Millis) -> T) -> T {
        let now = self.now();
        look(&mut self.lock().apps[pole], now)
    }

    /// Puts octets on the line, or a datagram, as from the poles' side.
    pub fn disturb(&self, octets: &[u8]) {
        self.lock().transport.send(octets);
    }

    /// Breaks the connection; the daemon may make a new one.
    pub fn cut(&self) {
        if let Transport::Unix { stream, .. } = &mut self.lock().transport {
            *stream = None;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn unix(path: &Path) -> Transport {
    let listener = UnixListener::bind(path).unwrap();
    listener.set_nonblocking(true).unwrap();
    Transport::Unix { listener, stream: None }
}

/// What came goes to every pole, and what they say onto the line. Whether something came.
fn turn(inner: &mut Inner, epoch: Instant) -> bool {
    let Inner { transport, apps } = inner;
    let now = || Millis(epoch.elapsed().as_millis() as u64);
    let mut buffer = [0; 4096];
    let octets = transport.receive(&mut buffer);
    for app in apps.iter_mut().filter(|app| !app.mute) {
        let mut came = &buffer[..octets];
        if app.medium == Medium::Udp {
            if octets > 0
                && let Some(event) = app.end.receive_datagram(now(), came)
            {
                app.event(event, now());
            }
        } else {
            while let Some(event) = app.end.receive(now(), &mut came) {
                app.event(event, now());
            }
        }
        app.run(now());
        let mut wire = [0; MAX_WIRE];
        while let Some(octets) = app.end.poll_transmit(now(), &mut wire) {
            transport.send(octets);
        }
    }
    octets > 0
}

/// The controlling end of a new pseudo terminal, and the path of the other one.
pub fn terminal() -> (File, std::path::PathBuf) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::os::unix::ffi::OsStringExt as _;
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    rustix::io::ioctl_fionbio(&master, true).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap().into_bytes();
    (File::from(master), std::ffi::OsString::from_vec(path).into())
}
