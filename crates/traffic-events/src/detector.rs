//! What a detector is, and how one is told of.

use crate::Timing;
use crate::event::EventKind;
use crate::lifecycle::Finding;
use crate::scene::Scene;

/// One kind of event: a condition on one participant, on two, or on a lane.
pub(crate) trait Detector: std::fmt::Debug + Send {
    /// What it finds.
    fn kind(&self) -> EventKind;

    /// How long its condition must hold and be gone.
    fn timing(&self) -> &Timing;

    /// Participants that are nearer to each other than this are one event, metres.
    fn merge_distance_m(&self) -> f64 {
        0.0
    }

    /// Whether its events start only on participants whose place is known well.
    fn needs_place(&self) -> bool {
        true
    }

    /// Says for whom the condition holds now. At most one finding per subject; the order does not matter.
    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>);

    /// Forgets everything: time itself was wrong.
    fn clear(&mut self) {}
}
