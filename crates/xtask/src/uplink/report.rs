//! The figures as tables and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::tally::{Balance, Delivery};

/// What is done to the systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    Up,
    Outage,
    Crashes,
}

impl Scenario {
    pub(crate) const ALL: [Self; 3] = [Self::Up, Self::Outage, Self::Crashes];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Outage => "outage",
            Self::Crashes => "crashes",
        }
    }
}

/// What was measured of one system in one scenario.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub(crate) system: &'static str,
    pub(crate) scenario: Scenario,
    pub(crate) offered: u64,
    pub(crate) balance: Balance,
    pub(crate) duplicates: u64,
    /// Of the missing items, those that the cloud was told of.
    pub(crate) told: u64,
    /// How long the load took, seconds.
    pub(crate) took_s: f64,
    pub(crate) delivery: Option<Delivery>,
    /// From the reopening of the link to the first and to the last item, seconds.
    pub(crate) drain_s: Option<(f64, f64)>,
    /// Items that came, once each.
    pub(crate) came: u64,
    /// By the process under test; not known where it was killed on the way.
    pub(crate) written: Option<u64>,
    pub(crate) peak_memory: Option<u64>,
    pub(crate) kills: u64,
    pub(crate) resets: u64,
    /// Mean octets of a payload.
    pub(crate) payload: usize,
}

impl Figures {
    fn written_per_item(&self) -> Option<f64> {
        Some(self.written? as f64 / self.balance.accepted.max(1) as f64)
    }

    fn drained_per_s(&self) -> Option<f64> {
        self.drain_s.map(|(_, last)| self.came as f64 / last.max(1e-6))
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "system": self.system,
            "scenario": self.scenario.name(),
            "offered": self.offered,
            "accepted": self.balance.accepted,
            "lost": self.balance.lost,
            "told_as_gaps": self.told,
            "duplicates": self.duplicates,
            "load_s": self.took_s,
            "delivery_ms": self.delivery.map(|d| json!({ "p50": d.p50, "p99": d.p99, "max": d.max })),
            "first_item_after_s": self.drain_s.map(|drain| drain.0),
            "last_item_after_s": self.drain_s.map(|drain| drain.1),
            "drained_per_s": self.drained_per_s(),
            "written_octets": self.written,
            "written_per_item": self.written_per_item(),
            "peak_memory_octets": self.peak_memory,
            "kills": self.kills,
            "resets": self.resets,
            "payload_octets": self.payload,
        })
    }

    fn cells(&self) -> Vec<String> {
        let balance = [self.offered, self.balance.accepted, self.balance.lost, self.duplicates].map(|n| n.to_string());
        let [offered, accepted, lost, duplicates] = balance;
        let memory = number(self.peak_memory.map(|octets| octets as f64 / f64::from(1 << 20)), 1);
        let written = number(self.written_per_item(), 0);
        let mut cells = vec![self.system.to_owned(), offered, accepted, lost, duplicates];
        match self.scenario {
            Scenario::Up => {
                let times = [self.delivery.map(|d| d.p50), self.delivery.map(|d| d.p99), self.delivery.map(|d| d.max)];
                cells.extend(times.map(|time| number(time, 1)));
                cells.extend([written, memory]);
            }
            Scenario::Outage => {
                let rate = self.balance.accepted as f64 / self.took_s.max(1e-6);
                cells.extend([number(Some(rate), 0), number(self.drain_s.map(|drain| drain.0), 1)]);
                let then = self.drain_s.map(|(first, last)| self.came as f64 / (last - first).max(1e-6));
                cells.extend([number(self.drained_per_s(), 0), number(then, 0), written, memory]);
            }
            Scenario::Crashes => cells.extend([self.kills.to_string(), self.resets.to_string()]),
        }
        cells
    }
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.decimals$}"))
}

fn heads(scenario: Scenario) -> Vec<&'static str> {
    let mut heads = vec!["system", "offered", "accepted", "lost", "duplicates"];
    heads.extend(match scenario {
        Scenario::Up => ["p50 ms", "p99 ms", "max ms", "octets written per item", "peak MiB"].as_slice(),
        Scenario::Outage => {
            &["accepted per s", "s to the first", "drained per s", "then per s", "octets written per item", "peak MiB"]
        }
        Scenario::Crashes => &["kills", "resets"],
    });
    heads
}

/// A scenario's table.
pub(crate) fn table(scenario: Scenario, figures: &[Figures]) -> String {
    let heads = heads(scenario);
    let mut text = format!("| {} |\n|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for figures in figures.iter().filter(|figures| figures.scenario == scenario) {
        let _ = writeln!(text, "| {} |", figures.cells().join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(scenario: Scenario) -> Figures {
        Figures {
            system: "rsud",
            scenario,
            offered: 110,
            balance: Balance { accepted: 100, lost: 1 },
            duplicates: 2,
            told: 1,
            took_s: 4.0,
            delivery: Some(Delivery { p50: 1.0, p99: 2.25, max: 3.0 }),
            drain_s: Some((0.5, 2.0)),
            came: 99,
            written: Some(12_345),
            peak_memory: Some(3 << 19),
            kills: 9,
            resets: 29,
            payload: 600,
        }
    }

    #[test]
    fn each_scenario_has_its_columns() {
        let all = Scenario::ALL.map(figures);
        assert_eq!(
            table(Scenario::Up, &all).lines().last(),
            Some("| rsud | 110 | 100 | 1 | 2 | 1.0 | 2.2 | 3.0 | 123 | 1.5 |")
        );
        assert_eq!(
            table(Scenario::Outage, &all).lines().last(),
            Some("| rsud | 110 | 100 | 1 | 2 | 25 | 0.5 | 50 | 66 | 123 | 1.5 |")
        );
        assert_eq!(table(Scenario::Crashes, &all).lines().last(), Some("| rsud | 110 | 100 | 1 | 2 | 9 | 29 |"));
        for scenario in Scenario::ALL {
            let table = table(scenario, &all);
            let columns: Vec<usize> = table.lines().map(|line| line.matches('|').count()).collect();
            assert_eq!(columns.len(), 3);
            assert!(columns.iter().all(|count| *count == columns[0]), "{table}");
        }
    }

    #[test]
    fn what_is_not_known_is_a_dash_or_null() {
        let unknown = Figures { delivery: None, written: None, peak_memory: None, ..figures(Scenario::Up) };
        assert!(table(Scenario::Up, &[unknown]).ends_with("| – | – | – | – | – |\n"));
        let json = unknown.json();
        assert!(json["written_per_item"].is_null() && json["delivery_ms"].is_null() && json["lost"] == 1);
    }
}
