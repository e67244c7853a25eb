//! What `rsud pole` prints.

use std::io::Write;

use rsu_units::Timestamp;
use serde_json::json;

use crate::commands::watch::OutputFormat;
use crate::poles::inventory::{AlarmStatus, Change, Doing, LinkStatus, PoleStatus, ReadingStatus, What};
use crate::poles::orders::Outcome;

fn json_line(value: &impl serde::Serialize, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", serde_json::to_string(value)?)?;
    Ok(())
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

fn time(at_us: i64) -> String {
    let time = Timestamp::from_micros(at_us).to_string();
    time.get(11..19).map_or(time.clone(), str::to_owned)
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

fn value(reading: &ReadingStatus) -> String {
    if let Some(word) = &reading.word {
        return word.clone();
    }
    with_unit(reading.value, &reading.unit)
}

fn with_unit(value: f64, unit: &str) -> String {
    // No more digits than a sensor has.
    let digits = if value.fract() == 0.0 { 0 } else { 3 };
    let number = format!("{value:.digits$}");
    let number = if digits > 0 { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    if unit.is_empty() || unit == "°" { format!("{number}{unit}") } else { format!("{number} {unit}") }
}

fn alarm(alarm: &AlarmStatus) -> String {
    let source = if alarm.source.is_empty() { String::new() } else { format!(" ({})", alarm.source) };
    let measured =
        if alarm.value == 0.0 { String::new() } else { format!(", {}", with_unit(alarm.value, &alarm.unit)) };
    format!("{}{source}{measured}", alarm.kind)
}

fn light(doing: &Doing) -> String {
    let arrow = if (doing.level - doing.target).abs() < 0.0005 {
        String::new()
    } else {
        format!(" to {}", percent(doing.target))
    };
    format!("{}{arrow} ({})", percent(doing.level), doing.mode)
}

fn shown(doing: &Doing) -> String {
    let beacon = if doing.beacon { ", beacon on" } else { "" };
    match &doing.warning {
        Some(warning) => {
            format!("text {} in {} for {:.1} s{beacon}", warning.text_id, warning.colour, warning.remaining_s)
        }
        None => format!("none{beacon}"),
    }
}

/// One line for each pole.
pub(super) fn list(poles: &[PoleStatus], format: OutputFormat, out: &mut impl Write) -> anyhow::Result<()> {
    if format == OutputFormat::Json {
        return poles.iter().try_for_each(|pole| json_line(pole, out));
    }
    writeln!(
        out,
        "{:<16} {:<12} {:>4}  {:<8} {:<9} {:<24} {:<9} {:<20} {:<24} alarms",
        "pole", "link", "addr", "state", "since", "serial", "firmware", "light", "warning"
    )?;
    for pole in poles {
        let (serial, firmware) = pole
            .identity
            .as_ref()
            .map_or(("-", "-"), |identity| (identity.serial.as_str(), identity.firmware.as_str()));
        let (light, warning) = match &pole.doing {
            Some(doing) if pole.state == LinkStatus::Up => (light(doing), shown(doing)),
            _ => ("-".into(), "-".into()),
        };
        let alarms: Vec<String> = pole.alarms.iter().map(alarm).collect();
        writeln!(
            out,
            "{:<16} {:<12} {:>4}  {:<8} {:<9} {:<24} {:<9} {:<20} {:<24} {}",
            pole.id,
            pole.link,
            pole.address,
            pole.state.name(),
            time(pole.since_us),
            serial,
            firmware,
            light,
            warning,
            or_dash(&alarms.join("; ")),
        )?;
    }
    Ok(())
}

/// All of one pole.
pub(super) fn one(pole: &PoleStatus, format: OutputFormat, out: &mut impl Write) -> anyhow::Result<()> {
    if format == OutputFormat::Json {
        return json_line(pole, out);
    }
    let reason = if pole.reason.is_empty() { String::new() } else { format!(": {}", pole.reason) };
    writeln!(out, "{} on {}, address {}", pole.id, pole.link, pole.address)?;
    writeln!(
        out,
        "  link       {} since {}{reason}; {} sessions",
        pole.state.name(),
        Timestamp::from_micros(pole.since_us),
        pole.sessions
    )?;
    if let Some(expected) = &pole.expected_serial {
        writeln!(out, "  expected   {expected}")?;
    }
    if let Some(identity) = &pole.identity {
        writeln!(
            out,
            "  pole       {} {}, firmware {}, start {} after {}",
            identity.model, identity.serial, identity.firmware, identity.boot_count, identity.reset_cause
        )?;
        writeln!(out, "  has        {}", or_dash(&identity.capabilities.join(", ")))?;
        let errors = identity.errors.iter().filter(|(_, count)| **count > 0);
        let errors: Vec<String> = errors.map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(out, "  errors     {}", or_dash(&errors.join(", ")))?;
    }
    if let Some(doing) = &pole.doing {
        let safe = if doing.safe { "; in its safe state" } else { "" };
        writeln!(out, "  light      {}{safe}", light(doing))?;
        writeln!(out, "  warning    {}", shown(doing))?;
    }
    let alarms: Vec<String> =
        pole.alarms.iter().map(|active| format!("{} since {}", alarm(active), time(active.at_us))).collect();
    writeln!(out, "  alarms     {}", or_dash(&alarms.join("; ")))?;
    writeln!(out, "  telemetry  {} messages", pole.telemetry)?;
    for (name, reading) in &pole.readings {
        writeln!(out, "    {name:<20} {:<16} {}", value(reading), time(reading.measured_at_us))?;
    }
    let orders = &pole.orders;
    writeln!(
        out,
        "  orders     {} done, {} refused, {} without an answer, {} not sent",
        orders.done, orders.refused, orders.timed_out, orders.not_sent
    )?;
    if orders.done + orders.refused > 0 {
        writeln!(
            out,
            "  round trip {:.1} ms last, {:.1} ms median, {:.1} ms 99th percentile, {:.1} ms longest",
            orders.last_ms, orders.p50_ms, orders.p99_ms, orders.max_ms
        )?;
    }
    let counted = |counters: Vec<(&String, u64)>| {
        let counters: Vec<String> = counters
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        or_dash(&counters.join(", ")).to_owned()
    };
    writeln!(out, "  counters   {}", counted(pole.counters.iter().map(|(name, count)| (name, *count)).collect()))?;
    if let Some(doing) = &pole.doing {
        let counters = doing.link.iter().map(|(name, count)| (name, u64::from(*count))).collect();
        writeln!(out, "  its own    {}; lost samples {}", counted(counters), doing.lost_telemetry)?;
    }
    Ok(())
}

/// What became of an order.
pub(super) fn outcome(outcome: &Outcome, format: OutputFormat, out: &mut impl Write) -> anyhow::Result<()> {
    match format {
        OutputFormat::Json => json_line(outcome, out),
        OutputFormat::Human => Ok(writeln!(out, "{outcome}")?),
    }
}

/// Something that happened.
pub(super) fn change(change: &Change, format: OutputFormat, out: &mut impl Write) -> anyhow::Result<()> {
    if format == OutputFormat::Json {
        return json_line(change, out);
    }
    let what = match &change.what {
        What::Link { state, reason } if reason.is_empty() => format!("link {}", state.name()),
        What::Link { state, reason } => format!("link {}: {reason}", state.name()),
        What::Telemetry { readings, backlog } => {
            let readings: Vec<String> =
                readings.iter().map(|(name, reading)| format!("{name} {}", value(reading))).collect();
            let kept = if *backlog { " (kept while there was no link)" } else { "" };
            format!("telemetry{kept} {}", readings.join(", "))
        }
        What::Alarm(status) if status.active => format!("ALARM {}", alarm(status)),
        What::Alarm(status) => format!("alarm over: {}", alarm(status)),
        What::State(doing) => format!("light {}, warning {}", light(doing), shown(doing)),
        What::Order { asked, outcome, round_trip_ms } => {
            let took = round_trip_ms.map_or_else(String::new, |ms| format!(" in {ms:.1} ms"));
            format!("order {asked}: {outcome}{took}")
        }
    };
    writeln!(out, "{}  {:<16} {what}", time(change.at_us), change.pole)?;
    Ok(())
}

/// The watcher was too slow.
pub(super) fn missed(changes: u64, format: OutputFormat, out: &mut impl Write) -> anyhow::Result<()> {
    match format {
        OutputFormat::Json => json_line(&json!({ "missed": changes }), out),
        OutputFormat::Human => Ok(writeln!(out, "          {changes} changes are left out: too slow")?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_they_need() {
        assert_eq!(with_unit(21.5, "°C"), "21.5 °C");
        assert_eq!(with_unit(101_325.0, "Pa"), "101325 Pa");
        assert_eq!(with_unit(-0.25, "°"), "-0.25°");
        assert_eq!(with_unit(0.5, ""), "0.5");
    }
}
