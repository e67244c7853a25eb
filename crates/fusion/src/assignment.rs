//! Exact assignment of detections to tracks, group by group.
//!
//! Only pairs that are better than none are given. Detections and tracks that are linked by such pairs form a group; groups
//! do not influence each other, so each is solved by itself, and most are a single pair. The larger ones are solved by
//! shortest augmenting paths with potentials (R. Jonker, A. Volgenant, "A Shortest Augmenting Path Algorithm for Dense and
//! Sparse Linear Assignment Problems", Computing 1987), in memory that is kept from frame to frame.

/// Groups with more detections than this are not solved exactly.
const MAX_EXACT: usize = 96;

/// A detection that may belong to a track, and what it would cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) detection: u32,
    pub(crate) track: u32,
    /// Below zero: zero is the cost of a detection that belongs to nobody.
    pub(crate) cost: f64,
}

/// Solver that keeps its memory from call to call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assignment {
    /// Union-find over detections, then tracks.
    parent: Vec<u32>,
    /// (group, detection, index of pair)
    order: Vec<(u32, u32, u32)>,
    hungarian: Hungarian,
    columns: Vec<u32>,
    rows: Vec<u32>,
    by_cost: Vec<u32>,
}

/// The detection of each track and the track of each detection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assigned {
    pub(crate) of_track: Vec<Option<u32>>,
    pub(crate) of_detection: Vec<Option<u32>>,
}

impl Assigned {
    fn assign(&mut self, pair: &Pair) {
        if let (Some(d), Some(t)) =
            (self.of_track.get_mut(pair.track as usize), self.of_detection.get_mut(pair.detection as usize))
        {
            *d = Some(pair.detection);
            *t = Some(pair.track);
        }
    }
}

impl Assignment {
    /// Assigns each detection to at most one track and the other way round so that the sum of costs is least.
    pub(crate) fn solve(&mut self, detections: usize, tracks: usize, pairs: &[Pair], out: &mut Assigned) {
        out.of_track.clear();
        out.of_track.resize(tracks, None);
        out.of_detection.clear();
        out.of_detection.resize(detections, None);
        self.parent.clear();
        self.parent.extend(0..(detections + tracks) as u32);
        for pair in pairs {
            self.join(pair.detection, detections as u32 + pair.track);
        }
        self.order.clear();
        for (index, pair) in pairs.iter().enumerate() {
            let root = self.root(pair.detection);
            self.order.push((root, pair.detection, index as u32));
        }
        self.order.sort_unstable();
        let order = std::mem::take(&mut self.order);
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            self.solve_group(group, pairs, out);
        }
        self.order = order;
    }

    fn solve_group(&mut self, group: &[(u32, u32, u32)], pairs: &[Pair], out: &mut Assigned) {
        let of_group = || group.iter().filter_map(|(_, _, index)| pairs.get(*index as usize));
        let one_detection = group.iter().all(|entry| group.first().is_some_and(|first| first.1 == entry.1));
        if one_detection {
            if let Some(best) = of_group().min_by(|a, b| a.cost.total_cmp(&b.cost).then(a.track.cmp(&b.track))) {
                out.assign(best);
            }
            return;
        }
        self.rows.clear();
        self.rows.extend(group.iter().map(|entry| entry.1));
        self.rows.dedup();
        self.columns.clear();
        self.columns.extend(of_group().map(|pair| pair.track));
        self.columns.sort_unstable();
        self.columns.dedup();
        if self.rows.len() > MAX_EXACT {
            self.solve_greedily(group, pairs, out);
            return;
        }
        if let [track] = self.columns.as_slice() {
            let track = *track;
            if let Some(best) = of_group().min_by(|a, b| a.cost.total_cmp(&b.cost).then(a.detection.cmp(&b.detection)))
            {
                debug_assert_eq!(best.track, track);
                out.assign(best);
            }
            return;
        }
        let (rows, columns) = (self.rows.len(), self.columns.len());
        self.hungarian.start(rows, columns);
        for pair in of_group() {
            if let (Ok(row), Ok(column)) =
                (self.rows.binary_search(&pair.detection), self.columns.binary_search(&pair.track))
            {
                self.hungarian.set(row, column, pair.cost);
            }
        }
        self.hungarian.solve();
        for (column, row) in self.hungarian.row_of_column().take(columns).enumerate() {
            if let (Some(row), Some(track)) = (row, self.columns.get(column))
                && let Some(detection) = self.rows.get(row)
                && self.hungarian.cost(row, column) < 0.0
            {
                out.assign(&Pair { detection: *detection, track: *track, cost: 0.0 });
            }
        }
    }

    /// The cheapest pair first: for crowds that no junction holds, where exactness would cost cubic time.
    fn solve_greedily(&mut self, group: &[(u32, u32, u32)], pairs: &[Pair], out: &mut Assigned) {
        self.by_cost.clear();
        self.by_cost.extend(group.iter().map(|entry| entry.2));
        let cost = |index: &u32| pairs.get(*index as usize).map_or(0.0, |pair| pair.cost);
        self.by_cost.sort_unstable_by(|a, b| cost(a).total_cmp(&cost(b)).then(a.cmp(b)));
        for pair in self.by_cost.iter().filter_map(|index| pairs.get(*index as usize)) {
            let free = out.of_track.get(pair.track as usize) == Some(&None)
                && out.of_detection.get(pair.detection as usize) == Some(&None);
            if free {
                out.assign(pair);
            }
        }
    }

    fn root(&mut self, mut node: u32) -> u32 {
        while let Some(parent) = self.parent.get(node as usize).copied().filter(|parent| *parent != node) {
            let grandparent = self.parent.get(parent as usize).copied().unwrap_or(parent);
            if let Some(slot) = self.parent.get_mut(node as usize) {
                *slot = grandparent;
            }
            node = parent;
        }
        node
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.parent.get_mut(high as usize) {
            *slot = low;
        }
    }
}

/// Rows to columns at least cost; each row also has a column of its own that costs nothing.
#[derive(Debug, Clone, Default)]
struct Hungarian {
    rows: usize,
    columns: usize,
    costs: Vec<f64>,
    /// Potentials of rows and columns; index 0 is the root of the search.
    u: Vec<f64>,
    v: Vec<f64>,
    row_of: Vec<usize>,
    way: Vec<usize>,
    least: Vec<f64>,
    used: Vec<bool>,
}

const FORBIDDEN: f64 = 1e9;

#[allow(clippy::indexing_slicing, reason = "all indices are below the sizes set by `start`")]
impl Hungarian {
    fn start(&mut self, rows: usize, columns: usize) {
        (self.rows, self.columns) = (rows, columns);
        self.costs.clear();
        self.costs.resize(rows * columns, FORBIDDEN);
    }

    fn set(&mut self, row: usize, column: usize, cost: f64) {
        if let Some(cell) = self.costs.get_mut(row * self.columns + column) {
            *cell = cost;
        }
    }

    fn cost(&self, row: usize, column: usize) -> f64 {
        if column >= self.columns {
            return if column - self.columns == row { 0.0 } else { FORBIDDEN };
        }
        self.costs.get(row * self.columns + column).copied().unwrap_or(FORBIDDEN)
    }

    fn row_of_column(&self) -> impl Iterator<Item = Option<usize>> + '_ {
        self.row_of.iter().skip(1).map(|row| row.checked_sub(1))
    }

    fn solve(&mut self) {
        let (n, m) = (self.rows, self.columns + self.rows);
        for list in [&mut self.u, &mut self.v, &mut self.least] {
            list.clear();
            list.resize(m + 1, 0.0);
        }
        for list in [&mut self.row_of, &mut self.way] {
            list.clear();
            list.resize(m + 1, 0);
        }
        for row in 1..=n {
            self.row_of[0] = row;
            let mut column = 0;
            self.least.fill(f64::INFINITY);
            self.used.clear();
            self.used.resize(m + 1, false);
            loop {
                self.used[column] = true;
                let from = self.row_of[column];
                let (mut delta, mut next) = (f64::INFINITY, 0);
                for j in 1..=m {
                    if self.used[j] {
                        continue;
                    }
                    let reduced = self.cost(from - 1, j - 1) - self.u[from] - self.v[j];
                    if reduced < self.least[j] {
                        self.least[j] = reduced;
                        self.way[j] = column;
                    }
                    if self.least[j] < delta {
                        delta = self.least[j];
                        next = j;
                    }
                }
                for j in 0..=m {
                    if self.used[j] {
                        self.u[self.row_of[j]] += delta;
                        self.v[j] -= delta;
                    } else {
                        self.least[j] -= delta;
                    }
                }
                column = next;
                if self.row_of[column] == 0 {
                    break;
                }
            }
            while column != 0 {
                let before = self.way[column];
                self.row_of[column] = self.row_of[before];
                column = before;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tries every assignment.
    fn best_by_force(costs: &[Vec<Option<f64>>], row: usize, used: &mut Vec<bool>) -> f64 {
        let Some(of_row) = costs.get(row) else { return 0.0 };
        let mut best = best_by_force(costs, row + 1, used);
        for (column, cost) in of_row.iter().enumerate() {
            if let (Some(cost), false) = (cost, used[column]) {
                used[column] = true;
                best = best.min(cost + best_by_force(costs, row + 1, used));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn as_good_as_trying_everything(
            costs in proptest::collection::vec(proptest::collection::vec(proptest::option::of(-10.0..-0.01_f64), 5), 0..6)
        ) {
            let pairs: Vec<Pair> = costs.iter().enumerate().flat_map(|(detection, row)| {
                row.iter().enumerate().filter_map(move |(track, cost)| {
                    cost.map(|cost| Pair { detection: detection as u32, track: track as u32, cost })
                })
            }).collect();
            let (mut solver, mut found) = (Assignment::default(), Assigned::default());
            // Twice: what is left in memory must not matter.
            for _ in 0..2 {
                solver.solve(costs.len(), 5, &pairs, &mut found);
            }
            let mut sum = 0.0;
            for (track, detection) in found.of_track.iter().enumerate() {
                if let Some(detection) = detection {
                    prop_assert_eq!(found.of_detection[*detection as usize], Some(track as u32));
                    sum += costs[*detection as usize][track].unwrap_or(f64::INFINITY);
                }
            }
            let best = best_by_force(&costs, 0, &mut vec![false; 5]);
            prop_assert!((sum - best).abs() < 1e-9, "{} instead of {}", sum, best);
        }
    }

    #[test]
    fn a_crowd_too_large_for_exactness_is_still_assigned_once_each() {
        let n = MAX_EXACT as u32 + 20;
        let near = |d: u32, t: u32| d.abs_diff(t) <= 2;
        let pairs: Vec<Pair> = (0..n)
            .flat_map(|d| (0..n).filter(move |t| near(d, *t)).map(move |t| (d, t)))
            .map(|(detection, track)| Pair { detection, track, cost: -9.0 + f64::from(detection.abs_diff(track)) })
            .collect();
        let (mut solver, mut found) = (Assignment::default(), Assigned::default());
        solver.solve(n as usize, n as usize, &pairs, &mut found);
        assert!(found.of_track.iter().enumerate().all(|(track, detection)| *detection == Some(track as u32)));
    }
}
