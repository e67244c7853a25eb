//! Properties of the codec: what is written is read, whatever comes is survived, and an altered frame is noticed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may stop, print and read files"
)]

mod support;

use pole_link::{
    Address, Alarm, AlarmAck, AlarmKind, Blink, BusConfig, BusMaster, Capabilities, Colour, Command, CommandResult,
    ConfigKey, Deframer, EdgeConfig, EdgeEnd, ErrorCounters, Flags, Frame, Greet, Header, Hello, LightMode,
    LinkCounters, MAX_BODY, MAX_FRAME, MAX_READINGS, MAX_WIRE, Medium, Millis, MinuteOfDay, Permille, PoleAddress,
    PoleEnd, PoleInfo, ProtocolRange, Quantity, Reading, Readings, Reject, RejectReason, ResetCause, Session,
    ShownWarning, State, SwitchPoint, Telemetry, ToEdge, ToPole, Version, Welcome, build, stuff,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

fn permille() -> impl Strategy<Value = Permille> {
    (0..=1000_u16).prop_map(Permille::at_most)
}

fn version() -> impl Strategy<Value = Version> {
    any::<(u16, u16, u16)>().prop_map(|(major, minor, patch)| Version { major, minor, patch })
}

fn range() -> impl Strategy<Value = ProtocolRange> {
    any::<(u8, u8)>().prop_map(|(min, max)| ProtocolRange { min, max })
}

fn hello() -> impl Strategy<Value = ToEdge> {
    let who = ("[ -~]{0,24}", "[A-Z0-9-]{0,16}", version());
    let errors = any::<[u16; 6]>().prop_map(|e| ErrorCounters {
        watchdog_resets: e[0],
        panic_resets: e[1],
        hard_fault_resets: e[2],
        brown_out_resets: e[3],
        storage_errors: e[4],
        sensor_errors: e[5],
    });
    (range(), any::<(u32, u32, u32, u8)>(), who, errors).prop_map(|(protocol, numbers, who, errors)| {
        let (boot_count, greeting, capabilities, cause) = numbers;
        let info = PoleInfo {
            serial: who.0.as_str().try_into().unwrap(),
            model: who.1.as_str().try_into().unwrap(),
            firmware: who.2,
            capabilities: Capabilities(capabilities),
            reset_cause: ResetCause(cause),
            errors,
        };
        ToEdge::Hello(Hello { protocol, boot_count, greeting, info })
    })
}

fn telemetry() -> impl Strategy<Value = ToEdge> {
    (any::<(u32, u32, bool)>(), vec(any::<(u8, i32)>(), 0..=MAX_READINGS)).prop_map(|(head, readings)| {
        let readings = readings.into_iter().map(|(quantity, value)| Reading { quantity: Quantity(quantity), value });
        let (sample, age_ms, backlog) = head;
        ToEdge::Telemetry(Telemetry { sample, age_ms, backlog, readings: readings.collect() })
    })
}

fn state() -> impl Strategy<Value = ToEdge> {
    let warning = proptest::option::of(any::<(u16, u8, u32)>());
    (permille(), permille(), any::<(u8, bool, bool, u32)>(), warning, any::<[u32; 14]>()).prop_map(
        |(level, target, (mode, beacon, safe, lost_telemetry), warning, c)| {
            let warning = warning.map(|(text_id, colour, remaining_ms)| ShownWarning {
                text_id,
                colour: Colour(colour),
                remaining_ms,
            });
            let link = LinkCounters {
                frames_in: c[0],
                frames_out: c[1],
                oversize: c[2],
                bad_cobs: c[3],
                bad_crc: c[4],
                short: c[5],
                format: c[6],
                foreign: c[7],
                stale: c[8],
                duplicate: c[9],
                lost: c[10],
                malformed: c[11],
                unknown: c[12],
                resent: c[13],
            };
            ToEdge::State(State { level, target, mode: LightMode(mode), warning, beacon, safe, lost_telemetry, link })
        },
    )
}

fn to_edge() -> impl Strategy<Value = ToEdge> {
    let alarm = any::<(u16, u8, u8, bool, i32, u32)>().prop_map(|(number, kind, source, active, value, age_ms)| {
        ToEdge::Alarm(Alarm { number, kind: AlarmKind(kind), source, active, value, age_ms })
    });
    let result = any::<(u16, u8, Option<i32>)>()
        .prop_map(|(number, code, value)| ToEdge::CommandResult(CommandResult { number, code, value }));
    prop_oneof![hello(), Just(ToEdge::Heartbeat), telemetry(), alarm, state(), result]
}

fn command() -> impl Strategy<Value = Command> {
    let points = vec((0..1440_u16, permille()), 0..=8).prop_map(|points| Command::Schedule {
        points: points
            .into_iter()
            .map(|(minute, level)| SwitchPoint { minute: MinuteOfDay::at_most(minute), level })
            .collect(),
    });
    let warning = any::<(u16, u8, u8, bool, u32)>().prop_map(|(text_id, colour, blink, beacon, expires_ms)| {
        Command::ShowWarning { text_id, colour: Colour(colour), blink: Blink(blink), beacon, expires_ms }
    });
    let update = (any::<u32>(), version(), any::<[u8; 32]>())
        .prop_map(|(image_octets, version, sha256)| Command::PrepareUpdate { image_octets, version, sha256 });
    prop_oneof![
        (permille(), any::<u32>()).prop_map(|(level, ramp_ms)| Command::SetLuminaire { level, ramp_ms }),
        (permille(), any::<(u32, u32)>()).prop_map(|(level, (ramp_ms, hold_ms))| Command::Presence {
            level,
            ramp_ms,
            hold_ms
        }),
        points,
        warning,
        Just(Command::ClearWarning),
        any::<(u8, i32)>().prop_map(|(key, value)| Command::SetConfig { key: ConfigKey(key), value }),
        any::<u8>().prop_map(|key| Command::GetConfig { key: ConfigKey(key) }),
        Just(Command::GetState),
        any::<u64>().prop_map(|unix_ms| Command::SetTime { unix_ms }),
        Just(Command::Reset),
        update,
    ]
}

fn to_pole() -> impl Strategy<Value = ToPole> {
    let numbers = any::<(u32, u32, u32, u32)>();
    let welcome =
        (any::<u8>(), 1..=u32::MAX, numbers, any::<Option<u64>>()).prop_map(|(protocol, session, n, unix_ms)| {
            ToPole::Welcome(Welcome {
                protocol,
                session: Session::new(session).unwrap(),
                boot_count: n.0,
                greeting: n.1,
                unix_ms,
                heartbeat_ms: n.2,
                silence_ms: n.3,
            })
        });
    let reject = (any::<(u8, u32, u32)>(), range()).prop_map(|((reason, boot_count, greeting), protocol)| {
        ToPole::Reject(Reject { reason: RejectReason(reason), protocol, boot_count, greeting })
    });
    prop_oneof![
        welcome,
        reject,
        any::<u32>().prop_map(|session| ToPole::Greet(Greet { session })),
        Just(ToPole::Heartbeat),
        any::<u16>().prop_map(|number| ToPole::AlarmAck(AlarmAck { number })),
        (any::<u16>(), command()).prop_map(|(number, command)| ToPole::Command { number, command }),
    ]
}

fn header(id: u8) -> impl Strategy<Value = Header> {
    any::<(u8, u8, u8, u32, u16)>().prop_map(move |(destination, source, flags, session, sequence)| Header {
        destination: Address(destination),
        source: Address(source),
        flags: Flags(flags),
        session,
        sequence,
        id,
    })
}

/// A message of either direction as a frame.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let edge = to_edge().prop_flat_map(|message| (header(message.id()), Just(message)));
    let pole = to_pole().prop_flat_map(|message| (header(message.id().unwrap()), Just(message)));
    prop_oneof![
        edge.prop_map(|(header, message)| {
            build(&header, &mut [0; MAX_FRAME], |out| message.write(out)).unwrap().to_vec()
        }),
        pole.prop_map(|(header, message)| {
            build(&header, &mut [0; MAX_FRAME], |out| message.write(out)).unwrap().to_vec()
        }),
    ]
}

/// The frames in octets of a serial line.
fn deframed(deframer: &mut Deframer, octets: &[u8]) -> (Vec<(Header, Vec<u8>)>, LinkCounters) {
    let mut counters = LinkCounters::default();
    let mut frames = Vec::new();
    for octet in octets {
        if let Some(frame) = deframer.push(*octet, &mut counters) {
            frames.push((frame.header, frame.body.to_vec()));
        }
    }
    (frames, counters)
}

/// Octets as they might come: noise, and frames among it.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let wire = frame().prop_map(|frame| stuff(&frame, &mut [0; MAX_WIRE]).unwrap().to_vec());
    vec(prop_oneof![wire, vec(any::<u8>(), 0..400)], 0..6).prop_map(|parts| parts.concat())
}

fn pole(medium: Medium) -> PoleEnd {
    PoleEnd::new(support::pole_config(1, medium, 1, ResetCause::POWER_ON), Millis(0))
}

proptest! {
    #[test]
    fn to_edge_round_trip(message in to_edge()) {
        let mut out = [0; MAX_BODY];
        let octets = message.write(&mut out).unwrap();
        prop_assert_eq!(ToEdge::read(message.id(), &out[..octets]), Ok(message));
    }

    #[test]
    fn to_pole_round_trip(message in to_pole()) {
        let mut out = [0; MAX_BODY];
        let octets = message.write(&mut out).unwrap();
        prop_assert_eq!(ToPole::read(message.id().unwrap(), &out[..octets]), Ok(message));
    }

    /// What a later version appends changes nothing.
    #[test]
    fn appended_octets_are_ignored(message in to_edge(), command in command(), more in vec(any::<u8>(), 0..40)) {
        let mut out = [0; MAX_BODY];
        let octets = message.write(&mut out).unwrap();
        let longer = [&out[..octets], &more].concat();
        prop_assert_eq!(ToEdge::read(message.id(), &longer), Ok(message));
        let message = ToPole::Command { number: 5, command };
        let octets = message.write(&mut out).unwrap();
        let longer = [&out[..octets], &more].concat();
        prop_assert_eq!(ToPole::read(message.id().unwrap(), &longer), Ok(message));
    }

    #[test]
    fn any_body_is_survived(id in any::<u8>(), body in vec(any::<u8>(), 0..=MAX_BODY)) {
        // Whatever can be read can be written, and reads the same again.
        let mut out = [0; MAX_BODY];
        if let Ok(message) = ToEdge::read(id, &body) {
            let octets = message.write(&mut out).unwrap();
            prop_assert_eq!(ToEdge::read(message.id(), &out[..octets]), Ok(message));
        }
        if let Ok(message) = ToPole::read(id, &body)
            && !matches!(message, ToPole::Refuse { .. })
        {
            let octets = message.write(&mut out).unwrap();
            prop_assert_eq!(ToPole::read(message.id().unwrap(), &out[..octets]), Ok(message));
        }
    }

    #[test]
    fn a_frame_goes_over_a_serial_line(header in header(0x11), body in vec(any::<u8>(), 0..=MAX_BODY), noise in vec(any::<u8>(), 0..300)) {
        let mut room = [0; MAX_FRAME];
        let frame = build(&header, &mut room, |out| {
            out[..body.len()].copy_from_slice(&body);
            Ok(body.len())
        }).unwrap();
        let mut room = [0; MAX_WIRE];
        let wire = stuff(frame, &mut room).unwrap();
        prop_assert!(!wire[1..wire.len() - 1].contains(&0));
        // Noise before costs nothing, as a frame brings its own delimiter.
        let mut deframer = Deframer::new();
        let (mut frames, _) = deframed(&mut deframer, &[noise.as_slice(), wire].concat());
        prop_assert_eq!(frames.pop(), Some((header, body)));
    }

    /// The CRC notices every run of altered bits up to 32, so every altered octet.
    #[test]
    fn an_altered_frame_is_noticed(frame in frame(), at in any::<Index>(), to in any::<u8>()) {
        let mut altered = frame.clone();
        let at = at.index(frame.len());
        prop_assume!(altered[at] != to);
        altered[at] = to;
        prop_assert!(Frame::parse(&altered).is_err());
        prop_assert!(Frame::parse(&frame[..at]).is_err());
    }

    /// An octet altered on the line, the delimiters and the codes of COBS included, never makes another frame.
    #[test]
    fn an_altered_line_yields_no_other_frame(frame in frame(), at in any::<Index>(), to in any::<u8>()) {
        let whole = Frame::parse(&frame).unwrap();
        let mut room = [0; MAX_WIRE];
        let mut wire = stuff(&frame, &mut room).unwrap().to_vec();
        let next = wire.clone();
        let at = at.index(wire.len());
        wire[at] = to;
        wire.extend(next);
        let (frames, _) = deframed(&mut Deframer::new(), &wire);
        prop_assert!((1..=2).contains(&frames.len()), "the next frame is not hit");
        for (header, body) in frames {
            prop_assert_eq!((header, body.as_slice()), (whole.header, whole.body));
        }
    }

    #[test]
    fn both_ends_survive_any_octets(line in line(), step in 1..500_u64) {
        let mut poles = [pole(Medium::Uart), pole(Medium::Udp), pole(Medium::Bus(pole_link::BusTiming::BAUD_115200))];
        let session = Session::MIN;
        let mut edge = EdgeEnd::new(PoleAddress::FIRST, Medium::Uart, EdgeConfig::new(session), Millis(0));
        let mut bus = BusMaster::<4>::new(BusConfig::new(session), Millis(0));
        bus.add(PoleAddress::FIRST, Millis(0)).unwrap();
        let mut buffer = [0; MAX_WIRE];
        for (index, chunk) in line.chunks(100).enumerate() {
            let now = Millis(index as u64 * step);
            for pole in &mut poles {
                let mut octets = chunk;
                while pole.receive(now, &mut octets).is_some() {}
                pole.receive_datagram(now, chunk);
                while pole.poll(now).is_some() {}
                let mut frames = 0;
                while pole.poll_transmit(now, &mut buffer).is_some() {
                    frames += 1;
                    prop_assert!(frames <= 16, "it does not stop speaking");
                }
            }
            let mut octets = chunk;
            while edge.receive(now, &mut octets).is_some() {}
            while edge.poll(now).is_some() {}
            while edge.poll_transmit(now, &mut buffer).is_some() {}
            let mut octets = chunk;
            while bus.receive(now, &mut octets).is_some() {}
            while bus.poll(now).is_some() {}
            bus.poll_transmit(now, &mut buffer);
        }
    }
}

/// However large their numbers are, all messages fit a frame.
#[test]
fn the_longest_messages_fit() {
    let info = PoleInfo {
        serial: "x".repeat(24).as_str().try_into().unwrap(),
        model: "x".repeat(16).as_str().try_into().unwrap(),
        firmware: Version { major: u16::MAX, minor: u16::MAX, patch: u16::MAX },
        capabilities: Capabilities(u32::MAX),
        reset_cause: ResetCause(255),
        errors: ErrorCounters {
            watchdog_resets: u16::MAX,
            panic_resets: u16::MAX,
            hard_fault_resets: u16::MAX,
            brown_out_resets: u16::MAX,
            storage_errors: u16::MAX,
            sensor_errors: u16::MAX,
        },
    };
    let protocol = ProtocolRange { min: 255, max: 255 };
    let readings: Readings = (0..MAX_READINGS).map(|_| Reading { quantity: Quantity(255), value: i32::MIN }).collect();
    let link: LinkCounters = serde_json::from_value(
        serde_json::to_value(LinkCounters::default())
            .unwrap()
            .as_object()
            .unwrap()
            .keys()
            .map(|key| (key.clone(), serde_json::json!(u32::MAX)))
            .collect(),
    )
    .unwrap();
    let warning = Some(ShownWarning { text_id: u16::MAX, colour: Colour(255), remaining_ms: u32::MAX });
    let messages = [
        ToEdge::Hello(Hello { protocol, boot_count: u32::MAX, greeting: u32::MAX, info }),
        ToEdge::Telemetry(Telemetry { sample: u32::MAX, age_ms: u32::MAX, backlog: true, readings }),
        ToEdge::State(State {
            level: Permille::MAX,
            target: Permille::MAX,
            mode: LightMode(255),
            warning,
            beacon: true,
            safe: true,
            lost_telemetry: u32::MAX,
            link,
        }),
    ];
    let mut out = [0; MAX_BODY];
    let lengths = messages.map(|message| message.write(&mut out).unwrap());
    assert_eq!(lengths, [87, 156, 92]);
}
