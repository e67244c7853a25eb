//! The text form: what is read, what is refused, and that what is written is read back.

use proptest::prelude::*;

use super::*;

const SPAT: &str = "Version=0.7\nType=SPAT\nPSID=0x8002\nPriority=7\nTxMode=CONT\nTxChannel=172\nTxInterval=\n\
    DeliveryStart=\nDeliveryStop=\nSignature=False\nEncryption=False\nPayload=00136b44\n";

fn spat() -> ImmediateForward<'static> {
    ImmediateForward {
        version: Text::new("0.7").unwrap(),
        message_type: Text::new("SPAT").unwrap(),
        psid: 0x8002,
        priority: 7,
        tx_channel: Some(Channel::Number(172)),
        payload: vec![0x00, 0x13, 0x6B, 0x44],
        ..ImmediateForward::default()
    }
}

fn parse(text: &str) -> Result<ImmediateForward<'_>, ForwardError> {
    ImmediateForward::parse(text.as_bytes())
}

fn fault(text: &str) -> (usize, usize, Fault) {
    let error = parse(text).unwrap_err();
    (error.line, error.offset(), error.fault)
}

#[test]
fn the_form_of_the_specification_is_read_and_written() {
    assert_eq!(parse(SPAT).unwrap(), spat());
    assert_eq!(spat().encode(), SPAT);
}

#[test]
fn it_is_read_with_some_leave() {
    let text = "; from the host\r\n\r\n  payload = 0X00136B44 \r\nPRIORITY\t=\t7\r\n# more\r\npsid=8002\r\nVendor=x\r\n\
        Vendor=y\r\ntxmode=cont\r\nTxChannel=172\r\nsignature=FALSE\r\nVersion=0.7\r\nType=SPAT";
    assert_eq!(parse(text).unwrap(), spat());
    let short =
        parse("Type=MAP=1\nPSID=e0000016\nPayload=\nTxMode=Alt\nTxChannel=sch\nTxInterval=100\nPriority=").unwrap();
    let expected = ImmediateForward {
        message_type: Text::new("MAP=1").unwrap(),
        psid: 0xE000_0016,
        tx_mode: TxMode::Alternating,
        tx_channel: Some(Channel::Service),
        tx_interval: Some(100),
        ..ImmediateForward::default()
    };
    assert_eq!(short, expected);
}

#[test]
fn faults_are_named_with_their_line() {
    assert_eq!(fault(""), (1, 0, Fault::Missing { key: Key::Type }));
    assert_eq!(fault("Type=\nPayload=\n"), (3, 15, Fault::Missing { key: Key::Psid }));
    assert_eq!(fault("Type=\nPSID=1\n"), (3, 13, Fault::Missing { key: Key::Payload }));
    assert_eq!(fault("\r\nType"), (2, 2, Fault::NoEquals));
    assert_eq!(fault("Type=\ntype=\n"), (2, 6, Fault::Twice { key: Key::Type }));
    assert_eq!(fault("Type=A\u{7}B"), (1, 0, Fault::BadValue { key: Key::Type }));
    for (line, key) in [
        ("PSID=", Key::Psid),
        ("PSID=0x", Key::Psid),
        ("PSID=+1", Key::Psid),
        ("PSID=000000001", Key::Psid),
        ("Priority=256", Key::Priority),
        ("Priority=-1", Key::Priority),
        ("TxMode=BOTH", Key::TxMode),
        ("TxChannel=65536", Key::TxChannel),
        ("TxInterval=+1", Key::TxInterval),
        ("Signature=yes", Key::Signature),
        ("Encryption=1", Key::Encryption),
    ] {
        assert_eq!(fault(&format!("\n{line}")), (2, 1, Fault::BadValue { key }), "{line}");
    }
    assert_eq!(fault("Payload=0x123"), (1, 0, Fault::OddHex));
    assert_eq!(fault("Payload=0x1g"), (1, 0, Fault::NotHex { index: 1 }));
    let error = ImmediateForward::parse(b"Type=A\n#\xFF").unwrap_err();
    assert_eq!((error.line, error.offset(), error.name()), (2, 7, "forward_not_text"));
    assert_eq!(parse("PSID=x").unwrap_err().to_string(), "line 1: this value of PSID cannot be");
}

#[test]
fn what_is_too_long_is_refused() {
    let longest = ImmediateForward { payload: vec![0xA5; MAX_PAYLOAD], ..spat() };
    assert_eq!(parse(&longest.encode()).unwrap(), longest);
    let longer = ImmediateForward { payload: vec![0xA5; MAX_PAYLOAD + 1], ..spat() };
    let text = longer.encode();
    assert_eq!(parse(&text).unwrap_err().fault, Fault::PayloadTooLong { length: MAX_PAYLOAD + 1 });
    let long = vec![b'\n'; MAX_LENGTH + 1];
    assert_eq!(ImmediateForward::parse(&long).unwrap_err().fault, Fault::TooLong { length: MAX_LENGTH + 1 });
    assert_eq!(ImmediateForward::parse(&long[1..]).unwrap_err().name(), "forward_key_missing");
}

#[test]
fn no_text_can_bring_a_line_with_it() {
    for text in ["a\nPSID=1", "a\rb", " a", "a\t", "\u{2003}a", "a\0"] {
        assert_eq!(Text::new(text), None, "{text:?}");
    }
    assert_eq!(Text::new("#a = b;").map(Text::as_str), Some("#a = b;"));
}

fn text() -> impl Strategy<Value = String> {
    ".{0,24}".prop_map(|text| text.replace(char::is_control, "=").trim().to_owned())
}

fn channel() -> impl Strategy<Value = Option<Channel>> {
    let number = any::<u16>().prop_map(|number| Some(Channel::Number(number)));
    prop_oneof![number, Just(Some(Channel::Control)), Just(Some(Channel::Service)), Just(None)]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        texts in (text(), text(), text(), text()),
        psid: u32,
        priority: u8,
        alternating: bool,
        tx_channel in channel(),
        tx_interval: Option<u32>,
        signature: bool,
        encryption: bool,
        payload in proptest::collection::vec(any::<u8>(), 0..300),
        line_end in prop_oneof![Just("\n"), Just("\r\n")],
    ) {
        let message = ImmediateForward {
            version: Text::new(&texts.0).unwrap(),
            message_type: Text::new(&texts.1).unwrap(),
            psid,
            priority,
            tx_mode: if alternating { TxMode::Alternating } else { TxMode::Continuous },
            tx_channel,
            tx_interval,
            delivery_start: Text::new(&texts.2).unwrap(),
            delivery_stop: Text::new(&texts.3).unwrap(),
            signature,
            encryption,
            payload,
        };
        let text = message.encode().replace('\n', line_end);
        prop_assert_eq!(parse(&text).unwrap(), message);
    }

    #[test]
    fn any_octets_are_read_or_refused_with_a_line(datagram in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(error) = ImmediateForward::parse(&datagram) {
            prop_assert!(error.line >= 1 && error.offset() <= datagram.len());
        }
    }

    #[test]
    fn a_changed_octet_is_read_or_refused_with_a_line(at in 0..SPAT.len(), to: u8) {
        let mut datagram = SPAT.as_bytes().to_vec();
        datagram[at] = to;
        if let Err(error) = ImmediateForward::parse(&datagram) {
            prop_assert!(error.line >= 1 && error.offset() <= datagram.len());
        }
    }
}
