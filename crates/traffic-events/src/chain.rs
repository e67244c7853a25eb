//! Chains of slow vehicles, one behind the other on a lane: what a queue is, for the event and for the statistics.

/// A vehicle on a lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    /// By which the caller knows it again.
    pub(crate) index: usize,
    /// Its centre, metres along the lane.
    pub(crate) along_m: f64,
    pub(crate) half_m: f64,
    pub(crate) speed_mps: f64,
}

/// A chain of slow vehicles, from the front.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    /// Those that were counted, each by its [`Link::index`].
    pub(crate) members: Vec<usize>,
    /// Front of the first and rear of the last, metres along the lane.
    front_m: f64,
    rear_m: f64,
}

impl Chain {
    pub(crate) fn length_m(&self) -> f64 {
        (self.front_m - self.rear_m).max(0.0)
    }
}

/// The chain of most vehicles slower than a speed; `links` are those of one lane, the first at its end first. Faster ones
/// are passed over: only a gap parts a chain.
pub(crate) fn longest_chain(links: impl Iterator<Item = Link>, max_speed_mps: f64, max_gap_m: f64) -> Option<Chain> {
    let (mut best, mut chain) = (Chain::default(), Chain::default());
    for link in links.filter(|link| link.speed_mps <= max_speed_mps) {
        let (front_m, rear_m) = (link.along_m + link.half_m, link.along_m - link.half_m);
        let gap_m = chain.rear_m - front_m;
        if chain.members.is_empty() || gap_m > max_gap_m {
            let done = std::mem::replace(&mut chain, Chain { members: vec![link.index], front_m, rear_m });
            best = longer(best, done);
        } else if gap_m >= -0.5 * link.half_m {
            chain.members.push(link.index);
            chain.rear_m = rear_m;
        }
        // Else it is at the place of the one before: two tracks of one vehicle.
    }
    Some(longer(best, chain)).filter(|best| !best.members.is_empty())
}

fn longer(one: Chain, other: Chain) -> Chain {
    if other.members.len() > one.members.len() { other } else { one }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(places: &[(f64, f64)]) -> Option<Chain> {
        let links = places.iter().zip(0..).map(|(&(along_m, speed_mps), index)| Link {
            index,
            along_m,
            half_m: 2.0,
            speed_mps,
        });
        longest_chain(links, 1.0, 10.0)
    }

    #[test]
    fn the_longest_chain_is_what_was_counted() {
        // The second is a double of the first, the fourth drives, and the last is too far behind.
        let found = chain(&[(100.0, 0.0), (99.8, 0.0), (93.0, 0.5), (90.0, 5.0), (86.0, 0.0), (60.0, 0.0)]).unwrap();
        assert_eq!(found.members, [0, 2, 4]);
        assert!((found.length_m() - 18.0).abs() < 1e-9);
        // Of two chains the one with more vehicles, of equal ones the first.
        assert_eq!(chain(&[(100.0, 0.0), (60.0, 0.0), (50.0, 0.0)]).unwrap().members, [1, 2]);
        assert_eq!(chain(&[(100.0, 0.0), (60.0, 0.0)]).unwrap().members, [0]);
        assert!(chain(&[(100.0, 3.0)]).is_none() && chain(&[]).is_none());
    }
}
