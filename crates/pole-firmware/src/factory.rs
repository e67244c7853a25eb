//! The page that is written once, when a pole is made: who it is and what its link is. A pole whose page is empty or damaged has
//! the defaults, so that it can be talked to.
//!
//! | offset | octets | |
//! |---|---|---|
//! | 0 | 4 | `POLE` |
//! | 4 | 1 | the page's format, 1 |
//! | 5 | 1 | the address, 1 to 247 |
//! | 6 | 1 | the medium: 0 UART, 1 bus |
//! | 7 | 1 | how long the serial number is |
//! | 8 | 24 | the serial number, then zeros |
//! | 32 | 4 | CRC-32/ISCSI of all before, the lowest octet first |

use crc::{CRC_32_ISCSI, Crc, NoTable};
use heapless::String;
use pole_link::{BusTiming, Medium, PoleAddress};

/// How long the page is.
pub const OCTETS: usize = 36;

const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISCSI);

/// What the page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factory {
    /// The serial number.
    pub serial: String<24>,
    /// The address on the medium.
    pub address: PoleAddress,
    /// The medium.
    pub medium: Medium,
}

impl Default for Factory {
    /// A pole on a line of its own.
    fn default() -> Self {
        let serial = String::try_from("SP-UNSET").unwrap_or_default();
        Self { serial, address: PoleAddress::FIRST, medium: Medium::Uart }
    }
}

impl Factory {
    /// Reads the page; none if it is empty or damaged.
    pub fn read(page: &[u8; OCTETS]) -> Option<Self> {
        let (covered, crc) = page.split_last_chunk::<4>()?;
        if CRC.checksum(covered) != u32::from_le_bytes(*crc) {
            return None;
        }
        let ([b'P', b'O', b'L', b'E', 1, address, medium, length], serial) = covered.split_first_chunk::<8>()? else {
            return None;
        };
        let serial = core::str::from_utf8(serial.get(..usize::from(*length))?).ok()?;
        let medium = match medium {
            0 => Medium::Uart,
            1 => Medium::Bus(BusTiming::BAUD_115200),
            _ => return None,
        };
        Some(Self { serial: String::try_from(serial).ok()?, address: PoleAddress::try_from(*address).ok()?, medium })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(head: [u8; 8], serial: &[u8]) -> [u8; OCTETS] {
        let mut page = [0; OCTETS];
        page[..8].copy_from_slice(&head);
        page[8..8 + serial.len()].copy_from_slice(serial);
        let crc = CRC.checksum(&page[..32]);
        page[32..].copy_from_slice(&crc.to_le_bytes());
        page
    }

    #[test]
    fn a_page_says_who_the_pole_is() {
        let factory = Factory::read(&page(*b"POLE\x01\x2a\x01\x04", b"SP-7")).unwrap();
        assert_eq!(factory.serial, "SP-7");
        assert_eq!(factory.address.get(), 42);
        assert_eq!(factory.medium, Medium::Bus(BusTiming::BAUD_115200));
    }

    #[test]
    fn what_is_no_page_is_not_believed() {
        let good = page(*b"POLE\x01\x01\x00\x04", b"SP-7");
        assert!(Factory::read(&good).is_some());
        assert_eq!(Factory::read(&[0; OCTETS]), None);
        assert_eq!(Factory::read(&[0xFF; OCTETS]), None);
        for octet in 0..OCTETS {
            let mut damaged = good;
            damaged[octet] ^= 0x10;
            assert_eq!(Factory::read(&damaged), None, "{octet}");
        }
        for head in
            [*b"POLE\x02\x01\x00\x04", *b"POLE\x01\x00\x00\x04", *b"POLE\x01\x01\x02\x04", *b"POLE\x01\x01\x00\xff"]
        {
            assert_eq!(Factory::read(&page(head, b"SP-7")), None, "{head:?}");
        }
        assert_eq!(Factory::read(&page(*b"POLE\x01\x01\x00\x02", b"\xc3\x28")), None, "that is not UTF-8");
    }
}
