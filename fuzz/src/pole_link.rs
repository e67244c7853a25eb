//! Scripts for both ends of the pole's link. The first octet of a script says the medium; then come steps: an octet says which,
//! and what follows is its own.

use std::collections::BTreeSet;

use ::pole_link::{
    Address, AlarmKey, AlarmKind, BusConfig, BusMaster, BusTiming, Capabilities, Command, EdgeConfig, EdgeEnd,
    EdgeEvent, ErrorCounters, Flags, Frame, Header, LinkState, MAX_BODY, MAX_FRAME, MAX_WIRE, Medium, Millis, Outcome,
    Permille, PoleAddress, PoleConfig, PoleEnd, PoleEvent, PoleInfo, ResetCause, Sample, Session, ToEdge, ToPole,
    Version, build, stuff,
};

/// What a step of a script is.
enum Step<'a> {
    /// Octets as they are.
    Octets(&'a [u8]),
    /// A whole frame: flags, session to be given or a wrong one, sequence, message, body.
    Frame { flags: u8, right_session: bool, sequence: u8, id: u8, body: &'a [u8] },
    /// Time passes, ms.
    Time(u32),
    /// The application does something.
    Act(u8),
}

fn take<'a>(script: &mut &'a [u8], octets: usize) -> &'a [u8] {
    let (taken, rest) = script.split_at(octets.min(script.len()));
    *script = rest;
    taken
}

fn next<'a>(script: &mut &'a [u8]) -> Option<Step<'a>> {
    let [kind, rest @ ..] = script else { return None };
    *script = rest;
    let first = |script: &mut &'a [u8]| take(script, 1).first().copied().unwrap_or_default();
    Some(match kind % 4 {
        0 => Step::Octets({
            let octets = usize::from(first(script));
            take(script, octets)
        }),
        1 => {
            let (flags, sequence, id, octets) = (first(script), first(script), first(script), first(script));
            let body = take(script, usize::from(octets).min(MAX_BODY));
            Step::Frame { flags, right_session: kind & 0x80 == 0, sequence, id, body }
        }
        2 => Step::Time(u32::from(first(script)) * (1 + u32::from(kind >> 2))),
        _ => Step::Act(first(script)),
    })
}

/// A frame, on a serial line with delimiters.
fn frame(header: Header, body: &[u8], serial: bool) -> Vec<u8> {
    let mut room = [0; MAX_FRAME];
    let written = build(&header, &mut room, |out| {
        out[..body.len()].copy_from_slice(body);
        Ok(body.len())
    });
    let frame = written.expect("a body of this length fits");
    let mut wire = [0; MAX_WIRE];
    if serial { stuff(frame, &mut wire).expect("a frame fits").to_vec() } else { frame.to_vec() }
}

/// What an end sends is a frame that the other end reads.
fn check_sent(octets: &[u8], serial: bool, read: impl Fn(Frame<'_>)) {
    if serial {
        let inner = octets.strip_prefix(&[0]).and_then(|octets| octets.strip_suffix(&[0])).expect("delimiters");
        assert!(!inner.contains(&0));
    } else {
        read(Frame::parse(octets).expect("a whole frame"));
    }
}

/// The pole's end.
pub fn pole(mut script: &[u8]) {
    let [medium, rest @ ..] = script else { return };
    script = rest;
    let medium = match medium % 3 {
        0 => Medium::Uart,
        1 => Medium::Udp,
        _ => Medium::Bus(BusTiming::BAUD_115200),
    };
    let serial = medium != Medium::Udp;
    let info = PoleInfo {
        serial: "SP-1".try_into().expect("short"),
        model: "M".try_into().expect("short"),
        firmware: Version::default(),
        capabilities: Capabilities::default(),
        reset_cause: ResetCause::POWER_ON,
        errors: ErrorCounters::default(),
    };
    let mut now = Millis(0);
    let config = PoleConfig { address: PoleAddress::FIRST, medium, boot_count: 1, info };
    let mut pole = PoleEnd::new(config, now);
    let mut given = BTreeSet::new();
    while let Some(step) = next(&mut script) {
        let octets = match step {
            Step::Octets(octets) => octets.to_vec(),
            Step::Frame { flags, right_session, sequence, id, body } => {
                let session = match pole.state() {
                    LinkState::Up { session, .. } if id >= 0x10 && right_session => session.get(),
                    _ if right_session => 0,
                    _ => 12_345,
                };
                let destination = if flags & 0x80 == 0 { PoleAddress::FIRST.into() } else { Address::BROADCAST };
                let (flags, sequence) = (Flags(flags), u16::from(sequence));
                let header = Header { destination, source: Address::EDGE, flags, session, sequence, id };
                frame(header, body, serial)
            }
            Step::Time(ms) => {
                now = now.plus(ms);
                Vec::new()
            }
            Step::Act(what) => {
                let key = AlarmKey { kind: AlarmKind(what & 3), source: what >> 5 };
                let _ = pole.raise(now, key, what & 4 != 0, i32::from(what));
                let sample = Sample { number: 1, taken_at: now, backlog: false, readings: Default::default() };
                let _ = pole.send_telemetry(sample);
                Vec::new()
            }
        };
        let mut event = |pole: &mut PoleEnd, event: PoleEvent| {
            if let PoleEvent::Command(ticket, command) = event {
                assert!(given.insert(format!("{ticket:?}")), "a ticket was given twice");
                assert!(pole.finish(ticket, Outcome::Done), "the ticket just given");
                assert!(!pole.finish(ticket, Outcome::Done), "a command is over once");
                let message = ToPole::Command { number: 1, command };
                message.write(&mut [0; MAX_BODY]).expect("what was read fits a frame");
            }
        };
        if serial {
            let mut octets = octets.as_slice();
            while let Some(one) = pole.receive(now, &mut octets) {
                event(&mut pole, one);
            }
        } else if let Some(one) = pole.receive_datagram(now, &octets) {
            event(&mut pole, one);
        }
        while pole.poll(now).is_some() {}
        let mut frames = 0;
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = pole.poll_transmit(now, &mut buffer) {
            check_sent(octets, serial, |frame| {
                ToEdge::read(frame.header.id, frame.body).expect("our own message");
            });
            frames += 1;
            assert!(frames <= 4, "a pole has no more than this to say at a time");
        }
    }
}

/// Both of the daemon's ends.
pub fn edge(mut script: &[u8]) {
    let [medium, rest @ ..] = script else { return };
    script = rest;
    match medium % 3 {
        0 => one_pole(script, Medium::Uart),
        1 => one_pole(script, Medium::Udp),
        _ => bus(script),
    }
}

fn command(what: u8) -> Command {
    match what % 4 {
        0 => Command::SetLuminaire { level: Permille::MAX, ramp_ms: 1 },
        1 => Command::Reset,
        2 => Command::GetState,
        _ => Command::SetTime { unix_ms: u64::MAX },
    }
}

/// Each command is reported once.
#[derive(Default)]
struct Commands {
    waiting: BTreeSet<(PoleAddress, u32)>,
}

impl Commands {
    fn event(&mut self, pole: PoleAddress, event: &EdgeEvent) {
        if let EdgeEvent::Finished { id, .. } = event {
            assert!(self.waiting.remove(&(pole, id.0)), "reported twice or never asked");
        }
    }
}

fn header_to_edge(
    source: PoleAddress,
    state: Option<LinkState>,
    right_session: bool,
    flags: u8,
    sequence: u8,
    id: u8,
) -> Header {
    // The first session's number is 1, so a pole can answer a Welcome before the end says that it is up.
    let session = match state {
        Some(LinkState::Up { session, .. }) if id >= 0x10 && right_session => session.get(),
        _ if right_session => u32::from(id >= 0x10),
        _ => 12_345,
    };
    let (flags, sequence) = (Flags(flags), u16::from(sequence));
    Header { destination: Address::EDGE, source: source.into(), flags, session, sequence, id }
}

fn one_pole(mut script: &[u8], medium: Medium) {
    let serial = medium != Medium::Udp;
    let pole = PoleAddress::FIRST;
    let mut now = Millis(0);
    let mut edge = EdgeEnd::new(pole, medium, EdgeConfig::new(Session::MIN), now);
    let mut commands = Commands::default();
    while let Some(step) = next(&mut script) {
        let octets = match step {
            Step::Octets(octets) => octets.to_vec(),
            Step::Frame { flags, right_session, sequence, id, body } => {
                let header = header_to_edge(pole, Some(edge.state()), right_session, flags, sequence, id);
                frame(header, body, serial)
            }
            Step::Time(ms) => {
                now = now.plus(ms);
                Vec::new()
            }
            Step::Act(what) => {
                if let Ok(id) = edge.submit(command(what), now.plus(u32::from(what) * 20)) {
                    commands.waiting.insert((pole, id.0));
                }
                Vec::new()
            }
        };
        if serial {
            let mut octets = octets.as_slice();
            while let Some(event) = edge.receive(now, &mut octets) {
                commands.event(pole, &event);
            }
        } else if let Some(event) = edge.receive_datagram(now, &octets) {
            commands.event(pole, &event);
        }
        while let Some(event) = edge.poll(now) {
            commands.event(pole, &event);
        }
        let mut frames = 0;
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = edge.poll_transmit(now, &mut buffer) {
            check_sent(octets, serial, |frame| {
                ToPole::read(frame.header.id, frame.body).expect("our own message");
            });
            frames += 1;
            assert!(frames <= 5, "the edge has no more than this to say at a time");
        }
        assert_eq!(edge.waiting_commands(), commands.waiting.len());
    }
    now = now.plus(10_000);
    while let Some(event) = edge.poll(now) {
        commands.event(pole, &event);
    }
    assert!(commands.waiting.is_empty(), "a command was not reported");
}

fn bus(mut script: &[u8]) {
    let mut now = Millis(0);
    let mut master = BusMaster::<4>::new(BusConfig::new(Session::MIN), now);
    let poles = [1, 2, 247].map(|octet| PoleAddress::try_from(octet).expect("an address"));
    for pole in poles {
        master.add(pole, now).expect("there is room");
    }
    let mut commands = Commands::default();
    while let Some(step) = next(&mut script) {
        let octets = match step {
            Step::Octets(octets) => octets.to_vec(),
            Step::Frame { flags, right_session, sequence, id, body } => {
                let pole = poles[usize::from(flags >> 2) % poles.len()];
                frame(header_to_edge(pole, master.state(pole), right_session, flags, sequence, id), body, true)
            }
            Step::Time(ms) => {
                now = now.plus(ms);
                Vec::new()
            }
            Step::Act(what) => {
                let pole = poles[usize::from(what >> 2) % poles.len()];
                if let Ok(id) = master.submit(pole, command(what), now.plus(u32::from(what) * 20)) {
                    commands.waiting.insert((pole, id.0));
                }
                let _ = master.broadcast(command(what));
                Vec::new()
            }
        };
        let mut octets = octets.as_slice();
        while let Some((pole, event)) = master.receive(now, &mut octets) {
            commands.event(pole, &event);
        }
        while let Some((pole, event)) = master.poll(now) {
            commands.event(pole, &event);
        }
        let mut frames = 0;
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = master.poll_transmit(now, &mut buffer) {
            check_sent(octets, true, |_| ());
            frames += 1;
            assert!(frames <= 4, "one turn at a time");
        }
        assert!(
            master.next_deadline().is_none_or(|at| at > now),
            "it wants to be asked at once and has nothing to say"
        );
    }
    now = now.plus(10_000);
    while let Some((pole, event)) = master.poll(now) {
        commands.event(pole, &event);
    }
    assert!(commands.waiting.is_empty(), "a command was not reported");
}
