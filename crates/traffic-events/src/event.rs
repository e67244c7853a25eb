//! What an event is: its kind, its stages, and what it says of itself.
//!
//! An event is told as a sequence of [`EventChange`]s with one identity: exactly one start, updates while it lasts, and
//! exactly one end ([`Stage::Cleared`] or [`Stage::Lost`]). Each change stands for itself: it names the place, who takes
//! part, how sure it is, and what that rests on.

use fusion::{Track, TrackId};
use rsu_units::{Timestamp, Vector2};

/// Kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A vehicle stands on the carriageway where traffic should flow.
    StoppedVehicle,
    /// A vehicle drives against the direction of its lane.
    WrongWayDriving,
    /// A pedestrian is on the carriageway and has no right of way there.
    PedestrianOnCarriageway,
    /// A vehicle is faster than its lane allows.
    Speeding,
    /// A vehicle is far slower than its lane allows, with nobody before it.
    SlowVehicle,
    /// Vehicles stand or creep one behind the other.
    Queue,
    /// A vehicle passed the stop line while its signal was red.
    RedLightRunning,
    /// Something that is no participant lies on the carriageway.
    Obstacle,
    /// An emergency vehicle on duty approaches.
    EmergencyVehicle,
    /// A truck, or another large vehicle, is on the road.
    LargeVehicle,
    /// Two participants will meet if neither of them reacts.
    CollisionRisk,
    /// A vehicle turned round where that is not allowed.
    IllegalUTurn,
    /// A vehicle turned where its lane does not lead, or drives on a lane for bicycles.
    IllegalLaneUse,
    /// Ice on the road.
    Ice,
    /// Fog.
    Fog,
    /// Water on the road so deep that tyres may lose it.
    StandingWater,
    /// Snow, slush or hoar frost on the road.
    SlipperyRoad,
    /// Heavy rain.
    HeavyRain,
    /// Strong wind.
    StrongWind,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::StoppedVehicle,
        Self::WrongWayDriving,
        Self::PedestrianOnCarriageway,
        Self::Speeding,
        Self::SlowVehicle,
        Self::Queue,
        Self::RedLightRunning,
        Self::Obstacle,
        Self::EmergencyVehicle,
        Self::LargeVehicle,
        Self::CollisionRisk,
        Self::IllegalUTurn,
        Self::IllegalLaneUse,
        Self::Ice,
        Self::Fog,
        Self::StandingWater,
        Self::SlipperyRoad,
        Self::HeavyRain,
        Self::StrongWind,
    ];

    /// The event number of RSI (eventType): 1xx to 7xx after GB/T 29100-2012, 9xx as used in the field. 0 where neither
    /// has a number: such an event goes to the cloud and not on the air.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::StoppedVehicle => 903,
            Self::WrongWayDriving => 904,
            Self::PedestrianOnCarriageway => 405,
            Self::Speeding => 901,
            Self::SlowVehicle => 902,
            Self::Queue => 707,
            Self::Obstacle => 401,
            Self::EmergencyVehicle => 905,
            Self::LargeVehicle => 906,
            Self::HeavyRain => 301,
            Self::StrongWind => 304,
            Self::Fog => 305,
            Self::StandingWater => 407,
            Self::SlipperyRoad => 408,
            Self::Ice => 409,
            Self::RedLightRunning | Self::CollisionRisk | Self::IllegalUTurn | Self::IllegalLaneUse => 0,
        }
    }

    /// The name in configuration and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::StoppedVehicle => "stopped_vehicle",
            Self::WrongWayDriving => "wrong_way",
            Self::PedestrianOnCarriageway => "pedestrian_on_carriageway",
            Self::Speeding => "speeding",
            Self::SlowVehicle => "slow_vehicle",
            Self::Queue => "queue",
            Self::RedLightRunning => "red_light",
            Self::Obstacle => "obstacle",
            Self::EmergencyVehicle => "emergency_vehicle",
            Self::LargeVehicle => "large_vehicle",
            Self::CollisionRisk => "collision_risk",
            Self::IllegalUTurn => "u_turn",
            Self::IllegalLaneUse => "lane_use",
            Self::Ice => "ice",
            Self::Fog => "fog",
            Self::StandingWater => "standing_water",
            Self::SlipperyRoad => "slippery_road",
            Self::HeavyRain => "heavy_rain",
            Self::StrongWind => "strong_wind",
        }
    }

    /// The kind of a [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Identity of an event, never used again by the same monitor; later events have greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u64);

/// What happened to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It is there.
    Start,
    /// It goes on.
    Update,
    /// The condition is gone.
    Cleared,
    /// The participant is gone.
    Lost,
}

impl Stage {
    /// Whether nothing comes after it.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Cleared | Self::Lost)
    }
}

/// What a [`Measure`] is of. The unit is part of the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// Speed over ground, m/s.
    Speed,
    /// Standing since, s.
    StandingTime,
    /// Angle between the direction of travel and the lane's, rad.
    AngleOff,
    /// How far inside of the carriageway's edge, or beyond the last crosswalk's, m.
    Depth,
    /// Length of a queue from its front to its end, m.
    QueueLength,
    /// Vehicles in a queue.
    QueueVehicles,
    /// Signal red since, s.
    RedTime,
    /// Change of heading, positive to the left, rad.
    HeadingChange,
    /// Time to collision, s.
    TimeToCollision,
    /// Probability that the leading points of two pass each other nearer than the limit on the miss, 1.
    CollisionProbability,
    /// Length of a vehicle, m.
    Length,
    /// Distance to the junction or the stop line, m.
    Distance,
    /// Temperature of the road surface, °C.
    RoadTemperature,
    /// Air temperature, °C.
    AirTemperature,
    /// Relative humidity of the air, 1.
    Humidity,
    /// Meteorological visibility, m.
    Visibility,
    /// Rain, mm/h.
    Rain,
    /// Wind speed, m/s.
    WindSpeed,
    /// Thickness of the water on the road, mm.
    WaterFilm,
    /// Water standing at a pole's foot, mm.
    WaterLevel,
    /// Share of ice in what is on the road, 1.
    IceFraction,
}

impl Quantity {
    /// The unit's symbol.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Speed | Self::WindSpeed => "m/s",
            Self::StandingTime | Self::RedTime | Self::TimeToCollision => "s",
            Self::AngleOff | Self::HeadingChange => "rad",
            Self::Depth | Self::QueueLength | Self::Length | Self::Distance | Self::Visibility => "m",
            Self::QueueVehicles | Self::CollisionProbability | Self::Humidity | Self::IceFraction => "1",
            Self::RoadTemperature | Self::AirTemperature => "°C",
            Self::Rain => "mm/h",
            Self::WaterFilm | Self::WaterLevel => "mm",
        }
    }

    /// The name in messages and files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::StandingTime => "standing_time",
            Self::AngleOff => "angle_off",
            Self::Depth => "depth",
            Self::QueueLength => "queue_length",
            Self::QueueVehicles => "queue_vehicles",
            Self::RedTime => "red_time",
            Self::HeadingChange => "heading_change",
            Self::TimeToCollision => "time_to_collision",
            Self::CollisionProbability => "collision_probability",
            Self::Length => "length",
            Self::Distance => "distance",
            Self::RoadTemperature => "road_temperature",
            Self::AirTemperature => "air_temperature",
            Self::Humidity => "humidity",
            Self::Visibility => "visibility",
            Self::Rain => "rain",
            Self::WindSpeed => "wind_speed",
            Self::WaterFilm => "water_film",
            Self::WaterLevel => "water_level",
            Self::IceFraction => "ice_fraction",
        }
    }
}

/// A quantity that decided, and what it was compared with; both in the quantity's unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Of what.
    pub quantity: Quantity,
    /// The value now.
    pub value: f64,
    /// The threshold, or the rule (a speed limit), that it was compared with.
    pub limit: f64,
}

impl Measure {
    pub(crate) fn new(quantity: Quantity, value: f64, limit: f64) -> Self {
        Self { quantity, value, limit }
    }
}

/// One track that carried the condition for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrackEvidence {
    /// The track.
    pub track_id: TrackId,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

/// What an event rests on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// The tracks of the causing participant, in time: more than one when its identity changed on the way. At most 8,
    /// the latest.
    pub tracks: Vec<TrackEvidence>,
    /// How often was looked since the condition began.
    pub looks: u32,
    /// How often of these it held.
    pub looks_held: u32,
    /// The quantities that decided, as of the last look at which the condition held.
    pub measures: Vec<Measure>,
}

/// Where weather is.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Name of the station that measured it.
    pub station: String,
    /// Metres around the event's position.
    pub radius_m: f64,
}

/// One step in the life of one event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventChange {
    /// The event.
    pub id: EventId,
    /// Its kind.
    pub kind: EventKind,
    /// What happened.
    pub stage: Stage,
    /// When the condition began.
    pub began_at: Timestamp,
    /// The time of this state.
    pub at: Timestamp,
    /// Where it is, site frame, metres: the causing participant, the end of a queue, the place of a collision.
    pub position_m: Vector2,
    /// The lane it is on, empty where it is on none.
    pub lane_id: String,
    /// 0 to 1.
    pub confidence: f64,
    /// For weather: how far it is believed to reach, metres around the position, and the station that says so.
    pub zone: Option<Zone>,
    /// Who takes part, as last seen, the causing one first. Of a queue the first 16 from the front.
    pub participants: Vec<Track>,
    /// What it rests on.
    pub evidence: Evidence,
}
