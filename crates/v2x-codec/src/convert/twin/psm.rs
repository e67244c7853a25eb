//! PSM.

use super::{ConvertError, asn, v1};
use crate::convert::fields::twin;
use crate::convert::scalar::{alternative, alternative_from, enumerator_from};
use crate::uper::Enumerator as _;

twin! { PersonalSafetyMessage => PersonalSafetyMessage [sent_unavailable] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    id => id [array],
    sec_mark => sec_mark_ms [known_count],
    time_confidence => time_accuracy_s [grade? 4],
    pos => position [part],
    pos_accuracy => position_accuracy [part],
    speed => speed_mps [known],
    heading => heading_deg [known],
    accel_set => acceleration [part?],
    path_history => path_history [part?],
    path_planning => path_planning [list? 1..=100],
    overall_radius => overall_radius_m [with tenths_to, tenths_from::<_, 200>],
    non_motor_data => non_motor_data [part],
} }

twin! { NonMotorData => NonMotorData [] [unknown_extensions] {
    basic_type => basic_type [enumerator],
    propulsion => propulsion [with propulsion, propulsion_from],
    cluster_size => cluster_size [enumerator?],
    attachment => attachment [enumerator?],
    personal_ext => personal [part?],
    road_worker_ext => road_worker [part?],
    personal_req => request [part?],
} }

#[allow(clippy::ref_option, reason = "`twin!` passes every field by reference")]
fn propulsion(propulsion: &Option<asn::PropelledInformation>) -> Option<v1::non_motor_data::Propulsion> {
    use asn::PropelledInformation as Standard;
    use v1::non_motor_data::Propulsion;
    propulsion.as_ref().map(|propulsion| match propulsion {
        Standard::human(human) => Propulsion::Human(human.number()),
        Standard::animal(animal) => Propulsion::Animal(animal.number()),
        Standard::motor(motor) => Propulsion::Motor(motor.number()),
        Standard::Unrecognized(unknown) => Propulsion::UnknownAlternative(alternative(unknown)),
    })
}

#[allow(clippy::ref_option, reason = "`twin!` passes every field by reference")]
fn propulsion_from(
    propulsion: &Option<v1::non_motor_data::Propulsion>,
    _field: &str,
) -> Result<Option<asn::PropelledInformation>, ConvertError> {
    use asn::PropelledInformation as Standard;
    use v1::non_motor_data::Propulsion;
    Ok(match propulsion {
        None => None,
        Some(Propulsion::Human(human)) => Some(Standard::human(enumerator_from(*human, "human")?)),
        Some(Propulsion::Animal(animal)) => Some(Standard::animal(enumerator_from(*animal, "animal")?)),
        Some(Propulsion::Motor(motor)) => Some(Standard::motor(enumerator_from(*motor, "motor")?)),
        Some(Propulsion::UnknownAlternative(unknown)) => {
            Some(Standard::Unrecognized(alternative_from(unknown, 0, "unknown_alternative")?))
        }
    })
}

twin! { PersonalExtensions => PersonalExtensions [] [unknown_extensions] {
    use_state => use_state [growing? 9],
    assist_type => assist_type [growing? 6],
} }

twin! { RoadWorkerExtensions => RoadWorkerExtensions [] [unknown_extensions] {
    worker_type => worker_type [enumerator?],
    activity_type => activity_type [growing? 6],
} }

twin! { PersonalRequest => PersonalRequest [] [unknown_extensions] {
    crossing => crossing [enumerator?],
} }

/// The SI value of an INTEGER without a name that counts tenths.
pub(super) fn tenths_to<T: Copy + Into<f64>>(raw: &T) -> f64 {
    (*raw).into() / 10.0
}

/// The inverse of [`tenths_to`]: 0 to `MAX` tenths.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "`twin!` passes every field by reference")]
pub(super) fn tenths_from<T: TryFrom<i64>, const MAX: i64>(value: &f64, field: &str) -> Result<T, ConvertError> {
    let max = MAX as f64;
    let wrong = || ConvertError::OutOfRange { path: field.into(), value: *value, min: 0.0, max: max / 10.0 };
    let raw = (value * 10.0).round();
    // Also false for NaN.
    if raw >= 0.0 && raw <= max { T::try_from(raw as i64).map_err(|_| wrong()) } else { Err(wrong()) }
}
