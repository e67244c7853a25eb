//! What is done now and then: the road bends the way of those who are out of sight, doubles become one, the dead go, and
//! where there are too many, the weakest.

use std::cmp::Ordering;

use rsu_units::{Timestamp, Vector2};
use site_map::SiteMap;

use crate::class::Group;
use crate::journal::What;
use crate::linear::length;
use crate::participant::Participant;
use crate::registration::centre;
use crate::set::{ParticipantSet, Run, Workspace};

/// Who was not seen for so long is led by the map, seconds.
const UNSEEN_S: f64 = 0.3;
/// How long two must not have been in one frame to be taken for one, seconds.
const TOGETHER_S: f64 = 1.0;

impl ParticipantSet {
    pub(crate) fn tidy(&mut self, at: Timestamp, dt_s: f64, run: &mut Run<'_>) {
        if run.by.parts.registration {
            centre(&mut self.registrations, dt_s);
        }
        for participant in &mut self.participants {
            if let Some(map) = run.map {
                follow_road(participant, at, map);
            }
            participant.fade(at, dt_s);
        }
        self.bury(at, run.work);
        if run.by.parts.merging {
            self.merge(at, run);
        }
    }

    /// Gives up who is to be given up.
    pub(crate) fn bury(&mut self, at: Timestamp, work: &mut Workspace) {
        self.participants.retain(|participant| {
            let over = participant.is_over(at);
            if over {
                let unseen_s = at.seconds_since(participant.last_measured_at);
                let what = What::Ended { existence: participant.existence, unseen_s };
                work.journal.note(at, participant.id, None, what);
            }
            !over
        });
        work.forget_places();
    }

    /// Lets the weakest go where there are more than `max`, first those that no sensor ever saw: anybody can report to be
    /// anything.
    pub(crate) fn keep_strongest(&mut self, max: usize) {
        if self.participants.len() <= max {
            return;
        }
        let strength = |p: &Participant| p.existence + f64::from(u8::from(p.seen_by_sensor));
        let mut strengths: Vec<f64> = self.participants.iter().map(strength).collect();
        strengths.sort_unstable_by(|a, b| b.total_cmp(a));
        let least = max.checked_sub(1).and_then(|last| strengths.get(last)).copied().unwrap_or(f64::INFINITY);
        let stronger = strengths.iter().filter(|strength| **strength > least).count();
        let mut room = max.saturating_sub(stronger);
        self.participants.retain(|participant| match strength(participant).total_cmp(&least) {
            Ordering::Greater => true,
            Ordering::Equal if room > 0 => {
                room -= 1;
                true
            }
            Ordering::Equal | Ordering::Less => false,
        });
    }

    fn merge(&mut self, at: Timestamp, run: &mut Run<'_>) {
        run.work.refresh(at, &self.participants);
        let mut gone = std::mem::take(&mut run.work.gone);
        gone.clear();
        gone.resize(self.participants.len(), false);
        let mut any = false;
        // Participants stand in the order of their births: the younger goes.
        for younger in 0..self.participants.len() {
            let Some(one) = self.participants.get(younger) else { continue };
            let place = one.position_at(at);
            let mut heir: Option<usize> = None;
            run.work.near(place, 4.0, self.participants.len(), |older| {
                if older >= younger || gone.get(older) == Some(&true) {
                    return;
                }
                if let Some(two) = self.participants.get(older)
                    && are_one(one, two, at, two.position_at(at) - place)
                {
                    heir = Some(heir.map_or(older, |known| known.min(older)));
                }
            });
            let Some(heir) = heir else { continue };
            let double = *one;
            if let Some(heir) = self.participants.get_mut(heir) {
                heir.inherit(&double);
                run.work.journal.note(at, double.id, None, What::Merged { into: heir.id });
                any = true;
                if let Some(slot) = gone.get_mut(younger) {
                    *slot = true;
                }
            }
        }
        if any {
            let mut flags = gone.iter();
            self.participants.retain(|_| flags.next() != Some(&true));
            run.work.forget_places();
        }
        run.work.gone = gone;
    }
}

/// Whether two tracks are of one participant; `offset_m` leads from one to the other.
fn are_one(one: &Participant, two: &Participant, at: Timestamp, offset_m: Vector2) -> bool {
    if offset_m.norm_squared() > 64.0 || one.name_at(at).zip(two.name_at(at)).is_some_and(|(a, b)| a != b) {
        return false;
    }
    if one.best.group() != two.best.group() && one.hits > 5 && two.hits > 5 {
        return false;
    }
    let ((la, wa), (lb, wb)) = (one.extent_m, two.extent_m);
    let (long_m, side_m) = (0.25 * (la + lb), (0.35 * (wa + wb)).max(0.25));
    let near = two.heading.or(one.heading).map_or_else(
        || length(offset_m) <= side_m,
        |heading| offset_m.dot(heading.axis).abs() <= long_m && offset_m.cross(heading.axis).abs() <= side_m,
    );
    near
        && (one.kinematics.velocity_mps - two.kinematics.velocity_mps).norm_squared() < 4.0
        // What one frame shows twice is two.
        && !one.seen.iter().zip(&two.seen).any(|(a, b)| a.together(*b, at, TOGETHER_S))
}

/// Goes ahead to a time, along the road where that is known.
pub(crate) fn advance(participant: &mut Participant, at: Timestamp, map: Option<&SiteMap>) {
    if let Some(map) = map {
        follow_road(participant, at, map);
    }
    participant.predict(at);
}

/// A vehicle that is out of sight stays on its road.
fn follow_road(participant: &mut Participant, at: Timestamp, map: &SiteMap) {
    let vehicle = participant.best.group() != Group::Pedestrian;
    let speed_mps = length(participant.kinematics.velocity_mps);
    let dt_s = at.seconds_since(participant.at);
    if !vehicle || speed_mps < 1.0 || dt_s <= 0.0 || at.seconds_since(participant.last_measured_at) < UNSEEN_S {
        return;
    }
    let heading_rad = participant.kinematics.velocity_mps.angle_rad();
    let way = map.follow(participant.kinematics.position_m, heading_rad, speed_mps * dt_s);
    participant.predict(at);
    if let Some((position_m, direction_rad)) = way {
        participant.kinematics.steer(position_m, rsu_units::angle::wrap_rad(direction_rad - heading_rad));
    }
}
