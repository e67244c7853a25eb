//! The drivers against mocks of their buses and pins: each transfer is checked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

use std::collections::VecDeque;

use embedded_hal::i2c::ErrorKind;
use embedded_hal_mock::eh1::MockError;
use embedded_hal_mock::eh1::delay::NoopDelay;
use embedded_hal_mock::eh1::digital::{Mock as Pin, State, Transaction as PinStep};
use embedded_hal_mock::eh1::i2c::{Mock as Bus, Transaction as Step};
use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};
use pole_node::board::{
    Acceleration as _, Acceleration3, AmbientLight as _, Climate as _, ClimateReading, Contacts, Inputs as _,
    Link as _, SensorError,
};
use pole_node::drivers::{Bme280, IoLink, Level, Lis2dh12, Opt300x, PinInputs};

fn failed(step: Step) -> Step {
    step.with_error(ErrorKind::Other)
}

const BME: u8 = 0x76;

/// The trimming values of a real BME280: registers 0x88 to 0xA1, and 0xE1 to 0xE7.
const TRIMMING: ([u8; 26], [u8; 7]) = (
    [
        0xB1, 0x6F, 0x2E, 0x6A, 0x32, 0x00, 0xE2, 0x8F, 0x0A, 0xD7, 0xD0, 0x0B, 0x75, 0x1F, 0xC5, 0xFF, 0xF9, 0xFF,
        0xAC, 0x26, 0x0A, 0xD8, 0xBD, 0x10, 0x00, 0x4B,
    ],
    [0x77, 0x01, 0x00, 0x12, 0x20, 0x03, 0x1E],
);

#[test]
fn the_air_is_read_in_whole_numbers() {
    let (first, second) = TRIMMING;
    let write = |register: u8, value: u8| Step::write(BME, vec![register, value]);
    let steps = vec![
        write(0xE0, 0xB6),
        Step::write_read(BME, vec![0xF3], vec![0x01]),
        Step::write_read(BME, vec![0xF3], vec![0x00]),
        Step::write_read(BME, vec![0x88], first.to_vec()),
        Step::write_read(BME, vec![0xE1], second.to_vec()),
        write(0xF4, 0),
        write(0xF2, 0),
        write(0xF5, 0),
        write(0xF4, 0),
        // Once each, all the time.
        write(0xF4, 0),
        write(0xF2, 0x01),
        write(0xF5, 0),
        write(0xF4, 0x27),
        Step::write_read(BME, vec![0xF7], vec![0x4F, 0x57, 0x00, 0x84, 0x51, 0x00, 0x5E, 0xB4]),
        // What it says before it has measured.
        Step::write_read(BME, vec![0xF7], vec![0x80, 0x00, 0x00, 0x80, 0x00, 0x00, 0x80, 0x00]),
        failed(Step::write_read(BME, vec![0xF7], vec![0; 8])),
    ];
    let mut bus = Bus::new(&steps);
    let mut climate = Bme280::new(bus.clone(), BME, NoopDelay::new()).unwrap();
    let air =
        ClimateReading { temperature_milli_celsius: 27_380, humidity_permille: Some(328), pressure_pa: Some(101_222) };
    assert_eq!(climate.read(), Ok(air));
    assert_eq!(climate.read(), Err(SensorError::Fault));
    assert_eq!(climate.read(), Err(SensorError::Fault));
    climate.free();
    bus.done();
}

#[test]
fn daylight_is_read_in_whole_lux() {
    let at = 0x44;
    let steps = vec![
        Step::write(at, vec![0x01, 0xC8, 0x10]),
        Step::write(at, vec![0x01, 0xCE, 0x10]),
        // 2^5 hundredths times 1000, the most there is, and an exponent that does not exist.
        Step::write_read(at, vec![0x00], vec![0x53, 0xE8]),
        Step::write_read(at, vec![0x00], vec![0xBF, 0xFF]),
        failed(Step::write_read(at, vec![0x00], vec![0, 0])),
    ];
    let mut bus = Bus::new(&steps);
    let mut light = Opt300x::new(bus.clone(), opt300x::SlaveAddr::default()).unwrap();
    assert_eq!(light.read(), Ok(320));
    assert_eq!(light.read(), Ok(83_865));
    assert_eq!(light.read(), Err(SensorError::Fault));
    light.free();
    bus.done();
}

#[test]
fn accelerations_are_read_until_the_queue_is_empty() {
    let at = 0x18;
    let modify = |register: u8, before: u8, after: u8| {
        [Step::write_read(at, vec![register], vec![before]), Step::write(at, vec![register, after])]
    };
    let mut steps = vec![Step::write_read(at, vec![0x0F], vec![0x33])];
    steps.extend(modify(0x20, 0x07, 0x07));
    steps.extend(modify(0x23, 0x00, 0x08));
    steps.extend(modify(0x20, 0x07, 0x57));
    steps.extend(modify(0x23, 0x08, 0x88));
    steps.extend(modify(0x23, 0x88, 0xA8));
    steps.extend(modify(0x20, 0x57, 0x57));
    steps.extend(modify(0x24, 0x00, 0x40));
    steps.extend(modify(0x2E, 0x00, 0x80));
    steps.extend([
        Step::write_read(at, vec![0x2F], vec![0x02]),
        // 250 steps of 4 mg up, 25 back; all at the upper end of the words.
        Step::write_read(at, vec![0xA8], vec![0x00, 0x00, 0x70, 0xFE, 0xA0, 0x0F]),
        Step::write_read(at, vec![0x2F], vec![0x01]),
        Step::write_read(at, vec![0xA8], vec![0xF0, 0x7F, 0x00, 0x80, 0x00, 0x00]),
        Step::write_read(at, vec![0x2F], vec![0x00]),
        failed(Step::write_read(at, vec![0x2F], vec![0x00])),
    ]);
    let mut bus = Bus::new(&steps);
    let mut sensor = Lis2dh12::new(bus.clone(), lis2dh12::SlaveAddr::Default).unwrap();
    assert_eq!(sensor.read(), Ok(Acceleration3 { x_mg: 0, y_mg: -100, z_mg: 1000 }));
    assert_eq!(sensor.read(), Ok(Acceleration3 { x_mg: 8188, y_mg: -8192, z_mg: 0 }));
    assert_eq!(sensor.read(), Err(SensorError::NotReady));
    assert_eq!(sensor.read(), Err(SensorError::Fault));
    sensor.free();
    bus.done();
}

#[test]
fn a_device_that_is_another_is_no_accelerometer() {
    let mut bus = Bus::new(&[Step::write_read(0x18, vec![0x0F], vec![0x34])]);
    assert!(Lis2dh12::new(bus.clone(), lis2dh12::SlaveAddr::Default).is_err());
    bus.done();
}

#[test]
fn contacts_are_read_with_their_levels() {
    let pin = |states: &[State]| Pin::new(&states.iter().map(|state| PinStep::get(*state)).collect::<Vec<_>>());
    let door = pin(&[State::High, State::Low]);
    let button = pin(&[State::Low, State::High]);
    let mut inputs =
        PinInputs::new([(Contacts::DOOR_0, Level::High, door), (Contacts::EMERGENCY_CALL, Level::Low, button)]);
    assert_eq!(inputs.fitted(), Contacts::DOOR_0.with(Contacts::EMERGENCY_CALL));
    assert_eq!(inputs.active(), Ok(Contacts::DOOR_0.with(Contacts::EMERGENCY_CALL)));
    assert_eq!(inputs.active(), Ok(Contacts::default()));
    for mut pin in inputs.free() {
        pin.done();
    }
}

#[test]
fn a_pin_that_fails_is_a_fault() {
    let broken = MockError::Io(std::io::ErrorKind::NotConnected);
    let pin = Pin::new(&[PinStep::get(State::High).with_error(broken)]);
    let mut inputs = PinInputs::new([(Contacts::FLOOD, Level::High, pin)]);
    assert_eq!(inputs.active(), Err(SensorError::Fault));
    inputs.free()[0].done();
}

/// A line with the traits of `embedded-io` that takes four octets at once.
#[derive(Debug, Default)]
struct Line {
    received: VecDeque<u8>,
    sent: Vec<u8>,
    full: bool,
    flushed: bool,
    broken: bool,
}

impl ErrorType for Line {
    type Error = embedded_io::ErrorKind;
}

impl Line {
    fn works(&self) -> Result<(), embedded_io::ErrorKind> {
        if self.broken { Err(embedded_io::ErrorKind::BrokenPipe) } else { Ok(()) }
    }
}

impl Read for Line {
    fn read(&mut self, octets: &mut [u8]) -> Result<usize, Self::Error> {
        assert!(!self.received.is_empty(), "this would wait");
        let count = octets.len().min(self.received.len());
        for (place, octet) in octets.iter_mut().zip(self.received.drain(..count)) {
            *place = octet;
        }
        Ok(count)
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, Self::Error> {
        self.works().map(|()| !self.received.is_empty())
    }
}

impl Write for Line {
    fn write(&mut self, octets: &[u8]) -> Result<usize, Self::Error> {
        assert!(!self.full, "this would wait");
        let count = octets.len().min(4);
        self.sent.extend(&octets[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), Self::Error> {
        self.flushed = true;
        Ok(())
    }
}

impl WriteReady for Line {
    fn write_ready(&mut self) -> Result<bool, Self::Error> {
        self.works().map(|()| !self.full)
    }
}

#[test]
fn a_line_of_embedded_io_never_waits() {
    let mut link = IoLink::new(Line { received: [1, 2, 3].into(), ..Line::default() });
    let mut octets = [0; 2];
    assert_eq!((link.try_read(&mut octets), octets), (2, [1, 2]));
    assert_eq!(link.try_read(&mut octets), 1);
    assert_eq!(link.try_read(&mut octets), 0);
    assert_eq!(link.try_write(&[9; 7]), 4);
    assert!(link.is_flushed());
    let mut line = link.free();
    assert!(line.flushed);
    line.full = true;
    let mut link = IoLink::new(line);
    assert_eq!(link.try_write(&[9]), 0);
    let mut line = link.free();
    line.broken = true;
    let mut link = IoLink::new(line);
    assert_eq!((link.try_read(&mut octets), link.try_write(&[9])), (0, 0));
}
