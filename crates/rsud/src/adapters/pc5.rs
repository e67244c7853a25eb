//! PC5: messages from the radio, one per datagram, in whatever [`Framing`] the radio's host interface has.

use std::sync::{Arc, Mutex, PoisonError};

use edge_core::Input;
use rsu_proto::v1;
use rsu_units::Timestamp;
use tracing::debug;
use v2x_codec::detect::{Detector, Sender};
use v2x_codec::dsmp::Aid;
use v2x_codec::service::ServiceTable;
use v2x_codec::{CodecError, Kind, Message, Profile};

use super::{Parser, Refusal};
use crate::framing::Framing;

/// What was found out of the senders' profiles; the health shows it.
pub type Senders = Arc<Mutex<Detector>>;

/// In which profile messages are read.
#[derive(Debug, Clone)]
pub enum ProfileChoice {
    /// In this one.
    Fixed(Profile),
    /// In that of the sender, as it is found out.
    BySender(Senders),
}

/// The parser of the PC5 adapter.
#[derive(Debug)]
pub struct Pc5Parser {
    framing: Framing,
    profile: ProfileChoice,
    services: ServiceTable,
    /// Kind of the message that was just parsed.
    kind: Option<Kind>,
    /// What is to be said of its profile, and of its AID.
    remarks: [Option<&'static str>; 2],
}

impl Pc5Parser {
    /// A parser for what the radio is configured to hand over.
    #[must_use]
    pub fn new(framing: Framing, profile: ProfileChoice, services: ServiceTable) -> Self {
        Self { framing, profile, services, kind: None, remarks: [None; 2] }
    }
}

type Decoded = (Message, v1::v2x_message::Content, Option<&'static str>);

impl ProfileChoice {
    /// The message, its twin, and a remark on it.
    fn decode(&self, octets: &[u8]) -> Result<Decoded, CodecError> {
        match self {
            Self::Fixed(profile) => {
                let message = Message::from_uper(*profile, octets)?;
                let content = message.to_content();
                Ok((message, content, None))
            }
            Self::BySender(senders) => {
                let mut senders = senders.lock().unwrap_or_else(PoisonError::into_inner);
                let detected = senders.decode(octets)?;
                let mut remark = (!detected.decided).then_some("profile_undecided");
                if detected.news {
                    remark = Some("profile_decided");
                    let (sender, profile) = (Sender::of(&detected.content), detected.message.profile().name());
                    debug!(%sender, profile, "profile of a sender found out");
                }
                Ok((detected.message, detected.content, remark))
            }
        }
    }
}

impl Parser for Pc5Parser {
    fn name(&self) -> &'static str {
        "pc5"
    }

    fn parse(&mut self, datagram: &[u8], arrived_at: Timestamp) -> Result<Input, Refusal> {
        let unframed =
            self.framing.unframe(datagram).map_err(|fault| Refusal { name: fault.name, detail: fault.reason })?;
        let (message, content, remark) = self.profile.decode(&unframed.payload).map_err(|error| Refusal {
            name: match error {
                CodecError::Incomplete { .. } => "uper_incomplete",
                CodecError::LeftOver { .. } => "uper_left_over",
                CodecError::OtherProfile => "other_profile",
                CodecError::Invalid { .. } | CodecError::Json(_) | CodecError::Encode(_) => "uper_invalid",
            },
            detail: error.to_string(),
        })?;
        self.kind = Some(message.kind());
        let aid = unframed.aid.and_then(|aid| Aid::new(u16::try_from(aid).ok()?));
        let other = aid.is_some_and(|aid| self.services.fits(aid, message.kind()) == Some(false));
        self.remarks = [remark, other.then_some("aid_of_another_kind")];
        let message = v1::V2xMessage {
            header: None,
            received_at_us: arrived_at.as_micros(),
            received_by: self.name().into(),
            profile: v1::Profile::from(message.profile()).into(),
            aid: unframed.aid,
            octets: unframed.payload.into_owned().into(),
            frame_extensions: message.frame_extensions(),
            content: Some(content),
        };
        Ok(Input::V2x { message: Box::new(message), arrived_at })
    }

    fn extra_counts(&mut self) -> Option<(&'static str, u64)> {
        let kind = self.kind.take().map(Kind::name);
        kind.or_else(|| self.remarks.iter_mut().find_map(Option::take)).map(|name| (name, 1))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
mod tests {
    use v2x_codec::dsmp::{Aid, encode};

    use super::*;

    const RSM: &str = "20131323334350000004ce3d680b06e03ff00040002664ccd569f9f811d71d944010269e80000000";

    fn parser(framing: Framing) -> Pc5Parser {
        Pc5Parser::new(framing, ProfileChoice::Fixed(Profile::Y2020), ServiceTable::default())
    }

    fn name_of(framing: Framing, datagram: &[u8]) -> &'static str {
        parser(framing).parse(datagram, Timestamp::default()).unwrap_err().name
    }

    #[test]
    fn frames_and_bare_messages_give_the_same() {
        let octets = hex::decode(RSM).unwrap();
        let framed = encode(Aid::RSM, &octets).unwrap();
        let parse = |framing, datagram: &[u8]| match parser(framing).parse(datagram, Timestamp::from_micros(5)) {
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

    #[test]
    fn profiles_are_found_out_and_odd_aids_remarked() {
        let senders = Senders::default();
        let profile = ProfileChoice::BySender(Arc::clone(&senders));
        let mut parser = Pc5Parser::new(Framing::Dsmp, profile, ServiceTable::default());
        let framed = encode(Aid::MAP, &hex::decode(RSM).unwrap()).unwrap();
        let parsed = parser.parse(&framed, Timestamp::default()).unwrap();
        assert!(matches!(parsed, Input::V2x { .. }));
        let remarks: Vec<_> = std::iter::from_fn(|| parser.extra_counts()).collect();
        // Both profiles read this RSM in the same way, and it came with the AID of MAP.
        assert_eq!(remarks, [("rsm", 1), ("profile_undecided", 1), ("aid_of_another_kind", 1)]);
        assert_eq!(senders.lock().unwrap().counts(), [0, 0, 1]);
    }
}
