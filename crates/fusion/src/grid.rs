//! Buckets over the plane: who is near a point, without asking everybody.
//!
//! The plane repeats itself every few hundred metres, so nothing is out of range and the memory is fixed. The places are
//! kept beside the buckets, so that who is too far away is not looked at. A grid is as old as its last filling: it is asked
//! with some reach more, and those who came since are asked one by one.

use rsu_units::Vector2;

const CELL_M: f64 = 6.0;
const SIDE: i32 = 64;
const NONE: u32 = u32::MAX;

/// Buckets of indices.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    head: Vec<u32>,
    places: Vec<Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    at_m: Vector2,
    /// The next one in the same bucket.
    next: u32,
}

impl Default for Grid {
    fn default() -> Self {
        Self { head: vec![NONE; (SIDE * SIDE) as usize], places: Vec::new() }
    }
}

fn cell_of(coordinate_m: f64) -> i32 {
    // As the floor, which would be a call.
    let cells = coordinate_m * (1.0 / CELL_M);
    let toward_zero = cells as i32;
    toward_zero.saturating_sub(i32::from(f64::from(toward_zero) > cells))
}

fn bucket(x: i32, y: i32) -> usize {
    ((x & (SIDE - 1)) * SIDE + (y & (SIDE - 1))) as usize
}

impl Grid {
    /// Forgets all and takes in new places; each is known by its number in the order given.
    pub(crate) fn fill(&mut self, places: impl Iterator<Item = Vector2>) {
        self.head.fill(NONE);
        self.places.clear();
        for (index, at_m) in places.enumerate() {
            let mut next = NONE;
            if let Some(head) = self.head.get_mut(bucket(cell_of(at_m.x), cell_of(at_m.y))) {
                next = std::mem::replace(head, index as u32);
            }
            self.places.push(Place { at_m, next });
        }
    }

    /// How many places it holds.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Visits all that were within `reach_m`.
    pub(crate) fn near(&self, place: Vector2, reach_m: f64, mut visit: impl FnMut(usize)) {
        let reach_squared = reach_m * reach_m;
        let (low, high) = (cell_of(place.x - reach_m), cell_of(place.x + reach_m));
        let (left, right) = (cell_of(place.y - reach_m), cell_of(place.y + reach_m));
        for x in low..=high.min(low.saturating_add(SIDE - 1)) {
            for y in left..=right.min(left.saturating_add(SIDE - 1)) {
                let mut index = self.head.get(bucket(x, y)).copied().unwrap_or(NONE);
                while let Some(there) = self.places.get(index as usize) {
                    if (there.at_m - place).norm_squared() <= reach_squared {
                        visit(index as usize);
                    }
                    index = there.next;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nobody_near_is_missed(
            places in proptest::collection::vec((-500.0..500.0_f64, -500.0..500.0_f64), 0..60),
            x in -500.0..500.0_f64, y in -500.0..500.0_f64, reach in 0.0..30.0_f64,
        ) {
            let places: Vec<Vector2> = places.into_iter().map(|(x, y)| Vector2::new(x, y)).collect();
            let mut grid = Grid::default();
            grid.fill(places.iter().copied());
            let asked = Vector2::new(x, y);
            let mut found = Vec::new();
            grid.near(asked, reach, |index| found.push(index));
            let mut once = found.clone();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), found.len());
            for (index, place) in places.iter().enumerate() {
                prop_assert_eq!((*place - asked).norm_squared() <= reach * reach, found.contains(&index));
            }
        }
    }
}
