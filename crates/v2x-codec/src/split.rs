//! Messages on their way out: what is too large for one frame becomes several, each is numbered and encoded.
//!
//! Only the lists of a message are spread over the parts; everything else of it stands in every part, so that each part
//! is a message by itself. Items keep their order, and each part takes as many of them as its limits let it:
//!
//! | message | divided by | at most in a part |
//! |---|---|---|
//! | RSM | participants | 16 |
//! | RSI | class, then events and signs | one class, 8 events, 16 signs |
//! | SPAT | intersections, then the phases of one intersection | 32, 16 |
//! | MAP | nodes, then the in-links of one node; its prohibited zone goes first | 32 (63 in 2019), 32 of each sort |
//! | SSM | participants, obstacles, events; the detected region goes first | 512, 64, 8 |
//! | RSC | vehicles, lanes | 16, 8 |
//!
//! and [`SplitRules::max_octets`] of all. The other messages go as they are.

mod lists;

use std::collections::BTreeMap;
use std::ops::Range;

use rsu_proto::v1::{self, v2x_message::Content};
use thiserror::Error;

use self::lists::{Lists, Map, Rsc, Rsi, Rsm, Spat, Ssm};
pub use crate::service::RsiClass;
use crate::service::Service;
use crate::{CodecError, ConvertError, Message, Profile};

/// The longest message that the network layer can carry.
pub const MAX_MESSAGE: usize = 65_535;

/// How messages are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitRules {
    /// How many octets one message may have, 1300 by default: what a frame of PC5 carries with room for a signature.
    pub max_octets: usize,
    /// The class of events by their number (`event_type`). The others are [`RsiClass::Dynamic`] if a sensor detected
    /// them and [`RsiClass::SemiStatic`] if not.
    pub rsi_class_by_event_type: BTreeMap<u32, RsiClass>,
}

impl Default for SplitRules {
    fn default() -> Self {
        Self { max_octets: 1300, rsi_class_by_event_type: BTreeMap::new() }
    }
}

impl SplitRules {
    /// The class of an event. Signs are [`RsiClass::Static`].
    #[must_use]
    pub fn rsi_class(&self, event: &v1::RoadTrafficEvent) -> RsiClass {
        match self.rsi_class_by_event_type.get(&event.event_type) {
            Some(class) => *class,
            None if event.source() == v1::EventSource::Detection => RsiClass::Dynamic,
            None => RsiClass::SemiStatic,
        }
    }
}

/// One message to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// With which service it goes out.
    pub service: Service,
    /// The message, numbered.
    pub content: Content,
    /// Its UPER octets.
    pub octets: Vec<u8>,
    /// Whether it is larger than [`SplitRules::max_octets`], as what cannot be divided further is.
    pub oversize: bool,
}

/// Why a message cannot be sent. `first` is the index of the first item in the part concerned, among the items that
/// this message (or node, or intersection, if that is divided) has of its service; paths count from that item on.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum SplitError {
    /// A message of a later edition, which belongs to no service.
    #[error("a message of a later edition belongs to no service")]
    NoService,
    /// A value that the profile cannot carry.
    #[error("{} from item {first} on: {error}", service.name())]
    Convert {
        /// The service.
        service: Service,
        /// The first item of the part.
        first: usize,
        /// The field and what is wrong with it.
        error: ConvertError,
    },
    /// A value that the encoding cannot carry.
    #[error("{} from item {first} on: {error}", service.name())]
    Encode {
        /// The service.
        service: Service,
        /// The first item of the part.
        first: usize,
        /// The field and what is wrong with it.
        error: CodecError,
    },
    /// What cannot be divided is too long for the network layer.
    #[error("{}: item {first} alone makes a message of {length} octets (at most {MAX_MESSAGE})", service.name())]
    TooLong {
        /// The service.
        service: Service,
        /// The item.
        first: usize,
        /// Number of octets of the message.
        length: usize,
    },
}

impl SplitError {
    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoService => "split_no_service",
            Self::Convert { .. } => "split_convert",
            Self::Encode { .. } => "split_encode",
            Self::TooLong { .. } => "split_too_long",
        }
    }
}

/// The last `msgCnt` of each service.
#[derive(Debug, Clone, Copy, Default)]
struct Numbering([u8; Service::ALL.len()]);

impl Numbering {
    const MODULUS: u8 = 128;

    fn next(&self, service: Service) -> u8 {
        self.0.get(service as usize).copied().unwrap_or_default()
    }

    fn advance(&mut self, service: Service) {
        if let Some(next) = self.0.get_mut(service as usize) {
            *next = (*next + 1) % Self::MODULUS;
        }
    }
}

/// The messages of one sender on their way out.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    rules: SplitRules,
    numbering: Numbering,
}

impl Outgoing {
    /// A sender whose first message of each service has the number 0.
    #[must_use]
    pub fn new(rules: SplitRules) -> Self {
        Self { rules, numbering: Numbering::default() }
    }

    /// The rules it was made with.
    #[must_use]
    pub fn rules(&self) -> &SplitRules {
        &self.rules
    }

    /// Divides a message as far as needed, numbers the parts and encodes them. The number that it came with does not
    /// count: each service has its own, which increases by one modulo 128.
    ///
    /// What cannot be made small enough is a part alone and marked [`Part::oversize`]. The parts of an RSI come by
    /// their class, the most urgent first.
    ///
    /// There is no part if there is nothing to be said: for an RSM, SPAT or MAP without an item, which the standard
    /// does not allow, and for an RSI without events and signs, which would have no class. An SSM or RSC without any is
    /// valid and sent.
    ///
    /// # Errors
    /// [`SplitError`] for a message that no number of parts can carry. None of it is to be sent then, and no number is
    /// used up.
    pub fn parts(&mut self, profile: Profile, content: Content) -> Result<Vec<Part>, SplitError> {
        let max_octets = self.rules.max_octets.min(MAX_MESSAGE);
        let mut work = Work { profile, max_octets, numbering: self.numbering, parts: Vec::new() };
        match content {
            Content::Rsm(rsm) if rsm.participants.is_empty() => {}
            Content::Spat(spat) if spat.intersections.is_empty() => {}
            Content::Map(map) if map.nodes.is_empty() => {}
            Content::Rsm(rsm) => work.divide(&Rsm::new(rsm))?,
            Content::Spat(spat) => work.divide(&Spat::new(spat))?,
            Content::Map(map) => work.divide(&Map::new(map))?,
            Content::Ssm(ssm) => work.divide(&Ssm::new(ssm))?,
            Content::Rsc(rsc) => work.divide(&Rsc::new(rsc))?,
            Content::Rsi(rsi) => {
                for of_class in Rsi::classes(rsi, &self.rules) {
                    work.divide(&of_class)?;
                }
            }
            // The class would be that of an RSI.
            other => {
                let service = Service::of(&other, RsiClass::Static).ok_or(SplitError::NoService)?;
                let part = work.part(service, other, 0)?;
                work.push(part, 0)?;
            }
        }
        self.numbering = work.numbering;
        Ok(work.parts)
    }
}

/// Items of lists that are laid end to end, as ranges of each list.
fn ranges<const N: usize>(lengths: [usize; N], items: &Range<usize>) -> [Range<usize>; N] {
    let mut start = 0;
    lengths.map(|length| {
        let within = |item: usize| item.clamp(start, start + length) - start;
        let range = within(items.start)..within(items.end);
        start += length;
        range
    })
}

/// One message in division.
struct Work {
    profile: Profile,
    max_octets: usize,
    numbering: Numbering,
    parts: Vec<Part>,
}

impl Work {
    /// Appends the parts of a message.
    fn divide<const N: usize>(&mut self, message: &impl Lists<N>) -> Result<(), SplitError> {
        let lengths = message.lengths();
        let count = lengths.iter().sum();
        if count == 0 {
            let part = self.part_of(message, &(0..0))?;
            return self.push(part, 0);
        }
        let (mut first, mut guess) = (0, usize::MAX);
        while first < count {
            let largest = if message.must_be_divided(first) {
                None
            } else {
                self.largest(message, first, self.allowed(message, first), guess)?
            };
            if let Some((taken, part)) = largest {
                self.push(part, first)?;
                first += taken;
                guess = taken;
            } else {
                if !message.divide_item(first, self)? {
                    let part = self.part_of(message, &(first..first + 1))?;
                    self.push(part, first)?;
                }
                first += 1;
            }
        }
        Ok(())
    }

    /// How many items from `first` on the limits of the lists let into one message.
    fn allowed<const N: usize>(&self, message: &impl Lists<N>, first: usize) -> usize {
        let mut count = 0;
        let mut end = usize::MAX;
        for (length, limit) in message.lengths().into_iter().zip(message.limits(self.profile)) {
            let full = count.max(first) + limit;
            count += length;
            if full < count {
                end = end.min(full);
            }
        }
        let end = end.min(count);
        (first + 1..end).find(|item| message.must_be_divided(*item)).unwrap_or(end) - first
    }

    /// The part that takes as many items from `first` on as fit, at most `most`, and their number; `None` if the first
    /// one alone is too large.
    ///
    /// The search begins at `guess`, the number that the part before took, as the items of a message are much alike:
    /// then two or three encodings do.
    fn largest<const N: usize>(
        &self,
        message: &impl Lists<N>,
        first: usize,
        most: usize,
        guess: usize,
    ) -> Result<Option<(usize, Part)>, SplitError> {
        let mut best = None;
        // So many fit, and so many do not.
        let (mut fit, mut too_many) = (0, most + 1);
        let (mut next, mut step) = (guess.clamp(1, most), 1);
        while fit + 1 < too_many {
            let part = self.part_of(message, &(first..first + next))?;
            let octets = part.octets.len();
            if octets <= self.max_octets {
                fit = next;
                best = Some((fit, part));
            } else {
                too_many = next;
            }
            next = if fit == 0 {
                (too_many * self.max_octets / octets).min(too_many.saturating_sub(step))
            } else if too_many > most {
                fit + step
            } else {
                usize::midpoint(fit, too_many)
            };
            next = next.clamp(fit + 1, (too_many - 1).max(fit + 1));
            step *= 2;
        }
        Ok(best)
    }

    fn part_of<const N: usize>(&self, message: &impl Lists<N>, items: &Range<usize>) -> Result<Part, SplitError> {
        let content = message.part(ranges(message.lengths(), items));
        self.part(message.service(), content, items.start)
    }

    fn part(&self, service: Service, mut content: Content, first: usize) -> Result<Part, SplitError> {
        if let Some(msg_cnt) = lists::msg_cnt(&mut content) {
            *msg_cnt = self.numbering.next(service).into();
        }
        let message = Message::from_content(self.profile, &content, None).map_err(|error| SplitError::Convert {
            service,
            first,
            error,
        })?;
        let octets = message.to_uper().map_err(|error| SplitError::Encode { service, first, error })?;
        let oversize = octets.len() > self.max_octets;
        Ok(Part { service, content, octets, oversize })
    }

    fn push(&mut self, part: Part, first: usize) -> Result<(), SplitError> {
        let (service, length) = (part.service, part.octets.len());
        if length > MAX_MESSAGE {
            return Err(SplitError::TooLong { service, first, length });
        }
        self.numbering.advance(service);
        self.parts.push(part);
        Ok(())
    }
}
