//! The command line without a daemon: `fuse`, `events` and `map`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{rsud, text};

/// A road user that keeps its velocity: start, velocity, extent, class.
struct Mover {
    start_m: (f64, f64),
    velocity_mps: (f64, f64),
    extent_m: (f64, f64),
    class: &'static str,
}

impl Mover {
    fn at(&self, t_s: f64) -> (f64, f64) {
        (self.start_m.0 + self.velocity_mps.0 * t_s, self.start_m.1 + self.velocity_mps.1 * t_s)
    }
}

const CARS: [Mover; 2] = [
    Mover { start_m: (-50.0, -2.0), velocity_mps: (10.0, 0.0), extent_m: (4.6, 1.85), class: "car" },
    Mover { start_m: (3.0, -32.0), velocity_mps: (0.0, 8.0), extent_m: (4.6, 1.85), class: "car" },
];
const PEDESTRIAN: Mover =
    Mover { start_m: (10.0, -10.0), velocity_mps: (0.0, 1.4), extent_m: (0.5, 0.55), class: "ped" };

/// A folder with a scene of ten or more seconds, seen by a camera and a lidar.
struct Recording {
    folder: tempfile::TempDir,
}

impl Recording {
    fn new(movers: &[Mover], seconds: f64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let scene = format!(
            r#"{{"roi_m": 130, "t0_s": 0, "t1_s": {seconds}, "sensors": [
                {{"name": "cam1", "kind": "cam", "x_m": 16, "y_m": 16, "height_m": 8, "direction_rad": -2.356, "fov_rad": 2.6, "range_m": 130, "rate_hz": 10}},
                {{"name": "lidar", "kind": "lidar", "x_m": 16, "y_m": 16, "direction_rad": 0, "fov_rad": 6.4, "range_m": 100}}]}}"#
        );
        std::fs::write(folder.path().join("scene.json"), scene).unwrap();
        std::fs::write(folder.path().join("dets.csv"), detections(movers, seconds)).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn args(&self, command: &str, output: &str, more: &[&str]) -> Vec<String> {
        let file = |name: &str| self.path(name).to_str().unwrap().to_owned();
        let mut args = vec![command.to_owned(), "--scene".into(), file("scene.json")];
        args.extend(["--input".into(), file("dets.csv"), "--output".into(), file(output)]);
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        args
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

/// As the bench has them: each sensor sees the side that is towards it, with some noise that is always the same.
fn detections(movers: &[Mover], seconds: f64) -> String {
    let mut rows: Vec<(f64, String)> = Vec::new();
    let mut frame = 0_u32;
    for (name, kind, period_s, latency_s, sd_m, share) in
        [("cam1", "cam", 0.1, 0.11, 0.3, -0.12), ("lidar", "lidar", 0.1, 0.14, 0.1, -0.02)]
    {
        let mut t_s: f64 = 0.013;
        while t_s < seconds - 0.2 {
            frame += 1;
            for (number, mover) in movers.iter().enumerate() {
                let (x, y) = mover.at(t_s);
                let (speed_mps, heading_rad) = (
                    mover.velocity_mps.0.hypot(mover.velocity_mps.1),
                    mover.velocity_mps.1.atan2(mover.velocity_mps.0),
                );
                let bearing = (y - 16.0).atan2(x - 16.0);
                let along = (heading_rad - bearing).cos().abs();
                let depth_m = mover.extent_m.0 * along + mover.extent_m.1 * (1.0 - along);
                let wave = f64::from(frame * 7 + number as u32 * 3);
                let (x, y) = (
                    x + share * depth_m * bearing.cos() + 0.6 * sd_m * wave.sin(),
                    y + share * depth_m * bearing.sin() + 0.6 * sd_m * (wave * 1.7).cos(),
                );
                let row = format!(
                    "{:.4},{t_s:.4},{frame},{name},{kind},{x:.4},{y:.4},{v:.4},0,{v:.4},,16,16,{speed_mps:.4},{heading_rad:.4},0.5,0.06,{:.2},{:.2},{},0.9,{}",
                    t_s + latency_s,
                    mover.extent_m.0,
                    mover.extent_m.1,
                    mover.class,
                    number + 1,
                    v = sd_m * sd_m
                );
                rows.push((t_s + latency_s, row));
            }
            t_s += period_s;
        }
    }
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut text = "t_arrival_s,t_measured_s,frame,sensor,kind,x_m,y_m,cov_xx_m2,cov_xy_m2,cov_yy_m2,radial_speed_mps,sensor_x_m,sensor_y_m,speed_mps,heading_rad,sd_speed_mps,sd_heading_rad,length_m,width_m,class,score,source_id\n".to_owned();
    for (_, row) in rows {
        writeln!(text, "{row}").unwrap();
    }
    text
}

fn succeed(args: &[String]) -> String {
    let output = rsud(args, &[]);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Rows of tracks: time, identity, place, class.
fn rows(csv: &str) -> Vec<(f64, u64, f64, f64, String)> {
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("t,id,x,y,vx,vy,heading,cls,score"));
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            assert_eq!(fields.len(), 9, "{line}");
            let number = |index: usize| fields[index].parse::<f64>().unwrap();
            assert!((0.0..=1.0).contains(&number(8)));
            (number(0), fields[1].parse().unwrap(), number(2), number(3), fields[7].to_owned())
        })
        .collect()
}

#[test]
fn two_cars_that_cross_keep_their_identities() {
    let recording = Recording::new(&CARS, 10.0);
    succeed(&recording.args("fuse", "tracks.csv", &[]));
    let tracks = recording.read("tracks.csv");
    let rows = rows(&tracks);
    assert!(tracks.lines().nth(1).unwrap().starts_with(&format!("{:.1},", rows[0].0)), "one decimal of the time");
    let settled: Vec<_> = rows.iter().filter(|row| row.0 > 1.95).collect();
    let ids: BTreeSet<u64> = settled.iter().map(|row| row.1).collect();
    assert_eq!(ids.len(), 2, "{ids:?}");
    // Both in each of the steps from 2.0 to 10.0.
    assert_eq!(settled.len(), 2 * 81);
    let mut whose = Vec::new();
    for row in settled {
        let miss_m = |car: &Mover| (row.2 - car.at(row.0).0).hypot(row.3 - car.at(row.0).1);
        let car = usize::from(miss_m(&CARS[0]) >= miss_m(&CARS[1]));
        assert!(miss_m(&CARS[car]) < 0.5, "{row:?} is {:.2} m off", miss_m(&CARS[car]));
        assert_eq!(row.4, "car");
        whose.push((row.1, car));
    }
    assert_eq!(whose.into_iter().collect::<BTreeSet<_>>().len(), 2, "an identity went over to the other car");

    // The same again, through standard input and output.
    succeed(&recording.args("fuse", "again.csv", &[]));
    assert_eq!(recording.read("again.csv"), tracks);
    let scene = recording.path("scene.json").to_str().unwrap().to_owned();
    let args = ["fuse", "--scene", &scene, "--input", "-", "--output", "-"].map(str::to_owned);
    let output = rsud(&args, recording.read("dets.csv").as_bytes());
    assert_eq!(text(&output.stdout), tracks);
    // Other rates have their own times.
    succeed(&recording.args("fuse", "slow.csv", &["--rate", "2"]));
    assert!(recording.read("slow.csv").lines().skip(1).all(|line| line.contains(".0,") || line.contains(".5,")));
}

#[test]
fn stats_and_lives_are_told() {
    let recording = Recording::new(&CARS, 6.0);
    let stats: Value =
        serde_json::from_str(&succeed(&recording.args("fuse", "tracks.csv", &["--stats", "--without", "merging"])))
            .unwrap();
    assert_eq!(stats["steps"], 61);
    assert_eq!(stats["detections"], recording.read("dets.csv").lines().count() - 1);
    assert_eq!((&stats["frames_refused"]["too_late"], &stats["frames_refused"]["repeated"]), (&0.into(), &0.into()));
    assert!(stats["ms_per_step"]["mean"].as_f64().unwrap() <= stats["ms_per_step"]["max"].as_f64().unwrap());
    let names: Vec<&Value> = stats["sensors"].as_array().unwrap().iter().map(|sensor| &sensor["name"]).collect();
    assert_eq!(names, ["cam1", "lidar"]);
    assert!(stats["sensors"][0]["yaw_deg"].is_number() && stats["sensors"][0]["reflection_near"].is_number());

    let id = rows(&recording.read("tracks.csv")).last().unwrap().1.to_string();
    let life = succeed(&recording.args("fuse", "tracks.csv", &["--explain", &id]));
    assert!(life.starts_with(&format!("track {id}\n")) && life.contains("born at ("), "{life}");
    assert!(life.contains("lidar: ") && life.contains("m along, "), "{life}");
    let output = rsud(&recording.args("fuse", "tracks.csv", &["--explain", "999999"]), &[]);
    assert_eq!((output.status.code(), text(&output.stdout).trim()), (Some(1), "track 999999: there was none"));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let recording = Recording::new(&CARS, 2.0);
    let good = recording.read("dets.csv");
    let third = good.lines().nth(2).unwrap().to_owned();
    let fields: Vec<&str> = third.split(',').collect();
    let with = |index: usize, value: &str| {
        let mut fields = fields.clone();
        fields[index] = value;
        good.replacen(&third, &fields.join(","), 1)
    };
    std::fs::write(recording.path("site.toml"), ROAD).unwrap();
    for (bad, message) in [
        (
            with(5, "east"),
            "dets.csv: line 3, column 6 (x_m): \"east\" cannot be; expected a number from -10000 to 10000",
        ),
        (with(0, ""), "line 3, column 1 (t_arrival_s): \"\" cannot be; expected a number"),
        (
            with(3, "cam7"),
            "line 3, column 4 (sensor): \"cam7\" cannot be; expected a sensor of the scene: cam1, lidar, bsm",
        ),
        (with(19, "tram"), "line 3, column 20 (class): \"tram\" cannot be; expected car, truck"),
        (good.replacen(&third, "1,2,3", 1), "dets.csv: line 3: 3 columns; expected 22, as in the header"),
        (good.replacen("x_m", "x", 1), "dets.csv: line 1: there is no column x_m; expected at least t_arrival_s"),
        (String::new(), "dets.csv: line 1: there is no column t_arrival_s"),
    ] {
        std::fs::write(recording.path("dets.csv"), bad).unwrap();
        for command in ["fuse", "events"] {
            let output = rsud(&recording.args(command, "out", &[]), &[]);
            assert_eq!(output.status.code(), Some(1), "{message}");
            assert!(text(&output.stderr).contains(message), "{}", text(&output.stderr));
        }
    }
    let output = rsud(&recording.args("fuse", "out", &["--without", "magic"]), &[]);
    assert!(!output.status.success() && text(&output.stderr).contains("registration"), "{}", text(&output.stderr));
    std::fs::write(recording.path("scene.json"), "{\"t0_s\": 1}").unwrap();
    let output = rsud(&recording.args("fuse", "out", &[]), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("scene.json: missing field `t1_s` at line 1"), "{}", text(&output.stderr));
}

const ROAD: &str = "version = 1
latitude_deg = 22.6913
longitude_deg = 114.3471

[[lanes]]
id = \"road\"
kind = \"vehicle\"
width_m = 7.0
points_m = [[-100.0, 0.0], [100.0, 0.0]]
";

#[test]
fn a_pedestrian_on_the_road_is_one_event() {
    let recording = Recording::new(&[PEDESTRIAN], 14.0);
    std::fs::write(recording.path("road.toml"), ROAD).unwrap();
    let map = recording.path("road.toml").to_str().unwrap().to_owned();
    succeed(&recording.args("events", "events.jsonl", &["--map", &map]));
    let lines: Vec<Value> =
        recording.read("events.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["kind"] == "pedestrian_on_carriageway"), "{lines:?}");
    let of = |stage: &str| lines.iter().filter(|line| line["stage"] == stage).collect::<Vec<_>>();
    assert_eq!((of("start").len(), of("end").len()), (1, 1), "{lines:?}");
    let (start, end) = (of("start")[0], of("end")[0]);
    assert_eq!((&lines[0], lines.last().unwrap()), (start, end));
    assert_eq!((&start["code"], &start["event_id"], &start["lane"]), (&405.into(), &end["event_id"], &"road".into()));
    assert_eq!((&end["end_reason"], start.get("end_reason")), (&"cleared".into(), None));
    // On the road from -3.5 to 3.5 m, that is from 4.6 to 9.6 s.
    let number = |line: &Value, key: &str| line[key].as_f64().unwrap();
    assert!((4.4..5.6).contains(&number(start, "began_s")), "{start}");
    assert!((4.9..6.6).contains(&number(start, "t_s")) && (9.0..12.0).contains(&number(end, "t_s")), "{start} {end}");
    assert!((number(start, "latitude_deg") - 22.6913).abs() < 1e-4);
    assert_eq!(start["participants"][0]["class"], "ped");
    assert!(start["evidence"]["looks"].as_u64().unwrap() > 3 && start["evidence"]["measures"].is_array());

    // The site beside the scene is taken without being told.
    std::fs::write(recording.path("site.toml"), ROAD).unwrap();
    succeed(&recording.args("events", "beside.jsonl", &[]));
    assert_eq!(recording.read("beside.jsonl"), recording.read("events.jsonl"));
}

/// What the lane statistics count by interval of five seconds, light vehicles.
fn counted(movers: &[Mover]) -> Vec<u64> {
    let recording = Recording::new(movers, 16.0);
    std::fs::write(recording.path("site.toml"), ROAD).unwrap();
    succeed(&recording.args("events", "events.jsonl", &["--lane-statistics=5"]));
    let text = recording.read("events.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let lanes: Vec<Value> = lines.filter_map(|mut line| line.get_mut("lane_statistics").map(Value::take)).collect();
    assert!(lanes.iter().all(|lane| lane["lane"] == "road"), "{lanes:?}");
    lanes.iter().map(|lane| lane["counts"]["light"].as_u64().unwrap()).collect()
}

#[test]
fn a_car_over_the_loop_counts_once() {
    // The loop lies 30 m before the lane's end at 100 m: the car passes it after 12 s.
    let car = Mover { start_m: (-50.0, 0.0), velocity_mps: (10.0, 0.0), extent_m: (4.6, 1.85), class: "car" };
    assert_eq!(counted(&[car]), [0, 0, 1]);
    assert_eq!(counted(&[PEDESTRIAN]), [0, 0, 0], "nobody drives");
}

#[test]
fn without_a_map_there_are_no_events() {
    let recording = Recording::new(&CARS, 2.0);
    let output = rsud(&recording.args("events", "events.jsonl", &[]), &[]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains("give --map") && message.contains("site.toml"), "{message}");
}

#[test]
fn reports_from_too_far_away_are_not_tracked() {
    let recording = Recording::new(&CARS, 3.0);
    // One that is near enough and one that is not, behind what the sensors saw.
    let report =
        |x_m: u32| format!("2.6,2.58,9{x_m},bsm,bsm,{x_m},0,0.6,0,0.6,,0,0,5,0,0.12,0.017,4.6,1.9,car,0.99,{x_m}\n");
    std::fs::write(recording.path("dets.csv"), recording.read("dets.csv") + &report(499) + &report(501)).unwrap();
    let stats: Value = serde_json::from_str(&succeed(&recording.args("fuse", "tracks.csv", &["--stats"]))).unwrap();
    assert_eq!(stats["frames_refused"]["out_of_range"], 1);
}

#[test]
fn maps_are_checked_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    let map = |command: &str, file: &Path| {
        let args = ["map", command, file.to_str().unwrap()].map(str::to_owned);
        let output = rsud(&args, &[]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    std::fs::write(&file, ROAD).unwrap();
    let (code, out, err) = map("check", &file);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("1 lanes") && out.contains("0 errors"), "{out}");
    let (code, out, _) = map("show", &file);
    assert!(code == Some(0) && out.contains("<svg") && out.trim_end().ends_with("</svg>"), "{out}");

    // A way on that starts where no lane ends is an error, and the exit code says so.
    let torn = format!(
        "{ROAD}stop_line = true\nconnections = [{{ to = \"next\", turn = \"straight\", points_m = [[80.0, 30.0], [120.0, 0.0]] }}]\n\n[[lanes]]\nid = \"next\"\nkind = \"vehicle\"\nwidth_m = 3.5\npoints_m = [[120.0, 0.0], [200.0, 0.0]]\n"
    );
    std::fs::write(&file, torn).unwrap();
    let (code, out, err) = map("check", &file);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.lines().next().unwrap().starts_with("error: "), "{out}");

    for (content, message) in [
        (ROAD.replace("version = 1", ""), "version: it is not given; expected version = 1"),
        (ROAD.replace("width_m = 7.0", "width_m = 7.0\ncolour = \"red\""), "colour"),
        // Keys are those of the file, which has no section.
        (ROAD.replace("version = 1", "version = 2"), "site.toml: version: 2 is not known"),
        (ROAD.replace("latitude_deg = 22.6913", "latitude_deg = 92.0"), "site.toml: latitude_deg, longitude_deg: "),
        (ROAD.replace("[-100.0, 0.0]", "[-1e5, 0.0]"), "site.toml: lanes[0].points_m: -100000 cannot be"),
        (ROAD.replace("\n\n", "\nnode = { region = 65536, id = 1 }\n\n"), "site.toml: node.region: 65536 cannot be"),
        (
            ROAD.replace("version = 1", "version = 1\nmap_file = \"x\""),
            "site.toml: map_file: the roads are given twice",
        ),
        (
            ROAD.replace("version", "[site]\nversion").replace("[[lanes", "[[site.lanes").replace("7.0", "99.0"),
            "site.toml: site.lanes, areas: ",
        ),
        ("00ff".into(), "MAP: "),
    ] {
        std::fs::write(&file, content).unwrap();
        let (code, _, err) = map("check", &file);
        assert!(code == Some(1) && err.contains(message) && err.contains("site.toml"), "{err}");
    }
    for example in ["../../deploy/rsud.toml", "../../bench/site.toml"] {
        let (code, out, err) = map("check", &Path::new(env!("CARGO_MANIFEST_DIR")).join(example));
        assert_eq!(code, Some(0), "{example}: {out}{err}");
    }
}
