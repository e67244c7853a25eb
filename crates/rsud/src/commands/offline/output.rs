//! The tracks as rows: `t,id,x,y,vx,vy,heading,cls,score`.

use std::io::{self, Write};

use fusion::{Class, Track};
use rsu_units::Timestamp;

use super::seconds;

/// Name of a class in the bench's files.
pub(super) fn class_name(class: Class) -> &'static str {
    match class {
        Class::Car => "car",
        Class::Truck => "truck",
        Class::Bus => "bus",
        Class::Motorcycle => "moto",
        Class::Bicycle => "bike",
        Class::Pedestrian => "ped",
    }
}

/// Writes the rows.
pub(super) struct Rows<W> {
    out: W,
    /// As many as tell the output's times apart.
    time_decimals: usize,
}

impl<W: Write> Rows<W> {
    pub(super) fn new(mut out: W, rate_hz: f64) -> io::Result<Self> {
        writeln!(out, "t,id,x,y,vx,vy,heading,cls,score")?;
        let exact = |decimals: &i32| {
            let units = 10_f64.powi(*decimals) / rate_hz;
            (units - units.round()).abs() < 1e-9
        };
        Ok(Self { out, time_decimals: (0..6).find(exact).unwrap_or(6).max(1) as usize })
    }

    pub(super) fn write(&mut self, at: Timestamp, tracks: &[Track]) -> io::Result<()> {
        let (t, decimals) = (seconds(at), self.time_decimals);
        for track in tracks {
            write!(
                self.out,
                "{t:.decimals$},{},{:.3},{:.3},{:.3},{:.3},",
                track.id.0, track.position_m.x, track.position_m.y, track.velocity_mps.x, track.velocity_mps.y
            )?;
            if let Some(heading_rad) = track.heading_rad {
                write!(self.out, "{heading_rad:.4}")?;
            }
            writeln!(self.out, ",{},{:.3}", class_name(track.class.best().0), track.existence)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
