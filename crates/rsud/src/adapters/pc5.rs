//! PC5: messages from the radio, one network-layer frame (DSMP) or one bare UPER frame per datagram.

use edge_core::Input;
use rsu_proto::v1;
use rsu_units::Timestamp;
use v2x_codec::dsmp::Frame;
use v2x_codec::{Kind, Message, Profile};

use super::{Parser, Refusal};

/// What is around the UPER frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// The network layer of YD/T 3707.
    Dsmp,
    /// Nothing.
    Uper,
}

/// The parser of the PC5 adapter.
#[derive(Debug, Clone)]
pub struct Pc5Parser {
    framing: Framing,
    profile: Profile,
    /// Kind of the message that was just parsed.
    kind: Option<Kind>,
}

impl Pc5Parser {
    /// A parser for what the radio is configured to hand over.
    #[must_use]
    pub fn new(framing: Framing, profile: Profile) -> Self {
        Self { framing, profile, kind: None }
    }
}

impl Parser for Pc5Parser {
    fn name(&self) -> &'static str {
        "pc5"
    }

    fn parse(&mut self, datagram: &[u8], arrived_at: Timestamp) -> Result<Input, Refusal> {
        let (octets, aid) = match self.framing {
            Framing::Uper => (datagram, None),
            Framing::Dsmp => {
                let frame = Frame::parse(datagram)
                    .map_err(|error| Refusal { name: error.name(), detail: error.to_string() })?;
                (frame.payload, Some(u32::from(frame.aid.get())))
            }
        };
        let message = Message::from_uper(self.profile, octets).map_err(|error| Refusal {
            name: match error {
                v2x_codec::CodecError::Incomplete { .. } => "uper_incomplete",
                v2x_codec::CodecError::LeftOver { .. } => "uper_left_over",
                _ => "uper_invalid",
            },
            detail: error.to_string(),
        })?;
        self.kind = Some(message.kind());
        let message = v1::V2xMessage {
            header: None,
            received_at_us: arrived_at.as_micros(),
            received_by: self.name().into(),
            profile: v1::Profile::from(self.profile).into(),
            aid,
            octets: octets.to_vec().into(),
            content: Some(message.to_content()),
        };
        Ok(Input::V2x { message: Box::new(message), arrived_at })
    }

    fn extra_counts(&mut self) -> Option<(&'static str, u64)> {
        self.kind.take().map(|kind| (kind.name(), 1))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
mod tests {
    use v2x_codec::dsmp::{Aid, encode};

    use super::*;

    const RSM: &str = "20131323334350000004ce3d680b06e03ff00040002664ccd569f9f811d71d944010269e80000000";

    fn name_of(framing: Framing, datagram: &[u8]) -> &'static str {
        Pc5Parser::new(framing, Profile::Y2020).parse(datagram, Timestamp::default()).unwrap_err().name
    }

    #[test]
    fn frames_and_bare_messages_give_the_same() {
        let octets = hex::decode(RSM).unwrap();
        let framed = encode(Aid::RSM, &octets).unwrap();
        let parse = |framing, datagram: &[u8]| match Pc5Parser::new(framing, Profile::Y2020)
            .parse(datagram, Timestamp::from_micros(5))
        {
            Ok(Input::V2x { message, .. }) => *message,
            other => panic!("{other:?}"),
        };
        let (framed, bare) = (parse(Framing::Dsmp, &framed), parse(Framing::Uper, &octets));
        assert_eq!((framed.aid, bare.aid), (Some(3623), None));
        assert_eq!(framed.content, bare.content);
        assert_eq!(framed.octets, octets);
    }

    #[test]
    fn refusals_are_told_apart() {
        let octets = hex::decode(RSM).unwrap();
        assert_eq!(name_of(Framing::Dsmp, &[]), "dsmp_incomplete");
        assert_eq!(name_of(Framing::Dsmp, &[0x00, 1]), "dsmp_other_network_layer");
        assert_eq!(name_of(Framing::Uper, &octets[..9]), "uper_incomplete");
        let longer: Vec<u8> = octets.iter().copied().chain([0]).collect();
        assert_eq!(name_of(Framing::Uper, &longer), "uper_left_over");
        assert_eq!(name_of(Framing::Uper, &[0x70]), "uper_invalid");
    }
}
