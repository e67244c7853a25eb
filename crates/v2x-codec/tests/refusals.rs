//! What protobuf can say and UPER cannot is an error that names the field and its bounds, in every message.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use rsu_proto::v1::{self, v2x_message::Content};
use support::arbitrary;
use v2x_codec::{ConvertError, Kind, Message, Profile};

/// A message of a kind whose twin is `pick`ed from it, changed and refused.
macro_rules! refused {
    ($kind:ident $content:ident, $seeds:expr, |$twin:ident| $change:block => $text:literal) => {{
        // The first arbitrary message in which there is something to change.
        let error = (0..$seeds).find_map(|seed| {
            let Content::$content(mut $twin) = arbitrary(Profile::Y2020, Kind::$kind, seed, false).to_content() else {
                panic!("another kind")
            };
            let mut change = || -> Option<()> {
                $change;
                Some(())
            };
            change()?;
            Some(Message::from_content(Profile::Y2020, &Content::$content($twin), None).unwrap_err())
        });
        let text = error.expect("no message fits").to_string();
        assert_eq!(text, $text);
    }};
}

#[test]
#[allow(clippy::expect_used, reason = "a test may stop")]
fn numbers_lists_and_texts_are_bounded_by_name() {
    refused!(Bsm Bsm, 1, |m| { m.speed_mps = Some(200.0) } => "speed_mps: 200 is outside of 0 to 163.8");
    refused!(Bsm Bsm, 1, |m| { m.id = vec![0; 7].into() } => "id: length 7 is outside of 8 to 8");
    refused!(Bsm Bsm, 1, |m| { m.msg_cnt = 128 } => "msg_cnt: 128 is outside of 0 to 127");
    refused!(Bsm Bsm, 1, |m| { m.heading_deg = Some(f64::NAN) } => "heading_deg: NaN is outside of 0 to 359.9875");
    refused!(Rsm Rsm, 1, |m| {
        let one = m.participants[0].clone();
        m.participants = vec![one; 17];
    } => "participants: length 17 is outside of 1 to 16");
    refused!(Rsm Rsm, 100, |m| {
        m.participants.get_mut(2)?.ptc_id = 65_536;
    } => "participants[2].ptc_id: 65536 is outside of 0 to 65535");
    refused!(Rsm Rsm, 1, |m| { m.participants[0].r#type = -1 } => "participants[0].type: -1 is not a value of the standard");
    refused!(Map Map, 1, |m| { m.nodes[0].name = Some("路口".into()) } => "nodes[0].name: only IA5 characters can be sent");
    refused!(Map Map, 1, |m| { m.nodes.clear() } => "nodes: length 0 is outside of 1 to 32");
    refused!(Map Map, 200, |m| {
        m.nodes.first_mut()?.in_links.first_mut()?.width_m = None;
    } => "nodes[0].in_links[0].width_m: is needed");
    refused!(Spat Spat, 1, |m| { m.intersections[0].phases[0].id = 256 } => "intersections[0].phases[0].id: 256 is outside of 0 to 255");
    refused!(Rsi Rsi, 200, |m| {
        m.events.first_mut()?.confidence_percent = Some(101.0);
    } => "events[0].confidence_percent: 101 is outside of 0 to 100");
    refused!(Ssm Ssm, 200, |m| {
        let one = m.participants.first()?.clone();
        m.participants = vec![one; 513];
    } => "participants: length 513 is outside of 1 to 512");
    refused!(Psm Psm, 1, |m| { m.overall_radius_m = 20.1 } => "overall_radius_m: 20.1 is outside of 0 to 20");
    refused!(Clpmm Clpmm, 1, |m| { m.platoon_id = vec![1; 16].into() } => "platoon_id: length 16 is outside of 17 to 17");
    refused!(Test Test, 1, |m| { m.user_data = vec![0; 2049].into() } => "user_data: length 2049 is outside of 1 to 2048");
    refused!(Rtcm Rtcm, 1, |m| {
        let one = m.corrections[0].clone();
        m.corrections = vec![one; 6];
    } => "corrections: length 6 is outside of 1 to 5");
    refused!(Bsm Bsm, 1, |m| {
        m.unknown_extensions = Some(v1::UnknownExtensions { count: 65, additions: Vec::new() });
    } => "unknown_extensions: the count is 1 to 64, the indices ascend below it, and each has octets");
}

#[test]
fn what_a_profile_does_not_have_is_refused() {
    let content = arbitrary(Profile::Y2020, Kind::Ssm, 0, false).to_content();
    let error = Message::from_content(Profile::Y2019, &content, None).unwrap_err();
    assert!(matches!(error, ConvertError::NotInProfile { .. }), "{error}");
    // The second stage's additions do not exist in the draft of 2019.
    let with_sign = (0..1000).find_map(|seed| {
        let Content::Rsi(rsi) = arbitrary(Profile::Y2020, Kind::Rsi, seed, false).to_content() else { panic!() };
        rsi.signs.iter().any(|sign| sign.auxiliary.is_some()).then_some(Content::Rsi(rsi))
    });
    let error = Message::from_content(Profile::Y2019, &with_sign.unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("auxiliary"), "{error}");
    // A known messageId cannot be sent as octets that nobody has checked.
    let octets = Content::Extension(v1::ExtensionMessage { message_id: 12, value: vec![0].into() });
    let error = Message::from_content(Profile::Y2020, &octets, None).unwrap_err();
    assert_eq!(error.to_string(), "message_id: 12 is not a value of the standard");
}
