//! The control socket of a real daemon: who may use it, what it does with what is left of another, and that no client holds it
//! up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;

use rsud::control::protocol::{Answer, MAX_LINE, Request};
use support::control::{Control, with_poles};
use support::{Rsud, free_tcp_port, rsud, text, wait_for};

/// A daemon with one pole that is never there.
fn config() -> String {
    let config = support::config(free_tcp_port(), "");
    with_poles(&config, &[("line", "unix:/nowhere/pole", "")], &[("pole-1", "line", 1, "")])
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_socket_is_the_owners_and_replaces_what_a_daemon_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "nobody listens at it any more");
    let mut daemon = Rsud::start_in(folder, &config());
    let mut control = Control::new(&daemon);
    assert_eq!(control.poles().len(), 1);
    assert_eq!(mode(&path), 0o600);

    // Another daemon does not take it over.
    let file = daemon.folder.path().join("other.toml");
    std::fs::write(&file, config().replace("[control]", "[spool]\nfolder = \"other\"\n[control]")).unwrap();
    let other = rsud(&["run", "--config", file.to_str().unwrap()], &[]);
    assert!(
        !other.status.success() && text(&other.stderr).contains("another daemon listens"),
        "{}",
        text(&other.stderr)
    );
    assert_eq!(control.poles().len(), 1);

    daemon.process.signal("TERM");
    assert_eq!(daemon.process.wait(), Some(0));
    assert!(!path.exists());
    // Nor is anything else removed that has its name.
    std::fs::write(&path, "precious").unwrap();
    let file = daemon.folder.path().join("rsud.toml");
    let other = rsud(&["run", "--config", file.to_str().unwrap()], &[]);
    assert!(!other.status.success() && text(&other.stderr).contains("something else"), "{}", text(&other.stderr));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[test]
fn the_group_may_use_it_where_it_is_said_and_the_configuration_says_where_it_is() {
    let config = config().replace("[control]", "[control]\ngroup = true");
    let daemon = Rsud::start_with(&config);
    let control = Control::new(&daemon);
    assert_eq!(mode(&control.socket), 0o660);
    let file = daemon.folder.path().join("rsud.toml");
    let output = rsud(&["pole", "list", "--config", file.to_str().unwrap()], &[]);
    assert!(output.status.success() && text(&output.stdout).contains("waiting"), "{}", text(&output.stdout));
    std::fs::write(&file, support::config(1883, "")).unwrap();
    let output = rsud(&["pole", "list", "--config", file.to_str().unwrap()], &[]);
    assert!(!output.status.success() && text(&output.stderr).contains("no section [control]"));
    let output = rsud(&["pole", "list", "--socket", "/nowhere/control.sock"], &[]);
    assert!(!output.status.success() && text(&output.stderr).contains("[control]"), "{}", text(&output.stderr));
}

#[test]
fn what_is_no_request_is_told_and_nobody_holds_it_up() {
    let daemon = Rsud::start_with(&config());
    let mut control = Control::new(&daemon);
    for bad in ["", "{", "[]", "\"poles\"", "{\"request\":\"dance\"}", "\u{0}\u{ff}"] {
        control.say(&format!("{bad}\n"));
        let answer: Answer = serde_json::from_str(&control.line().unwrap()).unwrap();
        assert!(matches!(answer, Answer::Error { .. }), "{bad:?}: {answer:?}");
    }
    let order =
        |wait_ms| Request::Order { id: "pole-1".into(), command: rsud::control::protocol::PoleCommand::Clear, wait_ms };
    assert!(matches!(control.ask(&order(0)), Answer::Error { .. }));
    assert!(matches!(control.ask(&order(60_001)), Answer::Error { .. }));
    assert_eq!(control.ask(&order(100)), Answer::Order(rsud::poles::orders::Outcome::NoLink));
    // A line without an end.
    let mut endless = Control::new(&daemon);
    endless.say(&"x".repeat(MAX_LINE));
    assert!(endless.line().unwrap().contains("at most"));
    assert_eq!(endless.line(), None);
    // One client too many; those that are there go on.
    let mut others: Vec<Control> = (1..16).map(|_| Control::new(&daemon)).collect();
    wait_for("a client to be turned away", || {
        let mut one_more = Control::new(&daemon);
        one_more.line_or_nothing().filter(|line| line.contains("16 clients already"))
    });
    assert!(others.iter_mut().all(|other| other.poles().len() == 1));
    assert_eq!(control.poles().len(), 1);
    drop(others);
    wait_for("room again", || {
        let mut again = Control::new(&daemon);
        again.say("{\"request\":\"poles\"}\n");
        again.line_or_nothing().filter(|line| line.contains("pole-1"))
    });
}
