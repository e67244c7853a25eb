//! The file formats: packets, one after the other.
//!
//! Each record is framed here and handed whole to `pcap-parser`: that tells a file that ends from one that is corrupt,
//! gives the octet, and needs no buffer that grows on the file's word.

use std::io::{self, BufReader, Chain, Cursor, Read};
use std::ops::Range;

use pcap_parser::pcapng::{Block, InterfaceDescriptionBlock, OptionCode, parse_block_be, parse_block_le};
use pcap_parser::{
    EPB_MAGIC, IDB_MAGIC, PcapHeader, SHB_MAGIC, SPB_MAGIC, parse_pcap_frame, parse_pcap_frame_be,
    parse_pcap_frame_modified, parse_pcap_header,
};

use super::{FileError, MAX_RECORD};

const PCAP_HEADER: usize = 24;
/// Type and length in front of a block, the length behind it.
const BLOCK_FRAME: usize = 12;
/// `BOM_MAGIC`, as it is in a big endian section.
const BIG_ENDIAN: [u8; 4] = [0x1A, 0x2B, 0x3C, 0x4D];
/// Keeps the memory bounded for a file of interfaces only.
const MAX_INTERFACES: usize = 4096;

/// One packet as it was captured.
pub(super) struct Packet<'a> {
    pub(super) captured_at_us: i64,
    pub(super) link_type: u16,
    /// Whether the capture kept less than there was.
    pub(super) truncated: bool,
    pub(super) data: &'a [u8],
}

/// A capture file that is being read.
pub(super) struct Reader<R> {
    input: Chain<Cursor<Vec<u8>>, BufReader<R>>,
    /// Number of octets that were read.
    offset: u64,
    /// The record that is being read.
    record: Vec<u8>,
    /// The header of a pcap file; a pcapng file has none.
    pcap: Option<PcapHeader>,
    section: Section,
}

/// The section of a pcapng file that is being read.
#[derive(Default)]
struct Section {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

/// A packet whose octets lie in the record.
struct Found {
    captured_at_us: i64,
    link_type: u16,
    truncated: bool,
    data: Range<usize>,
}

impl<R: Read> Reader<R> {
    /// Looks at the first octets of a file for its format.
    pub(super) fn open(reader: R) -> Result<Self, FileError> {
        let mut reader = BufReader::new(reader);
        let mut start = Vec::with_capacity(PCAP_HEADER);
        (&mut reader)
            .take(PCAP_HEADER as u64)
            .read_to_end(&mut start)
            .map_err(|source| FileError::Read { offset: 0, source })?;
        let (pcap, again) = if start.starts_with(&SHB_MAGIC.to_le_bytes()) {
            (None, start)
        } else {
            match parse_pcap_header(&start) {
                Ok((_, header)) => (Some(header), Vec::new()),
                Err(error) if error.is_incomplete() && start.len() >= 4 => {
                    return Err(FileError::Incomplete { offset: start.len() as u64 });
                }
                Err(_) => return Err(FileError::NotACapture),
            }
        };
        let offset = if pcap.is_some() { PCAP_HEADER as u64 } else { 0 };
        let input = Cursor::new(again).chain(reader);
        Ok(Self { input, offset, record: Vec::new(), pcap, section: Section::default() })
    }

    /// The next packet, or none at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Packet<'_>>, FileError> {
        let start = self.offset;
        let found = match self.pcap.clone() {
            Some(header) => self.next_of_pcap(&header)?,
            None => self.next_of_pcapng()?,
        };
        let Some(Found { captured_at_us, link_type, truncated, data }) = found else { return Ok(None) };
        let data = self.record.get(data).ok_or(FileError::Corrupt { offset: start })?;
        Ok(Some(Packet { captured_at_us, link_type, truncated, data }))
    }

    fn next_of_pcap(&mut self, header: &PcapHeader) -> Result<Option<Found>, FileError> {
        let corrupt = FileError::Corrupt { offset: self.offset };
        let big_endian = header.is_bigendian();
        let modified = header.is_modified_format();
        let head = if modified { 24 } else { 16 };
        if !self.begin(head)? {
            return Ok(None);
        }
        let captured = number_at(&self.record, 8, big_endian);
        if captured > MAX_RECORD {
            return Err(corrupt);
        }
        self.read(captured)?;
        let parsed = if modified {
            parse_pcap_frame_modified(&self.record)
        } else if big_endian {
            parse_pcap_frame_be(&self.record)
        } else {
            parse_pcap_frame(&self.record)
        };
        let Ok((_, frame)) = parsed else { return Err(corrupt) };
        let fraction = if header.is_nanosecond_precision() { frame.ts_usec / 1_000 } else { frame.ts_usec };
        Ok(Some(Found {
            captured_at_us: i64::from(frame.ts_sec) * 1_000_000 + i64::from(fraction),
            // The upper half tells of frame check sequences.
            link_type: header.network.0 as u16,
            truncated: frame.caplen < frame.origlen,
            data: head..head + captured,
        }))
    }

    fn next_of_pcapng(&mut self) -> Result<Option<Found>, FileError> {
        loop {
            let start = self.offset;
            // Without a first section header it is no capture at all.
            let corrupt = || if start == 0 { FileError::NotACapture } else { FileError::Corrupt { offset: start } };
            if !self.begin(8)? {
                return Ok(None);
            }
            if self.record.starts_with(&SHB_MAGIC.to_le_bytes()) {
                self.read(4)?;
                self.section = Section { big_endian: self.record.ends_with(&BIG_ENDIAN), interfaces: Vec::new() };
            }
            let big_endian = self.section.big_endian;
            let kind = number_at(&self.record, 0, big_endian) as u32;
            let length = number_at(&self.record, 4, big_endian);
            let known = [SHB_MAGIC, IDB_MAGIC, EPB_MAGIC, SPB_MAGIC].contains(&kind);
            if length < BLOCK_FRAME || !length.is_multiple_of(4) || known && length > MAX_RECORD {
                return Err(corrupt());
            }
            if known {
                self.read(length.checked_sub(self.record.len()).ok_or_else(corrupt)?)?;
            } else {
                self.skip(length - BLOCK_FRAME)?;
                self.read(4)?;
            }
            if number_at(&self.record, self.record.len().saturating_sub(4), big_endian) != length {
                return Err(corrupt());
            }
            if known && let Some(found) = self.section.packet_of(&self.record).map_err(|BadBlock| corrupt())? {
                return Ok(Some(found));
            }
        }
    }

    /// Begins a record; false at the end of the file.
    fn begin(&mut self, count: usize) -> Result<bool, FileError> {
        self.record.clear();
        let start = self.offset;
        match self.read(count) {
            Err(FileError::Incomplete { offset }) if offset == start => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Appends octets of the file to the record.
    fn read(&mut self, count: usize) -> Result<(), FileError> {
        let done = (&mut self.input).take(count as u64).read_to_end(&mut self.record).map(|done| done as u64);
        self.count(done, count)
    }

    fn skip(&mut self, count: usize) -> Result<(), FileError> {
        let done = io::copy(&mut (&mut self.input).take(count as u64), &mut io::sink());
        self.count(done, count)
    }

    fn count(&mut self, done: io::Result<u64>, expected: usize) -> Result<(), FileError> {
        let done = done.map_err(|source| FileError::Read { offset: self.offset, source })?;
        self.offset += done;
        if done < expected as u64 { Err(FileError::Incomplete { offset: self.offset }) } else { Ok(()) }
    }
}

/// A number of four octets; 0 where there are none.
fn number_at(record: &[u8], at: usize, big_endian: bool) -> usize {
    let octets = record.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
    (if big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }) as usize
}

/// A block that cannot be.
struct BadBlock;

impl Section {
    /// The packet of a block, if it has one.
    fn packet_of(&mut self, block: &[u8]) -> Result<Option<Found>, BadBlock> {
        let parse = if self.big_endian { parse_block_be } else { parse_block_le };
        let (_, block) = parse(block).map_err(|_| BadBlock)?;
        match block {
            Block::InterfaceDescription(description) => {
                if self.interfaces.len() == MAX_INTERFACES {
                    return Err(BadBlock);
                }
                self.interfaces.push(Interface::new(&description, self.big_endian));
                Ok(None)
            }
            Block::EnhancedPacket(packet) => {
                let interface = self.interfaces.get(packet.if_id as usize).ok_or(BadBlock)?;
                Ok(Some(Found {
                    captured_at_us: interface.unix_us(u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low)),
                    link_type: interface.link_type,
                    truncated: packet.caplen < packet.origlen,
                    data: 28..28 + packet.caplen as usize,
                }))
            }
            Block::SimplePacket(packet) => {
                let interface = self.interfaces.first().ok_or(BadBlock)?;
                let kept = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen }.min(packet.origlen);
                let kept = packet.data.len().min(kept as usize);
                Ok(Some(Found {
                    captured_at_us: 0,
                    link_type: interface.link_type,
                    truncated: kept < packet.origlen as usize,
                    data: 12..12 + kept,
                }))
            }
            _ => Ok(None),
        }
    }
}

/// An interface of a section of pcapng.
struct Interface {
    link_type: u16,
    snaplen: u32,
    units_per_second: i128,
    offset_s: i64,
}

impl Interface {
    fn new(description: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        // `ts_resolution` and `ts_offset` of the crate know neither powers of two nor big endian.
        let resolution = description.if_tsresol;
        let base: i128 = if resolution & 0x80 == 0 { 10 } else { 2 };
        let offset = description.options.iter().find(|option| option.code == OptionCode::IfTsoffset);
        let offset = offset.and_then(|option| option.value.first_chunk()).copied().unwrap_or_default();
        Self {
            link_type: description.linktype.0 as u16,
            snaplen: description.snaplen,
            units_per_second: base.checked_pow(u32::from(resolution & 0x7F)).unwrap_or(i128::MAX),
            offset_s: if big_endian { i64::from_be_bytes(offset) } else { i64::from_le_bytes(offset) },
        }
    }

    fn unix_us(&self, units: u64) -> i64 {
        let since_offset = i128::from(units) * 1_000_000 / self.units_per_second;
        let unix_us = since_offset + i128::from(self.offset_s) * 1_000_000;
        i64::try_from(unix_us).unwrap_or(if unix_us < 0 { i64::MIN } else { i64::MAX })
    }
}
