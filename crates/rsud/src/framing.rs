//! What a radio's host interface puts around a message, one datagram each; both ways.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rsu_units::Timestamp;
use v2x_codec::dsmp::{self, Extension, FrameTooLong};
use v2x_codec::immediate_forward::{Channel, ImmediateForward, Text};
use v2x_codec::service::{Service, ServiceEntry};
use v2x_codec::vendor_header::{EncodeError, Fields, Layout, TimestampUnit};

/// What is around the UPER frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Framing {
    /// The network layer of YD/T 3707.
    Dsmp,
    /// Nothing.
    Uper,
    /// A vendor's header.
    Vendor(Box<VendorHeader>),
    /// The text form of RSU specification 4.1.
    ImmediateForward {
        /// The channel to ask for.
        tx_channel: Option<Channel>,
        /// Whether the radio shall sign.
        signature: bool,
    },
}

/// A vendor's header and its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct VendorHeader {
    /// Where what stands.
    pub layout: Layout,
    /// What its timestamp counts.
    pub unit: TimestampUnit,
    /// Its number for each service; the AID where there is none.
    pub kinds: BTreeMap<Service, u32>,
}

/// A message without what was around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unframed<'a> {
    /// The UPER frame.
    pub payload: Cow<'a, [u8]>,
    /// The application identifier, where there was one.
    pub aid: Option<u32>,
    /// Index of the payload's first octet in the datagram, where it stands there as it is.
    pub payload_offset: usize,
    /// The elements of the DSMP header's extension.
    pub extensions: Vec<Extension<'a>>,
}

/// Why a datagram is not framed as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FramingFault {
    /// Index of the octet at which reading stopped.
    pub offset: usize,
    /// A short, stable name for the counter.
    pub name: &'static str,
    /// What was wrong.
    pub reason: String,
}

impl Framing {
    /// Takes away what is around the message.
    ///
    /// # Errors
    /// [`FramingFault`] says where and why.
    pub fn unframe<'a>(&self, datagram: &'a [u8]) -> Result<Unframed<'a>, FramingFault> {
        let bare = |payload: &'a [u8], payload_offset| Unframed {
            payload: Cow::Borrowed(payload),
            aid: None,
            payload_offset,
            extensions: Vec::new(),
        };
        match self {
            Self::Uper => Ok(bare(datagram, 0)),
            Self::Dsmp => match dsmp::Frame::parse(datagram) {
                Ok(frame) => Ok(Unframed {
                    aid: Some(u32::from(frame.aid.get())),
                    extensions: frame.extensions().collect(),
                    ..bare(frame.payload, frame.payload_offset)
                }),
                Err(error) => Err(fault(error.offset(), error.name(), &error)),
            },
            Self::Vendor(header) => match header.layout.parse(datagram) {
                Ok(frame) => Ok(bare(frame.payload, frame.payload_offset)),
                Err(error) => Err(fault(error.offset(), error.name(), &error)),
            },
            Self::ImmediateForward { .. } => match ImmediateForward::parse(datagram) {
                Ok(message) => Ok(Unframed {
                    payload: Cow::Owned(message.payload),
                    aid: Some(message.psid),
                    payload_offset: 0,
                    extensions: Vec::new(),
                }),
                Err(error) => Err(fault(error.offset(), error.name(), &error)),
            },
        }
    }

    /// Puts around a message what the radio wants.
    ///
    /// # Errors
    /// [`CannotFrame`] where the message does not fit.
    pub fn frame(&self, departure: &Departure<'_>) -> Result<Vec<u8>, CannotFrame> {
        let Departure { service, entry, payload, sequence, at } = departure;
        match self {
            Self::Uper => Ok(payload.to_vec()),
            Self::Dsmp => Ok(dsmp::encode(entry.aid, payload)?),
            Self::Vendor(header) => {
                let fields = Fields {
                    kind: header.kinds.get(service).copied().unwrap_or(u32::from(entry.aid.get())),
                    timestamp: header.unit.raw(at.as_micros()),
                    sequence: *sequence,
                    priority: entry.priority,
                    destination: entry.destination_l2_id,
                };
                Ok(header.layout.encode(&fields, payload)?)
            }
            Self::ImmediateForward { tx_channel, signature } => Ok(ImmediateForward {
                version: Text::new("0.7").unwrap_or_default(),
                message_type: Text::new(type_name(*service)).unwrap_or_default(),
                psid: u32::from(entry.aid.get()),
                priority: entry.priority,
                tx_channel: *tx_channel,
                signature: *signature,
                payload: payload.to_vec(),
                ..ImmediateForward::default()
            }
            .encode()
            .into_bytes()),
        }
    }
}

/// A message on its way to the radio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Departure<'a> {
    /// What it is.
    pub service: Service,
    /// Where and how urgently it goes.
    pub entry: &'a ServiceEntry,
    /// The UPER frame.
    pub payload: &'a [u8],
    /// Running number of the frame.
    pub sequence: u32,
    /// The time of sending.
    pub at: Timestamp,
}

/// Why a message cannot be framed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotFrame {
    /// DSMP.
    #[error(transparent)]
    Dsmp(#[from] FrameTooLong),
    /// A vendor's header.
    #[error(transparent)]
    Vendor(#[from] EncodeError),
}

/// The name in `Type=`: what the messages are called.
fn type_name(service: Service) -> &'static str {
    match service {
        Service::Bsm | Service::BsmEvent | Service::BsmEmergency | Service::BsmEmergencyEvent => "BSM",
        Service::Map => "MAP",
        Service::Spat => "SPAT",
        Service::RsiStatic | Service::RsiSemiStatic | Service::RsiDynamic => "RSI",
        Service::Rsm => "RSM",
        Service::Test => "TEST",
        Service::Rtcm => "RTCM",
        Service::Rsc => "RSC",
        Service::Ssm => "SSM",
        Service::Vir => "VIR",
        Service::Pam => "PAM",
        Service::Psm => "PSM",
        Service::Clpmm => "CLPMM",
        Service::Vpm => "VPM",
    }
}

fn fault(offset: usize, name: &'static str, error: &impl std::fmt::Display) -> FramingFault {
    FramingFault { offset, name, reason: error.to_string() }
}
