//! Which poles' zones a place is in: sets of poles, and a grid over their zones.

use rsu_units::Vector2;

use super::{MAX_POLES, PoleSetup};

/// Zones are between these radii, metres; others are taken as the nearer one.
const RADIUS_M: (f64, f64) = (1.0, 500.0);
/// Cells of the grid are at least so wide, metres.
const MIN_CELL_M: f64 = 25.0;

/// A set of poles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PoleSet([u64; MAX_POLES / 64]);

impl PoleSet {
    pub(super) fn insert(&mut self, pole: usize) {
        if let Some(word) = self.0.get_mut(pole / 64) {
            *word |= 1 << (pole % 64);
        }
    }

    pub(super) fn contains(&self, pole: usize) -> bool {
        self.0.get(pole / 64).is_some_and(|word| word >> (pole % 64) & 1 == 1)
    }

    /// These, and those that are in both of the others.
    pub(super) fn or_both(mut self, one: &Self, other: &Self) -> Self {
        for (word, (one, other)) in self.0.iter_mut().zip(one.0.iter().zip(&other.0)) {
            *word |= one & other;
        }
        self
    }
}

/// The zones of all poles, in a grid: a pole is in each cell that its zone touches.
#[derive(Debug)]
pub(super) struct Zones {
    places: Vec<(Vector2, f64)>,
    cell_m: f64,
    /// Cell and pole, sorted.
    cells: Vec<((i32, i32), usize)>,
}

impl Zones {
    pub(super) fn new(setups: &[PoleSetup]) -> Self {
        let radius_m = |setup: &PoleSetup| setup.radius_m.max(RADIUS_M.0).min(RADIUS_M.1);
        let places: Vec<_> = setups.iter().map(|setup| (setup.position_m, radius_m(setup))).collect();
        let cell_m = places.iter().map(|(_, radius_m)| *radius_m).fold(MIN_CELL_M, f64::max);
        let mut zones = Self { places, cell_m, cells: Vec::new() };
        let mut cells = Vec::new();
        for (pole, (place_m, radius_m)) in zones.places.iter().enumerate().filter(|(_, (place, _))| place.is_finite()) {
            zones.each_cell(*place_m, *radius_m, |cell| cells.push((cell, pole)));
        }
        cells.sort_unstable();
        zones.cells = cells;
        zones
    }

    /// The smallest zone's radius, metres.
    pub(super) fn least_radius_m(&self) -> f64 {
        self.places.iter().map(|(_, radius_m)| *radius_m).fold(RADIUS_M.1, f64::min)
    }

    fn each_cell(&self, point_m: Vector2, reach_m: f64, mut visit: impl FnMut((i32, i32))) {
        // A cast from float saturates.
        let cell = |coordinate_m: f64| (coordinate_m / self.cell_m).floor() as i32;
        for x in cell(point_m.x - reach_m)..=cell(point_m.x + reach_m) {
            for y in cell(point_m.y - reach_m)..=cell(point_m.y + reach_m) {
                visit((x, y));
            }
        }
    }

    /// Adds the poles whose zones come within `reach_m` of a point. `reach_m` is at most some hundred metres.
    pub(super) fn near(&self, point_m: Vector2, reach_m: f64, found: &mut PoleSet) {
        if !(point_m.is_finite() && reach_m.is_finite()) {
            return;
        }
        self.each_cell(point_m, reach_m.clamp(0.0, RADIUS_M.1), |cell| {
            let start = self.cells.partition_point(|(known, _)| *known < cell);
            for (_, pole) in self.cells.iter().skip(start).take_while(|(known, _)| *known == cell) {
                let Some((place_m, radius_m)) = self.places.get(*pole) else { continue };
                if (*place_m - point_m).norm() <= radius_m + reach_m {
                    found.insert(*pole);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Vec<PoleSetup> {
        (0..100)
            .map(|n| PoleSetup {
                id: format!("p{n}"),
                position_m: Vector2::new(30.0 * f64::from(n) - 600.0, f64::from(n % 7)),
                radius_m: f64::from(10 + n % 20),
                lane_ids: Vec::new(),
            })
            .collect()
    }

    #[test]
    fn the_grid_finds_what_a_look_at_all_finds() {
        let setups = row();
        let zones = Zones::new(&setups);
        assert!((zones.least_radius_m() - 10.0).abs() < 1e-9);
        let mut found_any = 0;
        for step in 0..4000 {
            let point_m = Vector2::new(f64::from(step) - 700.0, f64::from(step % 90) - 45.0);
            let reach_m = f64::from(step % 60);
            let mut found = PoleSet::default();
            zones.near(point_m, reach_m, &mut found);
            for (pole, setup) in setups.iter().enumerate() {
                let expected = (setup.position_m - point_m).norm() <= setup.radius_m + reach_m;
                assert_eq!(found.contains(pole), expected, "{point_m:?} {pole}");
                found_any += usize::from(expected);
            }
        }
        assert!(found_any > 4000);
    }

    #[test]
    fn what_is_no_place_is_in_no_zone() {
        let mut setups = row();
        setups[0].position_m.x = f64::NAN;
        setups[1].radius_m = f64::INFINITY;
        setups[2].radius_m = f64::NAN;
        let zones = Zones::new(&setups);
        let mut found = PoleSet::default();
        zones.near(Vector2::new(f64::NAN, 0.0), 10.0, &mut found);
        zones.near(Vector2::new(1e300, -1e300), 10.0, &mut found);
        assert_eq!(found, PoleSet::default());
        assert!(zones.cells.len() < 3000, "{}", zones.cells.len());
    }

    #[test]
    fn sets_of_poles() {
        let mut set = PoleSet::default();
        set.insert(255);
        set.insert(256);
        assert!(set.contains(255) && !set.contains(256) && !set.contains(254));
        let mut other = set;
        other.insert(3);
        let mut third = PoleSet::default();
        third.insert(3);
        assert_eq!(third.or_both(&set, &set), other);
        assert_eq!(third.or_both(&third, &set), third);
    }
}
