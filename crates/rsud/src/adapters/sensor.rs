//! Sensor detections as protobuf over UDP: one `rsu.v1.DetectionFrame` per datagram.
//!
//! The configuration knows each sensor's pose, classes and latency; here its frames are turned into the site frame.

use edge_core::intake::{self, IntakeError};
use edge_core::{Input, SensorSetup};
use rsu_proto::{Message as _, v1};
use rsu_units::Timestamp;
use site_map::SiteFrame;

use super::{Parser, Refusal};

/// The parser of the sensor adapter.
#[derive(Debug, Clone)]
pub struct SensorParser {
    sensors: Vec<SensorSetup>,
    site: SiteFrame,
    /// The last sequence number of each sensor; 0 before its first frame.
    last_sequences: Vec<u64>,
    taken: bool,
    detections: u64,
    left_out: u64,
}

impl SensorParser {
    /// A parser for the frames of the configured sensors.
    #[must_use]
    pub fn new(sensors: Vec<SensorSetup>, site: SiteFrame) -> Self {
        let last_sequences = vec![0; sensors.len()];
        Self { sensors, site, last_sequences, taken: false, detections: 0, left_out: 0 }
    }
}

impl Parser for SensorParser {
    fn name(&self) -> &'static str {
        "sensor"
    }

    fn parse(&mut self, datagram: &[u8], arrived_at: Timestamp) -> Result<Input, Refusal> {
        let frame = v1::DetectionFrame::decode(datagram)
            .map_err(|error| Refusal { name: "protobuf_invalid", detail: error.to_string() })?;
        let taken = intake::detections(&self.sensors, &self.site, &frame, arrived_at).map_err(|error| Refusal {
            name: match error {
                IntakeError::UnknownSensor(_) => "unknown_sensor",
                IntakeError::TooMany(_) => "too_many_detections",
            },
            detail: error.to_string(),
        })?;
        if let Some(last) = self.last_sequences.get_mut(taken.frame.sensor.index()) {
            if frame.sequence != 0 && frame.sequence == *last {
                let detail = format!("sequence {} of {} was there", frame.sequence, frame.sensor_id);
                return Err(Refusal { name: "repeated", detail });
            }
            *last = frame.sequence;
        }
        self.taken = true;
        self.detections += taken.frame.detections.len() as u64;
        self.left_out += taken.left_out as u64;
        Ok(Input::Detections { frame: taken.frame, arrived_at })
    }

    fn extra_counts(&mut self) -> Option<(&'static str, u64)> {
        let of = |name, n: &mut u64| (*n > 0).then(|| (name, std::mem::take(n)));
        if std::mem::take(&mut self.taken) {
            return Some(("frames", 1));
        }
        of("detections", &mut self.detections).or_else(|| of("detections_left_out", &mut self.left_out))
    }
}
