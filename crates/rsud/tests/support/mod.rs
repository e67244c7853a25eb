//! What the end-to-end tests share: the real daemon as a child process, a broker, a subscriber, and waiting for
//! conditions instead of sleeping for luck.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]
#![allow(unreachable_pub, missing_docs, reason = "a module of tests")]
#![allow(dead_code, reason = "each test file uses its part")]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub mod control;
pub mod pole;
pub mod proxy;
pub mod relay;

use rsu_proto::{Message as _, v1};
use rumqttc::{
    Client, Event, IncomingPacketSizeLimit, MqttOptions, Packet, Publish, PublishOptions, PublishProperties, QoS,
};

pub const RSUD: &str = env!("CARGO_BIN_EXE_rsud");
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Polls until `probe` gives something; panics with `what` when it takes too long.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Runs a command of rsud to its end, with so much on its standard input.
pub fn rsud(args: &[impl AsRef<OsStr>], input: &[u8]) -> Output {
    let mut child = Command::new(RSUD)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A program that refuses its arguments does not read.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

pub fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

pub fn free_tcp_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A process that is killed at the end of the test.
pub struct Process {
    pub child: Child,
    pub lines: Arc<Mutex<Vec<String>>>,
}

impl Process {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let sink = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                sink.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Waits for the end and gives the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        wait_for("the end of the process", || self.child.try_wait().unwrap()).code()
    }

    /// SIGKILL, and the end of it.
    pub fn process_kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn log(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A real mosquitto on a free port.
pub struct Mosquitto {
    pub port: u16,
    pub process: Process,
    folder: tempfile::TempDir,
}

impl Mosquitto {
    pub fn start() -> Self {
        Self::start_on(free_tcp_port())
    }

    pub fn start_on(port: u16) -> Self {
        Self::run(port, &format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"))
    }

    /// With a listener of the test's own, and an open one beside it on `port`.
    pub fn start_with(listener: &str) -> Self {
        let port = free_tcp_port();
        let open = format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
        Self::run(port, &format!("per_listener_settings true\nmax_queued_messages 0\n{open}{listener}"))
    }

    /// One that a link is waiting for, on a port that answers only when a subscriber is there.
    pub fn start_behind(port: u16) -> (Self, Subscriber, proxy::Proxy) {
        let broker = Self::start();
        let subscriber = Subscriber::new(broker.port);
        let gate = proxy::Proxy::start_on(port, broker.port);
        (broker, subscriber, gate)
    }

    fn run(port: u16, config_text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("mosquitto.conf");
        std::fs::write(&config, config_text).unwrap();
        let binary = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"]
            .into_iter()
            .find(|path| Command::new(path).arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok())
            .expect("mosquitto is not installed; on Debian: apt-get install mosquitto");
        let process = Process::start(Command::new(binary).arg("-c").arg(&config));
        wait_for("mosquitto", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok());
        Self { port, process, folder }
    }
}

/// The embedded broker, in a process of its own.
pub struct Embedded {
    pub port: u16,
    pub process: Process,
}

impl Embedded {
    pub fn start() -> Self {
        let process = Process::start(Command::new(RSUD).arg("broker"));
        let port = wait_for("the embedded broker", || {
            let lines = process.lines.lock().unwrap();
            lines.iter().find_map(|line| line.rsplit_once(':')?.1.parse().ok())
        });
        Self { port, process }
    }
}

/// A message as it was published.
#[derive(Debug, Clone)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    pub retain: bool,
    pub content_type: Option<String>,
    pub schema: Option<String>,
    pub correlation: Option<Vec<u8>>,
    /// Over which connection of the subscriber it came.
    pub connection: usize,
}

/// A subscriber to everything.
pub struct Subscriber {
    messages: Arc<Mutex<Vec<Message>>>,
    subscriptions: Arc<AtomicUsize>,
    client: Client,
}

impl Subscriber {
    pub fn new(port: u16) -> Self {
        Self::with(port, "rsu/#", QoS::AtLeastOnce)
    }

    /// One that acknowledges nothing: what a broker that is killed had written to it is not reset away.
    pub fn at_most_once(port: u16) -> Self {
        Self::with(port, "rsu/#", QoS::AtMostOnce)
    }

    /// To topics of other platforms too.
    pub fn to(port: u16, filter: &'static str) -> Self {
        Self::with(port, filter, QoS::AtLeastOnce)
    }

    fn with(port: u16, filter: &'static str, qos: QoS) -> Self {
        let id = format!("test-{}-{}", std::process::id(), free_tcp_port());
        let mut options = MqttOptions::new(id, ("127.0.0.1", port));
        options.set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(4 << 20));
        options.set_keep_alive(60);
        let (client, mut connection) = Client::builder(options).capacity(16).build();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let subscriptions = Arc::new(AtomicUsize::new(0));
        let (sink, count, again) = (Arc::clone(&messages), Arc::clone(&subscriptions), client.clone());
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => again.try_subscribe(filter, qos).unwrap(),
                    Ok(Event::Incoming(Packet::SubAck(_))) => {
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        sink.lock().unwrap().push(message(publish, count.load(Ordering::Relaxed)));
                    }
                    Ok(_) => {}
                    Err(rumqttc::ConnectionError::RequestsDone) => return,
                    Err(_) => std::thread::sleep(Duration::from_millis(50)),
                }
            }
        });
        wait_for("the subscription", || (subscriptions.load(Ordering::Relaxed) > 0).then_some(()));
        Self { messages, subscriptions, client }
    }

    /// How often it has subscribed: once for each connection.
    pub fn subscriptions(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }

    /// Publishes octets over the same connection, with a response topic and correlation data.
    pub fn ask(&self, topic: &str, payload: Vec<u8>, reply_to: Option<(&str, &[u8])>) {
        let properties = PublishProperties {
            response_topic: reply_to.map(|(topic, _)| topic.to_owned()),
            correlation_data: reply_to.map(|(_, data)| data.to_vec().into()),
            ..PublishProperties::default()
        };
        let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
        self.client.publish(topic, payload, options).unwrap();
    }

    /// Publishes over the same connection.
    pub fn publish(&self, topic: &str, payload: &str) {
        self.client.publish(topic, payload.as_bytes().to_vec(), PublishOptions::new(QoS::AtLeastOnce)).unwrap();
    }

    pub fn messages(&self) -> Vec<Message> {
        self.messages.lock().unwrap().clone()
    }

    /// Waits for the first message for which `pick` gives something.
    pub fn wait<T>(&self, what: &str, pick: impl Fn(&Message) -> Option<T>) -> T {
        wait_for(what, || self.messages.lock().unwrap().iter().find_map(&pick))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let _ = self.client.try_disconnect();
    }
}

fn message(publish: Publish, connection: usize) -> Message {
    let properties = publish.properties.unwrap_or_default();
    Message {
        topic: String::from_utf8(publish.topic.to_vec()).unwrap(),
        payload: publish.payload.to_vec(),
        retain: publish.retain,
        correlation: properties.correlation_data.map(|data| data.to_vec()),
        content_type: properties.content_type,
        schema: properties.user_properties.into_iter().find(|(name, _)| name == "schema").map(|(_, value)| value),
        connection,
    }
}

/// The real daemon with a configuration in a folder of its own.
pub struct Rsud {
    pub process: Process,
    pub folder: tempfile::TempDir,
}

impl Rsud {
    /// Starts the daemon; `extra` is added to a configuration with all three adapters on free ports.
    pub fn start(broker_port: u16, extra: &str) -> Self {
        Self::start_with(&config(broker_port, extra))
    }

    pub fn start_with(config: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), config)
    }

    /// With a configuration in a folder that holds what it refers to.
    pub fn start_in(folder: tempfile::TempDir, config: &str) -> Self {
        let file = folder.path().join("rsud.toml");
        std::fs::write(&file, config).unwrap();
        let process = Process::start(Command::new(RSUD).args(["run", "--config"]).arg(&file));
        Self { process, folder }
    }

    /// Where an adapter listens: the log says it.
    pub fn address(&self, adapter: &str) -> SocketAddr {
        wait_for(&format!("adapter {adapter}"), || {
            let lines = self.process.lines.lock().unwrap();
            lines.iter().find_map(|line| {
                let json: serde_json::Value = serde_json::from_str(line).ok()?;
                (json["message"] == "ready" && json["adapter"] == adapter)
                    .then(|| json["address"].as_str().unwrap().parse().unwrap())
            })
        })
    }

    pub fn wait_for_broker(&self) {
        wait_for("the broker link", || self.process.log().contains("broker connected").then_some(()));
    }
}

/// A configuration with all three adapters on free ports, a small map and one sensor.
pub fn config(broker_port: u16, extra: &str) -> String {
    format!(
        r#"
[rsu]
id = "test-rsu"
health_period_s = 1
[pc5]
listen = "127.0.0.1:0"
{extra}
[v2x_udp]
listen = "127.0.0.1:0"
[sensor_udp]
listen = "127.0.0.1:0"
[[sensors]]
id = "lidar-1"
kind = "lidar"
pose = {{ x_m = 0.0, y_m = 10.0, heading_deg = 90.0 }}
field_of_view_deg = 360.0
range_m = 200.0
latency_ms = 0
classes = {{ CAR = "car", PERSON = "pedestrian" }}
[log]
format = "json"
[site]
latitude_deg = 22.6913
longitude_deg = 114.3471
[[site.lanes]]
id = "eastbound"
kind = "vehicle"
width_m = 3.5
points_m = [[-150.0, 0.0], [150.0, 0.0]]
[cloud]
broker = "mqtt://127.0.0.1:{broker_port}"
keep_alive_s = 20
"#
    )
}

pub fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../v2x-codec/tests/vectors")
}

pub fn vector(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(vectors().join(format!("{name}.json"))).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    hex::decode(json["uper_hex"].as_str().unwrap()).unwrap()
}

pub fn udp() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}

pub fn now_us() -> i64 {
    rsud::clock::now().as_micros()
}

/// A frame of the lidar at (0, 10), which looks east: one object at (x, y) in site metres.
pub fn lidar(sequence: u64, objects: &[(u64, f64, f64, f64, &str)]) -> Vec<u8> {
    let detections = objects
        .iter()
        .map(|(object_id, x, y, velocity, label)| v1::Detection {
            object_id: *object_id,
            position: Some(v1::detection::Position::SensorPosition(v1::SensorPosition {
                x_m: *x,
                y_m: *y - 10.0,
                z_m: None,
            })),
            velocity_x_mps: Some(*velocity),
            velocity_y_mps: Some(0.0),
            class_label: (*label).into(),
            length_m: Some(if *label == "CAR" { 4.5 } else { 0.5 }),
            width_m: Some(if *label == "CAR" { 1.8 } else { 0.5 }),
            confidence: Some(0.95),
            ..v1::Detection::default()
        })
        .collect();
    let frame = v1::DetectionFrame { sensor_id: "lidar-1".into(), sequence, measured_at_us: now_us(), detections };
    frame.encode_to_vec()
}
