//! What goes wrong, and when.

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IncidentKind {
    /// A car breaks down on the western approach, in lane 2, and stands for 25 s.
    Breakdown,
    /// A car drives on the eastern exit towards the junction, against the direction.
    WrongWay,
    /// A pedestrian crosses the southern arm 80 m from the junction, where no crosswalk is.
    Jaywalker,
}

/// Something that goes wrong at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Incident {
    /// What.
    pub kind: IncidentKind,
    /// Seconds after the start.
    pub at_s: f64,
}

impl Incident {
    /// One of each within the first seconds, again every `every_s`, `rounds` times.
    #[must_use]
    pub fn rounds(every_s: f64, rounds: u32) -> Vec<Self> {
        let first = [(IncidentKind::Breakdown, 0.5), (IncidentKind::WrongWay, 1.5), (IncidentKind::Jaywalker, 3.0)];
        (0..rounds)
            .flat_map(|round| first.map(|(kind, at_s)| Self { kind, at_s: at_s + f64::from(round) * every_s }))
            .collect()
    }
}
