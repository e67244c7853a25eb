//! The spool beside two general stores, fjall and redb, as the same queue on the same disk.
//!
//! Speed and cost: items of 300 octets, ten to a commit, each commit safe on disk; then read and removed in order, which is
//! made safe once for each thousand items. Damage: one bit flipped at fifty random places of a store that was closed, and of
//! one whose process was killed; it is opened again, and each item asked for. Each store runs in a process of its own, because of the memory and
//! of panics. All have small caches, as on a roadside unit.
//!
//! `cargo xtask bench stores`; the results are in `docs/spool.md`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a bench may stop")]
#![allow(clippy::print_stdout, reason = "its results")]
#![allow(clippy::disallowed_methods, reason = "a bench has a stopwatch")]

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use redb::{Durability, ReadableDatabase as _, TableDefinition};
use rsu_units::Timestamp;
use spool::{ClassConfig, Config, Label, Spool};

const ITEMS: u64 = 20_000;
const GROUP: u64 = 10;
const OCTETS: usize = 300;

/// Items of the store that is damaged, and at how many places, one after the other.
const DAMAGED_ITEMS: u64 = 4000;
const PLACES: u64 = 50;

/// What a store may keep in memory, as far as it can be told.
const CACHE: usize = 1 << 20;

const NOW: Timestamp = Timestamp::from_micros(1_780_000_000_000_000);
const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("queue");

/// What each of them is asked to do.
trait Queue {
    fn append(&mut self, first: u64, payloads: &[Vec<u8>]);
    /// Reads the next thousand items in order and removes them for good.
    fn take(&mut self, first: u64);
    /// All items that are there, asked for one by one; how many are right, and how many are wrong.
    fn count(&mut self) -> (u64, u64);
    fn close(self: Box<Self>);
}

fn payload(number: u64) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(number);
    (0..OCTETS).map(|_| random.random()).collect()
}

fn payloads(first: u64) -> Vec<Vec<u8>> {
    (first..first + GROUP).map(payload).collect()
}

struct Ours(Spool);

impl Ours {
    fn open(dir: &Path) -> Self {
        let config = Config::new(dir, vec![ClassConfig::new("queue", 256 << 20)]).unwrap().with_max_in_flight(1000);
        Self(Spool::open(config.with_save_every(Duration::ZERO), NOW).unwrap())
    }
}

impl Queue for Ours {
    fn append(&mut self, first: u64, payloads: &[Vec<u8>]) {
        for (number, payload) in (first..).zip(payloads) {
            self.0.push(0, NOW, &Label::new("bench", 1, number).unwrap(), payload).unwrap();
        }
        assert_eq!(self.0.commit(NOW).on_disk, GROUP);
    }

    fn take(&mut self, first: u64) {
        for number in first..first + 1000 {
            let item = self.0.next(0).unwrap();
            assert_eq!(item.label.sequence(), number);
            self.0.delivered(0, item.position);
        }
        self.0.tick(NOW);
    }

    fn count(&mut self) -> (u64, u64) {
        let (mut right, mut wrong) = (0, 0);
        while let Some(item) = self.0.next(0) {
            let is_right = item.payload == payload(item.label.sequence());
            (right, wrong) = (right + u64::from(is_right), wrong + u64::from(!is_right));
            self.0.delivered(0, item.position);
        }
        (right, wrong)
    }

    fn close(self: Box<Self>) {
        self.0.close(NOW);
    }
}

struct Fjall(Database, Keyspace);

impl Fjall {
    fn open(dir: &Path) -> Self {
        let database =
            Database::builder(dir).cache_size(CACHE as u64).worker_threads(1).open().unwrap_or_else(|e| refuse(&e));
        let options = || KeyspaceCreateOptions::default().max_memtable_size(CACHE as u64);
        let keyspace = database.keyspace("queue", options).unwrap_or_else(|e| refuse(&e));
        Self(database, keyspace)
    }
}

impl Queue for Fjall {
    fn append(&mut self, first: u64, payloads: &[Vec<u8>]) {
        let mut batch = self.0.batch().durability(Some(PersistMode::SyncData));
        for (number, payload) in (first..).zip(payloads) {
            batch.insert(&self.1, number.to_be_bytes(), payload.as_slice());
        }
        batch.commit().unwrap();
    }

    fn take(&mut self, first: u64) {
        let mut batch = self.0.batch().durability(Some(PersistMode::SyncData));
        let mut expected = first;
        for guard in self.1.range(first.to_be_bytes()..(first + 1000).to_be_bytes()) {
            let (key, value) = guard.into_inner().unwrap();
            assert_eq!((key.as_ref(), value.len()), (expected.to_be_bytes().as_slice(), OCTETS));
            batch.remove(&self.1, key);
            expected += 1;
        }
        assert_eq!(expected, first + 1000);
        batch.commit().unwrap();
    }

    fn count(&mut self) -> (u64, u64) {
        let get = |number: u64| self.1.get(number.to_be_bytes()).ok().flatten().map(|value| value.to_vec());
        count_by(get)
    }

    fn close(self: Box<Self>) {}
}

struct Redb(redb::Database);

impl Redb {
    fn open(dir: &Path, checked: bool) -> Self {
        fs::create_dir_all(dir).unwrap();
        let mut builder = redb::Database::builder();
        builder.set_cache_size(CACHE).set_check_integrity_on_open(checked);
        Self(builder.create(dir.join("queue.redb")).unwrap_or_else(|e| refuse(&e)))
    }
}

impl Queue for Redb {
    fn append(&mut self, first: u64, payloads: &[Vec<u8>]) {
        let mut transaction = self.0.begin_write().unwrap();
        transaction.set_durability(Durability::Immediate).unwrap();
        {
            let mut table = transaction.open_table(TABLE).unwrap();
            for (number, payload) in (first..).zip(payloads) {
                table.insert(number, payload.as_slice()).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn take(&mut self, first: u64) {
        let transaction = self.0.begin_write().unwrap();
        {
            let mut table = transaction.open_table(TABLE).unwrap();
            for number in first..first + 1000 {
                let (key, value) = table.pop_first().unwrap().unwrap();
                assert_eq!((key.value(), value.value().len()), (number, OCTETS));
            }
        }
        transaction.commit().unwrap();
    }

    fn count(&mut self) -> (u64, u64) {
        let transaction = self.0.begin_read().unwrap_or_else(|e| refuse(&e));
        let table = transaction.open_table(TABLE).unwrap_or_else(|e| refuse(&e));
        count_by(|number| table.get(number).ok().flatten().map(|value| value.value().to_vec()))
    }

    fn close(self: Box<Self>) {
        self.0.close().unwrap();
    }
}

fn count_by(get: impl Fn(u64) -> Option<Vec<u8>>) -> (u64, u64) {
    let found: Vec<_> = (0..DAMAGED_ITEMS).map(|number| (number, get(number))).collect();
    let right = found.iter().filter(|(number, value)| value.as_ref().is_some_and(|value| *value == payload(*number)));
    let right = right.count() as u64;
    (right, found.iter().filter(|(_, value)| value.is_some()).count() as u64 - right)
}

/// The store says that it cannot be opened.
fn refuse<T>(error: &dyn std::error::Error) -> T {
    println!("refused {}", error.to_string().replace('\n', " "));
    std::process::exit(0);
}

fn open(store: &str, dir: &Path) -> Box<dyn Queue> {
    match store {
        "spool" => Box::new(Ours::open(dir)),
        "fjall" => Box::new(Fjall::open(dir)),
        "redb" => Box::new(Redb::open(dir, false)),
        "redb, checked" => Box::new(Redb::open(dir, true)),
        _ => panic!("no store {store}"),
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["--speed", store, dir] => speed(store, Path::new(dir)),
        ["--fill", store, dir] => fill(store, Path::new(dir), false),
        ["--fill-and-close", store, dir] => fill(store, Path::new(dir), true),
        ["--count", store, dir] => {
            let (right, wrong) = open(store, Path::new(dir)).count();
            println!("counted {right} {wrong}");
        }
        _ => all(),
    }
}

fn all() {
    // Not in a file system in memory: syncs are what it is about.
    let dir = tempfile::tempdir_in(std::env::var_os("STORES_FOLDER").unwrap_or(".".into())).unwrap();
    println!("{ITEMS} items of {OCTETS} octets, {GROUP} to a commit");
    println!(
        "| store | appended, items/s | commit p50, ms | p99, ms | opened again, ms | read and removed, items/s | octets written per item | on disk, MiB | memory growth, MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for store in ["spool", "fjall", "redb"] {
        let place = dir.path().join(store);
        println!("{}", child("--speed", store, &place).unwrap_or_else(|why| format!("| {store} | {why} |")));
    }
    println!();
    println!("{DAMAGED_ITEMS} items, one bit flipped, {PLACES} times");
    println!(
        "| store | its process was | refused to open | panicked or hung | wrong items given out | untouched items lost, mean | worst |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (part, end) in [("--fill", "killed"), ("--fill-and-close", "closed")] {
        for store in ["spool", "fjall", "redb", "redb, checked"] {
            println!("{}", damage(store, part, end, &dir.path().join("damaged")));
        }
    }
}

fn speed(store: &str, dir: &Path) {
    let memory_before = kib_of("/proc/self/status", "VmRSS:");
    let written_before = kib_of("/proc/self/io", "write_bytes:");
    let mut queue = open(store, dir);
    let mut commits = Vec::new();
    for first in (0..ITEMS).step_by(GROUP as usize) {
        let payloads = payloads(first);
        let start = Instant::now();
        queue.append(first, &payloads);
        commits.push(start.elapsed());
    }
    let appended: Duration = commits.iter().sum();
    let on_disk = size(dir);
    queue.close();
    let start = Instant::now();
    let mut queue = open(store, dir);
    let opened = start.elapsed();
    let start = Instant::now();
    for first in (0..ITEMS).step_by(1000) {
        queue.take(first);
    }
    let taken = start.elapsed();
    drop(queue);
    let memory = kib_of("/proc/self/status", "VmHWM:") - memory_before;
    let written = kib_of("/proc/self/io", "write_bytes:") - written_before;
    commits.sort();
    let ms = |share: usize| commits[commits.len() * share / 100].as_secs_f64() * 1e3;
    println!(
        "| {store} | {:.0} | {:.2} | {:.2} | {:.1} | {:.0} | {:.0} | {:.1} | {:.1} |",
        ITEMS as f64 / appended.as_secs_f64(),
        ms(50),
        ms(99),
        opened.as_secs_f64() * 1e3,
        ITEMS as f64 / taken.as_secs_f64(),
        written / ITEMS as f64,
        on_disk as f64 / f64::from(1 << 20),
        memory / 1024.0,
    );
}

/// A store that is closed, or whose process is killed.
fn fill(store: &str, dir: &Path, close: bool) {
    let mut queue = open(store, dir);
    for first in (0..DAMAGED_ITEMS).step_by(GROUP as usize) {
        queue.append(first, &payloads(first));
    }
    println!("filled");
    if close {
        queue.close();
    } else {
        std::process::exit(0);
    }
}

fn damage(store: &str, part: &str, end: &str, dir: &Path) -> String {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).unwrap();
    let whole = dir.join("whole");
    child(part, store, &whole).unwrap();
    let files = files(&whole);
    let mut random = StdRng::seed_from_u64(7);
    let (mut refused, mut crashed, mut wrong_items, mut lost) = (0, 0, 0, Vec::new());
    for _ in 0..PLACES {
        let copy = dir.join("copy");
        let _ = fs::remove_dir_all(&copy);
        let (file, at) = place(&files, &mut random);
        for (index, (path, octets)) in files.iter().enumerate() {
            let mut octets = octets.clone();
            if index == file {
                octets[at] ^= 1 << random.random_range(0..8);
            }
            let path = copy.join(path.strip_prefix(&whole).unwrap());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, octets).unwrap();
        }
        let answer = child("--count", store, &copy).unwrap_or_default();
        let numbers: Vec<u64> = answer.split(' ').filter_map(|word| word.parse().ok()).collect();
        let right = match numbers.as_slice() {
            [right, wrong] if answer.starts_with("counted") => {
                wrong_items += wrong;
                *right
            }
            _ => {
                refused += u64::from(answer.starts_with("refused"));
                crashed += u64::from(!answer.starts_with("refused"));
                0
            }
        };
        // One item may have been hit.
        lost.push((DAMAGED_ITEMS - 1).saturating_sub(right));
    }
    let mean = lost.iter().sum::<u64>() as f64 / PLACES as f64;
    let worst = lost.iter().max().unwrap();
    format!("| {store} | {end} | {refused} | {crashed} | {wrong_items} | {mean:.1} | {worst} |")
}

/// A random place that is in use: some of the octets around it are not zero.
fn place(files: &[(PathBuf, Vec<u8>)], random: &mut StdRng) -> (usize, usize) {
    let all: usize = files.iter().map(|(_, octets)| octets.len()).sum();
    loop {
        let mut at = random.random_range(0..all);
        let mut file = 0;
        while at >= files[file].1.len() {
            at -= files[file].1.len();
            file += 1;
        }
        let octets = &files[file].1;
        if octets[at.saturating_sub(16)..(at + 16).min(octets.len())].iter().any(|octet| *octet != 0) {
            return (file, at);
        }
    }
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.clone(), fs::read(&path).unwrap()));
        }
    }
    files.sort();
    files
}

/// What the files take of the disk.
fn size(dir: &Path) -> u64 {
    let mut octets = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        octets += if metadata.is_dir() { size(&entry.path()) } else { metadata.blocks() * 512 };
    }
    octets
}

/// Runs a part in a process of its own; its last line, if it ends well and in time.
fn child(part: &str, store: &str, dir: &Path) -> Result<String, String> {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program);
    child.args([part, store]).arg(dir).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = child.spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            return Err("hung".into());
        }
        #[allow(clippy::disallowed_methods, reason = "a bench waits for its child")]
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().unwrap_or_default().to_string();
    if output.status.success() { Ok(last) } else { Err(format!("{}", output.status)) }
}

/// A field of a file of `/proc`, in KiB; one of octets in octets.
fn kib_of(file: &str, field: &str) -> f64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
