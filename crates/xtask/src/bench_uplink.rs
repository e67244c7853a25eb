//! `cargo xtask bench uplink`: what rsud keeps for the cloud and sends on, beside mosquitto as a bridge: the same load, the
//! same faults, the same disk.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use rsu_proto::{Message as _, v1};
use serde_json::json;

use crate::bench_fusion::{Options, machine};
use crate::scenes::{folder, rsud};
use crate::uplink::bridge::Bridge;
use crate::uplink::load::{Offered, Plan};
use crate::uplink::ours::Ours;
use crate::uplink::process::{Process, mosquitto, start_mosquitto};
use crate::uplink::proxy::Proxy;
use crate::uplink::report::{Figures, Scenario, table};
use crate::uplink::subscriber::{ITEMS, Receipt, Subscriber};
use crate::uplink::tally::{Balance, Delivery, Item, Received};
use crate::uplink::{free_tcp_port, instant, now_us, pause, pause_until, wait_for};

/// What stores and forwards.
pub(crate) trait System {
    /// Its name in the tables.
    fn name(&self) -> &'static str;
    /// Starts its process, with the remote broker at a port; it takes items when this returns.
    fn start(&mut self, remote: u16) -> anyhow::Result<()>;
    /// The process under test.
    fn process(&self) -> anyhow::Result<&Process>;
    /// Ends it with SIGKILL.
    fn kill(&mut self) -> anyhow::Result<()>;
    /// Offers items, in a thread.
    fn offer(&self, plan: Plan) -> JoinHandle<anyhow::Result<Offered>>;
    /// What came.
    fn item(&self, receipt: &Receipt) -> Option<Item>;
    /// What was accepted, and what of it did not come.
    fn balance(&self, offered: &Offered, received: &Received) -> Balance;
}

/// Who is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    Bridge { saves_each_change: bool },
}

/// Ours first: its payloads are the measure for the bridge's.
const KINDS: [Kind; 3] =
    [Kind::Ours, Kind::Bridge { saves_each_change: false }, Kind::Bridge { saves_each_change: true }];

/// How often the disk is asked to make something safe, to know what it takes.
const SYNCS: usize = 500;
/// Items a second while the link is up.
const RATE: u32 = 500;
/// Items a second that rsud is offered in an outage: what its socket is sure to take.
const DATAGRAM_RATE: u32 = 4000;
/// Publications without an acknowledgement while the link is up, and in an outage.
const WINDOW: usize = 1000;
const OUTAGE_WINDOW: usize = 100;
const RESET_EVERY: Duration = Duration::from_secs(1);
/// Not a multiple of the other: how long before a kill the link was reset decides what waits then, so all of it comes up.
const KILL_EVERY: Duration = Duration::from_millis(3100);
/// When nothing has come for so long, nothing comes any more: three times the longest wait between two tries.
const QUIET: Duration = Duration::from_secs(15);
const SETTLE_WITHIN: Duration = Duration::from_secs(600);

/// In the remote broker's log when the system, whose client identifier it is, has a session.
const SESSION: &str = " as bench (";

/// How much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Size {
    /// With the link up, and of the crashes.
    seconds: u64,
    outage_items: u64,
    /// Who is slower than this has made fewer items.
    outage_within: Duration,
}

fn size(quick: bool) -> Size {
    if quick {
        Size { seconds: 10, outage_items: 20_000, outage_within: Duration::from_secs(30) }
    } else {
        Size { seconds: 30, outage_items: 200_000, outage_within: Duration::from_secs(120) }
    }
}

impl Size {
    fn plan(self, scenario: Scenario, kind: Kind) -> Plan {
        match scenario {
            Scenario::Up | Scenario::Crashes => Plan {
                items: self.seconds * u64::from(RATE),
                per_s: Some(RATE),
                window: WINDOW,
                within: Duration::from_secs(2 * self.seconds),
            },
            Scenario::Outage => Plan {
                items: self.outage_items,
                per_s: (kind == Kind::Ours).then_some(DATAGRAM_RATE),
                window: OUTAGE_WINDOW,
                within: self.outage_within,
            },
        }
    }
}

/// Runs the bench.
pub(crate) fn bench(options: &Options) -> anyhow::Result<()> {
    let (broker, version) = mosquitto()?;
    let bench = Bench { broker, rsud: rsud(options.rsud.as_deref())?, size: size(options.quick) };
    let mut all: Vec<Figures> = Vec::new();
    for scenario in Scenario::ALL {
        for kind in KINDS {
            let payload = all.first().map_or(0, |ours| ours.payload);
            let figures = bench.run(scenario, kind, payload).with_context(|| format!("{kind:?}, {scenario:?}"))?;
            print!("\n{}", table(scenario, &[figures]));
            all.push(figures);
        }
    }
    let sync = sync_times(&folder())?;
    let text = report(&all, bench.size, &version, options.rsud.is_some(), sync);
    println!("\n{text}");
    let json = json!({ "machine": machine(), "fsync_ms": json!({ "p50": sync.p50, "p99": sync.p99, "max": sync.max }), "mosquitto": version, "rsud_given": options.rsud.is_some(), "runs": all.iter().map(Figures::json).collect::<Vec<_>>() });
    std::fs::write(folder().join("uplink.json"), format!("{json:#}\n"))?;
    let file = folder().join("uplink.md");
    std::fs::write(&file, text)?;
    println!("written to {}", file.display());
    Ok(())
}

/// How long this disk takes to make 4 KiB more of a file safe.
fn sync_times(folder: &Path) -> anyhow::Result<Delivery> {
    let path = folder.join("sync");
    let mut file = std::fs::File::create(&path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[0x5A; 4096])?;
        let start = instant();
        file.sync_data()?;
        times.push(i64::try_from(start.elapsed().as_micros())?);
    }
    std::fs::remove_file(path)?;
    Delivery::of(times).context("nothing was measured")
}

struct Bench {
    broker: PathBuf,
    rsud: PathBuf,
    size: Size,
}

/// What one run has around the system under test. The order is that of the ends.
struct Stage {
    subscriber: Subscriber,
    proxy: Proxy,
    remote: Process,
}

impl Bench {
    fn run(&self, scenario: Scenario, kind: Kind, payload: usize) -> anyhow::Result<Figures> {
        // On the disk of the target folder: the system's folder for temporary files may be in memory.
        let folder = folder().join("uplink").join(format!("{}-{}", scenario.name(), kind.folder()));
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        std::fs::create_dir_all(&folder)?;
        let port = free_tcp_port()?;
        // Else what goes to the subscriber waits up to 40 ms for the acknowledgement of what went before (Nagle's algorithm).
        let config = "max_queued_messages 0\nmax_inflight_messages 0\nset_tcp_nodelay true\n";
        let remote = start_mosquitto(&self.broker, &folder, "remote", port, config)?;
        let stage = Stage { subscriber: Subscriber::start(port)?, proxy: Proxy::start(port)?, remote };
        let mut system: Box<dyn System> = match kind {
            Kind::Ours => Box::new(Ours::new(&self.rsud, &folder)?),
            Kind::Bridge { saves_each_change } => {
                Box::new(Bridge::new(&self.broker, &folder, saves_each_change, payload)?)
            }
        };
        println!("\n== {}, {}", scenario.name(), system.name());
        let system = system.as_mut();
        system.start(stage.proxy.port)?;
        // A connection that TCP accepted is not enough: the remote broker must have taken it.
        let connected = || Ok(stage.remote.log().contains(SESSION).then_some(()));
        let waited = wait_for("the remote broker to accept the system", Duration::from_secs(30), connected);
        waited.with_context(|| stage.remote.log())?;
        pause(Duration::from_secs(1));
        let plan = self.size.plan(scenario, kind);
        let figures = match scenario {
            Scenario::Up | Scenario::Outage => one_process(system, &stage, scenario, plan),
            Scenario::Crashes => crashes(system, &stage, plan, self.size.seconds),
        }?;
        // What is large is not left behind; logs and configurations are.
        let _ = std::fs::remove_dir_all(folder.join("spool"));
        let _ = std::fs::remove_file(folder.join("mosquitto.db"));
        Ok(figures)
    }
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Ours => "rsud",
            Self::Bridge { saves_each_change: false } => "bridge",
            Self::Bridge { saves_each_change: true } => "bridge-each-change",
        }
    }
}

/// With the link up, or refused until all items are made; the process lives.
fn one_process(system: &mut dyn System, stage: &Stage, scenario: Scenario, plan: Plan) -> anyhow::Result<Figures> {
    let outage = scenario == Scenario::Outage;
    if outage {
        stage.proxy.refuse(true);
        stage.proxy.reset();
        pause(Duration::from_millis(200));
    }
    let before = system.process()?.written()?;
    let offered = joined(system.offer(plan))?;
    if outage {
        // Long enough for both to have saved the last.
        pause(Duration::from_secs(2));
    }
    let reopened_us = now_us();
    stage.proxy.refuse(false);
    stage.subscriber.settle(expected(&offered), QUIET, SETTLE_WITHIN)?;
    let written = system.process()?.written()?.saturating_sub(before);
    let peak = system.process()?.peak_memory()?;
    system.kill()?;
    let mut figures = figures(system, scenario, &offered, &stage.subscriber.take()?)?;
    (figures.written, figures.peak_memory) = (Some(written), Some(peak));
    if let Some((first, last)) = figures.drain_s.filter(|_| outage) {
        let since = |at_us: f64| (at_us - reopened_us as f64) / 1e6;
        figures.drain_s = Some((since(first), since(last)));
        figures.delivery = None;
    } else {
        figures.drain_s = None;
    }
    Ok(figures)
}

/// Whether a fault is a kill, or else a reset, and when it comes.
fn timetable(length: Duration) -> Vec<(Duration, bool)> {
    let times =
        |every: Duration, kill| (1_u32..).map(move |n| (every * n, kill)).take_while(move |(at, _)| *at < length);
    let mut all: Vec<_> = times(RESET_EVERY, false).chain(times(KILL_EVERY, true)).collect();
    all.sort_unstable();
    all
}

/// The link is reset each second, and the process killed and started again.
fn crashes(system: &mut dyn System, stage: &Stage, plan: Plan, seconds: u64) -> anyhow::Result<Figures> {
    let (start, offering) = (instant(), system.offer(plan));
    let (mut kills, mut resets) = (0, 0);
    for (at, kill) in timetable(Duration::from_secs(seconds)) {
        pause_until(start + at);
        if kill {
            system.kill()?;
            system.start(stage.proxy.port)?;
            kills += 1;
        } else {
            stage.proxy.reset();
            resets += 1;
        }
    }
    let offered = joined(offering)?;
    stage.subscriber.settle(expected(&offered), QUIET, SETTLE_WITHIN)?;
    system.kill()?;
    let figures = figures(system, Scenario::Crashes, &offered, &stage.subscriber.take()?)?;
    Ok(Figures { kills, resets, delivery: None, drain_s: None, ..figures })
}

fn joined(offering: JoinHandle<anyhow::Result<Offered>>) -> anyhow::Result<Offered> {
    offering.join().map_err(|_| anyhow!("the load's thread has failed"))?
}

/// How many items should come: nobody need wait long after them.
fn expected(offered: &Offered) -> u64 {
    if offered.acknowledged.is_empty() { offered.items } else { offered.acknowledged.len() as u64 }
}

/// Counts what came. `drain_s` has the times of the first and the last item for the moment.
fn figures(
    system: &dyn System,
    scenario: Scenario,
    offered: &Offered,
    receipts: &[Receipt],
) -> anyhow::Result<Figures> {
    let (mut received, mut gaps, mut told) = (Received::default(), BTreeSet::new(), 0);
    for receipt in receipts {
        if receipt.topic == ITEMS.as_bytes() {
            let item = system.item(receipt).context("an item that cannot be read came")?;
            received.add(item, receipt.at_us, receipt.payload.len());
        } else if receipt.topic.ends_with(b"/gaps") {
            let gap = v1::Gap::decode(receipt.payload.clone())?;
            if gap.item_class == "message" && gaps.insert(gap.header.map(|header| header.sequence)) {
                told += gap.count;
            }
        }
    }
    // With the link up that is no loss but a bench that is set up wrongly.
    ensure!(scenario != Scenario::Up || !received.first.is_empty(), "nothing came through although the link is up");
    let balance = system.balance(offered, &received);
    let arrivals = || received.first.values().map(|(_, at_us)| *at_us);
    // Where each datagram became an item, the times of sending count: they have the wait in the socket as well.
    let sent = |sequence: u64| offered.made_us.get(usize::try_from(sequence.checked_sub(1)?).ok()?).copied();
    let whole = balance.accepted == offered.items && received.last().len() == 1;
    let times = received.first.iter().map(|((_, sequence), (made_us, at_us))| {
        at_us - if whole { sent(*sequence).unwrap_or(*made_us) } else { *made_us }
    });
    Ok(Figures {
        system: system.name(),
        scenario,
        offered: offered.items,
        balance,
        duplicates: received.duplicates,
        told,
        took_s: offered.took.as_secs_f64(),
        delivery: Delivery::of(times.collect()),
        drain_s: arrivals().min().zip(arrivals().max()).map(|(first, last)| (first as f64, last as f64)),
        came: received.first.len() as u64,
        written: None,
        peak_memory: None,
        kills: 0,
        resets: 0,
        payload: received.payload().unwrap_or_default(),
    })
}

fn report(all: &[Figures], size: Size, version: &str, given: bool, sync: Delivery) -> String {
    let payload = all.first().map_or(0, |ours| ours.payload);
    let Size { seconds, outage_items, outage_within } = size;
    let within = outage_within.as_secs();
    // A debug build's figures must not be taken for those of what is shipped.
    let build = if given { "given, so how it was built is not known" } else { "a release build" };
    format!(
        "# Uplink bench

{machine} Remote and bridge: {version}; rsud: {build}. Payloads have {payload} octets. QoS 1 up to the remote broker, which the system
reaches through a proxy that breaks the link.

rsud takes datagrams, decodes them, makes 10 track lists a second besides, and is the whole daemon; the bridge takes
publications over MQTT, and is a broker alone. Both have their disk under the target folder,
where making 4 KiB more of a file safe takes {p50:.1} ms (p50), {p99:.1} ms (p99).

**Accepted**: of rsud, all items of a run up to the last one that was found on its disk after a kill or at the subscriber,
since the sequence has no gaps; a datagram that did not become an item is offered and not accepted. Of the bridge, what it has
acknowledged to the publisher. **Lost**: accepted, and not at the subscriber when nothing had come for {quiet} s.
**Duplicates**: receipts of items that were there already. **Written**: `write_bytes` of the process, by accepted item; of rsud
with the track lists. **Peak**: `VmHWM` of the process.

## Link up: {RATE} items/s for {seconds} s

Delivery from the sending of the datagram, or the time at which the publication was due, to the receipt by the subscriber.

{up}
## Outage: {outage_items} items while the link is refused, then it comes back

rsud is offered {DATAGRAM_RATE} a second; the bridge as many as it acknowledges, {OUTAGE_WINDOW} under way, for {within} s at most.
Drained: items by the time from the reopening to the last one; then per s: by the time from the first to the last.

{outage}
## Crashes: {RATE} items/s for {seconds} s, killed every {kill} s, the link reset every {reset} s

What falls due while the process is dead is not accepted by either.

{crashes}",
        machine = machine(),
        p50 = sync.p50,
        p99 = sync.p99,
        quiet = QUIET.as_secs(),
        kill = KILL_EVERY.as_secs_f64(),
        reset = RESET_EVERY.as_secs_f64(),
        up = table(Scenario::Up, all),
        outage = table(Scenario::Outage, all),
        crashes = table(Scenario::Crashes, all),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_have_the_same_load_but_in_an_outage() {
        let size = size(true);
        let bridge = Kind::Bridge { saves_each_change: true };
        for scenario in [Scenario::Up, Scenario::Crashes] {
            assert_eq!(size.plan(scenario, Kind::Ours), size.plan(scenario, bridge));
            assert_eq!(size.plan(scenario, bridge).items, 5000);
        }
        let [ours, other] = [Kind::Ours, bridge].map(|kind| size.plan(Scenario::Outage, kind));
        assert_eq!((ours.items, ours.per_s, other.per_s, other.window), (20_000, Some(4000), None, 100));
    }

    #[test]
    fn kills_come_at_all_times_between_resets() {
        let table = timetable(Duration::from_secs(30));
        let kills: Vec<u128> = table.iter().filter(|fault| fault.1).map(|fault| fault.0.as_millis() % 1000).collect();
        assert_eq!(kills, [100, 200, 300, 400, 500, 600, 700, 800, 900]);
        assert_eq!(table.len() - kills.len(), 29);
        assert!(table.is_sorted());
    }

    #[test]
    fn each_system_has_a_folder_of_its_own() {
        let folders: BTreeSet<&str> = KINDS.into_iter().map(Kind::folder).collect();
        assert_eq!(folders.len(), KINDS.len());
    }

    #[test]
    fn ours_counts_gaps_and_times() {
        let system = Ours::new(Path::new("rsud"), Path::new("/nowhere")).unwrap();
        let header =
            |sequence| Some(v1::Header { boot_id: 3, sequence, caused_by_arrival_us: 100, ..Default::default() });
        let item = |sequence, at_us| Receipt {
            at_us,
            topic: ITEMS.into(),
            payload: v1::V2xMessage { header: header(sequence), ..Default::default() }.encode_to_vec().into(),
        };
        let gap = v1::Gap { header: header(1), item_class: "message".into(), count: 1, ..Default::default() };
        let gap = Receipt { at_us: 0, topic: "rsu/v1/bench/gaps".into(), payload: gap.encode_to_vec().into() };
        let receipts = [item(1, 1100), gap.clone(), gap, item(3, 3100), item(3, 9100)];
        let mut offered = Offered { items: 4, made_us: vec![0, 0, 0, 0], ..Offered::default() };
        let counted = figures(&system, Scenario::Up, &offered, &receipts).unwrap();
        assert_eq!(counted.balance, Balance { accepted: 3, lost: 1 });
        assert_eq!((counted.duplicates, counted.told, counted.came), (1, 1, 2));
        assert_eq!(counted.delivery, Some(Delivery { p50: 1.0, p99: 3.0, max: 3.0 }));
        // Where no datagram was lost, its sending counts.
        offered.items = 3;
        let counted = figures(&system, Scenario::Up, &offered, &receipts).unwrap();
        assert_eq!(counted.delivery, Some(Delivery { p50: 1.1, p99: 3.1, max: 3.1 }));
    }
}
