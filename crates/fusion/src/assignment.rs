//! Exact assignment of detections to tracks, group by group.
//!
//! Only pairs within the gate are given. Detections and tracks that are linked by such pairs form a group; groups do not
//! influence each other, so each is solved by itself (Kuhn–Munkres), and most are a single pair.

use pathfinding::kuhn_munkres::kuhn_munkres_min;
use pathfinding::matrix::Matrix;

/// Groups with more detections than this are not solved exactly.
const MAX_EXACT: usize = 64;

/// A detection that may belong to a track, and what it would cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pair {
    pub(crate) detection: usize,
    pub(crate) track: usize,
    /// Below `miss_cost` of [`Assignment::solve`].
    pub(crate) cost: f64,
}

/// Solver that keeps its memory from call to call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assignment {
    /// The detection of each track.
    track_to_detection: Vec<Option<usize>>,
    /// Union-find over detections, then tracks.
    parent: Vec<usize>,
    order: Vec<(usize, usize)>,
}

impl Assignment {
    /// Assigns each detection to at most one track and the other way round so that the sum of costs is least, a detection
    /// without a track costing `miss_cost`. Returns the detection of each track.
    pub(crate) fn solve(
        &mut self,
        detections: usize,
        tracks: usize,
        pairs: &[Pair],
        miss_cost: f64,
    ) -> &[Option<usize>] {
        self.track_to_detection.clear();
        self.track_to_detection.resize(tracks, None);
        self.parent.clear();
        self.parent.extend(0..detections + tracks);
        for pair in pairs {
            self.join(pair.detection, detections + pair.track);
        }
        self.order.clear();
        for (index, pair) in pairs.iter().enumerate() {
            let root = self.root(pair.detection);
            self.order.push((root, index));
        }
        self.order.sort_unstable();
        let order = std::mem::take(&mut self.order);
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            self.solve_group(group, pairs, miss_cost);
        }
        self.order = order;
        &self.track_to_detection
    }

    fn solve_group(&mut self, group: &[(usize, usize)], pairs: &[Pair], miss_cost: f64) {
        let of_group = || group.iter().filter_map(|(_, index)| pairs.get(*index));
        if let ([_], Some(pair)) = (group, of_group().next()) {
            self.assign(pair.track, pair.detection);
            return;
        }
        let sorted = |pick: fn(&Pair) -> usize| {
            let mut list: Vec<usize> = of_group().map(pick).collect();
            list.sort_unstable();
            list.dedup();
            list
        };
        let rows = sorted(|pair| pair.detection);
        let columns = sorted(|pair| pair.track);
        if rows.len() > MAX_EXACT {
            self.solve_greedily(group, pairs);
            return;
        }
        // Each detection has a column of its own for being nobody's, so rows never outnumber columns.
        let scaled = |cost: f64| (cost * 1024.0).round() as i64;
        let forbidden = scaled(miss_cost * 4.0 * (rows.len() + 1) as f64);
        let mut costs = Matrix::new(rows.len(), columns.len() + rows.len(), forbidden);
        for row in 0..rows.len() {
            set(&mut costs, row, columns.len() + row, scaled(miss_cost));
        }
        for pair in of_group() {
            if let (Ok(row), Ok(column)) = (rows.binary_search(&pair.detection), columns.binary_search(&pair.track)) {
                set(&mut costs, row, column, scaled(pair.cost));
            }
        }
        let (_, chosen) = kuhn_munkres_min(&costs);
        for (row, column) in chosen.into_iter().enumerate() {
            if let (Some(detection), Some(track)) = (rows.get(row), columns.get(column))
                && costs.get((row, column)).is_some_and(|cost| *cost < forbidden)
            {
                self.assign(*track, *detection);
            }
        }
    }

    /// The cheapest pair first: for crowds that no junction holds, where exactness would cost cubic time.
    fn solve_greedily(&mut self, group: &[(usize, usize)], pairs: &[Pair]) {
        let mut of_group: Vec<&Pair> = group.iter().filter_map(|(_, index)| pairs.get(*index)).collect();
        of_group.sort_by(|a, b| a.cost.total_cmp(&b.cost).then((a.track, a.detection).cmp(&(b.track, b.detection))));
        let mut taken = std::collections::BTreeSet::new();
        for pair in of_group {
            let free = self.track_to_detection.get(pair.track).is_some_and(Option::is_none);
            if free && taken.insert(pair.detection) {
                self.assign(pair.track, pair.detection);
            }
        }
    }

    fn assign(&mut self, track: usize, detection: usize) {
        if let Some(slot) = self.track_to_detection.get_mut(track) {
            *slot = Some(detection);
        }
    }

    fn root(&mut self, mut node: usize) -> usize {
        while let Some(parent) = self.parent.get(node).copied().filter(|parent| *parent != node) {
            let grandparent = self.parent.get(parent).copied().unwrap_or(parent);
            if let Some(slot) = self.parent.get_mut(node) {
                *slot = grandparent;
            }
            node = parent;
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        if let Some(slot) = self.parent.get_mut(high) {
            *slot = low;
        }
    }
}

fn set(matrix: &mut Matrix<i64>, row: usize, column: usize, value: i64) {
    if let Some(cell) = matrix.get_mut((row, column)) {
        *cell = value;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Tries every assignment.
    fn best_by_force(costs: &[Vec<Option<f64>>], row: usize, used: &mut Vec<bool>, miss: f64) -> f64 {
        let Some(of_row) = costs.get(row) else { return 0.0 };
        let mut best = miss + best_by_force(costs, row + 1, used, miss);
        for (column, cost) in of_row.iter().enumerate() {
            if let (Some(cost), false) = (cost, used[column]) {
                used[column] = true;
                best = best.min(cost + best_by_force(costs, row + 1, used, miss));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn as_good_as_trying_everything(
            costs in proptest::collection::vec(proptest::collection::vec(proptest::option::of(0.0..10.0_f64), 5), 0..6)
        ) {
            let pairs: Vec<Pair> = costs.iter().enumerate().flat_map(|(detection, row)| {
                row.iter().enumerate().filter_map(move |(track, cost)| cost.map(|cost| Pair { detection, track, cost }))
            }).collect();
            let mut solver = Assignment::default();
            let found = solver.solve(costs.len(), 5, &pairs, 10.0).to_vec();
            let mut taken: Vec<usize> = found.iter().flatten().copied().collect();
            let assigned = taken.len();
            let cost: f64 = found.iter().enumerate()
                .filter_map(|(track, detection)| detection.map(|detection| costs[detection][track].unwrap()))
                .sum::<f64>() + 10.0 * (costs.len() - assigned) as f64;
            taken.sort_unstable();
            taken.dedup();
            prop_assert_eq!(taken.len(), assigned, "a detection was used twice");
            let best = best_by_force(&costs, 0, &mut vec![false; 5], 10.0);
            prop_assert!((cost - best).abs() < 0.01, "{} instead of {}", cost, best);
        }
    }
}
