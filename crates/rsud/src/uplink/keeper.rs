//! The backlog of one link: its spool, and how its platform wants things told.
//!
//! An item is turned into publications when it comes, and these are what the spool keeps: what went through a crash comes
//! out octet for octet, whatever version of the daemon sends it. What had to be dropped becomes a notice (`rsu.v1.Gap`) at
//! platforms that know it.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use edge_core::{Priority, Publication};
use prost::Message as _;
use rsu_proto::v1;
use rsu_units::Timestamp;
use spool::{Gap, Label, Reason, Spool};
use tracing::error;

use super::link::{Refusal, Store};
use super::payload::encode_message;
use super::profiles::{NativeMessage, Outgoing, Profile};
use super::waiting::Missed;
use crate::config::PayloadFormat;
use crate::downlink::commander::Reply;
use crate::stats::Stats;

/// A publication as the spool keeps it.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Kept {
    #[prost(string, tag = "1")]
    pub(super) topic: String,
    #[prost(string, tag = "2")]
    pub(super) content_type: String,
    #[prost(string, tag = "3")]
    pub(super) schema: String,
    #[prost(bool, tag = "4")]
    pub(super) retain: bool,
    #[prost(bytes = "bytes", tag = "5")]
    pub(super) payload: Bytes,
    /// MQTT correlation data, of an answer.
    #[prost(bytes = "bytes", tag = "6")]
    pub(super) correlation: Bytes,
}

impl From<Outgoing> for Kept {
    fn from(outgoing: Outgoing) -> Self {
        Self {
            topic: outgoing.topic,
            content_type: outgoing.content_type.into(),
            schema: outgoing.schema.into(),
            retain: outgoing.retain,
            payload: outgoing.payload.into(),
            correlation: Bytes::new(),
        }
    }
}

impl Kept {
    /// Octets of the packet, or a few more.
    pub(super) fn packet_octets(&self) -> usize {
        // Fixed header, lengths, packet identifier, names of the properties.
        self.topic.len()
            + self.content_type.len()
            + self.schema.len()
            + self.payload.len()
            + self.correlation.len()
            + 64
    }
}

/// The backlog. See the module.
pub(super) struct Keeper {
    pub(super) spool: Spool,
    pub(super) profile: Box<dyn Profile>,
    rsu_id: String,
    boot_id: i64,
    format: PayloadFormat,
    stats: Stats,
    /// Whose publications were handed out.
    handed: HashMap<(usize, u64), (Label, Timestamp)>,
    /// The broker takes packets of so many octets.
    pub(super) max_packet: usize,
    /// Answers so far.
    replies: u64,
    /// Gaps that were taken out of the spool and not handed out yet.
    gaps: VecDeque<Gap>,
}

impl Keeper {
    pub(super) fn new(
        spool: Spool,
        profile: Box<dyn Profile>,
        (rsu_id, boot_id): (String, i64),
        format: PayloadFormat,
        stats: Stats,
    ) -> Self {
        Self {
            spool,
            profile,
            rsu_id,
            boot_id,
            format,
            stats,
            handed: HashMap::new(),
            max_packet: usize::MAX,
            replies: 0,
            gaps: VecDeque::new(),
        }
    }

    /// Takes an item in; it is not safe before the next commit. Returns whether something is to be committed.
    pub(super) fn take(&mut self, publication: &Publication, now: Timestamp) -> bool {
        let class = publication.priority as usize;
        let header = publication.item.header();
        let (stream, boot, sequence) =
            header.map_or(("", 0, 0), |header| (header.stream.as_str(), header.boot_id, header.sequence));
        let label = match Label::new(stream, boot, sequence) {
            Ok(label) => label,
            Err(error) => return self.cannot_be_told("not_encodable", &error),
        };
        let outgoing = match self.profile.tell(&publication.item, now) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                self.spool.missed(class, now, Reason::Refused, &label, &label);
                return self.cannot_be_told(error.name(), &error);
            }
        };
        let any = !outgoing.is_empty();
        for outgoing in outgoing {
            self.push(class, &label, &Kept::from(outgoing), now);
        }
        any
    }

    /// Takes an answer to a command in. Returns whether something is to be committed.
    pub(super) fn answer(&mut self, reply: Reply, now: Timestamp) -> bool {
        self.replies += 1;
        let header = v1::Header {
            rsu_id: self.rsu_id.clone(),
            boot_id: self.boot_id,
            stream: "command-reply".into(),
            sequence: self.replies,
            produced_at_us: now.as_micros(),
            caused_by_arrival_us: 0,
        };
        let message = v1::CommandReply { header: Some(header), ..reply.message };
        let schema = "rsu.v1.CommandReply";
        let payload = match encode_message(&message, self.format) {
            Ok(payload) => payload,
            Err(error) => return self.cannot_be_told("not_encodable", &error),
        };
        let told = self.profile.tell_native(NativeMessage { stream: "command-reply", schema, payload });
        let Some(kept) = told.map(Kept::from) else { return false };
        let Ok(label) = Label::new("command-reply", self.boot_id, self.replies) else { return false };
        let asked = reply.reply_to.map(|to| Kept {
            topic: to.topic,
            correlation: hex::decode(to.correlation).unwrap_or_default().into(),
            ..kept.clone()
        });
        for kept in [Some(kept), asked].into_iter().flatten() {
            self.push(Priority::State as usize, &label, &kept, now);
        }
        true
    }

    fn push(&mut self, class: usize, label: &Label, kept: &Kept, now: Timestamp) {
        let octets = kept.encode_to_vec();
        if matches!(self.spool.push(class, now, label, &octets), Err(spool::PushError::BufferFull { .. })) {
            self.spool.commit(now);
            // What is refused for good is told as a gap by the spool itself.
            let _ = self.spool.push(class, now, label, &octets);
        }
    }

    fn cannot_be_told(&self, why: &'static str, error: &dyn std::error::Error) -> bool {
        self.stats.add("uplink", "dropped", why, 1);
        error!(profile = self.profile.name(), %error, "an item cannot be told");
        false
    }

    /// Items went before they could be taken in.
    pub(super) fn miss(&mut self, missed: &Missed, now: Timestamp) {
        let label = |sequence| Label::new(missed.stream.as_str(), self.boot_id, sequence);
        if let (Ok(first), Ok(last)) = (label(missed.first), label(missed.last)) {
            self.spool.missed(missed.priority as usize, now, Reason::Busy, &first, &last);
        }
    }

    /// The notice of a gap; without the ranges where the broker does not take so much.
    fn notice(&mut self, gap: &Gap) -> Option<Kept> {
        let whole = self.notice_with(gap)?;
        if whole.packet_octets() <= self.max_packet {
            return Some(whole);
        }
        self.notice_with(&Gap { unnamed: gap.count(), streams: Vec::new(), ..gap.clone() })
    }

    fn notice_with(&mut self, gap: &Gap) -> Option<Kept> {
        let header = v1::Header {
            rsu_id: self.rsu_id.clone(),
            boot_id: self.boot_id,
            stream: "gaps".into(),
            sequence: gap.id,
            produced_at_us: crate::clock::now().as_micros(),
            caused_by_arrival_us: 0,
        };
        let ranges = gap.streams.iter().map(|range| v1::GapRange {
            stream: range.stream.clone(),
            boot_id: range.boot,
            first_sequence: range.first_sequence,
            last_sequence: range.last_sequence,
            count: range.count,
        });
        let message = v1::Gap {
            header: Some(header),
            item_class: Priority::ALL.get(gap.class).map_or("", |priority| priority.name()).into(),
            reason: reason(gap.reason).into(),
            count: gap.count(),
            ranges: ranges.collect(),
            unnamed: gap.unnamed,
            first_accepted_at_us: gap.first_accepted_at_us.unwrap_or(0),
            last_accepted_at_us: gap.last_accepted_at_us.unwrap_or(0),
        };
        let payload = encode_message(&message, self.format).ok()?;
        self.profile.tell_native(NativeMessage { stream: "gaps", schema: "rsu.v1.Gap", payload }).map(Kept::from)
    }
}

fn reason(reason: Reason) -> v1::GapReason {
    match reason {
        Reason::Overflow => v1::GapReason::Overflow,
        Reason::Age => v1::GapReason::Age,
        Reason::Damaged => v1::GapReason::Damaged,
        Reason::Memory => v1::GapReason::MemoryOverflow,
        Reason::Refused => v1::GapReason::Refused,
        Reason::Busy => v1::GapReason::Busy,
    }
}

impl Store for Keeper {
    type Item = Kept;
    type Gap = Kept;

    fn next(&mut self, class: usize) -> Option<(u64, usize, Kept)> {
        loop {
            let item = self.spool.next(class)?;
            match Kept::decode(Bytes::from(item.payload)) {
                Ok(kept) => {
                    self.handed.insert((class, item.position), (item.label, item.accepted_at));
                    return Some((item.position, kept.packet_octets(), kept));
                }
                // Its checksum is right, so another version of the daemon wrote it.
                Err(error) => {
                    error!(%error, "an item of the spool cannot be understood");
                    self.spool.give_up(class, item.position, &item.label, item.accepted_at);
                }
            }
        }
    }

    fn delivered(&mut self, class: usize, position: u64) {
        self.handed.remove(&(class, position));
        if self.spool.delivered(class, position)
            && let Some(priority) = Priority::ALL.get(class)
        {
            self.stats.add("uplink", "delivered", priority.name(), 1);
        }
    }

    fn refused(&mut self, class: usize, position: u64, why: Refusal) {
        let Some((label, accepted_at)) = self.handed.remove(&(class, position)) else { return };
        self.spool.give_up(class, position, &label, accepted_at);
        let what = match why {
            Refusal::TooLarge => "too_large",
            Refusal::ByBroker => "rejected",
        };
        self.stats.add("uplink", "dropped", what, 1);
        error!(stream = label.stream(), sequence = label.sequence(), what, "an item cannot be delivered");
    }

    fn rewind(&mut self, class: usize) {
        let before = self.handed.len();
        self.handed.retain(|(other, _), _| *other != class);
        self.stats.add("uplink", "", "sent_again", (before - self.handed.len()) as u64);
        self.spool.rewind(class);
    }

    fn next_gap(&mut self) -> Option<(u64, Kept)> {
        loop {
            if self.gaps.is_empty() {
                self.gaps.extend(self.spool.gaps());
            }
            let gap = self.gaps.pop_front()?;
            match self.notice(&gap) {
                Some(kept) => return Some((gap.id, kept)),
                // The platform knows no such thing; the counters tell it.
                None => {
                    self.spool.gap_told(gap.id);
                }
            }
        }
    }

    fn gap_told(&mut self, id: u64) {
        self.spool.gap_told(id);
    }

    fn rewind_gaps(&mut self) {
        // The spool hands them out again: `rewind` was called for each class.
        self.gaps.clear();
    }
}
