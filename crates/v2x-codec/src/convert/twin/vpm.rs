//! VPM.

use rsu_proto::bytes::Bytes;

use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::fields::twin;
use crate::convert::scalar::{alternative, alternative_from, octets, octets_from, part};

twin! { VehiclePaymentMessage => VehiclePaymentMessage [] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    payment => payment [with payment, payment_from],
} }

#[allow(clippy::unnecessary_wraps, reason = "prost has every oneof optional")]
fn payment(payment: &asn::VehiclePaymentMessagePayment) -> Option<v1::vehicle_payment_message::Payment> {
    use asn::VehiclePaymentMessagePayment as Standard;
    use v1::vehicle_payment_message::Payment;
    Some(match payment {
        Standard::initialzation_request(m) => Payment::InitializationRequest(m.to_proto()),
        Standard::initialzation_response(m) => Payment::InitializationResponse(m.to_proto()),
        Standard::action_request(m) => Payment::ActionRequest(m.to_proto()),
        Standard::action_response(m) => Payment::ActionResponse(m.to_proto()),
        Standard::Unrecognized(unknown) => Payment::UnknownAlternative(alternative(unknown)),
    })
}

#[allow(clippy::ref_option, reason = "twin! hands in references")]
fn payment_from(
    payment: &Option<v1::vehicle_payment_message::Payment>,
    field: &str,
) -> Result<asn::VehiclePaymentMessagePayment, ConvertError> {
    use asn::VehiclePaymentMessagePayment as Standard;
    use v1::vehicle_payment_message::Payment;
    match payment {
        Some(Payment::InitializationRequest(m)) => {
            part(m, "initialization_request").map(Standard::initialzation_request)
        }
        Some(Payment::InitializationResponse(m)) => {
            part(m, "initialization_response").map(Standard::initialzation_response)
        }
        Some(Payment::ActionRequest(m)) => part(m, "action_request").map(Standard::action_request),
        Some(Payment::ActionResponse(m)) => part(m, "action_response").map(Standard::action_response),
        Some(Payment::UnknownAlternative(unknown)) => {
            alternative_from(unknown, 0, "unknown_alternative").map(Standard::Unrecognized)
        }
        None => Err(ConvertError::Missing { path: field.into() }),
    }
}

twin! { RST => PaymentInitializationRequest [] [unknown_extensions] {
    time => time [part],
    id => id [array],
    payment_list => payments [list 1..=16],
} }

twin! { VSI => PaymentInitializationResponse [] [unknown_extensions] {
    time => time [part],
    obu_id => obu_id [array],
    target_id => target_id [array?],
    obu_info => obu [part?],
    vpapplication_list => applications [list? 1..=16],
    rnd_obu => obu_random [array?],
} }

twin! { ActionRequest => PaymentActionRequest [] [unknown_extensions] {
    time => time [part],
    mode => mode [boolean],
    source_id => source_id [array],
    target_id => target_id [array?],
    payment_entity_id => entity [enumerator],
    action_parameter => parameter [part],
    access_credentials => access_credentials [array?],
} }

twin! { ActionResponse => PaymentActionResponse [] [unknown_extensions] {
    time => time [part],
    source_id => source_id [array],
    target_id => target_id [array?],
    payment_entity_id => entity [enumerator],
    response_parameter => parameter [part?],
    ret => status [enumerator],
} }

twin! { ApplicationParameter => ApplicationParameter [] [unknown_extensions] {
    pid => entity [enumerator],
    payment_info => info [part],
} }

impl Twin for asn::PaymentInfo {
    type Proto = v1::PaymentInfo;

    fn to_proto(&self) -> v1::PaymentInfo {
        use v1::payment_info::Content;
        v1::PaymentInfo {
            content: Some(match self {
                Self::paymentInfoType1(m) => Content::Type1(m.to_proto()),
                Self::Unrecognized(unknown) => Content::UnknownAlternative(alternative(unknown)),
            }),
        }
    }

    fn from_proto(proto: &v1::PaymentInfo) -> Result<Self, ConvertError> {
        use v1::payment_info::Content;
        match &proto.content {
            Some(Content::Type1(m)) => part(m, "type1").map(Self::paymentInfoType1),
            Some(Content::UnknownAlternative(unknown)) => {
                alternative_from(unknown, 0, "unknown_alternative").map(Self::Unrecognized)
            }
            None => Err(ConvertError::Missing { path: "content".into() }),
        }
    }
}

twin! { PaymentInfoType1 => PaymentInfoType1 [] [unknown_extensions] {
    tolling_node_info => tolling_node [part?],
    toll_info => toll [part?],
    service_info => service_info [octets? 1..=512],
} }

twin! { TollingNodeInfo => TollingNodeInfo [] [unknown_extensions] {
    id => id [with optional_station, optional_station_from],
    pos => position [part?],
    tolling_node_type => r#type [enumerator?],
    tolling_direction => direction [enumerator?],
} }

#[allow(clippy::ref_option, reason = "twin! hands in references")]
fn optional_station(id: &Option<asn::StationOrGantryId>) -> Option<i64> {
    id.map(|id| id.0)
}

#[allow(clippy::ref_option, clippy::unnecessary_wraps, reason = "as twin! calls it")]
fn optional_station_from(id: &Option<i64>, _field: &str) -> Result<Option<asn::StationOrGantryId>, ConvertError> {
    Ok(id.map(asn::StationOrGantryId))
}

twin! { TollInfo => TollInfo [] [unknown_extensions] {
    price => price [int? 0..=424_967_295],
    entrance_pos => entrance [part?],
    exit_pos => exit [part?],
    toll_road => toll_road [list? 2..=256],
    toll_path => toll_path [part?],
    time_begin => begin [part?],
    time_end => end [part?],
} }

twin! { OBUInfo => ObuInfo [] [unknown_extensions] {
    obu_type => r#type [enumerator],
    obu_motion_status => motion [part?],
} }

twin! { OBUMotionStatus => ObuMotionStatus [sent_unavailable] [unknown_extensions] {
    pos => position [part?],
    heading => heading_deg [known? 2],
    speed => speed_mps [known? 3],
} }

twin! { VPApplicationParameter => VehicleApplicationParameter [] [unknown_extensions] {
    pid => entity [enumerator],
    obu_payment_info => info [part],
} }

impl Twin for asn::OBUPaymentInfo {
    type Proto = v1::ObuPaymentInfo;

    fn to_proto(&self) -> v1::ObuPaymentInfo {
        use v1::obu_payment_info::Content;
        v1::ObuPaymentInfo {
            content: Some(match self {
                Self::obuPaymentInfoType1(m) => Content::Type1(m.to_proto()),
                Self::Unrecognized(unknown) => Content::UnknownAlternative(alternative(unknown)),
            }),
        }
    }

    fn from_proto(proto: &v1::ObuPaymentInfo) -> Result<Self, ConvertError> {
        use v1::obu_payment_info::Content;
        match &proto.content {
            Some(Content::Type1(m)) => part(m, "type1").map(Self::obuPaymentInfoType1),
            Some(Content::UnknownAlternative(unknown)) => {
                alternative_from(unknown, 0, "unknown_alternative").map(Self::Unrecognized)
            }
            None => Err(ConvertError::Missing { path: "content".into() }),
        }
    }
}

twin! { OBUPaymentInfoType1 => ObuPaymentInfoType1 [] [unknown_extensions] {
    equipment_class => equipment_class [enumerator?],
    gbi_ccinfo => icc [part?],
    sys_info => system [part?],
    vehicle_info => vehicle [part?],
    passed_sites_info => passed_sites [part?],
} }

// Octets of extensible size may be as many as a frame holds.
twin! { GBICCInfo => GbIccInfo [] [unknown_extensions] {
    icc_issue_info => issue_info [octets 0..=65535],
    icc_uni_toll_info => uni_toll_info [octets 0..=65535],
    icc_balance => balance [octets 0..=65535],
} }

// An extensible number may be any that 64 bits hold, here and below.
twin! { SysInfo => SystemInfo [] [unknown_extensions] {
    contract_provider => contract_provider [array],
    contract_type => contract_type [int -9_223_372_036_854_775_808..=9_223_372_036_854_775_807],
    contract_version => contract_version [int -9_223_372_036_854_775_808..=9_223_372_036_854_775_807],
    contract_serial_numer => contract_serial_number [array],
    contract_signed_date => contract_signed [part],
    contract_expired_date => contract_expired [part],
    reserved => reserved [octets 64..=64],
} }

twin! { Date => Date [] [] {
    year => year [count],
    month => month [count],
    day => day [count],
} }

twin! { VehicleInfo => VehicleInfo [] [unknown_extensions] {
    vehicle_licence_plate_number => licence_plate_number [array],
    vehicle_licence_plate_color => licence_plate_color [array],
    vehicle_tolling_class => tolling_class [int -9_223_372_036_854_775_808..=9_223_372_036_854_775_807],
    vehicle_user_type => user_type [int -9_223_372_036_854_775_808..=9_223_372_036_854_775_807],
    vehicle_dimensions => dimensions [part],
    vehicle_wheels => wheels [int 0..=127],
    vehicle_axles => axles [int 0..=127],
    vehicle_wheel_bases => wheel_bases [int 0..=65535],
    vehicle_weight_limits => weight_limits [int 0..=16_777_215],
    vehicle_specific_information => specific_information [array],
    vehicle_engine_number => engine_number [array],
    description => description [octets? 1..=256],
} }

twin! { VehicleDimensions => VehicleDimensions [] [unknown_extensions] {
    vehicle_length => length [int 0..=65535],
    vehicle_width => width [int 0..=255],
    vehicle_heigth => height [int 0..=255],
} }

twin! { PassedSitesInfo => PassedSitesInfo [] [unknown_extensions] {
    entrance_info => entrance [part?],
    passed_pos => passed [list? 2..=512],
} }

twin! { PassedPos => PassedPosition [] [unknown_extensions] {
    tolling_pos => position [part],
    tolling_time => time [part],
    tolling_amount => amount [array?],
} }

twin! { TollingPos => TollingPosition [] [unknown_extensions] {
    id => id [with station, station_from],
    pos => position [part?],
} }

#[allow(clippy::trivially_copy_pass_by_ref, reason = "twin! hands in references")]
fn station(id: &asn::StationOrGantryId) -> i64 {
    id.0
}

#[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps, reason = "as twin! calls it")]
fn station_from(id: &i64, _field: &str) -> Result<asn::StationOrGantryId, ConvertError> {
    Ok(asn::StationOrGantryId(*id))
}

impl Twin for asn::TransInfo {
    type Proto = v1::TransactionInfo;

    fn to_proto(&self) -> v1::TransactionInfo {
        use v1::transaction_info::Content;
        v1::TransactionInfo {
            content: Some(match self {
                Self::getTollDataRq(m) => Content::GetTollDataRequest(m.to_proto()),
                Self::getTollDataRs(m) => Content::GetTollDataResponse(m.to_proto()),
                Self::getSecureRq(m) => Content::GetSecureRequest(m.to_proto()),
                Self::getSecureRs(m) => Content::GetSecureResponse(m.to_proto()),
                Self::setTollDataRq(m) => Content::SetTollDataRequest(m.to_proto()),
                Self::setTollDataRs(m) => Content::SetTollDataResponse(m.to_proto()),
                Self::transferChannelRq(m) => Content::TransferChannelRequest(m.to_proto()),
                Self::transferChannelRs(m) => Content::TransferChannelResponse(m.to_proto()),
                Self::setMMIRq(m) => Content::SetMmiRequest(m.to_proto()),
                Self::Unrecognized(unknown) => Content::UnknownAlternative(alternative(unknown)),
            }),
        }
    }

    fn from_proto(proto: &v1::TransactionInfo) -> Result<Self, ConvertError> {
        use v1::transaction_info::Content;
        let Some(content) = &proto.content else {
            return Err(ConvertError::Missing { path: "content".into() });
        };
        match content {
            Content::GetTollDataRequest(m) => part(m, "get_toll_data_request").map(Self::getTollDataRq),
            Content::GetTollDataResponse(m) => part(m, "get_toll_data_response").map(Self::getTollDataRs),
            Content::GetSecureRequest(m) => part(m, "get_secure_request").map(Self::getSecureRq),
            Content::GetSecureResponse(m) => part(m, "get_secure_response").map(Self::getSecureRs),
            Content::SetTollDataRequest(m) => part(m, "set_toll_data_request").map(Self::setTollDataRq),
            Content::SetTollDataResponse(m) => part(m, "set_toll_data_response").map(Self::setTollDataRs),
            Content::TransferChannelRequest(m) => part(m, "transfer_channel_request").map(Self::transferChannelRq),
            Content::TransferChannelResponse(m) => part(m, "transfer_channel_response").map(Self::transferChannelRs),
            Content::SetMmiRequest(m) => part(m, "set_mmi_request").map(Self::setMMIRq),
            Content::UnknownAlternative(unknown) => {
                alternative_from(unknown, 0, "unknown_alternative").map(Self::Unrecognized)
            }
        }
    }
}

twin! { GetTollDataRq => GetTollDataRequest [] [unknown_extensions] {
    vehicle_info => vehicle_info [part],
    toll_info => toll_info [part?],
    key_id_for_ac => key_id_for_ac [int? 0..=255],
} }

twin! { GetTollDataRs => GetTollDataResponse [] [unknown_extensions] {
    vehicle_info => vehicle_info [octets 127..=127],
    toll_info => toll_info [octets? 127..=127],
} }

twin! { GetSecureRq => GetSecureRequest [] [unknown_extensions] {
    vehicle_info => vehicle_info [part],
    rnd_rsu_for_authen => rsu_random_for_authentication [array],
    key_id_for_authen => key_id_for_authentication [int 0..=255],
    key_id_for_encrypt => key_id_for_encryption [int? 0..=255],
} }

twin! { GetSecureRs => GetSecureResponse [] [unknown_extensions] {
    file => file [part],
    authenticator => authenticator [array],
} }

twin! { SetTollDataRq => SetTollDataRequest [] [unknown_extensions] {
    rnd_rsu => rsu_random [array?],
    trans_para => transaction [part?],
    toll_info => toll_info [part?],
    tolling_pos => tolling_position [part?],
    key_id_for_authen => key_id_for_authentication [int? 0..=255],
} }

twin! { SetTollDataRs => SetTollDataResponse [] [unknown_extensions] {
    tac_info => tac_info [array?],
    authenticator => authenticator [array?],
    account_info => account [part?],
    trans_credential => credential [part?],
} }

twin! { ChannelRq => ChannelRequest [] [unknown_extensions] {
    channelid => channel [enumerator],
    apdu => apdus [with apdus, apdus_from],
} }

twin! { ChannelRs => ChannelResponse [] [unknown_extensions] {
    channelid => channel [enumerator],
    apdu => apdus [with apdus, apdus_from],
} }

fn apdus(list: &asn::ApduList) -> Vec<Bytes> {
    list.0.iter().map(octets).collect()
}

fn apdus_from(apdus: &[Bytes], field: &str) -> Result<asn::ApduList, ConvertError> {
    let apdu = |(index, apdu)| octets_from(apdu, 127..=127, &format!("{field}[{index}]"));
    apdus.iter().enumerate().map(apdu).collect::<Result<_, _>>().map(asn::ApduList)
}

twin! { SetMMIRq => SetMmiRequest [] [unknown_extensions] {
    toll => toll [enumerator],
} }

twin! { RangeOfFile => RangeOfFile [] [] {
    offset => offset [int 0..=32767],
    length => length [int 0..=127],
} }

twin! { PartOfFile => PartOfFile [] [] {
    offset => offset [int 0..=32767],
    length => length [int 0..=127],
    file_content => content [octets 127..=127],
} }

twin! { TransPara => TransactionParameters [] [] {
    trans_amount => amount [array],
    trans_type => r#type [array],
    terminal_id => terminal_id [array],
    trans_sn => serial_number [array],
    trans_time => time [array],
    trans_station_id => station_id [array],
} }

twin! { AccountInfo => AccountInfo [] [unknown_extensions] {
    account => account [octets 2..=32],
} }

twin! { TransCredential => TransactionCredential [] [unknown_extensions] {
    tc => credential [octets 0..=65535],
} }
