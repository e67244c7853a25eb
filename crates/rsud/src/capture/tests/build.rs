//! Packets and files, octet by octet.

pub(super) const AT_S: u32 = 1_700_000_000;
pub(super) const AT_US: i64 = 1_700_000_000_123_456;
pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86DD;
pub(super) const UDP: u8 = 17;
pub(super) const MORE: u16 = 0x2000;

pub(super) fn udp_of(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16 + 8).to_be_bytes();
    [&[0x12, 0x34, 0x56, 0x78], length.as_slice(), &[0, 0], payload].concat()
}

pub(super) fn ipv4_part(protocol: u8, fragment: u16, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16 + 20).to_be_bytes();
    let fragment = fragment.to_be_bytes();
    [&[0x45, 0], length.as_slice(), &[0, 7], &fragment, &[64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], payload]
        .concat()
}

pub(super) fn ipv4(payload: &[u8]) -> Vec<u8> {
    ipv4_part(UDP, 0, &udp_of(payload))
}

pub(super) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let address = |last| [&[0xFD; 1][..], &[0; 14], &[last]].concat();
    [&[0x60, 0, 0, 0], length.as_slice(), &[next, 64], &address(1), &address(2), payload].concat()
}

pub(super) fn ethernet(ether_types: &[u16], payload: &[u8]) -> Vec<u8> {
    // The tag control information of a VLAN lies between two types.
    let types: Vec<_> = ether_types.iter().map(|ether_type| ether_type.to_be_bytes().to_vec()).collect();
    [&[2; 12][..], &types.join([0, 5].as_slice()), payload].concat()
}

pub(super) fn sll(payload: &[u8]) -> Vec<u8> {
    [&[0, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0], payload].concat()
}

pub(super) fn sll2(payload: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, 0, 3, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], payload].concat()
}

/// The numbers of a file, in one of the two orders of octets.
pub(super) struct Order(fn(u16) -> [u8; 2], fn(u32) -> [u8; 4], fn(u64) -> [u8; 8]);

impl Order {
    pub(super) const BIG: Self = Self(u16::to_be_bytes, u32::to_be_bytes, u64::to_be_bytes);
    pub(super) const LITTLE: Self = Self(u16::to_le_bytes, u32::to_le_bytes, u64::to_le_bytes);

    pub(super) fn words(&self, words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| (self.1)(*word)).collect()
    }

    pub(super) fn block(&self, kind: u32, body: &[u8]) -> Vec<u8> {
        let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
        let length = (self.1)((12 + body.len() + padding.len()) as u32);
        [&(self.1)(kind), length.as_slice(), body, &padding, &length].concat()
    }

    pub(super) fn section(&self) -> Vec<u8> {
        self.block(0x0A0D_0D0A, &[&self.words(&[0x1A2B_3C4D]), &(self.0)(1)[..], &(self.0)(0), &[0xFF; 8]].concat())
    }

    pub(super) fn interface(&self, link_type: u16, snaplen: u32, options: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = [&(self.0)(link_type)[..], &[0, 0], &(self.1)(snaplen)].concat();
        for (code, value) in options {
            body.extend([(self.0)(*code), (self.0)(value.len() as u16)].concat());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    pub(super) fn enhanced(&self, interface: u32, at: u64, original: usize, data: &[u8]) -> Vec<u8> {
        let words = [interface, (at >> 32) as u32, at as u32, data.len() as u32, original as u32];
        self.block(6, &[self.words(&words), data.to_vec()].concat())
    }
}

pub(super) fn pcap(order: &Order, nanoseconds: bool, link_type: u32, packets: &[&[u8]]) -> Vec<u8> {
    let magic = if nanoseconds { 0xA1B2_3C4D } else { 0xA1B2_C3D4 };
    let mut file = [order.words(&[magic]), [(order.0)(2), (order.0)(4)].concat()].concat();
    file.extend(order.words(&[0, 0, 65535, link_type]));
    for packet in packets {
        let fraction = if nanoseconds { 123_456_789 } else { 123_456 };
        file.extend(order.words(&[AT_S, fraction, packet.len() as u32, packet.len() as u32]));
        file.extend_from_slice(packet);
    }
    file
}

pub(super) fn pcapng(order: &Order) -> Vec<u8> {
    let at = AT_US as u64;
    let packet = ethernet(&[IPV4], &ipv4(&[1, 2, 3]));
    [
        order.section(),
        order.interface(1, 0, &[(2, b"lo"), (0, &[])]),
        order.interface(101, 0, &[(9, &[9])]),
        // Units of 2^-10 s from an hour later on.
        order.interface(228, 0, &[(9, &[0x8A]), (14, &(order.2)(3600))]),
        order.enhanced(0, at, packet.len(), &packet),
        order.block(5, &[0; 20]),
        order.enhanced(1, at * 1000 + 789, 31, &ipv4(&[4, 5, 6])),
        order.enhanced(2, (u64::from(AT_S) << 10) + 512, 29, &ipv4(&[7])),
        order.block(3, &[order.words(&[packet.len() as u32]), packet].concat()),
        order.section(),
        order.interface(229, 0, &[]),
        order.enhanced(0, at, 52, &ipv6(UDP, &udp_of(&[8, 9, 10, 11]))),
    ]
    .concat()
}
