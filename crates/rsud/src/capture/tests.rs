//! Captures of all kinds, made by hand and damaged.

mod build;

use std::convert::Infallible;

use proptest::prelude::*;

use self::build::*;
use super::*;

type Found = (i64, String, String, Vec<u8>);

fn run(file: &[u8]) -> (Vec<Found>, Result<Summary, FileError>) {
    let mut found = Vec::new();
    let result = udp_payloads(file, |datagram| {
        let Datagram { captured_at_us, source, destination, payload } = datagram;
        found.push((captured_at_us, source.to_string(), destination.to_string(), payload.to_vec()));
        Ok::<_, Infallible>(())
    });
    let result = result.map_err(|error| match error {
        CaptureError::File(error) => error,
        CaptureError::Stopped(never) => match never {},
    });
    (found, result)
}

fn payloads(file: &[u8]) -> Vec<Vec<u8>> {
    let (found, result) = run(file);
    result.unwrap();
    found.into_iter().map(|(.., payload)| payload).collect()
}

fn summary(link_type: u16, packets: &[&[u8]]) -> Summary {
    run(&pcap(&Order::LITTLE, false, link_type.into(), packets)).1.unwrap()
}

fn balanced(sum: &Summary) -> bool {
    let counted = sum.datagrams + sum.other_protocols + sum.fragments + sum.truncated;
    sum.packets + sum.reassembled == counted + sum.malformed + sum.unknown_link_types
}

#[test]
fn every_kind_of_pcap_is_read() {
    let packet = ethernet(&[IPV4], &ipv4(&[1, 2, 3]));
    for order in [Order::BIG, Order::LITTLE] {
        for nanoseconds in [false, true] {
            // The upper half of the link type announces four octets of check sequence.
            let (found, result) = run(&pcap(&order, nanoseconds, 0x4400_0001, &[&packet, &packet]));
            let expected = (AT_US, "10.0.0.1:4660".to_owned(), "10.0.0.2:22136".to_owned(), vec![1, 2, 3]);
            assert_eq!(found, [expected.clone(), expected]);
            assert_eq!(result.unwrap(), Summary { packets: 2, datagrams: 2, ..Summary::default() });
        }
    }
}

#[test]
fn pcapng_is_read_with_its_clocks_and_sections() {
    for order in [Order::BIG, Order::LITTLE] {
        let (found, result) = run(&pcapng(&order));
        assert_eq!(result.unwrap(), Summary { packets: 5, datagrams: 5, ..Summary::default() });
        let times: Vec<_> = found.iter().map(|(at, ..)| *at).collect();
        assert_eq!(times, [AT_US, AT_US, i64::from(AT_S) * 1_000_000 + 3_600_500_000, 0, AT_US]);
        let payloads: Vec<_> = found.iter().map(|(.., payload)| payload.as_slice()).collect();
        assert_eq!(payloads, [&[1, 2, 3][..], &[4, 5, 6], &[7], &[1, 2, 3], &[8, 9, 10, 11]]);
        assert_eq!(found[4].1, "[fd00::1]:4660");
    }
}

#[test]
fn every_link_is_read() {
    let (v4, v6) = (ipv4(&[1, 2, 3]), ipv6(UDP, &udp_of(&[1, 2, 3])));
    let padded = [ethernet(&[IPV4], &v4), vec![0; 20]].concat();
    for (link_type, packet) in [
        (1, ethernet(&[IPV4], &v4)),
        (1, padded),
        (1, ethernet(&[IPV6], &v6)),
        (1, ethernet(&[0x8100, IPV4], &v4)),
        (1, ethernet(&[0x88A8, 0x8100, IPV6], &v6)),
        (113, sll(&v4)),
        (276, sll2(&v4)),
        (101, v4.clone()),
        (101, v6.clone()),
        (228, v4.clone()),
        (229, v6.clone()),
        (0, [&[2, 0, 0, 0], v4.as_slice()].concat()),
        (108, [&[0, 0, 0, 24], v6.as_slice()].concat()),
    ] {
        assert_eq!(payloads(&pcap(&Order::LITTLE, false, link_type, &[&packet])), [[1, 2, 3]], "{link_type}");
    }
}

#[test]
fn what_is_no_udp_is_counted() {
    let arp =
        ethernet(&[0x0806], &[0, 1, 8, 0, 6, 4, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 3, 3, 3, 3]);
    let icmp = ethernet(&[IPV4], &ipv4_part(1, 0, &[8, 0, 0, 0, 0, 0, 0, 0]));
    let sum = summary(1, &[&arp, &icmp, &ethernet(&[0x88DC], &[1]), &ethernet(&[IPV4], &[0x45]), &[1, 2]]);
    assert_eq!(sum, Summary { packets: 5, other_protocols: 3, malformed: 2, ..Summary::default() });
    let sum = summary(147, &[&[1, 2]]);
    assert_eq!(sum, Summary { packets: 1, unknown_link_types: 1, ..Summary::default() });
    let mut short = pcap(&Order::LITTLE, false, 101, &[&ipv4(&[1, 2, 3])[..30]]);
    short[36] = 31;
    assert_eq!(run(&short).1.unwrap(), Summary { packets: 1, truncated: 1, ..Summary::default() });
    let order = Order::BIG;
    let simple = order.block(3, &[&order.words(&[31]), &ipv4(&[1, 2, 3])[..28]].concat());
    let file = [order.section(), order.interface(101, 28, &[]), simple].concat();
    assert_eq!(run(&file).1.unwrap(), Summary { packets: 1, truncated: 1, ..Summary::default() });
}

#[test]
fn fragments_are_put_together() {
    let payload: Vec<u8> = (0..40).collect();
    let whole = udp_of(&payload);
    let parts = [ipv4_part(UDP, 3, &whole[24..]), ipv4_part(UDP, MORE, &whole[..24])];
    let file = pcap(&Order::LITTLE, false, 101, &[&parts[0], &parts[1], &parts[1]]);
    let (found, result) = run(&file);
    assert_eq!(found[0].3, payload);
    let expected =
        Summary { packets: 3, datagrams: 1, reassembled: 1, fragments: 3, unfinished: 1, ..Summary::default() };
    assert_eq!(result.unwrap(), expected);

    let part = |offset: u8, octets: &[u8]| ipv6(44, &[&[UDP, 0, 0, offset, 0, 0, 0, 9], octets].concat());
    let file = pcap(&Order::BIG, true, 229, &[&part(1, &whole[..24]), &part(24, &whole[24..])]);
    assert_eq!(payloads(&file), [payload]);

    let icmp = ipv4_part(1, MORE, &[0; 8]);
    assert_eq!(summary(101, &[&icmp]).other_protocols, 1);
}

#[test]
fn unfinished_datagrams_are_given_up() {
    let first = |id: u8| {
        let mut packet = ipv4_part(UDP, MORE, &udp_of(&[0; 8]));
        packet[5] = id;
        packet
    };
    let packets: Vec<_> = (0..200).map(first).collect();
    let mut last = ipv4_part(UDP, 2, &[7]);
    last[5] = 0;
    let packets: Vec<_> = packets.iter().map(Vec::as_slice).chain([last.as_slice()]).collect();
    let sum = summary(101, &packets);
    assert_eq!((sum.fragments, sum.reassembled, sum.unfinished), (201, 0, 201));

    let mut late = pcap(&Order::LITTLE, false, 101, &[&first(7), &ipv4_part(UDP, 2, &[7])]);
    assert_eq!(run(&late).1.unwrap().unfinished, 0);
    let second = late.len() - 37;
    late[second..second + 4].copy_from_slice(&(AT_S + 31).to_le_bytes());
    assert_eq!(run(&late).1.unwrap().unfinished, 2);
}

#[test]
fn faults_are_named_with_their_place() {
    let file = pcap(&Order::LITTLE, false, 101, &[&ipv4(&[1]), &ipv4(&[2])]);
    let (found, result) = run(&file[..file.len() - 1]);
    assert_eq!(found.len(), 1);
    assert!(matches!(result, Err(FileError::Incomplete { offset: 113 })), "{result:?}");
    assert!(matches!(run(&file[..20]).1, Err(FileError::Incomplete { offset: 20 })));
    for nothing in
        [&b""[..], b"\xD4\xC3\xB2", b"PK\x03\x04 and so on", &[0x0A, 0x0D, 0x0D, 0x0A, 1, 2, 3, 4, 5, 6, 7, 8]]
    {
        assert!(matches!(run(nothing).1, Err(FileError::NotACapture)));
    }
    let mut long = file.clone();
    long[69 + 11] = 1;
    assert!(matches!(run(&long).1, Err(FileError::Corrupt { offset: 69 })));

    let order = Order::LITTLE;
    let head = [order.section(), order.interface(101, 0, &[])].concat();
    let at = head.len() as u64;
    let mut unequal = order.enhanced(0, 0, 29, &ipv4(&[1]));
    *unequal.last_mut().unwrap() = 1;
    let shorter_than_said = order.block(6, &order.words(&[0, 0, 0, 29, 29]));
    for block in [unequal, shorter_than_said, order.enhanced(1, 0, 29, &ipv4(&[1])), vec![0xFF; 40]] {
        let (found, result) = run(&[head.clone(), block].concat());
        assert!(found.is_empty());
        assert_eq!(result.unwrap_err().offset(), at);
    }
}

#[test]
fn reading_and_receiving_may_fail() {
    struct Trickle<'a>(&'a [u8]);
    impl Read for Trickle<'_> {
        fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
            let (first, rest) = self.0.split_first().ok_or(io::ErrorKind::ConnectionReset)?;
            to[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }
    let file = pcap(&Order::LITTLE, false, 101, &[&ipv4(&[1]), &ipv4(&[2])]);
    let mut seen = 0;
    let result = udp_payloads(Trickle(&file), |_| {
        seen += 1;
        Ok::<_, Infallible>(())
    });
    assert!(matches!(result, Err(CaptureError::File(FileError::Read { offset: 114, .. }))), "{result:?}");
    assert_eq!(seen, 2);
    let result = udp_payloads(&file[..], |datagram| Err(io::Error::other(format!("{:?}", datagram.payload))));
    assert_eq!(result.unwrap_err().to_string(), "[1]");
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let whole = udp_of(&[3; 24]);
    let packets = [
        ethernet(&[IPV4], &ipv4(&[1, 2, 3])),
        ethernet(&[0x8100, IPV6], &ipv6(UDP, &udp_of(&[4]))),
        ethernet(&[IPV4], &ipv4_part(UDP, MORE, &whole[..16])),
        ethernet(&[IPV4], &ipv4_part(UDP, 2, &whole[16..])),
        ethernet(&[IPV6], &ipv6(44, &[&[UDP, 0, 0, 1, 0, 0, 0, 9], &whole[..16]].concat())),
    ];
    let packets: Vec<_> = packets.iter().map(Vec::as_slice).collect();
    let cooked = [sll(&ipv4(&[1, 2, 3])), sll(&ipv4(&[]))];
    prop::sample::select(vec![
        pcap(&Order::LITTLE, false, 1, &packets),
        pcap(&Order::BIG, true, 1, &packets),
        pcap(&Order::LITTLE, true, 113, &[&cooked[0], &cooked[1]]),
        pcapng(&Order::LITTLE),
        pcapng(&Order::BIG),
    ])
}

fn check(file: &[u8]) -> Result<(), TestCaseError> {
    let (found, result) = run(file);
    match result {
        Ok(sum) => {
            prop_assert!(balanced(&sum), "{sum:?}");
            prop_assert_eq!(sum.datagrams, found.len() as u64);
        }
        Err(error) => prop_assert!(error.offset() <= file.len() as u64),
    }
    Ok(())
}

proptest! {
    #[test]
    fn random_octets_come_to_an_end(
        head in 0..6usize,
        rest in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..300),
    ) {
        let order = Order::LITTLE;
        let head = match head {
            0 => Vec::new(),
            1 => pcap(&order, false, 1, &[]),
            2 => pcap(&Order::BIG, true, 113, &[]),
            3 => order.words(&[0xA1B2_CD34]),
            4 => [order.section(), order.interface(1, 0, &[])].concat(),
            _ => Order::BIG.section(),
        };
        check(&[head, rest].concat())?;
    }

    #[test]
    fn random_packets_come_to_an_end(link in 0..9usize, packet in prop::collection::vec(any::<u8>(), 0..200)) {
        let link_type = [0, 1, 101, 108, 113, 228, 229, 276, 1][link];
        let wrapped = [ethernet(&[IPV4], &packet), ipv4_part(packet.len() as u8 % 64, 0, &packet), ipv6(UDP, &packet)];
        let packets = [&packet, &wrapped[0], &wrapped[1], &wrapped[2]].map(Vec::as_slice);
        check(&pcap(&Order::LITTLE, false, link_type, &packets))?;
    }

    #[test]
    fn flipped_bits_come_to_an_end(
        file in any_file(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8), 1..6),
    ) {
        let mut file = file;
        for (at, bit) in flips {
            let at = at.index(file.len());
            file[at] ^= 1_u8 << bit;
        }
        check(&file)?;
    }

    #[test]
    fn a_cut_file_gives_what_came_before(file in any_file(), at: prop::sample::Index) {
        let at = at.index(file.len());
        let (all, _) = run(&file);
        let (found, result) = run(&file[..at]);
        prop_assert!(all.starts_with(&found));
        match result {
            Ok(sum) => prop_assert!(balanced(&sum)),
            Err(FileError::Incomplete { offset }) => prop_assert_eq!(offset, at as u64),
            Err(FileError::NotACapture) => prop_assert!(at < 12),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
