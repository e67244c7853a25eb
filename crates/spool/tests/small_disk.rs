//! A real file system that is full, and one that turns read-only: a small tmpfs, which takes root to mount.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may stop, and says what it leaves out"
)]

mod support;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use spool::{ClassConfig, Config, DiskTrouble, Mode, Spool};
use support::{START, check, label, payload};

/// A tmpfs, unmounted when it goes out of scope.
struct Mount(PathBuf);

impl Mount {
    fn new(dir: &Path, options: &str) -> Option<Self> {
        let mounted = mount(&["-t", "tmpfs", "-o", options, "spool-test"], dir);
        mounted.then(|| Self(dir.to_path_buf()))
    }

    fn remount(&self, options: &str) -> bool {
        mount(&["-o", &format!("remount,{options}")], &self.0)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(words: &[&str], dir: &Path) -> bool {
    Command::new("mount").args(words).arg(dir).status().is_ok_and(|status| status.success())
}

fn open(dir: &Path) -> Spool {
    let config = Config::new(dir, vec![ClassConfig::new("event", 4 << 20)]).unwrap();
    Spool::open(config.with_segment_bytes(128 * 1024), START).unwrap()
}

/// Pushes and commits until the disk fails; the next sequence number and why.
fn fill(spool: &mut Spool, mut sequence: u64) -> (u64, DiskTrouble) {
    for _ in 0..1000 {
        push(spool, sequence);
        spool.commit(START);
        sequence += 1;
        if let Mode::Memory { reason, .. } = spool.mode() {
            return (sequence, reason.clone());
        }
    }
    panic!("the disk never failed");
}

fn push(spool: &mut Spool, sequence: u64) {
    spool.push(0, START, &label(0, sequence), &payload(0, sequence, 3000)).unwrap();
}

fn take(spool: &mut Spool) -> Vec<u64> {
    let mut sequences = Vec::new();
    while let Some(item) = spool.next(0) {
        check(&item);
        spool.delivered(0, item.position);
        sequences.push(item.label.sequence());
    }
    sequences
}

#[test]
fn a_real_disk_that_is_full_or_read_only() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mount) = Mount::new(dir.path(), "size=1m") else {
        println!("left out: a tmpfs cannot be mounted here");
        return;
    };
    let filler = dir.path().join("other");
    fs::create_dir(&filler).unwrap();
    fs::write(filler.join("log"), vec![1; 500_000]).unwrap();
    let spool_dir = dir.path().join("spool");
    let mut spool = open(&spool_dir);

    // Another one has filled the disk.
    let (next, reason) = fill(&mut spool, 1);
    assert_eq!(reason.kind, ErrorKind::StorageFull, "{reason}");
    assert!(reason.path.starts_with(&spool_dir));
    // It is gone, and we go on.
    fs::remove_file(filler.join("log")).unwrap();
    spool.tick(START + Duration::from_secs(1));
    assert_eq!(*spool.mode(), Mode::Disk);
    let expected: Vec<u64> = (1..next).collect();
    drop(spool);
    let mut spool = open(&spool_dir);
    assert_eq!(take(&mut spool), expected, "nothing is lost or out of order");
    assert_eq!((spool.gaps(), spool.stats().damaged, spool.stats().torn_tails), (vec![], 0, 0));

    // The kernel has found an error and made the file system read-only; no file is open for writing then.
    push(&mut spool, next);
    spool.commit(START);
    drop(spool);
    assert!(mount.remount("ro"));
    let mut spool = open(&spool_dir);
    assert!(matches!(spool.mode(), Mode::Memory { reason, .. } if reason.kind == ErrorKind::ReadOnlyFilesystem));
    push(&mut spool, next + 1);
    assert_eq!(spool.commit(START).in_memory, 1);
    let all = take(&mut spool);
    assert_eq!(all[all.len() - 2..], [next, next + 1]);
    assert!(mount.remount("rw"));
    spool.tick(START + Duration::from_secs(1));
    assert_eq!(*spool.mode(), Mode::Disk);
}
