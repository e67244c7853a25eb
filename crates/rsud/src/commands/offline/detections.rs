//! The detections: CSV in the order of arrival, one row for each detection, columns by the names of the header.
//!
//! Needed are `t_arrival_s`, `t_measured_s`, `sensor`, `x_m` and `y_m`; what else is known is used where it is given:
//! `frame`, `kind`, `cov_xx_m2`, `cov_xy_m2`, `cov_yy_m2`, `radial_speed_mps`, `speed_mps`, `heading_rad`, `sd_speed_mps`,
//! `sd_heading_rad`, `length_m`, `width_m`, `class`, `score`, `source_id`. An empty field is absent, other columns are not
//! looked at. Rows one after the other with the same frame, sensor and time of measurement are one frame. The sensor (or
//! kind) `bsm` is V2X: there `source_id` is who reports.

use std::io::Read;

use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Trim};
use fusion::{
    Class, Covariance2, Detection, Heading, Radial, SensorFrame, SensorId, SensorKind, SensorModel, Speed, V2xId,
    Velocity,
};
use rsu_units::{Timestamp, Vector2, angle};
use thiserror::Error;

use super::scene::Scene;

/// More detections than this are no frame of a sensor.
const MAX_DETECTIONS: usize = 10_000;
/// Nobody is farther from the reference point, metres.
const MAX_COORDINATE_M: f64 = 10_000.0;
/// Nobody on the road is faster, metres per second; such speeds are left out.
const MAX_SPEED_MPS: f64 = 120.0;
/// A velocity is never surer than this, metres per second.
const MIN_VELOCITY_SD_MPS: f64 = 0.05;

/// What is wrong with the detections.
#[derive(Debug, Error)]
pub enum DetectionsError {
    /// The file cannot be read on.
    #[error("{file}: {error}")]
    Read {
        /// The file.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// A column that is needed is not in the header.
    #[error("{file}: line 1: there is no column {column}; expected at least {}", needed())]
    NoColumn {
        /// The file.
        file: String,
        /// Name of the column.
        column: &'static str,
    },
    /// A row that is no row.
    #[error("{file}: line {line}: {problem}")]
    Row {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A field that cannot be.
    #[error("{file}: line {line}, column {number} ({column}): {value:?} cannot be; expected {expected}")]
    Field {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: u64,
        /// Its column, from 1.
        number: usize,
        /// Name of the column.
        column: &'static str,
        /// What is there.
        value: String,
        /// What would be right.
        expected: String,
    },
}

/// A column that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Column {
    Arrival,
    Measured,
    Frame,
    Sensor,
    Kind,
    X,
    Y,
    CovXx,
    CovXy,
    CovYy,
    Radial,
    Speed,
    Heading,
    SpeedSd,
    HeadingSd,
    Length,
    Width,
    Class,
    Score,
    Source,
}

impl Column {
    const NAMES: [&'static str; 20] = [
        "t_arrival_s",
        "t_measured_s",
        "frame",
        "sensor",
        "kind",
        "x_m",
        "y_m",
        "cov_xx_m2",
        "cov_xy_m2",
        "cov_yy_m2",
        "radial_speed_mps",
        "speed_mps",
        "heading_rad",
        "sd_speed_mps",
        "sd_heading_rad",
        "length_m",
        "width_m",
        "class",
        "score",
        "source_id",
    ];
    const NEEDED: [Self; 5] = [Self::Arrival, Self::Measured, Self::Sensor, Self::X, Self::Y];

    fn name(self) -> &'static str {
        Self::NAMES.get(self as usize).copied().unwrap_or_default()
    }
}

fn needed() -> String {
    Column::NEEDED.map(Column::name).join(", ")
}

/// A frame, and when it reached the tracker.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TimedFrame {
    pub(super) arrives_at: Timestamp,
    pub(super) frame: SensorFrame,
}

/// Reads frames one by one.
pub(super) struct Frames<R> {
    reader: Reader<R>,
    file: String,
    columns: [Option<usize>; Column::NAMES.len()],
    sensors: Vec<(String, SensorModel)>,
    record: StringRecord,
    /// The frame whose rows are being read, and what its rows have in the column `frame`.
    open: Option<(TimedFrame, String)>,
}

impl<R: Read> Frames<R> {
    pub(super) fn new(input: R, file: &str, scene: &Scene) -> Result<Self, DetectionsError> {
        // Rows of another length than the header's are faults: the reader tells.
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(input);
        let header = reader.headers().map_err(|error| of_csv(file, error))?;
        let columns = Column::NAMES.map(|name| header.iter().position(|field| field == name));
        for column in Column::NEEDED {
            if columns.get(column as usize).copied().flatten().is_none() {
                return Err(DetectionsError::NoColumn { file: file.into(), column: column.name() });
            }
        }
        let sensors = scene.sensors.iter().map(|sensor| (sensor.name.clone(), sensor.model)).collect();
        Ok(Self { reader, file: file.into(), columns, sensors, record: StringRecord::new(), open: None })
    }

    /// The next frame; none at the end.
    pub(super) fn next_frame(&mut self) -> Result<Option<TimedFrame>, DetectionsError> {
        while self.reader.read_record(&mut self.record).map_err(|error| of_csv(&self.file, error))? {
            let line = self.record.position().map_or(0, csv::Position::line);
            let row = Row { record: &self.record, columns: &self.columns, file: &self.file, line };
            let (arrives_at, measured_at) = (row.time(Column::Arrival)?, row.time(Column::Measured)?);
            let (sensor, model) = row.sensor(&self.sensors)?;
            let detection = row.detection(model)?;
            let name = row.text(Column::Frame).unwrap_or_default();
            if let Some((open, of)) = &mut self.open
                && open.frame.sensor == sensor
                && open.frame.measured_at == measured_at
                && of.as_str() == name
            {
                if open.frame.detections.len() >= MAX_DETECTIONS {
                    let problem = format!("more than {MAX_DETECTIONS} detections in one frame");
                    return Err(DetectionsError::Row { file: self.file.clone(), line, problem });
                }
                open.arrives_at = open.arrives_at.max(arrives_at);
                open.frame.detections.push(detection);
                continue;
            }
            let frame = SensorFrame { sensor, measured_at, detections: vec![detection] };
            let begun = (TimedFrame { arrives_at, frame }, name.to_owned());
            if let Some((done, _)) = self.open.replace(begun) {
                return Ok(Some(done));
            }
        }
        Ok(self.open.take().map(|(last, _)| last))
    }
}

fn of_csv(file: &str, error: csv::Error) -> DetectionsError {
    let file = file.to_owned();
    let line = error.position().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(error) => DetectionsError::Read { file, error },
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            let problem = format!("{len} columns; expected {expected_len}, as in the header");
            DetectionsError::Row { file, line, problem }
        }
        ErrorKind::Utf8 { err, .. } => {
            let problem = format!("column {}: {err}; expected UTF-8", err.field() + 1);
            DetectionsError::Row { file, line, problem }
        }
        other => DetectionsError::Row { file, line, problem: format!("{other:?}") },
    }
}

/// A row that is being read.
struct Row<'a> {
    record: &'a StringRecord,
    columns: &'a [Option<usize>],
    file: &'a str,
    line: u64,
}

impl<'a> Row<'a> {
    fn text(&self, column: Column) -> Option<&'a str> {
        let index = self.columns.get(column as usize).copied().flatten()?;
        self.record.get(index).filter(|text| !text.is_empty())
    }

    fn wrong(&self, column: Column, expected: impl Into<String>) -> DetectionsError {
        let index = self.columns.get(column as usize).copied().flatten().unwrap_or(0);
        // A field may be of any length.
        let value = self.text(column).unwrap_or_default().chars().take(64).collect();
        DetectionsError::Field {
            file: self.file.into(),
            line: self.line,
            number: index + 1,
            column: column.name(),
            value,
            expected: expected.into(),
        }
    }

    /// A number; "nan" is as good as nothing.
    fn number(&self, column: Column) -> Result<Option<f64>, DetectionsError> {
        let Some(text) = self.text(column) else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(value) if value.is_infinite() => Err(self.wrong(column, "a finite number")),
            Ok(value) => Ok(Some(value).filter(|value| !value.is_nan())),
            Err(_) => Err(self.wrong(column, "a number, or nothing")),
        }
    }

    fn between(&self, column: Column, min: f64, max: f64) -> Result<f64, DetectionsError> {
        match self.number(column) {
            Ok(Some(value)) if (min..=max).contains(&value) => Ok(value),
            _ => Err(self.wrong(column, format!("a number from {min} to {max}"))),
        }
    }

    fn positive(&self, column: Column) -> Result<Option<f64>, DetectionsError> {
        Ok(self.number(column)?.filter(|value| *value > 0.0))
    }

    fn time(&self, column: Column) -> Result<Timestamp, DetectionsError> {
        self.between(column, -1e11, 1e11).map(Timestamp::from_seconds)
    }

    /// The sensor, and its model; none for V2X, whose place is after all sensors.
    fn sensor<'m>(
        &self,
        sensors: &'m [(String, SensorModel)],
    ) -> Result<(SensorId, Option<&'m SensorModel>), DetectionsError> {
        let expected = || {
            let names: Vec<&str> = sensors.iter().map(|(name, _)| name.as_str()).chain(["bsm"]).collect();
            format!("a sensor of the scene: {}", names.join(", "))
        };
        let name = self.text(Column::Sensor).unwrap_or_default();
        let index = if name == "bsm" || self.text(Column::Kind) == Some("bsm") {
            Some(sensors.len())
        } else {
            sensors.iter().position(|(known, _)| known == name)
        };
        let id = index.and_then(SensorId::new).ok_or_else(|| self.wrong(Column::Sensor, expected()))?;
        Ok((id, sensors.get(id.index()).map(|(_, model)| model)))
    }

    fn detection(&self, model: Option<&SensorModel>) -> Result<Detection, DetectionsError> {
        let x = self.between(Column::X, -MAX_COORDINATE_M, MAX_COORDINATE_M)?;
        let y = self.between(Column::Y, -MAX_COORDINATE_M, MAX_COORDINATE_M)?;
        let position_m = Vector2::new(x, y);
        let usual = model.map_or(SensorKind::V2x, |model| model.kind).usual_noise();
        let covariance_m2 = self.covariance()?.unwrap_or_else(|| {
            let sight = position_m - model.map_or(position_m, |model| model.position_m);
            let across_m = if model.is_some() { usual.azimuth_sd_rad * sight.norm() } else { usual.range_sd_m };
            Covariance2::along_and_across(sight.angle_rad(), usual.range_sd_m, across_m.max(0.05))
        });
        let is_plausible = |speed: &f64| speed.abs() <= MAX_SPEED_MPS;
        let speed_sd_mps = self.positive(Column::SpeedSd)?.unwrap_or(usual.velocity_sd_mps).max(MIN_VELOCITY_SD_MPS);
        let speed = self.number(Column::Speed)?.filter(is_plausible).map(f64::abs);
        let heading = self.number(Column::Heading)?.map(angle::wrap_rad).filter(|rad| rad.is_finite());
        let heading_sd_rad = self.positive(Column::HeadingSd)?.unwrap_or(usual.heading_sd_rad).max(0.002);
        let velocity = speed.zip(heading).map(|(speed_mps, heading_rad)| Velocity {
            mps: Vector2::from_angle(heading_rad) * speed_mps,
            along_sd_mps: speed_sd_mps,
            // Who hardly moves may move so fast in truth.
            across_sd_mps: (speed_mps.max(speed_sd_mps) * heading_sd_rad).max(MIN_VELOCITY_SD_MPS),
        });
        let radial = self.number(Column::Radial)?.filter(is_plausible);
        let source = self.source()?;
        let extent_m = self.positive(Column::Length)?.zip(self.positive(Column::Width)?);
        Ok(Detection {
            velocity,
            speed: speed.map(|mps| Speed { mps, sd_mps: speed_sd_mps }),
            radial: radial.map(|speed_mps| Radial { speed_mps, sd_mps: usual.radial_speed_sd_mps }),
            heading: heading.map(|rad| Heading { rad, sd_rad: heading_sd_rad }),
            extent_m: extent_m.filter(|(length_m, width_m)| *length_m < 40.0 && *width_m < 10.0),
            class: self.class()?,
            confidence: self.number(Column::Score)?.unwrap_or(0.7).clamp(0.0, 1.0),
            object_id: source.filter(|_| model.is_some()),
            v2x_id: source.filter(|_| model.is_none()).map(|source| V2xId(source.to_be_bytes())),
            ..Detection::new(position_m, covariance_m2)
        })
    }

    fn covariance(&self) -> Result<Option<Covariance2>, DetectionsError> {
        /// What rounding to a few decimals can take off a variance.
        const ROUNDING_M2: f64 = 1e-3;
        let variances = self.number(Column::CovXx)?.zip(self.number(Column::CovYy)?);
        let Some((xx, yy)) = variances else { return Ok(None) };
        let given = Covariance2 { xx, xy: self.number(Column::CovXy)?.unwrap_or(0.0), yy };
        let eased = Covariance2 { xx: xx + ROUNDING_M2, yy: yy + ROUNDING_M2, ..given };
        match [given, eased].into_iter().find(Covariance2::is_valid) {
            Some(valid) if valid.xx + valid.yy < 1e8 => Ok(Some(valid)),
            _ => Err(self.wrong(Column::CovXx, "a covariance matrix: positive definite, in square metres")),
        }
    }

    fn class(&self) -> Result<Option<Class>, DetectionsError> {
        Ok(Some(match self.text(Column::Class) {
            None | Some("unknown") => return Ok(None),
            Some("moto") => Class::Motorcycle,
            Some("bike") => Class::Bicycle,
            Some("ped") => Class::Pedestrian,
            Some(name) => Class::from_name(name)
                .ok_or_else(|| self.wrong(Column::Class, "car, truck, bus, moto, bike, ped, unknown or nothing"))?,
        }))
    }

    fn source(&self) -> Result<Option<u64>, DetectionsError> {
        let Some(text) = self.text(Column::Source) else { return Ok(None) };
        let number = text.parse::<u64>().or_else(|_| text.parse::<i64>().map(i64::cast_unsigned));
        number.map(Some).map_err(|_| self.wrong(Column::Source, "a whole number, or nothing"))
    }
}

#[cfg(test)]
mod tests;
