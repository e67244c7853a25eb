//! Which edition of the message set does a sender use? Nothing on the wire tells, but most frames can be read to the
//! last octet in one profile only. A [`Detector`] tries both and remembers the sender.
//!
//! * A sender is an identity in its messages, as both profiles read it: the `id` of most messages, the node of MAP and
//!   SPAT, which have none.
//! * A frame that only one profile can read, to its last octet, decides for its sender. A frame that both can read decides
//!   nothing: it is read in the profile that was decided before, or else in 2020.
//! * A decision is sticky: a frame that contradicts it is refused, but the third changes it, unless one in between
//!   confirmed it (a temporary identity may be drawn again by another sender, or a sender be given another profile).
//! * A message of a kind that a profile does not know is not "read" by it.
//!
//! The memory is bounded: senders not heard among the last [`GENERATION`] others are forgotten.

use std::collections::BTreeMap;

use rsu_proto::v1::{self, v2x_message::Content};

use crate::{CodecError, Kind, Message, Profile};

/// Senders that are remembered for certain; up to twice as many are.
pub const GENERATION: usize = 2048;

/// Frames that must contradict a decision, with none between them that confirms it, to change it.
const CONTRADICTIONS: u8 = 3;

/// A sender on the air, as far as its messages tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sender {
    /// The `id` of its messages.
    Id([u8; 8]),
    /// The first node of its MAP, or the first intersection of its SPAT: region and number.
    Node(Kind, Option<u32>, u32),
    /// A message that names nobody.
    Nameless(Kind),
}

impl Sender {
    /// The sender of a message.
    #[must_use]
    pub fn of(content: &Content) -> Self {
        let node = |kind, node: Option<&v1::NodeReference>| match node {
            Some(node) => Self::Node(kind, node.region, node.id),
            None => Self::Nameless(kind),
        };
        let id = |kind, id: &[u8]| <[u8; 8]>::try_from(id).map_or(Self::Nameless(kind), Self::Id);
        match content {
            Content::Bsm(m) => id(Kind::Bsm, &m.id),
            Content::Rsm(m) => id(Kind::Rsm, &m.id),
            Content::Rsi(m) => id(Kind::Rsi, &m.id),
            Content::Rsc(m) => id(Kind::Rsc, &m.id),
            Content::Ssm(m) => id(Kind::Ssm, &m.id),
            Content::Vir(m) => id(Kind::Vir, &m.id),
            Content::Psm(m) => id(Kind::Psm, &m.id),
            Content::Clpmm(m) => id(Kind::Clpmm, &m.id),
            Content::Map(m) => node(Kind::Map, m.nodes.first().and_then(|node| node.id.as_ref())),
            Content::Spat(m) => node(Kind::Spat, m.intersections.first().and_then(|state| state.id.as_ref())),
            Content::Test(_) => Self::Nameless(Kind::Test),
            Content::Rtcm(_) => Self::Nameless(Kind::Rtcm),
            Content::Pam(_) => Self::Nameless(Kind::Pam),
            Content::Vpm(_) => Self::Nameless(Kind::Vpm),
            Content::Extension(_) | Content::Unknown(_) => Self::Nameless(Kind::Unknown),
        }
    }
}

impl std::fmt::Display for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.iter().try_for_each(|octet| write!(f, "{octet:02X}")),
            Self::Node(kind, Some(region), id) => write!(f, "{} {region}/{id}", kind.name()),
            Self::Node(kind, None, id) => write!(f, "{} {id}", kind.name()),
            Self::Nameless(kind) => f.write_str(kind.name()),
        }
    }
}

/// What is remembered of a sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Known {
    /// The profile, once a frame decided it.
    pub profile: Option<Profile>,
    /// Frames that were read in this profile since it was decided.
    pub frames: u64,
    contradictions: u8,
    last_heard: u64,
}

/// Finds out the profile of each sender.
#[derive(Debug, Clone, Default)]
pub struct Detector {
    young: BTreeMap<Sender, Known>,
    old: BTreeMap<Sender, Known>,
    frames: u64,
}

/// A frame that was read, and what is known of its profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Detected {
    /// The message.
    pub message: Message,
    /// Its twin, which the detector made to learn the sender.
    pub content: Content,
    /// Whether the sender's profile is decided; otherwise both profiles could read the frame.
    pub decided: bool,
    /// Whether this frame decided it, or changed the decision.
    pub news: bool,
}

impl Detector {
    /// Reads a frame in the profile of its sender.
    ///
    /// # Errors
    /// [`CodecError`] of the sender's profile, or of 2020 where neither can read the frame.
    pub fn decode(&mut self, octets: &[u8]) -> Result<Detected, CodecError> {
        self.frames += 1;
        let first = Message::from_uper(Profile::Y2020, octets).map(Read::new);
        if let Ok(read) = &first
            && read.understood()
            && let Known { profile: Some(Profile::Y2020), contradictions: 0, .. } = self.known(read.sender)
        {
            self.remember(read.sender, |known| known.frames += 1);
            return first.map(|read| read.detected(true, false));
        }
        let second = Message::from_uper(Profile::Y2019, octets).map(Read::new);
        let understood =
            |read: &Result<Read, CodecError>| read.as_ref().ok().filter(|read| read.understood()).map(|r| r.sender);
        match (understood(&first), understood(&second)) {
            (Some(a), Some(b)) => {
                let profile = self.known(a).profile.or(self.known(b).profile);
                let chosen = if profile == Some(Profile::Y2019) { second } else { first };
                chosen.map(|read| {
                    // A frame that both can read neither confirms nor contradicts.
                    self.remember(read.sender, |known| known.frames += u64::from(known.profile.is_some()));
                    read.detected(profile.is_some(), false)
                })
            }
            (Some(sender), None) => self.evidence(sender, Profile::Y2020, first, second),
            (None, Some(sender)) => self.evidence(sender, Profile::Y2019, second, first),
            // A message of a later edition, as the newer profile reads it, or garbage.
            (None, None) => match (first, second) {
                (Err(error), Err(_)) => Err(error),
                (Ok(read), _) | (_, Ok(read)) => Ok(read.detected(false, false)),
            },
        }
    }

    /// A frame that only `profile` could read.
    fn evidence(
        &mut self,
        sender: Sender,
        profile: Profile,
        read: Result<Read, CodecError>,
        other: Result<Read, CodecError>,
    ) -> Result<Detected, CodecError> {
        let mut verdict = (true, false);
        self.remember(sender, |known| {
            if known.profile.is_some_and(|decided| decided != profile) {
                known.contradictions += 1;
                if known.contradictions < CONTRADICTIONS {
                    verdict.0 = false;
                    return;
                }
            }
            verdict.1 = known.profile != Some(profile);
            if verdict.1 {
                known.frames = 0;
            }
            (known.profile, known.contradictions) = (Some(profile), 0);
            known.frames += 1;
        });
        match verdict {
            (true, news) => read.map(|read| read.detected(true, news)),
            (false, _) => Err(other.err().unwrap_or(CodecError::OtherProfile)),
        }
    }

    fn known(&self, sender: Sender) -> Known {
        self.young.get(&sender).or_else(|| self.old.get(&sender)).copied().unwrap_or_default()
    }

    fn remember(&mut self, sender: Sender, change: impl FnOnce(&mut Known)) {
        if !self.young.contains_key(&sender) && self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        let known = self.old.remove(&sender);
        let known = self.young.entry(sender).or_insert_with(|| known.unwrap_or_default());
        known.last_heard = self.frames;
        change(known);
    }

    /// Number of senders that are remembered: decided for 2020, for 2019, and undecided.
    #[must_use]
    pub fn counts(&self) -> [usize; 3] {
        let mut counts = [0; 3];
        for known in self.young.values().chain(self.old.values()) {
            let [y2020, y2019, undecided] = &mut counts;
            *match known.profile {
                Some(Profile::Y2020) => y2020,
                Some(Profile::Y2019) => y2019,
                None => undecided,
            } += 1;
        }
        counts
    }

    /// The senders whose profile is decided, the most recently heard first, `limit` at most.
    #[must_use]
    pub fn decided(&self, limit: usize) -> Vec<(Sender, Known)> {
        let all = self.young.iter().chain(&self.old).map(|(sender, known)| (*sender, *known));
        let mut decided: Vec<_> = all.filter(|(_, known)| known.profile.is_some()).collect();
        decided.sort_by_key(|(sender, known)| (std::cmp::Reverse(known.last_heard), *sender));
        decided.truncate(limit);
        decided
    }
}

/// A frame that a profile could read.
struct Read {
    message: Message,
    content: Content,
    sender: Sender,
}

impl Read {
    fn new(message: Message) -> Self {
        let content = message.to_content();
        let sender = Sender::of(&content);
        Self { message, content, sender }
    }

    fn understood(&self) -> bool {
        self.message.kind() != Kind::Unknown
    }

    fn detected(self, decided: bool, news: bool) -> Detected {
        Detected { message: self.message, content: self.content, decided, news }
    }
}
