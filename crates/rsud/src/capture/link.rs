//! From the link to the UDP datagram in it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{
    EtherType, IpFragOffset, Ipv6ExtensionSlice, NetSlice, SlicedPacket, TransportSlice, UdpSlice, ip_number,
};

/// What a packet carries.
pub(super) enum Content<'a> {
    Udp(Udp<'a>),
    /// A part of a UDP datagram.
    Fragment(Fragment<'a>),
    OtherProtocol,
    UnknownLinkType,
    /// Its headers say more than there is, or something that cannot be.
    Malformed,
}

/// A whole UDP datagram.
pub(super) struct Udp<'a> {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) payload: &'a [u8],
}

/// A part of a UDP datagram.
pub(super) struct Fragment<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) identification: u32,
    pub(super) offset: IpFragOffset,
    pub(super) more: bool,
    pub(super) payload: &'a [u8],
}

/// Link types as <https://www.tcpdump.org/linktypes.html> numbers them.
pub(super) fn content(link_type: u16, data: &[u8]) -> Content<'_> {
    match link_type {
        1 => SlicedPacket::from_ethernet(data).map_or(Content::Malformed, |packet| of_packet(&packet)),
        // BSD loopback: the address family, which differs from system to system.
        0 | 108 => data.get(4..).map_or(Content::Malformed, of_ip),
        101 | 228 | 229 => of_ip(data),
        // Taken apart here: `etherparse` refuses SLL from links that it does not know, and has no SLL2.
        113 => of_cooked(data, 14, 16),
        276 => of_cooked(data, 0, 20),
        _ => Content::UnknownLinkType,
    }
}

fn of_cooked(data: &[u8], protocol_at: usize, header: usize) -> Content<'_> {
    let protocol = data.get(protocol_at..).and_then(|rest| rest.first_chunk());
    let (Some(protocol), Some(rest)) = (protocol, data.get(header..)) else { return Content::Malformed };
    let ether_type = EtherType(u16::from_be_bytes(*protocol));
    SlicedPacket::from_ether_type(ether_type, rest).map_or(Content::Malformed, |packet| of_packet(&packet))
}

fn of_ip(data: &[u8]) -> Content<'_> {
    match data.first().map(|octet| octet >> 4) {
        Some(4 | 6) => SlicedPacket::from_ip(data).map_or(Content::Malformed, |packet| of_packet(&packet)),
        Some(_) => Content::OtherProtocol,
        None => Content::Malformed,
    }
}

fn of_packet<'a>(packet: &SlicedPacket<'a>) -> Content<'a> {
    let (source, destination, ip): (IpAddr, IpAddr, _) = match &packet.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into(), ip.payload())
        }
        Some(NetSlice::Ipv6(ip)) => {
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into(), ip.payload())
        }
        Some(NetSlice::Arp(_)) | None => return Content::OtherProtocol,
    };
    if let Some(TransportSlice::Udp(udp)) = &packet.transport {
        return Content::Udp(with_ports(source, destination, udp));
    }
    if !ip.fragmented || ip.ip_number != ip_number::UDP {
        return Content::OtherProtocol;
    }
    let part = match &packet.net {
        Some(NetSlice::Ipv4(ip)) => {
            let header = ip.header();
            Some((header.identification().into(), header.fragments_offset(), header.more_fragments()))
        }
        Some(NetSlice::Ipv6(ip)) => ip.extensions().clone().into_iter().find_map(|extension| match extension {
            Ipv6ExtensionSlice::Fragment(part) => {
                Some((part.identification(), part.fragment_offset(), part.more_fragments()))
            }
            _ => None,
        }),
        Some(NetSlice::Arp(_)) | None => None,
    };
    let Some((identification, offset, more)) = part else { return Content::Malformed };
    Content::Fragment(Fragment { source, destination, identification, offset, more, payload: ip.payload })
}

/// The UDP datagram that a reassembled payload is.
pub(super) fn udp(source: IpAddr, destination: IpAddr, octets: &[u8]) -> Option<Udp<'_>> {
    UdpSlice::from_slice(octets).ok().map(|udp| with_ports(source, destination, &udp))
}

fn with_ports<'a>(source: IpAddr, destination: IpAddr, udp: &UdpSlice<'a>) -> Udp<'a> {
    Udp {
        source: SocketAddr::new(source, udp.source_port()),
        destination: SocketAddr::new(destination, udp.destination_port()),
        payload: udp.payload(),
    }
}
