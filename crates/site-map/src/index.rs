//! The spatial index.
//!
//! Lanes and connections are both *ways*: a centre line with a width. Each segment of each way is one box in an R-tree,
//! so that a question about a point looks at the few segments nearby. Answers are gathered on the stack; the heap is
//! only used where more than [`INLINE`] ways lie over each other.

use std::ops::ControlFlow;

use rstar::{AABB, RTree, RTreeObject};
use rsu_units::Vector2;

use crate::geometry::Segment;

/// Ways over one point that need no heap.
const INLINE: usize = 24;

/// A lane or a connection, as the index knows it. The ways of the lanes come first, in their order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Way {
    /// Index of the lane, or of the lane that the connection leads away from.
    pub(crate) lane: usize,
    /// Index of the connection among those of its lane.
    pub(crate) connection: Option<usize>,
    /// For a connection: index of the lane that it leads to.
    pub(crate) to: Option<usize>,
    pub(crate) length_m: f64,
    pub(crate) half_width_m: f64,
}

/// One segment of a way, with its place on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) way: usize,
    number: usize,
    last: bool,
    start_m: f64,
    segment: Segment,
    half_width_m: f64,
}

impl RTreeObject for Piece {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let (low, high) = self.segment.bounds();
        // A little more, so that rounding never hides a segment that a search through all would find.
        let half = self.half_width_m + 1e-6;
        AABB::from_corners([low.x - half, low.y - half], [high.x + half, high.y + half])
    }
}

/// Where a point is on one way.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Hit {
    pub(crate) way: usize,
    number: usize,
    pub(crate) along_m: f64,
    pub(crate) left_m: f64,
    distance_m: f64,
    outside: bool,
    direction: Vector2,
}

impl Hit {
    pub(crate) fn direction_rad(&self) -> f64 {
        self.direction.angle_rad()
    }
}

/// The index over all ways.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    tree: RTree<Piece>,
}

impl Index {
    pub(crate) fn new<'a>(ways: impl Iterator<Item = (&'a Way, &'a [Vector2])>) -> Self {
        let mut pieces = Vec::new();
        for (way, (info, line)) in ways.enumerate() {
            let mut start_m = 0.0;
            let last = line.len().saturating_sub(2);
            for (number, (a, b)) in line.iter().zip(line.iter().skip(1)).enumerate() {
                let segment = Segment::new(*a, *b);
                let half_width_m = info.half_width_m;
                pieces.push(Piece { way, number, last: number == last, start_m, segment, half_width_m });
                start_m += segment.length_m;
            }
        }
        Self { tree: RTree::bulk_load(pieces) }
    }

    /// The ways that are wanted and hold the point, or would if they were `margin_m` wider on each side, in their order.
    pub(crate) fn hits(&self, point_m: Vector2, margin_m: f64, wanted: impl Fn(usize) -> bool) -> Hits {
        let mut hits = Hits::default();
        let reach = margin_m.max(0.0);
        if !(point_m.is_finite() && margin_m.is_finite()) {
            return hits;
        }
        let low = [point_m.x - reach, point_m.y - reach];
        let high = [point_m.x + reach, point_m.y + reach];
        let visit = |piece: &Piece| {
            if !wanted(piece.way) {
                return ControlFlow::<()>::Continue(());
            }
            let foot = piece.segment.project(point_m);
            if foot.distance_m <= piece.half_width_m + margin_m {
                let beyond_end = (piece.number == 0 && foot.before) || (piece.last && foot.after);
                hits.offer(Hit {
                    way: piece.way,
                    number: piece.number,
                    along_m: piece.start_m + foot.along_m,
                    left_m: foot.left_m,
                    distance_m: foot.distance_m,
                    // Decided when all segments were seen: another one of the way can be nearer.
                    outside: beyond_end && foot.distance_m > reach,
                    direction: piece.segment.unit,
                });
            }
            ControlFlow::Continue(())
        };
        let _ = self.tree.locate_in_envelope_intersecting_int(AABB::from_corners(low, high), visit);
        hits.slice_mut().sort_unstable_by_key(|hit| hit.way);
        hits
    }

    /// Calls `visit` for each pair of way and segment whose boxes touch a box.
    pub(crate) fn pieces_in(&self, low: Vector2, high: Vector2, mut visit: impl FnMut(usize, &Segment, f64)) {
        let envelope = AABB::from_corners([low.x, low.y], [high.x, high.y]);
        let _ = self.tree.locate_in_envelope_intersecting_int(envelope, |piece| {
            visit(piece.way, &piece.segment, piece.start_m);
            ControlFlow::<()>::Continue(())
        });
    }
}

/// A short list of hits: one for each way.
#[derive(Debug, Clone)]
pub(crate) struct Hits {
    inline: [Hit; INLINE],
    count: usize,
    more: Vec<Hit>,
}

impl Default for Hits {
    fn default() -> Self {
        Self { inline: [Hit::default(); INLINE], count: 0, more: Vec::new() }
    }
}

impl Hits {
    /// Takes a hit, unless the way has a nearer one. Of equally near ones the first segment's counts.
    fn offer(&mut self, hit: Hit) {
        let known = self.slice_mut().iter_mut().find(|known| known.way == hit.way);
        if let Some(known) = known {
            let nearer = hit.distance_m.total_cmp(&known.distance_m).then(hit.number.cmp(&known.number)).is_lt();
            if nearer {
                *known = hit;
            }
        } else if let Some(slot) = self.inline.get_mut(self.count).filter(|_| self.more.is_empty()) {
            *slot = hit;
            self.count += 1;
        } else {
            if self.more.is_empty() {
                self.more.extend_from_slice(&self.inline);
            }
            self.more.push(hit);
        }
    }

    fn slice_mut(&mut self) -> &mut [Hit] {
        if self.more.is_empty() { self.inline.get_mut(..self.count).unwrap_or_default() } else { &mut self.more }
    }

    fn slice(&self) -> &[Hit] {
        if self.more.is_empty() { self.inline.get(..self.count).unwrap_or_default() } else { &self.more }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Hit> {
        self.slice().iter().filter(|hit| !hit.outside)
    }
}

impl IntoIterator for Hits {
    type Item = Hit;
    type IntoIter = IntoHits;

    fn into_iter(self) -> IntoHits {
        IntoHits { hits: self, next: 0 }
    }
}

/// The hits of a [`Hits`], one after the other.
#[derive(Debug, Clone)]
pub(crate) struct IntoHits {
    hits: Hits,
    next: usize,
}

impl Iterator for IntoHits {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        loop {
            let hit = *self.hits.slice().get(self.next)?;
            self.next += 1;
            if !hit.outside {
                return Some(hit);
            }
        }
    }
}
