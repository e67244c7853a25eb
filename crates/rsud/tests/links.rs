//! Links to brokers as they are in the field: over TLS with certificates that are renewed, to the second broker when the
//! first is gone, several at once, with a disk that is too small or cannot be written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::print_stdout, reason = "what was measured, and what cannot be tested here")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rsu_proto::{Message as _, v1};
use support::{Mosquitto, Rsud, Subscriber, free_tcp_port, rsud, text, udp, vector, wait_for};
use v2x_codec::dsmp::{Aid, encode};

/// The configuration with other keys of `[cloud]`, and sections after it.
fn config(cloud: &str) -> String {
    let config = support::config(1, "");
    let (before, _) = config.split_once("[cloud]").unwrap();
    format!("{before}[cloud]\n{cloud}")
}

fn send_bsm(to: SocketAddr, count: usize) {
    let (socket, frame) = (udp(), encode(Aid::BSM, &vector("bsm")).unwrap());
    for _ in 0..count {
        socket.send_to(&frame, to).unwrap();
        // The kernel's queue of a socket is short.
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}

fn sequences(subscriber: &Subscriber, boot_id: Option<i64>) -> Vec<u64> {
    let header = |message: &support::Message| {
        let bsm = message.topic.ends_with("/v2x/bsm").then(|| v1::V2xMessage::decode(message.payload.as_slice()));
        bsm.and_then(|bsm| bsm.unwrap().header)
    };
    let headers: Vec<v1::Header> = subscriber.messages().iter().filter_map(header).collect();
    headers.iter().filter(|header| boot_id.is_none_or(|boot| boot == header.boot_id)).map(|h| h.sequence).collect()
}

fn health(subscriber: &Subscriber, what: &str, pick: impl Fn(&v1::Health) -> bool) -> v1::Health {
    subscriber.wait(what, |message| {
        let health = message.topic.ends_with("/health").then(|| v1::Health::decode(message.payload.as_slice()))?;
        Some(health.unwrap()).filter(|health| pick(health))
    })
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Writes a certificate and its key.
    fn issue(&self, name: &str, folder: &Path, file: &str) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        std::fs::write(folder.join(format!("{file}.pem")), certificate).unwrap();
        std::fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
}

#[test]
fn over_tls_both_sides_know_each_other_and_certificates_are_renewed() {
    let (ours, strangers) = (Authority::new("ours"), Authority::new("strangers"));
    let server = tempfile::tempdir().unwrap();
    ours.issue("broker", server.path(), "broker");
    std::fs::write(server.path().join("ca.pem"), &ours.certificate).unwrap();
    let port = free_tcp_port();
    let of = |file: &str| server.path().join(file).display().to_string();
    let broker = Mosquitto::start_with(&format!(
        "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
         use_identity_as_username true\n",
        of("ca.pem"),
        of("broker.pem"),
        of("broker.key"),
    ));
    let subscriber = Subscriber::new(broker.port);

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), &ours.certificate).unwrap();
    // The first certificate is one that the broker does not know.
    strangers.issue("rsu", folder.path(), "rsu");
    let cloud = format!(
        "broker = \"mqtts://localhost:{port}\"\n\
         tls = {{ ca_file = \"ca.pem\", certificate_file = \"rsu.pem\", key_file = \"rsu.key\" }}\n"
    );
    let rsud = Rsud::start_in(folder, &config(&cloud));
    let pc5 = rsud.address("pc5");
    send_bsm(pc5, 1);
    wait_for("the refusal", || rsud.process.log().contains("broker cannot be reached").then_some(()));
    assert_eq!(sequences(&subscriber, None), [0; 0]);
    // The next try takes the renewed one, without a restart.
    ours.issue("rsu", rsud.folder.path(), "rsu");
    rsud.wait_for_broker();
    wait_for("what waited", || (sequences(&subscriber, None) == [1]).then_some(()));
    // Renewed again while connected: SIGHUP connects anew.
    ours.issue("rsu-2", rsud.folder.path(), "rsu");
    rsud.process.signal("HUP");
    wait_for("the new connection", || (rsud.process.log().matches("broker connected").count() >= 2).then_some(()));
    send_bsm(pc5, 1);
    wait_for("the next one", || sequences(&subscriber, None).contains(&2).then_some(()));
}

#[test]
fn a_broker_that_a_stranger_vouches_for_is_not_talked_to() {
    let (ours, strangers) = (Authority::new("ours"), Authority::new("strangers"));
    let server = tempfile::tempdir().unwrap();
    strangers.issue("broker", server.path(), "broker");
    let port = free_tcp_port();
    let of = |file: &str| server.path().join(file).display().to_string();
    let _broker = Mosquitto::start_with(&format!(
        "listener {port} 127.0.0.1\ncertfile {}\nkeyfile {}\n",
        of("broker.pem"),
        of("broker.key"),
    ));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), &ours.certificate).unwrap();
    let cloud = format!("broker = \"mqtts://localhost:{port}\"\ntls = {{ ca_file = \"ca.pem\" }}\n");
    let rsud = Rsud::start_in(folder, &config(&cloud));
    wait_for("the refusal", || rsud.process.log().contains("broker cannot be reached").then_some(()));
    let log = rsud.process.log();
    assert!(log.contains("UnknownIssuer") && !log.contains("broker connected"), "{log}");
}

#[test]
fn the_second_broker_is_taken_when_the_first_is_gone_and_passwords_are_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let users = tempfile::tempdir().unwrap();
    let (file, port) = (users.path().join("users"), free_tcp_port());
    let made = Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(&file).args(["rsu", "right"]).status();
    assert!(made.expect("mosquitto_passwd comes with mosquitto").success());
    let broker = Mosquitto::start_with(&format!(
        "listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\n",
        file.display()
    ));
    let subscriber = Subscriber::new(broker.port);
    std::fs::write(folder.path().join("secret"), "wrong\n").unwrap();
    let cloud = format!(
        "broker = [\"mqtt://127.0.0.1:{}\", \"mqtt://127.0.0.1:{port}\"]\n\
         username = \"rsu\"\npassword_file = \"secret\"\n",
        free_tcp_port()
    );
    let rsud = Rsud::start_in(folder, &config(&cloud));
    let pc5 = rsud.address("pc5");
    send_bsm(pc5, 1);
    wait_for("the refusals", || rsud.process.log().contains("broker cannot be reached").then_some(()));
    std::fs::write(rsud.folder.path().join("secret"), "right\n").unwrap();
    rsud.wait_for_broker();
    wait_for("what waited", || (sequences(&subscriber, None) == [1]).then_some(()));
    let log = rsud.process.log();
    assert!(log.contains(&format!("127.0.0.1:{port}")) && !log.contains("right") && !log.contains("wrong"), "{log}");
}

#[test]
fn every_link_gets_everything_and_one_that_is_down_holds_up_no_other() {
    let (first, second_port) = (Mosquitto::start(), free_tcp_port());
    let one = Subscriber::new(first.port);
    let text = config(&format!("name = \"district\"\nbroker = \"mqtt://127.0.0.1:{}\"\n", first.port))
        .replace("[cloud]", "[[cloud]]")
        + &format!("[[cloud]]\nname = \"city\"\nbroker = \"mqtt://127.0.0.1:{second_port}\"\npayload = \"json\"\n");
    let rsud = Rsud::start_with(&text);
    let pc5 = rsud.address("pc5");
    send_bsm(pc5, 5);
    wait_for("the first link", || (sequences(&one, None) == [1, 2, 3, 4, 5]).then_some(()));
    let told = health(&one, "both links in the health", |health| {
        let city = health.links.iter().find(|link| link.name == "city");
        let waits = city.and_then(|city| city.queues.iter().find(|queue| queue.item_class == "message"));
        waits.is_some_and(|queue| queue.items == 5 && queue.oldest_accepted_at_us > 0)
    });
    let [district, city] = &told.links[..] else { panic!("two links") };
    assert!(district.connected && !city.connected && district.connections == 1 && city.connections == 0);
    assert_eq!(
        (district.profile.as_str(), district.broker.as_str()),
        ("native", &*format!("127.0.0.1:{}", first.port))
    );
    assert!(city.disconnected_s > 0.0 && district.connected_s > 0.0 && district.disk_bytes_written > 0);
    assert_eq!(told.queue_depth["message"], 5);
    let second = Mosquitto::start_behind(second_port);
    wait_for("the second link", || {
        let topics: Vec<String> = second.1.messages().into_iter().map(|message| message.topic).collect();
        (topics.iter().filter(|topic| topic.ends_with("/v2x/bsm")).count() == 5).then_some(())
    });
}

#[test]
fn metrics_are_written_to_a_file() {
    let broker = Mosquitto::start();
    let rsud = Rsud::start_with(&config(&format!(
        "broker = \"mqtt://127.0.0.1:{}\"\n[metrics]\nfile = \"rsud.prom\"\n",
        broker.port
    )));
    let file = rsud.folder.path().join("rsud.prom");
    wait_for("the link in the metrics", || {
        let text = std::fs::read_to_string(&file).ok()?;
        let there = |line: &str| text.lines().any(|other| other == line);
        let up = there("rsud_link_connected{link=\"cloud\",profile=\"native\"} 1");
        (up && there("rsud_queue_items{link=\"cloud\",class=\"event\"} 0.0")).then_some(())
    });
}

#[test]
fn a_platform_gets_its_own_format_and_its_messages_reach_the_road() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::to(broker.port, "#");
    let radio = udp();
    let send = format!("to = \"{}\"\nprofile = \"2019\"", radio.local_addr().unwrap());
    let text = config(&format!(
        "broker = \"mqtt://127.0.0.1:{}\"\nprofile = \"its0117\"\n\
         platform = {{ rsu_id = \"u_id_123\", message_set = \"2019\" }}\n",
        broker.port
    ))
    .replacen("[pc5]", "[pc5]\nframing = \"uper\"\nprofile = \"2019\"", 1)
    .replace("[v2x_udp]", &format!("[pc5.send]\n{send}\n[v2x_udp]"));
    let rsud = Rsud::start_with(&text);
    rsud.wait_for_broker();
    let field = |vector: &str, field: &str| {
        let path = support::vectors().join(format!("{vector}.json"));
        let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        hex::decode(json[field].as_str().unwrap()).unwrap()
    };
    // Up: what was captured from such a unit, but for the time.
    udp().send_to(&vector("captured_rsm"), rsud.address("pc5")).unwrap();
    let message = subscriber.wait("the RSM", |m| (m.topic == "V2X.RSU.RSM.UP").then(|| m.clone()));
    let captured = field("captured_rsm", "mqtt_payload_hex");
    assert_eq!((&message.payload[..8], &message.payload[16..]), (&b"u_id_123"[..], &captured[16..]));
    subscriber.wait("a sign of life", |m| (m.topic == "V2X.RSU.HB.UP").then_some(()));
    // Down: it goes out on the air.
    wait_for("the subscription", || {
        let mut down = field("captured_rsi", "mqtt_payload_hex");
        down[..8].copy_from_slice(b"u_id_123");
        subscriber.ask("V2X.RSU.RSI.u_id_123.DOWN", down, None);
        radio.set_read_timeout(Some(std::time::Duration::from_millis(300))).unwrap();
        let mut frame = [0; 4096];
        radio.recv(&mut frame).ok().filter(|octets| *octets > 20)
    });
}

#[test]
fn what_a_class_has_no_room_for_is_told_before_what_follows() {
    let port = free_tcp_port();
    let rsud = Rsud::start_with(&config(&format!(
        "broker = \"mqtt://127.0.0.1:{port}\"\n[spool.message]\nmax_mib = 1\nmemory_kib = 256\n"
    )));
    let pc5 = rsud.address("pc5");
    send_bsm(pc5, 4000);
    let broker = Mosquitto::start_behind(port);
    let subscriber = &broker.1;
    let gap = subscriber.wait("the gap", |message| {
        let gap = message.topic.ends_with("/gaps").then(|| v1::Gap::decode(message.payload.as_slice()).unwrap())?;
        assert_eq!(message.schema.as_deref(), Some("rsu.v1.Gap"));
        (gap.item_class == "message").then_some(gap)
    });
    assert_eq!((gap.reason(), gap.unnamed), (v1::GapReason::Overflow, 0));
    assert_eq!(gap.ranges.iter().map(|range| range.count).sum::<u64>(), gap.count);
    let [range] = &gap.ranges[..] else { panic!("{gap:?}") };
    assert_eq!((range.stream.as_str(), range.first_sequence), ("bsm", 1));
    // What was dropped and what came is everything, and the notice came before.
    let all = wait_for("the rest", || {
        let came: BTreeSet<u64> = sequences(subscriber, Some(range.boot_id)).into_iter().collect();
        let last = came.last().copied()?;
        let whole = came.len() as u64 == last - range.last_sequence && last >= 3900;
        whole.then_some((came, last))
    });
    assert_eq!(*all.0.first().unwrap(), range.last_sequence + 1);
    let messages = subscriber.messages();
    let place = |suffix: &str| messages.iter().position(|message| message.topic.ends_with(suffix)).unwrap();
    assert!(place("/gaps") < place("/v2x/bsm"));
}

#[test]
fn a_technician_sees_what_waits_and_what_is_damaged() {
    let mut daemon = Rsud::start(free_tcp_port(), "");
    let pc5 = daemon.address("pc5");
    send_bsm(pc5, 50);
    let file = daemon.folder.path().join("rsud.toml");
    let look = |what: &str| rsud(&["spool", what, "--json", "--config", file.to_str().unwrap()], &[]);
    let messages = |output: &std::process::Output| {
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let classes = report["report"]["classes"].as_array().cloned().unwrap_or_default();
        classes.iter().find(|class| class["name"] == "message").and_then(|class| class["items"].as_u64())
    };
    // While the daemon runs.
    wait_for("fifty items", || (messages(&look("inspect")) == Some(50)).then_some(()));
    daemon.process.process_kill();
    let output = look("verify");
    assert_eq!((output.status.code(), messages(&output)), (Some(0), Some(50)), "{}", text(&output.stdout));
    let spool = daemon.folder.path().join("spool/cloud");
    let segment = std::fs::read_dir(&spool)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("message-"));
    let segment = segment.unwrap();
    let mut octets = std::fs::read(&segment).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 1;
    std::fs::write(&segment, octets).unwrap();
    let output = rsud(&["spool", "verify", "--folder", spool.to_str().unwrap()], &[]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("damaged: message-") && told.contains("not found by the daemon yet"), "{told}");

    // The next run delivers the others and tells which one is gone.
    let config = std::fs::read_to_string(&file).unwrap();
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let port = config.rsplit_once("mqtt://127.0.0.1:").unwrap().1.split_once('"').unwrap().0.to_owned();
    let folder = std::mem::replace(&mut daemon.folder, tempfile::tempdir().unwrap());
    let _second = Rsud::start_in(folder, &config.replace(&format!(":{port}\""), &format!(":{}\"", broker.port)));
    let gap = subscriber.wait("the gap", |message| {
        message.topic.ends_with("/gaps").then(|| v1::Gap::decode(message.payload.as_slice()).unwrap())
    });
    assert_eq!((gap.reason(), gap.count, gap.item_class.as_str()), (v1::GapReason::Damaged, 1, "message"));
    let range = &gap.ranges[0];
    wait_for("the others", || {
        let came = sequences(&subscriber, Some(range.boot_id));
        (came.len() == 49 && !came.contains(&range.first_sequence)).then_some(())
    });
}

/// Needs root, for a file system of its own; without it the test says so and ends.
#[test]
fn a_disk_that_is_full_costs_durability_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("spool");
    std::fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "rsud-test"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("not tested: a small file system cannot be mounted here; root can");
        return;
    }
    let unmount = Unmount(disk.clone());
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    // The disk is full before the daemon has room for anything.
    std::fs::write(disk.join("ballast"), vec![0; 500 * 1024]).unwrap();
    let rsud = Rsud::start_in(folder, &config(&format!("broker = \"mqtt://127.0.0.1:{}\"\n", broker.port)));
    let pc5 = rsud.address("pc5");
    send_bsm(pc5, 10);
    wait_for("the items", || (sequences(&subscriber, None).len() == 10).then_some(()));
    let trouble = health(&subscriber, "the trouble in the health", |health| {
        health.links.iter().any(|link| !link.disk_trouble.is_empty())
    });
    assert!(trouble.links[0].disk_trouble.contains("No space left"), "{}", trouble.links[0].disk_trouble);
    assert!(rsud.process.log().contains("items are kept in memory"));
    // With room again they go to disk again, by themselves.
    std::fs::remove_file(disk.join("ballast")).unwrap();
    wait_for("the disk again", || rsud.process.log().contains("the spool is on disk again").then_some(()));
    drop(rsud);
    drop(unmount);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
