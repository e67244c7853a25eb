//! The life of the events of one kind: hysteresis, one start, one end.

use std::collections::BTreeMap;

use fusion::{Track, TrackId};
use rsu_units::Timestamp;

use crate::{Detector, EventChange, EventId, EventKind, Scene, Stage, find};

/// What is known of each participant that fulfils the condition, or did a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    candidates: BTreeMap<TrackId, Candidate>,
}

#[derive(Debug)]
struct Candidate {
    /// Since when the condition holds.
    began_at: Timestamp,
    /// When it held last.
    held_at: Timestamp,
    confidence: f64,
    /// The participant when it was seen last.
    track: Track,
    lane_id: String,
    event: Option<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    id: EventId,
    told_at: Timestamp,
}

impl Lifecycle {
    pub(crate) fn active(&self) -> usize {
        self.candidates.values().filter(|candidate| candidate.event.is_some()).count()
    }

    pub(crate) fn clear(&mut self, at: Timestamp, kind: EventKind, changes: &mut Vec<EventChange>) {
        for candidate in std::mem::take(&mut self.candidates).into_values() {
            if let Some(running) = candidate.event {
                changes.push(candidate.change(kind, running.id, Stage::Lost, at));
            }
        }
    }

    pub(crate) fn update(
        &mut self,
        at: Timestamp,
        scene: &Scene<'_>,
        detector: &dyn Detector,
        last_id: &mut u64,
        changes: &mut Vec<EventChange>,
    ) {
        let times = detector.hysteresis();
        for track in scene.tracks {
            let Some(confidence) = detector.condition(scene, track) else { continue };
            let candidate = self.candidates.entry(track.id).or_insert_with(|| Candidate {
                began_at: at,
                held_at: at,
                confidence,
                track: *track,
                lane_id: String::new(),
                event: None,
            });
            candidate.held_at = at;
            candidate.confidence += 0.2 * (confidence - candidate.confidence);
        }

        self.candidates.retain(|id, candidate| {
            let seen = find(scene.tracks, *id);
            if let Some(track) = seen {
                candidate.track = *track;
                let lane = scene.map.lane_at(track.position_m);
                let lane_id = lane.map_or("", |place| place.lane.id.as_str());
                if candidate.lane_id != lane_id {
                    candidate.lane_id = lane_id.into();
                }
            }
            let away = at.duration_since(candidate.held_at);
            let patience = if seen.is_some() { times.end_after } else { times.lost_after };
            let over = away > patience || (candidate.event.is_none() && seen.is_none());
            let held_for = candidate.held_at.duration_since(candidate.began_at);
            let stage = match candidate.event {
                Some(_) if over && seen.is_none() => Some(Stage::Lost),
                Some(_) if over => Some(Stage::Cleared),
                Some(running) => (at.duration_since(running.told_at) >= times.update_every).then_some(Stage::Update),
                None if !over && away.is_zero() && held_for >= times.start_after => {
                    *last_id += 1;
                    candidate.event = Some(Running { id: EventId(*last_id), told_at: at });
                    Some(Stage::Start)
                }
                None => None,
            };
            if let (Some(stage), Some(running)) = (stage, candidate.event.as_mut()) {
                running.told_at = at;
                let id = running.id;
                changes.push(candidate.change(detector.kind(), id, stage, at));
            }
            !over
        });
    }
}

impl Candidate {
    fn change(&self, kind: EventKind, id: EventId, stage: Stage, at: Timestamp) -> EventChange {
        EventChange {
            id,
            kind,
            stage,
            began_at: self.began_at,
            at,
            position_m: self.track.position_m,
            lane_id: self.lane_id.clone(),
            confidence: self.confidence,
            participant: self.track,
        }
    }
}
