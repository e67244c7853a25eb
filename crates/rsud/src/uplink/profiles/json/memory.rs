//! Which maps have been told. A map is broadcast every second and changes once a year; the platforms that keep maps want
//! it when it is new.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use rsu_proto::{Message as _, v1};
use rsu_units::Timestamp;

/// Maps that are remembered; when there are more, all are told anew.
const MAPS: usize = 64;
/// A map is told again after this time, in case the platform has lost it.
const AGAIN: Duration = Duration::from_secs(3600);

/// The item that a map came with: its run of the daemon and its number. `None` for what the RSU itself sends.
pub(crate) type Teller = Option<(i64, u64)>;

#[derive(Debug, PartialEq, Eq)]
struct Told {
    content: u64,
    at: Timestamp,
    by: Teller,
}

/// The maps that have been told in this connection.
#[derive(Debug, Default)]
pub(crate) struct Maps(BTreeMap<(u32, u32), Told>);

impl Maps {
    /// Whether the map is to be told: it is new, or not what was told of the same node. The item that told it may do so
    /// again, as it does if the broker did not take it.
    pub(crate) fn is_news(&mut self, map: &v1::MapData, by: Teller, now: Timestamp) -> bool {
        let first = map.nodes.first().and_then(|node| node.id.as_ref());
        let node = first.map_or((0, 0), |id| (id.region.unwrap_or(0), id.id));
        // Number and time change with each message.
        let lasting = v1::MapData { msg_cnt: 0, minute_of_year: None, sent_unavailable: Vec::new(), ..map.clone() };
        let mut hasher = DefaultHasher::new();
        lasting.encode_to_vec().hash(&mut hasher);
        let content = hasher.finish();
        if let Some(told) = self.0.get(&node) {
            let same_item = by.is_some() && told.by == by;
            let fresh = now.duration_since(told.at) < AGAIN && told.at <= now;
            if told.content == content && fresh && !same_item {
                return false;
            }
        }
        if self.0.len() >= MAPS && !self.0.contains_key(&node) {
            self.0.clear();
        }
        self.0.insert(node, Told { content, at: now, by });
        true
    }

    /// Nothing has been told: a new connection.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The item that a received message is.
pub(crate) fn teller(message: &v1::V2xMessage) -> Teller {
    message.header.as_ref().map(|header| (header.boot_id, header.sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(node: u32, msg_cnt: u32, name: &str) -> v1::MapData {
        let id = Some(v1::NodeReference { region: Some(1), id: node });
        let node = v1::Node { id, name: Some(name.into()), ..v1::Node::default() };
        v1::MapData { msg_cnt, minute_of_year: Some(msg_cnt), nodes: vec![node], ..v1::MapData::default() }
    }

    #[test]
    fn a_map_is_news_once() {
        let now = Timestamp::from_micros(1_639_812_051_683_000);
        let mut maps = Maps::default();
        assert!(maps.is_news(&map(1, 0, "a"), Some((1, 1)), now));
        assert!(!maps.is_news(&map(1, 1, "a"), Some((1, 2)), now));
        assert!(maps.is_news(&map(1, 0, "a"), Some((1, 1)), now), "the broker did not take it");
        assert!(maps.is_news(&map(1, 2, "b"), Some((1, 3)), now), "it has changed");
        assert!(maps.is_news(&map(2, 2, "b"), None, now), "it is of another node");
        assert!(!maps.is_news(&map(2, 3, "b"), None, now));
        assert!(maps.is_news(&map(2, 3, "b"), None, now + AGAIN));
        maps.forget();
        assert!(maps.is_news(&map(1, 3, "b"), Some((1, 4)), now));
        for node in 0..1000 {
            maps.is_news(&map(node, 0, "many"), None, now);
        }
        assert!(maps.0.len() <= MAPS);
    }
}
