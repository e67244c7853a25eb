//! The login of Huawei's `IoTDA`, which DRIS uses: the password is an HMAC-SHA256 of the device's secret under the hour
//! of the day, which the client identifier says. (Message and key are the other way round than one would think.) The
//! platform does not compare the hour with its own, so a clock that is off does no harm.

use hmac::{Hmac, KeyInit as _, Mac as _};
use rsu_units::Timestamp;
use sha2::Sha256;

use super::super::Login;
use super::super::json::time;

/// The login of a device at a time; `None` beyond the calendar.
pub(super) fn login(esn: &str, secret: &str, now: Timestamp) -> Option<Login> {
    let hour = time::hour(now);
    if hour.len() != "YYYYMMDDHH".len() {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(hour.as_bytes()).ok()?;
    mac.update(secret.as_bytes());
    Some(Login {
        // 0: the name is the device's; 0: the hour is not compared.
        client_id: format!("{esn}_0_0_{hour}"),
        username: esn.to_owned(),
        password: hex::encode(mac.finalize().into_bytes()),
    })
}
