//! Which lists of each message are spread over its parts.

use std::mem::take;
use std::ops::Range;

use rsu_proto::v1::{self, v2x_message::Content};

use super::{SplitError, SplitRules, Work};
use crate::Profile;
use crate::service::{RsiClass, Service};

/// A message whose `N` lists can be spread over several messages. Their items count as one sequence, end to end.
///
/// Each implementation has the message without these lists as its `head`, which stands in every part.
pub(super) trait Lists<const N: usize> {
    /// The service of each part.
    fn service(&self) -> Service;

    /// Number of items of each list.
    fn lengths(&self) -> [usize; N];

    /// How many items of each list the standard lets into one message, at least one.
    fn limits(&self, profile: Profile) -> [usize; N];

    /// The message with these items of each list only.
    fn part(&self, items: [Range<usize>; N]) -> Content;

    /// Whether the item cannot be in a message as it is, as it has lists of its own that are too long.
    fn must_be_divided(&self, _item: usize) -> bool {
        false
    }

    /// Appends the item in several messages, if it can be divided.
    fn divide_item(&self, _item: usize, _work: &mut Work) -> Result<bool, SplitError> {
        Ok(false)
    }
}

fn some<T: Clone>(list: &[T], items: Range<usize>) -> Vec<T> {
    list.get(items).unwrap_or_default().to_vec()
}

pub(super) struct Rsm {
    head: v1::RoadsideSafetyMessage,
    participants: Vec<v1::Participant>,
}

impl Rsm {
    pub(super) fn new(mut head: v1::RoadsideSafetyMessage) -> Self {
        Self { participants: take(&mut head.participants), head }
    }
}

impl Lists<1> for Rsm {
    fn service(&self) -> Service {
        Service::Rsm
    }

    fn lengths(&self) -> [usize; 1] {
        [self.participants.len()]
    }

    fn limits(&self, _: Profile) -> [usize; 1] {
        [16]
    }

    fn part(&self, [participants]: [Range<usize>; 1]) -> Content {
        let participants = some(&self.participants, participants);
        Content::Rsm(v1::RoadsideSafetyMessage { participants, ..self.head.clone() })
    }
}

/// What an RSI says of one class.
pub(super) struct Rsi {
    class: RsiClass,
    head: v1::RoadSideInformation,
    events: Vec<v1::RoadTrafficEvent>,
    signs: Vec<v1::RoadTrafficSign>,
}

impl Rsi {
    /// The classes of which the RSI says something, the most urgent first.
    pub(super) fn classes(mut head: v1::RoadSideInformation, rules: &SplitRules) -> Vec<Self> {
        let (mut events, mut signs) = (take(&mut head.events), take(&mut head.signs));
        let mut classes = Vec::new();
        for class in [RsiClass::Dynamic, RsiClass::SemiStatic, RsiClass::Static] {
            let (of_class, others) = events.into_iter().partition(|event| rules.rsi_class(event) == class);
            events = others;
            let signs = if class == RsiClass::Static { take(&mut signs) } else { Vec::new() };
            classes.push(Self { class, head: head.clone(), events: of_class, signs });
        }
        classes.retain(|rsi| !(rsi.events.is_empty() && rsi.signs.is_empty()));
        classes
    }
}

impl Lists<2> for Rsi {
    fn service(&self) -> Service {
        self.class.into()
    }

    fn lengths(&self) -> [usize; 2] {
        [self.events.len(), self.signs.len()]
    }

    fn limits(&self, _: Profile) -> [usize; 2] {
        [8, 16]
    }

    fn part(&self, [events, signs]: [Range<usize>; 2]) -> Content {
        let (events, signs) = (some(&self.events, events), some(&self.signs, signs));
        Content::Rsi(v1::RoadSideInformation { events, signs, ..self.head.clone() })
    }
}

const MAX_PHASES: usize = 16;

pub(super) struct Spat {
    head: v1::SignalPhaseAndTiming,
    intersections: Vec<v1::IntersectionState>,
}

impl Spat {
    pub(super) fn new(mut head: v1::SignalPhaseAndTiming) -> Self {
        Self { intersections: take(&mut head.intersections), head }
    }
}

impl Lists<1> for Spat {
    fn service(&self) -> Service {
        Service::Spat
    }

    fn lengths(&self) -> [usize; 1] {
        [self.intersections.len()]
    }

    fn limits(&self, _: Profile) -> [usize; 1] {
        [32]
    }

    fn part(&self, [intersections]: [Range<usize>; 1]) -> Content {
        let intersections = some(&self.intersections, intersections);
        Content::Spat(v1::SignalPhaseAndTiming { intersections, ..self.head.clone() })
    }

    fn must_be_divided(&self, item: usize) -> bool {
        self.intersections.get(item).is_some_and(|intersection| intersection.phases.len() > MAX_PHASES)
    }

    fn divide_item(&self, item: usize, work: &mut Work) -> Result<bool, SplitError> {
        let Some(mut head) = self.intersections.get(item).cloned() else { return Ok(false) };
        let phases = take(&mut head.phases);
        work.divide(&Intersection { spat: &self.head, head, phases })?;
        Ok(true)
    }
}

/// One intersection of a SPAT.
struct Intersection<'a> {
    spat: &'a v1::SignalPhaseAndTiming,
    head: v1::IntersectionState,
    phases: Vec<v1::Phase>,
}

impl Lists<1> for Intersection<'_> {
    fn service(&self) -> Service {
        Service::Spat
    }

    fn lengths(&self) -> [usize; 1] {
        [self.phases.len()]
    }

    fn limits(&self, _: Profile) -> [usize; 1] {
        [MAX_PHASES]
    }

    fn part(&self, [phases]: [Range<usize>; 1]) -> Content {
        let phases = some(&self.phases, phases);
        let intersections = vec![v1::IntersectionState { phases, ..self.head.clone() }];
        Content::Spat(v1::SignalPhaseAndTiming { intersections, ..self.spat.clone() })
    }
}

const MAX_LINKS: usize = 32;

pub(super) struct Map {
    head: v1::MapData,
    nodes: Vec<v1::Node>,
}

impl Map {
    pub(super) fn new(mut head: v1::MapData) -> Self {
        Self { nodes: take(&mut head.nodes), head }
    }
}

impl Lists<1> for Map {
    fn service(&self) -> Service {
        Service::Map
    }

    fn lengths(&self) -> [usize; 1] {
        [self.nodes.len()]
    }

    fn limits(&self, profile: Profile) -> [usize; 1] {
        match profile {
            Profile::Y2020 => [32],
            Profile::Y2019 => [63],
        }
    }

    fn part(&self, [nodes]: [Range<usize>; 1]) -> Content {
        Content::Map(v1::MapData { nodes: some(&self.nodes, nodes), ..self.head.clone() })
    }

    fn must_be_divided(&self, item: usize) -> bool {
        self.nodes.get(item).is_some_and(|node| node.in_links.len().max(node.in_links_ex.len()) > MAX_LINKS)
    }

    fn divide_item(&self, item: usize, work: &mut Work) -> Result<bool, SplitError> {
        let Some(mut head) = self.nodes.get(item).cloned() else { return Ok(false) };
        let (zone, in_links) = (take(&mut head.prohibited_zone), take(&mut head.in_links));
        let in_links_ex = take(&mut head.in_links_ex);
        work.divide(&Node { map: &self.head, head, zone, in_links, in_links_ex })?;
        Ok(true)
    }
}

/// One node of a MAP.
struct Node<'a> {
    map: &'a v1::MapData,
    head: v1::Node,
    /// Counts as one item, the first.
    zone: Option<v1::ProhibitedZone>,
    in_links: Vec<v1::Link>,
    in_links_ex: Vec<v1::LinkEx>,
}

impl Lists<3> for Node<'_> {
    fn service(&self) -> Service {
        Service::Map
    }

    fn lengths(&self) -> [usize; 3] {
        [usize::from(self.zone.is_some()), self.in_links.len(), self.in_links_ex.len()]
    }

    fn limits(&self, _: Profile) -> [usize; 3] {
        [1, MAX_LINKS, MAX_LINKS]
    }

    fn part(&self, [zone, in_links, in_links_ex]: [Range<usize>; 3]) -> Content {
        let node = v1::Node {
            prohibited_zone: self.zone.clone().filter(|_| !zone.is_empty()),
            in_links: some(&self.in_links, in_links),
            in_links_ex: some(&self.in_links_ex, in_links_ex),
            ..self.head.clone()
        };
        Content::Map(v1::MapData { nodes: vec![node], ..self.map.clone() })
    }
}

pub(super) struct Ssm {
    head: v1::SensorSharingMessage,
    /// Counts as one item, the first: half a region would say that the other half is not seen.
    region: Vec<v1::Polygon>,
    participants: Vec<v1::DetectedParticipant>,
    obstacles: Vec<v1::DetectedObstacle>,
    events: Vec<v1::RoadTrafficEvent>,
}

impl Ssm {
    pub(super) fn new(mut head: v1::SensorSharingMessage) -> Self {
        Self {
            region: take(&mut head.detected_region),
            participants: take(&mut head.participants),
            obstacles: take(&mut head.obstacles),
            events: take(&mut head.events),
            head,
        }
    }
}

impl Lists<4> for Ssm {
    fn service(&self) -> Service {
        Service::Ssm
    }

    fn lengths(&self) -> [usize; 4] {
        let region = usize::from(!self.region.is_empty());
        [region, self.participants.len(), self.obstacles.len(), self.events.len()]
    }

    fn limits(&self, _: Profile) -> [usize; 4] {
        [1, 512, 64, 8]
    }

    fn part(&self, [region, participants, obstacles, events]: [Range<usize>; 4]) -> Content {
        Content::Ssm(v1::SensorSharingMessage {
            detected_region: if region.is_empty() { Vec::new() } else { self.region.clone() },
            participants: some(&self.participants, participants),
            obstacles: some(&self.obstacles, obstacles),
            events: some(&self.events, events),
            ..self.head.clone()
        })
    }
}

pub(super) struct Rsc {
    head: v1::RoadsideCoordination,
    vehicles: Vec<v1::VehicleCoordination>,
    lanes: Vec<v1::LaneCoordination>,
}

impl Rsc {
    pub(super) fn new(mut head: v1::RoadsideCoordination) -> Self {
        Self { vehicles: take(&mut head.vehicles), lanes: take(&mut head.lanes), head }
    }
}

impl Lists<2> for Rsc {
    fn service(&self) -> Service {
        Service::Rsc
    }

    fn lengths(&self) -> [usize; 2] {
        [self.vehicles.len(), self.lanes.len()]
    }

    fn limits(&self, _: Profile) -> [usize; 2] {
        [16, 8]
    }

    fn part(&self, [vehicles, lanes]: [Range<usize>; 2]) -> Content {
        let (vehicles, lanes) = (some(&self.vehicles, vehicles), some(&self.lanes, lanes));
        Content::Rsc(v1::RoadsideCoordination { vehicles, lanes, ..self.head.clone() })
    }
}

/// The running number of a message.
pub(super) fn msg_cnt(content: &mut Content) -> Option<&mut u32> {
    Some(match content {
        Content::Bsm(m) => &mut m.msg_cnt,
        Content::Map(m) => &mut m.msg_cnt,
        Content::Rsm(m) => &mut m.msg_cnt,
        Content::Spat(m) => &mut m.msg_cnt,
        Content::Rsi(m) => &mut m.msg_cnt,
        Content::Test(m) => &mut m.msg_cnt,
        Content::Rtcm(m) => &mut m.msg_cnt,
        Content::Rsc(m) => &mut m.msg_cnt,
        Content::Ssm(m) => &mut m.msg_cnt,
        Content::Vir(m) => &mut m.msg_cnt,
        Content::Pam(m) => &mut m.msg_cnt,
        Content::Psm(m) => &mut m.msg_cnt,
        Content::Clpmm(m) => &mut m.msg_cnt,
        Content::Vpm(m) => &mut m.msg_cnt,
        Content::Extension(_) | Content::Unknown(_) => return None,
    })
}
