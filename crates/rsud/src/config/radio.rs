//! The shape and the check of the section `[pc5]`: the radio, both ways.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use edge_core::BroadcastPlan;
use rsu_proto::v1::{self, v2x_message::Content};
use serde::Deserialize;
use v2x_codec::Profile;
use v2x_codec::dsmp::Aid;
use v2x_codec::immediate_forward::Channel;
use v2x_codec::service::{RsiClass, Service, ServiceEntry, ServiceTable};
use v2x_codec::split::{Outgoing, SplitRules};
use v2x_codec::vendor_header::{ByteOrder, Field, Layout, LayoutParts, LengthField, Magic, TimestampUnit};

use super::file::default_queue;
use super::{Checker, ConfigError, read, shape};
use crate::air::Budget;
use crate::framing::{Framing, VendorHeader};

/// The PC5 adapter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pc5Config {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Inputs that may wait for the core.
    #[serde(default = "default_queue")]
    pub queue: usize,
    /// What the radio hands over and takes.
    #[serde(default)]
    pub framing: FramingName,
    /// Edition of the message set.
    #[serde(default)]
    pub profile: ProfileName,
    /// The header, for framing "vendor".
    pub vendor_header: Option<VendorHeaderConfig>,
    /// What to ask the radio for, for framing "immediate-forward".
    pub immediate_forward: Option<ImmediateForwardConfig>,
    /// Changes to the table of services, by their names.
    #[serde(default)]
    pub services: BTreeMap<String, ServiceConfig>,
    /// Sending; nothing is sent without it.
    pub send: Option<SendConfig>,
}

/// What is around the UPER frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FramingName {
    /// Network-layer frames.
    #[default]
    Dsmp,
    /// Bare messages.
    Uper,
    /// Messages behind a vendor's header.
    Vendor,
    /// The text form of RSU specification 4.1.
    ImmediateForward,
}

/// Edition of the message set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub enum ProfileName {
    /// T/CSAE 53-2020.
    #[default]
    #[serde(rename = "2020")]
    Y2020,
    /// The draft of 2019.
    #[serde(rename = "2019")]
    Y2019,
    /// To be found out for each sender.
    #[serde(rename = "auto")]
    Auto,
}

/// A vendor's header.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VendorHeaderConfig {
    /// Octets of the header.
    pub length: usize,
    /// Order of the octets in its numbers.
    #[serde(default)]
    pub byte_order: ByteOrderName,
    /// Octets that are the same in every frame.
    pub magic: Option<MagicConfig>,
    /// Number of the message's type.
    pub kind: Option<FieldConfig>,
    /// Time.
    pub timestamp: Option<FieldConfig>,
    /// What the time counts.
    #[serde(default)]
    pub timestamp_unit: TimestampUnitName,
    /// Running number.
    pub sequence: Option<FieldConfig>,
    /// Priority.
    pub priority: Option<FieldConfig>,
    /// Layer-2 id.
    pub destination: Option<FieldConfig>,
    /// Length of what follows.
    pub payload_length: Option<LengthConfig>,
    /// The vendor's type numbers by service, for sending; the AID where none is given.
    #[serde(default)]
    pub kinds: BTreeMap<String, u32>,
}

/// Order of octets.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByteOrderName {
    /// The most significant first.
    #[default]
    Big,
    /// The least significant first.
    Little,
}

/// What a time counts, since 1970.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub enum TimestampUnitName {
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Milliseconds.
    #[default]
    #[serde(rename = "ms")]
    Milliseconds,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
}

/// A number in the header.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldConfig {
    /// Its first octet.
    pub offset: usize,
    /// Its octets.
    pub width: usize,
}

/// The length in the header.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LengthConfig {
    /// Its first octet.
    pub offset: usize,
    /// Its octets.
    pub width: usize,
    /// Whether it counts the header too.
    #[serde(default)]
    pub counts_header: bool,
}

/// Constant octets.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MagicConfig {
    /// The first one.
    pub offset: usize,
    /// The octets, hexadecimal.
    pub octets: String,
}

/// What to ask of the radio in the text form.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImmediateForwardConfig {
    /// `TxChannel`.
    pub tx_channel: Option<u16>,
    /// `Signature`: whether the radio shall sign.
    pub signature: bool,
}

/// A service: what is not given stays as the table has it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// Application identifier.
    pub aid: Option<u16>,
    /// Layer-2 id that the messages go to.
    pub destination_l2_id: Option<u32>,
    /// Priority, 255 the most urgent.
    pub priority: Option<u8>,
}

/// Sending.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendConfig {
    /// The radio's address and port.
    pub to: SocketAddr,
    /// The RSU's identity in its messages: 16 hexadecimal digits.
    pub id: Option<String>,
    /// Edition of the message set; needed where the adapter finds it out for each sender.
    pub profile: Option<ProfileName>,
    /// Send the map once a second.
    #[serde(default)]
    pub map: bool,
    /// Send the participants that have no radio ten times a second.
    #[serde(default)]
    pub participants: bool,
    /// Send the traffic events.
    #[serde(default)]
    pub events: bool,
    /// Octets of a message from which on it is split.
    #[serde(default = "default_max_octets")]
    pub max_octets: usize,
    /// Octets a second that may be sent.
    #[serde(default = "default_octets_per_second")]
    pub octets_per_second: u32,
    /// Frames a second that may be sent.
    #[serde(default = "default_frames_per_second")]
    pub frames_per_second: u32,
    /// Frames that may wait; when it is full the least urgent goes.
    #[serde(default = "default_send_queue")]
    pub queue: usize,
    /// Class of information by event type, in place of the one that follows from the event's source.
    #[serde(default)]
    pub rsi_classes: BTreeMap<String, String>,
}

fn default_max_octets() -> usize {
    1300
}

fn default_octets_per_second() -> u32 {
    500_000
}

fn default_frames_per_second() -> u32 {
    1000
}

fn default_send_queue() -> usize {
    256
}

/// The radio, checked.
#[derive(Debug, Clone)]
pub struct Radio {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Inputs that may wait for the core.
    pub queue: usize,
    /// What is around the messages.
    pub framing: Framing,
    /// The profile; `None` to find it out for each sender.
    pub profile: Option<Profile>,
    /// AID, destination and priority of each service.
    pub services: ServiceTable,
    /// Sending.
    pub send: Option<Sending>,
}

/// Sending, checked.
#[derive(Debug, Clone)]
pub struct Sending {
    /// The radio's address.
    pub to: SocketAddr,
    /// Edition of the message set.
    pub profile: Profile,
    /// How messages are split.
    pub rules: SplitRules,
    /// How much may be sent.
    pub budget: Budget,
}

pub(super) fn radio(checker: &Checker<'_>, pc5: &Pc5Config) -> Result<Radio, ConfigError> {
    let framing = match (pc5.framing, &pc5.vendor_header) {
        (FramingName::Dsmp, None) => Framing::Dsmp,
        (FramingName::Uper, None) => Framing::Uper,
        (FramingName::ImmediateForward, None) => {
            let ask = pc5.immediate_forward.unwrap_or_default();
            Framing::ImmediateForward { tx_channel: ask.tx_channel.map(Channel::Number), signature: ask.signature }
        }
        (FramingName::Vendor, Some(header)) => {
            Framing::Vendor(Box::new(vendor_header(checker, "pc5.vendor_header", header)?))
        }
        (FramingName::Vendor, None) => {
            let problem = "the framing is \"vendor\", but nothing says what the header looks like".into();
            return Err(checker.wrong("pc5.vendor_header", problem, "a section [pc5.vendor_header]"));
        }
        (_, Some(_)) => {
            let problem = "is only for framing \"vendor\"".into();
            return Err(checker.wrong("pc5.vendor_header", problem, "framing = \"vendor\", or no such section"));
        }
    };
    if pc5.immediate_forward.is_some() && pc5.framing != FramingName::ImmediateForward {
        let expected = "framing = \"immediate-forward\", or no such section";
        return Err(checker.wrong("pc5.immediate_forward", "is only for that framing".into(), expected));
    }
    let profile = fixed(pc5.profile);
    let services = services(checker, &pc5.services)?;
    if let (Framing::Vendor(header), Some(send)) = (&framing, &pc5.send) {
        numbers_fit(checker, header, &services, send.max_octets)?;
    }
    let send = pc5.send.as_ref().map(|send| sending(checker, send, profile)).transpose()?;
    Ok(Radio {
        listen: pc5.listen,
        queue: checker.count("pc5.queue", pc5.queue, 1 << 20)?,
        framing,
        profile,
        services,
        send,
    })
}

pub(super) fn fixed(name: ProfileName) -> Option<Profile> {
    match name {
        ProfileName::Y2020 => Some(Profile::Y2020),
        ProfileName::Y2019 => Some(Profile::Y2019),
        ProfileName::Auto => None,
    }
}

/// Reads a file that describes a vendor's header: the keys of `[pc5.vendor_header]`.
///
/// # Errors
/// [`ConfigError`] names what is wrong.
pub fn load_vendor_header(file: &Path) -> Result<VendorHeader, ConfigError> {
    let text = read(file)?;
    let config: VendorHeaderConfig = toml::from_str(&text).map_err(|error| shape(file, error))?;
    vendor_header(&Checker::new(file), "header", &config)
}

fn vendor_header(checker: &Checker<'_>, key: &str, config: &VendorHeaderConfig) -> Result<VendorHeader, ConfigError> {
    let place = |field: FieldConfig| Field { offset: field.offset, width: field.width };
    let magic = match &config.magic {
        None => None,
        Some(magic) => {
            let octets = hex::decode(&magic.octets).ok().filter(|octets| !octets.is_empty()).ok_or_else(|| {
                let problem = format!("{:?} is not hexadecimal", magic.octets);
                checker.wrong(&format!("{key}.magic.octets"), problem, "octets as in \"55AA\"")
            })?;
            Some(Magic { offset: magic.offset, octets })
        }
    };
    let layout = Layout::new(LayoutParts {
        header_length: config.length,
        byte_order: match config.byte_order {
            ByteOrderName::Big => ByteOrder::Big,
            ByteOrderName::Little => ByteOrder::Little,
        },
        kind: config.kind.map(place),
        timestamp: config.timestamp.map(place),
        sequence: config.sequence.map(place),
        priority: config.priority.map(place),
        destination: config.destination.map(place),
        length: config.payload_length.map(|length| LengthField {
            field: Field { offset: length.offset, width: length.width },
            counts_header: length.counts_header,
        }),
        magic,
    })
    .map_err(|error| checker.wrong(key, error.to_string(), "fields within the header, none on another one"))?;
    let mut kinds = BTreeMap::new();
    for (name, number) in &config.kinds {
        kinds.insert(service(checker, &format!("{key}.kinds.{name}"), name)?, *number);
    }
    if !kinds.is_empty() && config.kind.is_none() {
        let problem = "there is no field for these numbers".into();
        return Err(checker.wrong(&format!("{key}.kinds"), problem, "a field `kind`, or no kinds"));
    }
    let unit = match config.timestamp_unit {
        TimestampUnitName::Microseconds => TimestampUnit::Microseconds,
        TimestampUnitName::Milliseconds => TimestampUnit::Milliseconds,
        TimestampUnitName::Seconds => TimestampUnit::Seconds,
    };
    Ok(VendorHeader { layout, unit, kinds })
}

/// Whether the header can carry what is going to be sent.
fn numbers_fit(
    checker: &Checker<'_>,
    header: &VendorHeader,
    services: &ServiceTable,
    max_octets: usize,
) -> Result<(), ConfigError> {
    let parts = header.layout.parts();
    for (service, entry) in services.iter() {
        let kind = header.kinds.get(&service).copied().unwrap_or(u32::from(entry.aid.get()));
        if parts.kind.is_some_and(|field| u64::from(kind) >> (8 * field.width) != 0) {
            let problem = format!("the number {kind} of {} does not fit the field kind", service.name());
            let key = format!("pc5.vendor_header.kinds.{}", service.name());
            return Err(checker.wrong(&key, problem, "a number that fits, or a wider field"));
        }
    }
    let longest = max_octets + parts.header_length;
    if parts.length.is_some_and(|length| longest as u64 >> (8 * length.field.width) != 0) {
        let problem = format!("{longest} octets do not fit the field payload_length");
        return Err(checker.wrong("pc5.send.max_octets", problem, "fewer octets, or a wider field"));
    }
    Ok(())
}

fn service(checker: &Checker<'_>, key: &str, name: &str) -> Result<Service, ConfigError> {
    Service::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Service::ALL.into_iter().map(Service::name).collect();
        checker.wrong(key, format!("{name:?} is no service"), &format!("one of {}", names.join(", ")))
    })
}

fn services(checker: &Checker<'_>, config: &BTreeMap<String, ServiceConfig>) -> Result<ServiceTable, ConfigError> {
    let mut table = ServiceTable::default();
    let mut changes = Vec::new();
    for (name, change) in config {
        let key = format!("pc5.services.{name}");
        let service = service(checker, &key, name)?;
        let entry = table.get(service);
        let aid = match change.aid {
            Some(aid) => Some(Aid::new(aid).ok_or_else(|| {
                let expected = format!("a number from 0 to {}", Aid::MAX);
                checker.wrong(&format!("{key}.aid"), format!("{aid} cannot be an AID"), &expected)
            })?),
            None => entry.map(|entry| entry.aid),
        };
        let destination_l2_id = change.destination_l2_id.or(entry.map(|entry| entry.destination_l2_id));
        let priority = change.priority.or(entry.map(|entry| entry.priority));
        let (Some(aid), Some(destination_l2_id), Some(priority)) = (aid, destination_l2_id, priority) else {
            let problem = "the table has no such service yet, so all of it must be given".into();
            return Err(checker.wrong(&key, problem, "aid, destination_l2_id and priority"));
        };
        changes.push((service, ServiceEntry { aid, destination_l2_id, priority }));
    }
    let expected = "layer-2 ids of at most 24 bits, and an AID of its own for each service";
    table.set_all(changes).map_err(|error| checker.wrong("pc5.services", error.to_string(), expected))?;
    Ok(table)
}

fn sending(checker: &Checker<'_>, send: &SendConfig, receiving: Option<Profile>) -> Result<Sending, ConfigError> {
    let profile = match send.profile {
        Some(name) => fixed(name),
        None => receiving,
    }
    .ok_or_else(|| {
        let problem = "what is sent needs one profile".into();
        checker.wrong("pc5.send.profile", problem, "\"2020\" or \"2019\"")
    })?;
    if send.to.port() == 0 {
        return Err(checker.wrong("pc5.send.to", "port 0 is nobody's".into(), "the radio's address and port"));
    }
    let mut rsi_class_by_event_type = BTreeMap::new();
    for (number, name) in &send.rsi_classes {
        let key = format!("pc5.send.rsi_classes.{number}");
        let event_type =
            number.parse().ok().filter(|number| *number <= 65535).ok_or_else(|| {
                checker.wrong(&key, format!("{number:?} is no event type"), "a number from 0 to 65535")
            })?;
        let class = RsiClass::from_name(name).ok_or_else(|| {
            let names = RsiClass::ALL.map(RsiClass::name).join(", ");
            checker.wrong(&key, format!("{name:?} is no class"), &format!("one of {names}"))
        })?;
        rsi_class_by_event_type.insert(event_type, class);
    }
    let rate = |key: &str, value: u32, max: u32| {
        checker.range(&format!("pc5.send.{key}"), f64::from(value), 1.0, f64::from(max)).map(|_| value)
    };
    Ok(Sending {
        to: send.to,
        profile,
        rules: SplitRules {
            max_octets: checker.count("pc5.send.max_octets", send.max_octets, 65_535)?,
            rsi_class_by_event_type,
        },
        budget: Budget {
            octets_per_second: rate("octets_per_second", send.octets_per_second, 100_000_000)?,
            frames_per_second: rate("frames_per_second", send.frames_per_second, 100_000)?,
            queue: checker.count("pc5.send.queue", send.queue, 1 << 16)?,
        },
    })
}

/// What the core is to say.
pub(super) fn broadcast(
    checker: &Checker<'_>,
    send: Option<&SendConfig>,
    rsu_id: &str,
    map: Option<v1::MapData>,
    profile: Option<Profile>,
) -> Result<BroadcastPlan, ConfigError> {
    let Some(send) = send else { return Ok(BroadcastPlan::default()) };
    let mut id = [0; 8];
    if let Some(digits) = &send.id {
        hex::decode_to_slice(digits, &mut id).map_err(|_| {
            let problem = format!("{digits:?} is not 8 octets");
            checker.wrong("pc5.send.id", problem, "16 hexadecimal digits")
        })?;
    } else {
        // The name's last eight letters, which tell neighbours apart; zeros in front of a shorter name.
        id.iter_mut().rev().zip(rsu_id.bytes().rev()).for_each(|(octet, letter)| *octet = letter);
    }
    if send.map && map.is_none() {
        let problem = "the roads of the site come from no MAP message".into();
        return Err(checker.wrong("pc5.send.map", problem, "a site.map_file, or map = false"));
    }
    if let (true, Some(map), Some(profile)) = (send.map, &map, profile) {
        let sent = Outgoing::new(SplitRules::default()).parts(profile, Content::Map(map.clone()));
        sent.map_err(|error| {
            checker.wrong("pc5.send.map", error.to_string(), "a MAP that the profile can carry, or map = false")
        })?;
    }
    Ok(BroadcastPlan { id, map: map.filter(|_| send.map), participants: send.participants, events: send.events })
}
