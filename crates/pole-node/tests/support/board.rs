//! A board whose parts are values that a test sets and looks at.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::num::NonZeroU16;

use embedded_hal::{digital, pwm};
use pole_link::{ConfigKey, Medium, Millis, PoleAddress, ResetCause, Version};
use pole_node::board::{
    Acceleration, Acceleration3, AmbientLight, Board, Climate, ClimateReading, Contacts, Display, Energy,
    EnergyReading, HandOverSlot, Identity, Inputs, Inside, InsideReading, Layout, Link, Measured, Noise, PartFault,
    Particles, Rain, RoadReading, RoadSurface, SensorError, Shown, Visibility, WaterLevel, Wind, WindReading,
};
use pole_node::config::KeySpec;

use super::flash::{ERASE_SIZE, SimFlash};

pub const OWN_KEY: ConfigKey = ConfigKey(130);
pub const MAX_IMAGE_OCTETS: u32 = 200_000;
pub const HAND_OVER: u32 = 2 * ERASE_SIZE as u32;

#[derive(Debug, Clone, Default)]
pub struct SimLink {
    pub received: VecDeque<u8>,
    pub datagrams: VecDeque<Vec<u8>>,
    pub sent: Vec<u8>,
    /// So many octets are taken at once.
    pub room: usize,
}

impl Link for SimLink {
    fn try_read(&mut self, octets: &mut [u8]) -> usize {
        if let Some(datagram) = self.datagrams.pop_front() {
            octets[..datagram.len()].copy_from_slice(&datagram);
            return datagram.len();
        }
        let count = octets.len().min(self.received.len());
        for (place, octet) in octets.iter_mut().zip(self.received.drain(..count)) {
            *place = octet;
        }
        count
    }

    fn try_write(&mut self, octets: &[u8]) -> usize {
        let count = octets.len().min(self.room);
        self.sent.extend(&octets[..count]);
        count
    }

    fn is_flushed(&mut self) -> bool {
        self.sent.is_empty()
    }
}

#[derive(Debug, Clone, Default)]
pub struct SimLuminaire {
    pub duty: u16,
    pub broken: bool,
}

impl pwm::Error for PartError {
    fn kind(&self) -> pwm::ErrorKind {
        pwm::ErrorKind::Other
    }
}

#[derive(Debug)]
pub struct PartError;

impl pwm::ErrorType for SimLuminaire {
    type Error = PartError;
}

impl pwm::SetDutyCycle for SimLuminaire {
    fn max_duty_cycle(&self) -> u16 {
        u16::MAX
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), PartError> {
        if self.broken {
            return Err(PartError);
        }
        self.duty = duty;
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
pub struct SimBeacon {
    pub on: bool,
}

impl digital::ErrorType for SimBeacon {
    type Error = Infallible;
}

impl digital::OutputPin for SimBeacon {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.on = false;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.on = true;
        Ok(())
    }
}

#[derive(Debug, Clone, Default)]
pub struct SimDisplay {
    pub shown: Option<Shown>,
    pub broken: bool,
    pub changes: usize,
}

impl Display for SimDisplay {
    fn texts(&self) -> NonZeroU16 {
        NonZeroU16::new(40).unwrap()
    }

    fn show(&mut self, shown: Option<Shown>) -> Result<(), PartFault> {
        if self.broken {
            return Err(PartFault);
        }
        self.shown = shown;
        self.changes += 1;
        Ok(())
    }
}

/// A sensor that says what the test says.
#[derive(Debug, Clone)]
pub struct Says<T>(pub Measured<T>);

macro_rules! says {
    ($($sensor:ident -> $reading:ty),* $(,)?) => {
        $(impl $sensor for Says<$reading> {
            fn read(&mut self) -> Measured<$reading> {
                self.0
            }
        })*
    };
}

says! { Climate -> ClimateReading, Wind -> WindReading, Energy -> EnergyReading, RoadSurface -> RoadReading,
Inside -> InsideReading, AmbientLight -> i32, Rain -> i32, Visibility -> i32, Particles -> i32, Noise -> i32,
WaterLevel -> i32 }

impl Inputs for Says<Contacts> {
    fn fitted(&self) -> Contacts {
        Contacts(0b1_1011)
    }

    fn active(&mut self) -> Measured<Contacts> {
        self.0
    }
}

/// Says one reading each time that one is there.
#[derive(Debug, Clone)]
pub struct SimAcceleration {
    pub rest: Acceleration3,
    pub queued: VecDeque<Acceleration3>,
    pub fresh: bool,
}

impl Acceleration for SimAcceleration {
    fn read(&mut self) -> Measured<Acceleration3> {
        if let Some(reading) = self.queued.pop_front() {
            return Ok(reading);
        }
        if std::mem::take(&mut self.fresh) { Ok(self.rest) } else { Err(SensorError::NotReady) }
    }
}

#[derive(Debug, Clone)]
pub struct SimBoard {
    pub now: Millis,
    pub medium: Medium,
    pub address: PoleAddress,
    pub link: SimLink,
    pub luminaire: SimLuminaire,
    pub beacon: SimBeacon,
    pub display: Option<SimDisplay>,
    pub flash: Option<SimFlash>,
    pub bootloader: bool,
    pub cause: ResetCause,
    pub resets: Vec<ResetCause>,
    pub fed: u32,
    pub inputs: Says<Contacts>,
    pub climate: Says<ClimateReading>,
    pub light: Says<i32>,
    pub acceleration: SimAcceleration,
    pub wind: Says<WindReading>,
    pub rain: Says<i32>,
    pub visibility: Says<i32>,
    pub particles: Says<i32>,
    pub noise: Says<i32>,
    pub energy: Says<EnergyReading>,
    pub road: Says<RoadReading>,
    pub inside: Says<InsideReading>,
    pub water: Says<i32>,
}

impl SimBoard {
    /// A board on a fine day.
    pub fn new() -> Self {
        let rest = Acceleration3 { x_mg: 12, y_mg: -8, z_mg: 998 };
        Self {
            now: Millis(0),
            medium: Medium::Uart,
            address: PoleAddress::FIRST,
            link: SimLink { room: 64, ..SimLink::default() },
            luminaire: SimLuminaire::default(),
            beacon: SimBeacon::default(),
            display: Some(SimDisplay::default()),
            flash: Some(SimFlash::new(3)),
            bootloader: true,
            cause: ResetCause::POWER_ON,
            resets: Vec::new(),
            fed: 0,
            inputs: Says(Ok(Contacts::default())),
            climate: Says(Ok(ClimateReading {
                temperature_milli_celsius: 21_500,
                humidity_permille: Some(480),
                pressure_pa: Some(101_300),
            })),
            light: Says(Ok(12_000)),
            acceleration: SimAcceleration { rest, queued: VecDeque::new(), fresh: true },
            wind: Says(Ok(WindReading { speed_mm_per_s: 3200, from_cdeg: Some(27_000) })),
            rain: Says(Ok(0)),
            visibility: Says(Ok(20_000)),
            particles: Says(Ok(120)),
            noise: Says(Ok(550)),
            energy: Says(Ok(EnergyReading { energy_wh: 1000, power_mw: 45_000 })),
            road: Says(Ok(RoadReading {
                temperature_milli_celsius: 30_000,
                water_um: Some(0),
                ice_permille: Some(0),
                state: Some(pole_link::RoadState::DRY),
            })),
            inside: Says(Ok(InsideReading { temperature_milli_celsius: Some(40_000), supply_mv: Some(24_000) })),
            water: Says(Ok(0)),
        }
    }
}

impl Board for SimBoard {
    type Link = SimLink;
    type Luminaire = SimLuminaire;
    type Beacon = SimBeacon;
    type Flash = SimFlash;

    const KEYS: &'static [KeySpec] = &[
        KeySpec { key: OWN_KEY, min: -10, max: 10, default: 3 },
        KeySpec { key: ConfigKey::POWER_FAILURE_MV, min: 0, max: 30_000, default: 20_000 },
    ];

    fn identity(&self) -> Identity {
        Identity {
            serial: "SP-000042".try_into().unwrap(),
            model: "SIM-1".try_into().unwrap(),
            firmware: Version { major: 1, minor: 2, patch: 3 },
        }
    }

    fn address(&self) -> PoleAddress {
        self.address
    }

    fn medium(&self) -> Medium {
        self.medium
    }

    fn now(&self) -> Millis {
        self.now
    }

    fn reset_cause(&self) -> ResetCause {
        self.cause
    }

    fn reset(&mut self, cause: ResetCause) {
        self.resets.push(cause);
    }

    fn feed_watchdog(&mut self) {
        self.fed += 1;
    }

    fn link(&mut self) -> &mut SimLink {
        &mut self.link
    }

    fn luminaire(&mut self) -> Option<&mut SimLuminaire> {
        Some(&mut self.luminaire)
    }

    fn beacon(&mut self) -> Option<&mut SimBeacon> {
        Some(&mut self.beacon)
    }

    fn display(&mut self) -> Option<&mut dyn Display> {
        self.display.as_mut().map(|display| display as _)
    }

    fn flash(&mut self) -> Option<&mut SimFlash> {
        self.flash.as_mut()
    }

    fn layout(&self) -> Layout {
        let slot = HandOverSlot { offset: HAND_OVER, max_image_octets: MAX_IMAGE_OCTETS };
        Layout { settings: 0, hand_over: self.bootloader.then_some(slot) }
    }

    fn inputs(&mut self) -> Option<&mut dyn Inputs> {
        Some(&mut self.inputs)
    }

    fn climate(&mut self) -> Option<&mut dyn Climate> {
        Some(&mut self.climate)
    }

    fn ambient_light(&mut self) -> Option<&mut dyn AmbientLight> {
        Some(&mut self.light)
    }

    fn acceleration(&mut self) -> Option<&mut dyn Acceleration> {
        Some(&mut self.acceleration)
    }

    fn wind(&mut self) -> Option<&mut dyn Wind> {
        Some(&mut self.wind)
    }

    fn rain(&mut self) -> Option<&mut dyn Rain> {
        Some(&mut self.rain)
    }

    fn visibility(&mut self) -> Option<&mut dyn Visibility> {
        Some(&mut self.visibility)
    }

    fn particles(&mut self) -> Option<&mut dyn Particles> {
        Some(&mut self.particles)
    }

    fn noise(&mut self) -> Option<&mut dyn Noise> {
        Some(&mut self.noise)
    }

    fn energy(&mut self) -> Option<&mut dyn Energy> {
        Some(&mut self.energy)
    }

    fn road_surface(&mut self) -> Option<&mut dyn RoadSurface> {
        Some(&mut self.road)
    }

    fn inside(&mut self) -> Option<&mut dyn Inside> {
        Some(&mut self.inside)
    }

    fn water_level(&mut self) -> Option<&mut dyn WaterLevel> {
        Some(&mut self.water)
    }
}
