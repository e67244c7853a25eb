//! Which node of a MAP message is the own junction, and whose signals are known: those of the own junction alone.

use rsu_proto::v1;

use super::{NodeConfig, SiteConfig};
use crate::config::{Checker, ConfigError};

/// The junction's node as SPAT names it: the one that the site gives, or else the first of the message.
pub(super) fn junction(
    checker: &Checker<'_>,
    site: &SiteConfig,
    message: Option<&v1::MapData>,
) -> Result<Option<v1::NodeReference>, ConfigError> {
    let Some(NodeConfig { region, id }) = site.node else {
        return Ok(message.and_then(|message| message.nodes.first()).and_then(|node| node.id));
    };
    for (key, value) in [("node.region", region), ("node.id", Some(id))] {
        checker.range(key, f64::from(value.unwrap_or(0)), 0.0, 65_535.0)?;
    }
    let junction = v1::NodeReference { region, id };
    let Some(message) = message.filter(|message| message.nodes.len() > 1) else { return Ok(Some(junction)) };
    if own(message, Some(junction)).is_none() {
        let names: Vec<String> = message.nodes.iter().filter_map(|node| node.id.as_ref()).map(name).collect();
        let problem = format!("the MAP has no node {}", name(&junction));
        return Err(checker.wrong("node", problem, &format!("one of {}", names.join(", "))));
    }
    Ok(Some(junction))
}

/// The message for the geometry: each node counts its phases by itself, and only the own junction's are ever told. So
/// the ways across other nodes have no signal there; a lamp of ours that has the same number is not theirs.
pub(super) fn without_foreign_phases(message: &v1::MapData, junction: Option<v1::NodeReference>) -> v1::MapData {
    let mut message = message.clone();
    let own = own(&message, junction);
    // A single node is the own one, whatever it is called.
    let is_foreign = |node: &&mut v1::Node| own.is_none_or(|own| node.id != Some(own));
    let foreign = message.nodes.len() > 1;
    for node in message.nodes.iter_mut().filter(|_| foreign).filter(is_foreign) {
        for link in &mut node.in_links {
            link.movements.iter_mut().for_each(|movement| movement.phase_id = None);
            let connections = link.lanes.iter_mut().flat_map(|lane| &mut lane.connects_to);
            connections.for_each(|connection| connection.phase_id = None);
        }
        for link in &mut node.in_links_ex {
            link.movements.iter_mut().for_each(|movement| movement.phase_id = None);
            let lanes = link.sections.iter_mut().flat_map(|section| &mut section.lanes);
            lanes.flat_map(|lane| &mut lane.connects_to).for_each(|connection| connection.phase_id = None);
        }
    }
    message
}

/// What the message calls the own junction: some devices leave the region out.
fn own(message: &v1::MapData, junction: Option<v1::NodeReference>) -> Option<v1::NodeReference> {
    let junction = junction?;
    let nodes = || message.nodes.iter().filter_map(|node| node.id);
    let nearly =
        |node: &v1::NodeReference| node.id == junction.id && (node.region.is_none() || junction.region.is_none());
    nodes().find(|node| *node == junction).or_else(|| nodes().find(nearly))
}

fn name(node: &v1::NodeReference) -> String {
    node.region.map_or_else(|| node.id.to_string(), |region| format!("{region}.{}", node.id))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use std::path::Path;

    use super::*;

    fn reference(id: u32) -> v1::NodeReference {
        v1::NodeReference { region: Some(440), id }
    }

    /// A node with one road in each form, whose ways on have phases.
    fn node(id: u32) -> v1::Node {
        let remote = Some(reference(99));
        let movement = v1::Movement { remote, phase_id: Some(1) };
        let connection = v1::Connection { remote, phase_id: Some(2), ..v1::Connection::default() };
        let lane = v1::Lane { connects_to: vec![connection], ..v1::Lane::default() };
        let movement_ex = v1::MovementEx { remote, phase_id: Some(3), ..v1::MovementEx::default() };
        let connection_ex = v1::ConnectionEx { remote, phase_id: Some(4), ..v1::ConnectionEx::default() };
        let lane_ex = v1::LaneEx { connects_to: vec![connection_ex], ..v1::LaneEx::default() };
        let section = v1::Section { lanes: vec![lane_ex], ..v1::Section::default() };
        v1::Node {
            id: Some(reference(id)),
            in_links: vec![v1::Link { movements: vec![movement], lanes: vec![lane], ..v1::Link::default() }],
            in_links_ex: vec![v1::LinkEx {
                movements: vec![movement_ex],
                sections: vec![section],
                ..v1::LinkEx::default()
            }],
            ..v1::Node::default()
        }
    }

    fn phases(node: &v1::Node) -> [Option<u32>; 4] {
        let (link, link_ex) = (&node.in_links[0], &node.in_links_ex[0]);
        [
            link.movements[0].phase_id,
            link.lanes[0].connects_to[0].phase_id,
            link_ex.movements[0].phase_id,
            link_ex.sections[0].lanes[0].connects_to[0].phase_id,
        ]
    }

    fn site(node: Option<NodeConfig>) -> SiteConfig {
        let site: SiteConfig = toml::from_str("latitude_deg = 22.7\nlongitude_deg = 114.3").unwrap();
        SiteConfig { node, ..site }
    }

    const ALL: [Option<u32>; 4] = [Some(1), Some(2), Some(3), Some(4)];

    #[test]
    fn only_the_own_nodes_phases_stay() {
        let message = v1::MapData { nodes: vec![node(1), node(2), node(3)], ..v1::MapData::default() };
        let kept = |junction| {
            let nodes = without_foreign_phases(&message, junction).nodes;
            nodes.iter().map(|node| phases(node) == ALL).collect::<Vec<_>>()
        };
        assert_eq!(kept(Some(reference(2))), [false, true, false]);
        assert_eq!(kept(Some(v1::NodeReference { region: None, id: 3 })), [false, false, true]);
        assert_eq!(kept(None), [false; 3]);
        let foreign = &without_foreign_phases(&message, Some(reference(2))).nodes[0];
        assert_eq!(phases(foreign), [None; 4]);
        let single = v1::MapData { nodes: vec![node(1)], ..v1::MapData::default() };
        assert_eq!(without_foreign_phases(&single, Some(reference(7))), single, "SPAT may call it otherwise");
    }

    #[test]
    fn the_junction_is_given_or_the_first() {
        let message = v1::MapData { nodes: vec![node(5), node(6)], ..v1::MapData::default() };
        let checker = Checker::new(Path::new("site.toml"));
        let of = |node, message| junction(&checker, &site(node), message);
        assert_eq!(of(None, Some(&message)).unwrap(), Some(reference(5)));
        assert_eq!(of(None, None).unwrap(), None);
        let given = |id| Some(NodeConfig { region: Some(440), id });
        assert_eq!(of(given(6), Some(&message)).unwrap(), Some(reference(6)));
        assert_eq!(of(given(7), None).unwrap(), Some(reference(7)));
        for (id, part) in [(7, "node: the MAP has no node 440.7; expected one of 440.5, 440.6"), (70_000, "node.id: ")]
        {
            let error = of(given(id), Some(&message)).unwrap_err().to_string();
            assert!(error.starts_with("site.toml: ") && error.contains(part), "{error}");
        }
    }
}
