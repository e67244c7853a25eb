//! The RSU itself: who it is, that it is alive, how it is. The members are those that `OpenV2X` reads, whose topics are
//! T/ITS 0117's with other separators.

use rsu_proto::v1;
use rsu_units::Timestamp;
use serde_json::{Value, json};

use super::object::Object;
use super::time;

/// Version of the interface, as `OpenV2X`'s own simulator says it.
const PROTOCOL_VERSION: &str = "v1";

fn named(name: &str) -> Object {
    Object::new().with("rsuId", name).with("rsuEsn", name).with("rsuName", name)
}

/// Who the RSU is and where it stands.
pub(crate) fn information(name: &str, reference: &v1::GeoPosition, now: Timestamp) -> Value {
    let location = Object::new().maybe("lon", reference.longitude_deg).maybe("lat", reference.latitude_deg);
    named(name)
        .with("version", PROTOCOL_VERSION)
        .with("protocolVersion", PROTOCOL_VERSION)
        .with("rsuStatus", "1")
        .with("location", location)
        .with("config", json!({}))
        .with("timestamp", time::ms(now))
        .with("ack", false)
        .into()
}

/// That it is alive.
pub(crate) fn heartbeat(name: &str, sequence: u64, now: Timestamp) -> Value {
    named(name)
        .with("rsuStatus", true)
        .with("protocolVersion", PROTOCOL_VERSION)
        .with("seqNum", sequence)
        .with("timestamp", time::ms(now))
        .with("ack", false)
        .into()
}

/// How it is.
pub(crate) fn running(name: &str, health: &v1::Health, now: Timestamp) -> Value {
    let waiting: u64 = health.queue_depth.values().sum();
    Object::new()
        .with("rsuId", name)
        .with("rsuEsn", name)
        .with("protocolVersion", PROTOCOL_VERSION)
        .with("timestamp", time::ms(now))
        .with("uptimeS", health.uptime_s)
        .with("memoryBytes", health.memory_bytes)
        .with("tracksAlive", health.tracks_alive)
        .with("eventsActive", health.events_active)
        .with("itemsWaiting", waiting)
        .with("sensors", health.sensors.iter().map(sensor).collect::<Vec<_>>())
        .into()
}

fn sensor(sensor: &v1::SensorHealth) -> Value {
    json!({
        "sensorId": sensor.sensor_id,
        "frames": sensor.frames,
        "lastFrameMs": sensor.last_frame_arrival_us / 1000,
        "latencyS": sensor.latency_s,
    })
}
