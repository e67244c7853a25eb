//! What the core wants to be done.

use rsu_proto::v1::{self, v2x_message::Content};

use crate::poles::PoleOrder;

/// How much an item matters when not everything can be sent: lower is more urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Steps of events in which somebody may come to harm at any moment.
    Emergency,
    /// Starts, updates and ends of the other traffic events.
    Event,
    /// State and health of the RSU.
    State,
    /// Track lists.
    Track,
    /// Received V2X messages.
    Message,
}

impl Priority {
    /// All, the most urgent first.
    pub const ALL: [Self; 5] = [Self::Emergency, Self::Event, Self::State, Self::Track, Self::Message];

    /// The name in counters and health.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Event => "event",
            Self::State => "state",
            Self::Track => "track",
            Self::Message => "message",
        }
    }
}

/// An item for the cloud; its header says what it is.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// The list of participants.
    Tracks(v1::TrackList),
    /// A step in the life of an event.
    Event(v1::TrafficEvent),
    /// A received V2X message.
    V2x(Box<v1::V2xMessage>),
    /// What passed on the lanes in an interval.
    LaneStatistics(v1::LaneStatistics),
    /// How a pole is.
    PoleState(Box<v1::PoleState>),
    /// What a pole measured.
    PoleReadings(Box<v1::PoleReadings>),
    /// An alarm of a pole.
    PoleAlarm(v1::PoleAlarm),
    /// The core's part of the health: counters, sensors, tracks, events. The daemon adds its own.
    Health(v1::Health),
}

/// What the core wants to be done.
// Nearly all outputs are publications; a box for each would cost more than the few small ones waste.
#[allow(clippy::large_enum_variant, reason = "see above")]
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Tell the cloud.
    Publish(Publication),
    /// Tell the road users. The message is not numbered yet and may be larger than a frame.
    Send(Box<Content>),
    /// Tell a pole.
    Pole(PoleOrder),
}

impl Output {
    /// What is for the cloud.
    #[must_use]
    pub fn publication(&self) -> Option<&Publication> {
        match self {
            Self::Publish(publication) => Some(publication),
            Self::Send(_) | Self::Pole(_) => None,
        }
    }
}

/// An item to publish.
#[derive(Debug, Clone, PartialEq)]
pub struct Publication {
    /// How much it matters.
    pub priority: Priority,
    /// What to publish.
    pub item: Item,
}

impl Item {
    /// The item's header; every item of the core has one.
    #[must_use]
    pub fn header(&self) -> Option<&v1::Header> {
        match self {
            Self::Tracks(list) => list.header.as_ref(),
            Self::Event(event) => event.header.as_ref(),
            Self::V2x(message) => message.header.as_ref(),
            Self::LaneStatistics(statistics) => statistics.header.as_ref(),
            Self::PoleState(state) => state.header.as_ref(),
            Self::PoleReadings(readings) => readings.header.as_ref(),
            Self::PoleAlarm(alarm) => alarm.header.as_ref(),
            Self::Health(health) => health.header.as_ref(),
        }
    }
}
