//! The command line: decode and encode, check, and the demo.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use fusion::SensorKind;
use rsud::config::{self, Config};
use serde_json::Value;
use support::{RSUD, rsud, text, vector};
use traffic_events::{EventsConfig, LaneStatisticsConfig};

#[test]
fn every_vector_is_decoded_and_encoded_in_its_profile() {
    let by_profile = [
        ("2020", vec!["bsm", "map_4x3", "rsm16", "spat_4x8", "dayii_rsc", "ssm_8"]),
        ("2019", vec!["captured_bsm", "captured_map", "captured_rsi", "captured_rsm"]),
    ];
    for (profile, names) in by_profile {
        let lines: String = names.iter().map(|name| hex::encode(vector(name)) + "\n").collect();
        let decoded = rsud(&["decode", "--layer", "uper", "--profile", profile], lines.as_bytes());
        assert!(decoded.status.success(), "{}", text(&decoded.stdout));
        assert_eq!(text(&decoded.stdout).lines().count(), names.len());
        let encoded = rsud(&["encode", "--profile", profile], &decoded.stdout);
        assert!(encoded.status.success());
        assert_eq!(text(&encoded.stdout), lines);
        // As the contract of the cloud, with the profile found out.
        let args = ["decode", "--layer", "uper", "--profile", "auto", "--output", "proto-json"];
        let decoded = rsud(&args, lines.as_bytes());
        assert!(decoded.status.success(), "{}", text(&decoded.stdout));
        let encoded = rsud(&["encode"], &decoded.stdout);
        assert_eq!(text(&encoded.stdout), lines);
    }
    let first: Value =
        serde_json::from_slice(&rsud(&["decode"], hex::encode(vector("bsm")).as_bytes()).stdout).unwrap();
    assert_eq!((&first["bsmFrame"]["msgCnt"], &first["bsmFrame"]["speed"]), (&87.into(), &673.into()));
}

#[test]
fn a_line_that_fails_makes_the_exit_code_fail() {
    let input = format!("{}00\n{}\n", hex::encode(vector("bsm")), hex::encode(vector("bsm")));
    let output = rsud(&["decode", "--layer", "uper"], input.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["error"]["offset"], vector("bsm").len());
    assert!(lines[0]["error"]["reason"].as_str().unwrap().contains("left over"));
    assert!(lines[1].get("bsmFrame").is_some());
}

#[test]
fn binary_input_is_one_frame() {
    let output = rsud(&["decode", "--input", "binary"], &vector("rsm16"));
    assert!(output.status.success());
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["rsmFrame"]["participants"].as_array().unwrap().len(), 16);
}

/// An Ethernet packet with IPv4 of a protocol.
fn packet(protocol: u8, content: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    packet.extend_from_slice(&[0x08, 0x00, 0x45, 0x00]);
    packet.extend_from_slice(&u16::try_from(20 + content.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(&[0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    packet.extend_from_slice(content);
    packet
}

fn udp_packet((port, payload): (u16, &[u8])) -> Vec<u8> {
    let mut datagram = vec![0x10, 0x00];
    datagram.extend_from_slice(&port.to_be_bytes());
    datagram.extend_from_slice(&u16::try_from(8 + payload.len()).unwrap().to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(payload);
    packet(17, &datagram)
}

/// A classic capture of Ethernet, microseconds, little endian, of packets of which so many octets are kept.
fn capture(packets: &[(Vec<u8>, usize)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for (packet, kept) in packets {
        let kept = packet.len().min(*kept);
        for word in [1_700_000_000, 250_000, u32::try_from(kept).unwrap(), u32::try_from(packet.len()).unwrap()] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&packet[..kept]);
    }
    file
}

#[test]
fn a_capture_is_decoded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcap");
    let framed = v2x_codec::dsmp::encode(v2x_codec::dsmp::Aid::BSM, &vector("bsm")).unwrap();
    let datagrams: [(u16, &[u8]); 3] = [(11262, &framed), (9, b"nonsense"), (11262, &vector("rsm16"))];
    let mut octets = capture(&datagrams.map(|datagram| (udp_packet(datagram), usize::MAX)));
    std::fs::write(&file, &octets).unwrap();
    let path = file.to_str().unwrap();
    let output = rsud(&["decode", "--pcap", path, "--port", "11262"], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["captured_at_us"], &lines[0]["source"]),
        (&1_700_000_000_250_000_i64.into(), &"10.0.0.1:4096".into())
    );
    assert_eq!(lines[0]["frame"]["dsmp"]["message"]["bsmFrame"]["msgCnt"], 87);
    assert!(lines[1]["frame"].get("rsmFrame").is_some());

    let output = rsud(&["decode", "--pcap", path, "--output", "proto-json"], &[]);
    assert_eq!(output.status.code(), Some(1), "the nonsense is told");
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["receivedAtUs"], &lines[0]["aid"]), (&"1700000000250000".into(), &111.into()));
    assert!(lines[1].get("error").is_some() && lines[1]["destination"] == "10.0.0.2:9");

    // A file that ends within a packet gives what came before, and an error.
    octets.truncate(octets.len() - 5);
    std::fs::write(&file, &octets).unwrap();
    let output = rsud(&["decode", "--pcap", path, "--port", "11262"], &[]);
    assert_eq!((output.status.code(), text(&output.stdout).lines().count()), (Some(1), 1));
    assert!(text(&output.stderr).contains("capture.pcap"), "{}", text(&output.stderr));
}

#[test]
fn what_others_say_is_no_failure_of_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcap");
    // A TCP packet of which the capture kept the first 60 octets, as with `tcpdump -s 60`.
    let cut = (packet(6, &[0; 200]), 60);
    std::fs::write(&file, capture(&[(udp_packet((11262, &vector("rsm16"))), usize::MAX), cut])).unwrap();
    let path = file.to_str().unwrap();
    for (args, code) in [(&["--port", "11262"][..], 0), (&[], 1)] {
        let output = rsud(&[&["decode", "--pcap", path], args].concat(), &[]);
        assert_eq!((output.status.code(), text(&output.stdout).lines().count()), (Some(code), 1), "{args:?}");
        assert!(text(&output.stderr).contains("1 packets cut off by the capture"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_vendors_header_is_described_by_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("header.toml");
    std::fs::write(&file, "length = 4\nkind = { offset = 0, width = 2 }\npayload_length = { offset = 2, width = 2 }\n")
        .unwrap();
    let mut framed = vec![0, 4];
    framed.extend_from_slice(&u16::try_from(vector("rsm16").len()).unwrap().to_be_bytes());
    framed.extend_from_slice(&vector("rsm16"));
    let line = hex::encode(framed) + "\n";
    let path = file.to_str().unwrap();
    let output = rsud(&["decode", "--layer", "vendor", "--vendor-header", path], line.as_bytes());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["vendor"]["header"], line[..8].to_uppercase());
    assert_eq!(text(&rsud(&["encode"], &output.stdout).stdout), line);
    std::fs::write(&file, "length = 4\nkind = { offset = 3, width = 2 }\n").unwrap();
    let output = rsud(&["decode", "--layer", "vendor", "--vendor-header", path], line.as_bytes());
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("the field kind does not lie within the header"), "{}", text(&output.stderr));
}

fn check(config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    std::fs::write(&file, config).unwrap();
    let output = rsud(&["check", "--config", file.to_str().unwrap()], &[]);
    (output.status.code(), text(&output.stderr) + &text(&output.stdout))
}

/// The example configuration with all keys in force that are commented out because they show the default.
fn example_in_force() -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rsud.toml");
    let lines = std::fs::read_to_string(example).unwrap();
    let in_force = lines.lines().map(|line| {
        let key = line.strip_prefix("# ").filter(|rest| {
            let (name, _) = rest.split_once(" = ").unwrap_or_default();
            !name.is_empty()
                && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                && name != "password_file"
                && name != "username"
        });
        key.unwrap_or(line).to_owned() + "\n"
    });
    in_force.collect()
}

#[test]
fn what_the_example_comments_out_is_the_default() {
    let config: Config = toml::from_str(&example_in_force()).unwrap();
    // Every key of the detectors is told; only where there is no limit by default none is given.
    let unset = format!("{:?}", config.events);
    assert_eq!(unset.matches("None").count(), unset.matches("default_limit_kmh: None").count(), "{unset}");
    let told = config::check(&config, Path::new("rsud.toml")).unwrap();
    assert_eq!(told.core.events, EventsConfig::default());
    assert_eq!(told.core.lane_statistics, LaneStatisticsConfig::default());
    // The rest as the file has it without these keys.
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rsud.toml");
    let left_out = config::load(&example).unwrap();
    assert_eq!(format!("{:?}", told.core.sensors), format!("{:?}", left_out.core.sensors));
    // The radar and the camera: what is not told is usual for the kind.
    let [radar, camera] = &left_out.core.sensors[..] else { panic!("two sensors") };
    let usual = SensorKind::Camera.usual_noise();
    assert!((radar.model.height_m - 6.0).abs() < 1e-9 && (camera.model.height_m - 8.0).abs() < 1e-9);
    assert!((radar.velocity_sd_mps - SensorKind::Radar.usual_noise().velocity_sd_mps).abs() < 1e-9);
    assert!((camera.range_sd_m - usual.range_sd_m).abs() < 1e-9);
    assert!((camera.azimuth_sd_rad - usual.azimuth_sd_rad).abs() < 1e-9);
    assert_eq!(
        (told.core.reorder_window, told.core.max_clock_lead, told.core.periods),
        (left_out.core.reorder_window, left_out.core.max_clock_lead, left_out.core.periods)
    );
    assert_eq!(told.core.max_participants, left_out.core.max_participants);
    assert!((told.core.v2x_range_m - left_out.core.v2x_range_m).abs() < 1e-9);
    let of = |checked: &config::Checked| (checked.pc5.clone().unwrap().queue, checked.cloud[0].clone());
    let ((queue, cloud), (default_queue, default_cloud)) = (of(&told), of(&left_out));
    assert_eq!(
        (queue, cloud.keep_alive_s, &cloud.client_id),
        (default_queue, default_cloud.keep_alive_s, &default_cloud.client_id)
    );
    // Files for TLS and a password are examples; the rest says the default.
    let shown = |cloud: &config::CloudSettings| {
        let (timing, shares) = ((cloud.acknowledge_within, cloud.retry_least, cloud.retry_most), cloud.shares);
        (timing, shares, cloud.in_flight, cloud.commit_within, cloud.spool.classes().to_vec(), cloud.name.clone())
    };
    assert_eq!(shown(&cloud), shown(&default_cloud));
}

#[test]
fn the_example_configuration_is_good() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rsud.toml");
    let output = rsud(&["check", "--config", example.to_str().unwrap()], &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    // What is commented out says the default: with it in force the file is good as well.
    let uncommented = example_in_force();
    assert_eq!(check(&uncommented).0, Some(0), "{}", check(&uncommented).1);
    // So are the sections that are commented out, with the framing that each is for.
    for (framing, without) in [("vendor", "[pc5.immediate_forward]"), ("immediate-forward", "[pc5.vendor_header]")] {
        let mut keep = true;
        let mut config = String::new();
        for line in uncommented.lines() {
            match line.strip_prefix("#   ").filter(|_| !config.contains("[v2x_udp]") && config.contains("[pc5]")) {
                Some(line) => {
                    keep = if line.starts_with('[') { line != without } else { keep };
                    let kept = if keep { line } else { "" };
                    config.push_str(kept);
                }
                None => config.push_str(line),
            }
            config.push('\n');
        }
        let config = config.replacen("framing = \"dsmp\"", &format!("framing = \"{framing}\""), 1);
        assert!(config.contains("\n[pc5.send]") && !config.contains(&format!("\n{without}")));
        assert_eq!(check(&config).0, Some(0), "{}", check(&config).1);
    }
}

#[test]
fn mistakes_are_told_with_file_key_and_what_would_be_right() {
    let good = support::config(1883, "");
    assert_eq!(check(&good).0, Some(0), "{}", check(&good).1);
    let cases = [
        ("id = \"test-rsu\"", "id = \"test/rsu\"", "rsu.id"),
        ("[rsu]", "[rsu]\ncolour = \"red\"", "colour"),
        ("listen = \"127.0.0.1:0\"", "listen = 5", "listen"),
        ("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:0\"\nframing = \"udp\"", "framing"),
        ("latitude_deg = 22.6913", "latitude_deg = 92.0", "latitude"),
        ("latitude_deg = 22.6913", "latitude_deg = nan", "latitude"),
        ("width_m = 3.5", "width_m = 0.0", "eastbound"),
        ("[-150.0, 0.0], [150.0, 0.0]", "[0.0, 0.0]", "eastbound"),
        ("CAR = \"car\"", "CAR = \"automobile\"", "sensors[0].classes.CAR"),
        ("range_m = 200.0", "range_m = -1.0", "sensors[0].range_m"),
        ("heading_deg = 90.0", "heading_deg = 90.0, roll_deg = 1.0", "roll_deg"),
        ("mqtt://127.0.0.1:1883", "http://127.0.0.1:1883", "cloud.broker"),
        ("mqtt://127.0.0.1:1883", "mqtt://127.0.0.1:0", "cloud.broker"),
        ("health_period_s = 1", "health_period_s = 0", "rsu.health_period_s"),
        ("width_m = 3.5", "width_m = 3.5\nspeed_limit_kmh = nan", "site.lanes[0].speed_limit_kmh"),
        ("[-150.0, 0.0]", "[1e300, 0.0]", "site.lanes[0].points_m"),
        ("mqtt://127.0.0.1:1883", "mqtt://a:b:1883", "cloud.broker"),
        ("keep_alive_s = 20", "client_id = \"\"", "cloud.client_id"),
        ("keep_alive_s = 20", "username = \"a\"", "cloud.username"),
        ("keep_alive_s = 20", "username = \"a\"\npassword_file = \"no-such-file\"", "cloud.password_file"),
        ("keep_alive_s = 20", "username = \"a\"\npassword_env = \"RSUD_NO_SUCH_VARIABLE\"", "cloud.password_env"),
        ("keep_alive_s = 20", "tls = { ca_file = \"ca.pem\" }", "cloud.tls"),
        ("broker = \"mqtt:", "tls = { ca_file = \"no-such-file\" }\nbroker = \"mqtts:", "no-such-file"),
        ("broker = \"mqtt:", "tls = { key_file = \"key.pem\" }\nbroker = \"mqtts:", "cloud.tls"),
        ("keep_alive_s = 20", "platform = { esn = \"a\" }", "cloud.platform"),
        ("keep_alive_s = 20", "profile = \"its0117\"\nplatform = { rsu_id = \"nine-long\" }", "cloud.platform.rsu_id"),
        ("keep_alive_s = 20", "profile = \"dris\"\nplatform = { heartbeat_s = 5.0 }", "cloud.platform.heartbeat_s"),
        (
            "keep_alive_s = 20",
            "profile = \"dris\"\nplatform = { secret_file = \"none\" }",
            "cloud.platform.secret_file",
        ),
        ("keep_alive_s = 20", "in_flight = 0", "cloud.in_flight"),
        ("keep_alive_s = 20", "shares = { event = 0 }", "cloud.shares.event"),
        ("keep_alive_s = 20", "retry_most_s = 0.1", "cloud.retry_most_s"),
        ("keep_alive_s = 20", "name = \"a/b\"", "cloud.name"),
        ("[log]", "[metrics]\nfile = \"no-such-folder/rsud.prom\"\n[log]", "metrics.file"),
        ("[log]", "[spool.event]\nmax_mib = 0\n[log]", "spool.event.max_mib"),
        ("[log]", "[spool.event]\noverflow = \"never\"\n[log]", "overflow"),
        ("[cloud]", "[[cloud]]\nbroker = \"mqtt://a:1\"\n[[cloud]]", "cloud[1].name"),
        ("format = \"json\"", "level = \"rsud=loud\"", "log.level"),
        ("[site]", "[site]\nmap_file = \"no-such-file\"", "site.map_file"),
        ("[site]", "[site]\nversion = 2", "site.version"),
        ("[site]", "[site]\nnode = { id = 65536 }", "site.node.id"),
        ("[log]", "[events.queue]\nmin_vehicles = 2.5\n[log]", "events.queue.min_vehicles"),
        (
            "[[sensors]]",
            "[[sensors]]\nid = \"lidar-1\"\nkind = \"lidar\"\npose = { x_m = 0.0, y_m = 0.0, heading_deg = 0.0 }\nfield_of_view_deg = 90.0\nrange_m = 50.0\n[[sensors]]",
            "sensors[1].id",
        ),
        ("[sensor_udp]\nlisten = \"127.0.0.1:0\"", "", "sensor_udp"),
        ("[v2x_udp]", "framing = \"vendor\"\n[v2x_udp]", "pc5.vendor_header"),
        ("[v2x_udp]", "[pc5.vendor_header]\nlength = 4\n[v2x_udp]", "pc5.vendor_header"),
        ("[v2x_udp]", "framing = \"vendor\"\n[pc5.vendor_header]\nlength = 0\n[v2x_udp]", "pc5.vendor_header"),
        (
            "[v2x_udp]",
            "framing = \"vendor\"\n[pc5.vendor_header]\nlength = 4\nkinds = { cam = 1 }\n[v2x_udp]",
            "pc5.vendor_header.kinds.cam",
        ),
        ("[v2x_udp]", "[pc5.immediate_forward]\nsignature = true\n[v2x_udp]", "pc5.immediate_forward"),
        ("[v2x_udp]", "[pc5.send]\nto = \"127.0.0.1:0\"\n[v2x_udp]", "pc5.send.to"),
        (
            "[v2x_udp]",
            "framing = \"vendor\"\n[pc5.vendor_header]\nlength = 1\nkind = { offset = 0, width = 1 }\n[pc5.send]\nto = \"127.0.0.1:9\"\n[v2x_udp]",
            "pc5.vendor_header.kinds.map",
        ),
        ("[v2x_udp]", "[pc5.services]\nssm = { aid = 3630 }\n[v2x_udp]", "pc5.services.ssm"),
        ("[v2x_udp]", "[pc5.services]\nrsm = { aid = 3618 }\n[v2x_udp]", "pc5.services"),
        ("[v2x_udp]", "[pc5.services]\nrsm = { aid = 60000 }\n[v2x_udp]", "pc5.services.rsm.aid"),
        ("[v2x_udp]", "[pc5.send]\nto = \"127.0.0.1:9\"\nmap = true\n[v2x_udp]", "pc5.send.map"),
        ("[v2x_udp]", "[pc5.send]\nto = \"127.0.0.1:9\"\nid = \"abc\"\n[v2x_udp]", "pc5.send.id"),
        ("[v2x_udp]", "profile = \"auto\"\n[pc5.send]\nto = \"127.0.0.1:9\"\n[v2x_udp]", "pc5.send.profile"),
        ("[v2x_udp]", "[pc5.send]\nto = \"127.0.0.1:9\"\nmax_octets = 0\n[v2x_udp]", "pc5.send.max_octets"),
        (
            "[v2x_udp]",
            "[pc5.send]\nto = \"127.0.0.1:9\"\nrsi_classes = { 904 = \"fast\" }\n[v2x_udp]",
            "pc5.send.rsi_classes.904",
        ),
    ];
    for (from, to, key) in cases {
        assert!(good.contains(from), "{from}");
        let (code, message) = check(&good.replacen(from, to, 1));
        assert_eq!(code, Some(78), "{to}: {message}");
        assert!(message.contains("site.toml"), "no file in: {message}");
        assert!(message.contains(key), "no {key} in: {message}");
        let expects = ["expected", "must be", "line ", "needs", "finite"];
        assert!(expects.iter().any(|word| message.contains(word)), "{message}");
    }
    let output = rsud(&["check", "--config", "/no/such/file.toml"], &[]);
    assert_eq!(output.status.code(), Some(78));
    assert!(text(&output.stderr).contains("/no/such/file.toml"));
}

#[test]
fn a_map_file_is_taken_in_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    let octets = hex::encode(vector("map_4x3"));
    std::fs::write(folder.path().join("map.hex"), &octets).unwrap();
    let json = rsud(&["decode"], octets.as_bytes()).stdout;
    std::fs::write(folder.path().join("map.json"), json).unwrap();
    std::fs::write(folder.path().join("bsm.hex"), hex::encode(vector("bsm"))).unwrap();
    let base = support::config(1883, "");
    let (head, tail) = base.split_once("[[site.lanes]]").unwrap();
    let (_, tail) = tail.split_once("[cloud]").unwrap();
    for (file, good) in [("map.hex", true), ("map.json", true), ("bsm.hex", false)] {
        let config = format!("{head}map_file = \"{file}\"\n[cloud]{tail}");
        let path = folder.path().join("rsud.toml");
        std::fs::write(&path, config).unwrap();
        let output = rsud(&["check", "--config", path.to_str().unwrap()], &[]);
        assert_eq!(output.status.success(), good, "{file}: {}", text(&output.stderr));
    }
}

#[test]
fn the_demo_delivers_and_ends_by_itself() {
    let output = rsud(&["demo", "--duration", "12s", "--format", "json"], &[]);
    let report: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output.stderr)));
    assert!(output.status.success(), "{report}");
    let number = |key: &str| report[key].as_u64().unwrap_or_else(|| panic!("{key}: {report}"));
    assert!(number("bsm_received") > 100 && number("detections_received") > 1000, "{report}");
    assert!(number("tracks_published") > 1000 && number("track_lists_delivered") > 80, "{report}");
    assert!(number("events_published") >= 3, "{report}");
    assert_eq!(number("events_delivered"), number("events_published"), "{report}");
    assert_eq!((number("decode_errors"), number("not_understood")), (0, 0), "{report}");
    assert_eq!((number("poles_configured"), number("poles_with_link")), (8, 8), "{report}");
    assert!(number("pole_orders_done") > 8 && number("pole_readings_delivered") > 0, "{report}");
    assert!(report["dropped"].is_object());
    let latency = &report["latency_ms"];
    assert!(latency["p50"].as_f64().unwrap() <= latency["p99"].as_f64().unwrap(), "{report}");
    assert!(latency["p99"].as_f64().unwrap() <= latency["max"].as_f64().unwrap(), "{report}");
}

#[test]
fn watch_tells_what_the_broker_delivers() {
    let broker = support::Mosquitto::start();
    let url = format!("mqtt://127.0.0.1:{}", broker.port);
    let mut watch = Command::new(RSUD)
        .args(["watch", "--broker", &url, "--format", "json", "--every", "200ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::sync::Arc::new(std::sync::Mutex::new(Vec::<Value>::new()));
    let (sink, stdout) = (std::sync::Arc::clone(&lines), watch.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)).map_while(Result::ok) {
            sink.lock().unwrap().push(serde_json::from_str(&line).unwrap());
        }
    });
    let daemon = support::Rsud::start(broker.port, "");
    daemon.wait_for_broker();
    let pc5 = daemon.address("pc5");
    let frame = v2x_codec::dsmp::encode(v2x_codec::dsmp::Aid::BSM, &vector("bsm")).unwrap();
    let last = support::wait_for("a summary with messages", || {
        support::udp().send_to(&frame, pc5).unwrap();
        let last = lines.lock().unwrap().last().cloned()?;
        (last["summary"]["received"]["v2x/bsm"].as_u64()? > 5).then_some(last)
    });
    assert_eq!(last["summary"]["rsus"]["test-rsu"], "online", "{last}");
    assert_eq!(last["summary"]["not_understood"], 0, "{last}");
    support::Process { child: watch, lines: std::sync::Arc::default() }.signal("INT");
}

#[test]
fn mistakes_about_poles_are_told_too() {
    let line = |to: &str, more: &str| format!("[[pole_links]]\nname = \"a\"\nto = \"{to}\"\n{more}\n");
    let pole = |id: &str, more: &str| {
        let position = if more.contains("position") { "" } else { "position = { x_m = 1.0, y_m = 2.0 }" };
        format!("[[poles]]\nid = \"{id}\"\nlink = \"a\"\n{position}\n{more}\n")
    };
    let serial = "serial:/dev/ttyUSB0";
    let bus = line(serial, "bus = true");
    let good = [
        line(serial, "baud = 9600") + &pole("p", "serial = \"SP-1\"\nlanes = [\"eastbound\"]"),
        bus.clone() + &pole("p", "address = 1") + &pole("q", "address = 247"),
        line("udp:127.0.0.1:0", "") + &pole("p", "peer = \"127.0.0.1:9\"") + &pole("q", "address = 2"),
        line("tcp://server.example:4001", "bus = true\nbaud = 19200") + &pole("p", ""),
        line("unix:/run/pole", "") + &pole("p", "position = { latitude_deg = 22.6914, longitude_deg = 114.3472 }"),
    ];
    let base = support::config(1883, "");
    for poles in good {
        assert_eq!(check(&(base.clone() + &poles)).0, Some(0), "{poles}{}", check(&(base.clone() + &poles)).1);
    }
    let cases = [
        ("[control]\nsocket = \"no-such-folder/control.sock\"\n".into(), "control.socket"),
        ("[pole_lighting]\nhold_s = 1.0\n".into(), "pole_lighting.refresh_s"),
        ("[pole_lighting]\nlight_above_lx = 1.0\n".into(), "pole_lighting.light_above_lx"),
        ("[pole_lighting]\npresence_level = 1.1\n".into(), "pole_lighting.presence_level"),
        ("[pole_warnings]\nlooks = [{ event = \"dancing\" }]\n".into(), "pole_warnings.looks[0].event"),
        ("[pole_warnings]\nexpires_s = 1.0\n".into(), "pole_warnings.refresh_s"),
        ("[events.fog]\nmin_humidity = 1.5\n".into(), "events.fog.min_humidity"),
        (line("ttyUSB0", "") + &pole("p", ""), "pole_links[0].to"),
        (line(serial, ""), "pole_links[0]"),
        (line(serial, "baud = 50") + &pole("p", ""), "pole_links[0].baud"),
        (line("unix:/run/pole", "baud = 9600") + &pole("p", ""), "pole_links[0].baud"),
        (line(serial, "poll_ms = 10") + &pole("p", ""), "pole_links[0].poll_ms"),
        (line("udp:127.0.0.1:0", "bus = true") + &pole("p", ""), "pole_links[0].bus"),
        (line(serial, "silence_ms = 1500") + &pole("p", ""), "pole_links[0].silence_ms"),
        (line(serial, "heartbeat_ms = 5") + &pole("p", ""), "pole_links[0].heartbeat_ms"),
        (line(serial, "colour = 1") + &pole("p", ""), "colour"),
        (line(serial, "") + &line("tcp://a:1", "") + &pole("p", ""), "pole_links[1].name"),
        (line(serial, "") + &line(serial, "").replace("\"a\"", "\"b\"") + &pole("p", ""), "pole_links[1].to"),
        (line(serial, "") + &pole("p", "") + &pole("q", "address = 2"), "poles[1].link"),
        (bus.clone() + &pole("p", "") + &pole("q", ""), "poles[1].address"),
        (bus.clone() + &pole("p", "") + &pole("p", "address = 2"), "poles[1].id"),
        (bus.clone() + &pole("p", "address = 248"), "poles[0].address"),
        (bus.clone() + &pole("p", "").replace("link = \"a\"", "link = \"b\""), "poles[0].link"),
        (bus.clone() + &pole("p/q", ""), "poles[0].id"),
        (bus.clone() + &pole("p", "serial = \"\""), "poles[0].serial"),
        (bus.clone() + &pole("p", "peer = \"127.0.0.1:9\""), "poles[0].peer"),
        (bus.clone() + &pole("p", "radius_m = 0.0"), "poles[0].radius_m"),
        (bus.clone() + &pole("p", "lanes = [\"westbound\"]"), "poles[0].lanes[0]"),
        (bus.clone() + &pole("p", "position = { x_m = 1.0 }"), "poles[0].position"),
        (bus.clone() + &pole("p", "position = { x_m = 1.0, y_m = nan }"), "poles[0].position"),
        (bus.clone() + &pole("p", "position = { latitude_deg = 39.9, longitude_deg = 116.4 }"), "poles[0].position"),
        (
            bus + &(1..=33).map(|n| pole(&format!("p{n}"), &format!("address = {n}"))).collect::<String>(),
            "poles[32].link",
        ),
    ];
    for (poles, key) in cases {
        let (code, told) = check(&(base.clone() + &poles));
        assert_eq!(code, Some(78), "{key} passes: {poles}");
        assert!(told.contains(key) && told.contains("site.toml"), "{key}: {told}");
    }
}

/// The part of the example about poles, which is commented out, in force; with what is commented out in it too, if wanted.
fn example_with_poles(with_defaults: bool) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rsud.toml");
    let text = std::fs::read_to_string(example).unwrap();
    let mut of_poles = false;
    let mut config = String::new();
    for line in text.lines() {
        of_poles = (of_poles || line == "# Smart poles.") && !line.starts_with("[events.");
        let section = line.strip_prefix("#   ").filter(|_| of_poles);
        let default = section.and_then(|line| line.strip_prefix("# ")).filter(|line| line.contains(" = "));
        config += match (section, default) {
            (_, Some(default)) if with_defaults => default,
            (Some(section), _) => section,
            _ => line,
        };
        config.push('\n');
    }
    config
}

#[test]
fn the_example_of_poles_is_good_and_says_the_defaults() {
    let at = |config: &str| {
        let config: Config = toml::from_str(config).unwrap();
        config::check(&config, Path::new("rsud.toml")).unwrap()
    };
    let (short, told) = (at(&example_with_poles(false)), at(&example_with_poles(true)));
    assert!(short.pole_links.len() >= 3 && short.core.poles.poles.len() >= 4, "{:?}", short.pole_links);
    assert_eq!(format!("{:?}", short.pole_links), format!("{:?}", told.pole_links));
    assert_eq!(short.core.poles, told.core.poles);
    assert_eq!(told.core.poles.lighting, edge_core::poles::LightingSettings::default());
    assert_eq!(told.core.poles.warning, edge_core::poles::WarningSettings::default());
    assert_eq!((short.control.unwrap().group, told.control.unwrap().group), (false, false));
    // Each key of both sections is there.
    let text = example_with_poles(true);
    let mut config: Config = toml::from_str(&text).unwrap();
    assert!(config.pole_warnings.looks.take().is_some());
    let unset = format!("{:?}{:?}", config.pole_lighting, config.pole_warnings);
    // But for the level that is none by default, and the looks that were just taken out.
    assert_eq!(unset.matches("None").count(), 2, "{unset}");
}
