//! Times: milliseconds since 1970 and texts in JSON, minutes of the year and milliseconds of the minute in messages.

use std::time::Duration;

use rsu_units::Timestamp;

const HALF_A_YEAR: Duration = Duration::from_secs(183 * 86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// Milliseconds since the Unix epoch.
pub(crate) fn ms(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1000)
}

/// The time that a minute of the year and the milliseconds within it say, the one that is nearest to `near`. Without
/// them it is `near` itself.
pub(crate) fn absolute(minute: Option<u32>, second_ms: Option<u32>, near: Timestamp) -> Timestamp {
    let second_ms = second_ms.filter(|second_ms| *second_ms < 61_000);
    let Some(minute) = minute else {
        return second_ms.and_then(|second_ms| Timestamp::from_dsecond(second_ms, near)).unwrap_or(near);
    };
    let within_year = MINUTE * minute + Duration::from_millis(second_ms.unwrap_or(0).into());
    // Around New Year the year that is meant may be the one before or after.
    let years = [near, near - HALF_A_YEAR, near + HALF_A_YEAR];
    let candidates = years.into_iter().filter_map(year_start).map(|start| start + within_year);
    let distance = |at: &Timestamp| at.as_micros().abs_diff(near.as_micros());
    candidates.min_by_key(distance).unwrap_or(near)
}

fn year_start(at: Timestamp) -> Option<Timestamp> {
    let since = MINUTE * at.minute_of_year()? + Duration::from_millis(at.dsecond_ms().into());
    Some(Timestamp::from_micros(at.as_micros().div_euclid(1000).saturating_mul(1000)) - since)
}

/// As in `2021-12-18T07:20:51.683Z`.
pub(crate) fn iso(at: Timestamp) -> String {
    let text = to_the_second(at);
    let fraction_ms = at.as_micros().rem_euclid(1_000_000) / 1000;
    format!("{}.{fraction_ms:03}Z", text.trim_end_matches('Z'))
}

/// As in `2021-12-18 07:20:51`, UTC.
pub(crate) fn plain(at: Timestamp) -> String {
    to_the_second(at).trim_end_matches('Z').replace('T', " ")
}

/// As in `2021121807`: the hour, UTC.
pub(crate) fn hour(at: Timestamp) -> String {
    to_the_second(at).chars().take("2021-12-18T07".len()).filter(char::is_ascii_digit).collect()
}

fn to_the_second(at: Timestamp) -> String {
    Timestamp::from_micros(at.as_micros().div_euclid(1_000_000).saturating_mul(1_000_000)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(1_639_812_051_683_000);

    #[test]
    fn texts() {
        assert_eq!(iso(AT), "2021-12-18T07:20:51.683Z");
        assert_eq!(iso(Timestamp::from_micros(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(plain(AT), "2021-12-18 07:20:51");
        assert_eq!(hour(AT), "2021121807");
        assert_eq!(ms(AT), 1_639_812_051_683);
    }

    #[test]
    fn minutes_of_the_year_become_times() {
        let minute = AT.minute_of_year();
        assert_eq!(absolute(minute, Some(51_683), AT + Duration::from_secs(100)), AT);
        assert_eq!(absolute(None, Some(51_683), AT + Duration::from_secs(20)), AT);
        assert_eq!(absolute(None, Some(65_535), AT), AT);
        // Said in the last minute of 2021, heard in the first of 2022.
        let heard = Timestamp::from_micros(1_640_995_201_000_000);
        assert_eq!(iso(absolute(Some(525_599), Some(59_000), heard)), "2021-12-31T23:59:59.000Z");
        assert_eq!(iso(absolute(Some(0), Some(1), heard - Duration::from_secs(5))), "2022-01-01T00:00:00.001Z");
    }
}
