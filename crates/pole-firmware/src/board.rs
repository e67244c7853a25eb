//! The emulated board as the node wants one: what hardware there is, and the simulation for the rest.

use core::convert::Infallible;

use embedded_hal::digital;
use pole_firmware::factory::{self, Factory};
use pole_firmware::flash::{Memory, PAGE_OCTETS, SimulatedFlash};
#[cfg(feature = "test-hooks")]
use pole_firmware::hooks;
use pole_firmware::simulated::{Dimmer, Sensors, Texts};
use pole_link::{Medium, Millis, PoleAddress, ResetCause, Version};
use pole_node::board::{
    Acceleration, AmbientLight, Board, Climate, Display, Energy, HandOverSlot, Identity, Inputs, Inside, Layout, Link,
    Noise, Particles, Rain, RoadSurface, Visibility, WaterLevel, Wind,
};

use crate::hw::{self, Clock, Hardware, Uart, Watchdog};

/// The node's settings are in the first two pages, what it hands over to a bootloader in the third.
const HAND_OVER_PAGE: u32 = 2;
/// A bootloader would have as much room for an image as the flash has for ours.
const MAX_IMAGE_OCTETS: u32 = 48 * 1024;

/// The board.
pub(crate) struct EmulatedBoard {
    clock: Clock,
    uart: Uart,
    watchdog: Watchdog,
    beacon: Beacon,
    dimmer: Dimmer,
    texts: Texts,
    sensors: Sensors,
    flash: SimulatedFlash<Storage>,
    factory: Factory,
    reset_cause: ResetCause,
}

impl EmulatedBoard {
    /// The board that was reset for this cause.
    pub(crate) fn new(hardware: Hardware, reset_cause: ResetCause) -> Self {
        let mut page = [0; factory::OCTETS];
        for (index, octet) in page.iter_mut().enumerate() {
            *octet = hw::factory_octet(index).unwrap_or_default();
        }
        let Hardware { clock, uart, watchdog, beacon } = hardware;
        Self {
            clock,
            uart,
            watchdog,
            beacon: Beacon(beacon),
            dimmer: Dimmer::default(),
            texts: Texts::default(),
            sensors: Sensors::default(),
            flash: SimulatedFlash(Storage),
            factory: Factory::read(&page).unwrap_or_default(),
            reset_cause,
        }
    }

    /// The line.
    pub(crate) fn uart(&self) -> &Uart {
        &self.uart
    }

    /// What the sensors are to say.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn force(&mut self, forced: pole_firmware::simulated::Forced) {
        self.sensors.forced = forced;
    }

    fn sensors(&mut self) -> &mut Sensors {
        self.sensors.advance(self.clock.now(), self.dimmer.permille());
        &mut self.sensors
    }
}

impl Board for EmulatedBoard {
    type Link = Uart;
    type Luminaire = Dimmer;
    type Beacon = Beacon;
    type Flash = SimulatedFlash<Storage>;

    #[cfg(feature = "test-hooks")]
    const KEYS: &'static [pole_node::config::KeySpec] = &hooks::KEYS;

    fn identity(&self) -> Identity {
        Identity {
            serial: self.factory.serial.clone(),
            model: "MPS2-AN386".try_into().unwrap_or_default(),
            firmware: Version { major: 0, minor: 1, patch: 0 },
        }
    }

    fn address(&self) -> PoleAddress {
        self.factory.address
    }

    fn medium(&self) -> Medium {
        self.factory.medium
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn reset_cause(&self) -> ResetCause {
        self.reset_cause
    }

    fn reset(&mut self, cause: ResetCause) {
        hw::reset(cause)
    }

    fn feed_watchdog(&mut self) {
        self.watchdog.feed();
    }

    fn link(&mut self) -> &mut Uart {
        &mut self.uart
    }

    fn luminaire(&mut self) -> Option<&mut Dimmer> {
        Some(&mut self.dimmer)
    }

    fn beacon(&mut self) -> Option<&mut Beacon> {
        Some(&mut self.beacon)
    }

    fn display(&mut self) -> Option<&mut dyn Display> {
        Some(&mut self.texts)
    }

    fn flash(&mut self) -> Option<&mut SimulatedFlash<Storage>> {
        Some(&mut self.flash)
    }

    fn layout(&self) -> Layout {
        let offset = HAND_OVER_PAGE * PAGE_OCTETS as u32;
        Layout { settings: 0, hand_over: Some(HandOverSlot { offset, max_image_octets: MAX_IMAGE_OCTETS }) }
    }

    fn inputs(&mut self) -> Option<&mut dyn Inputs> {
        Some(self.sensors())
    }

    fn climate(&mut self) -> Option<&mut dyn Climate> {
        Some(self.sensors())
    }

    fn ambient_light(&mut self) -> Option<&mut dyn AmbientLight> {
        Some(self.sensors())
    }

    fn acceleration(&mut self) -> Option<&mut dyn Acceleration> {
        Some(self.sensors())
    }

    fn wind(&mut self) -> Option<&mut dyn Wind> {
        Some(self.sensors())
    }

    fn rain(&mut self) -> Option<&mut dyn Rain> {
        Some(self.sensors())
    }

    fn visibility(&mut self) -> Option<&mut dyn Visibility> {
        Some(self.sensors())
    }

    fn particles(&mut self) -> Option<&mut dyn Particles> {
        Some(self.sensors())
    }

    fn noise(&mut self) -> Option<&mut dyn Noise> {
        Some(self.sensors())
    }

    fn energy(&mut self) -> Option<&mut dyn Energy> {
        Some(self.sensors())
    }

    fn road_surface(&mut self) -> Option<&mut dyn RoadSurface> {
        Some(self.sensors())
    }

    fn inside(&mut self) -> Option<&mut dyn Inside> {
        Some(self.sensors())
    }

    fn water_level(&mut self) -> Option<&mut dyn WaterLevel> {
        Some(self.sensors())
    }
}

impl Link for Uart {
    fn try_read(&mut self, octets: &mut [u8]) -> usize {
        self.read(octets)
    }

    fn try_write(&mut self, octets: &[u8]) -> usize {
        self.write(octets)
    }

    fn is_flushed(&mut self) -> bool {
        self.is_empty()
    }
}

/// The beacon's LED.
pub(crate) struct Beacon(hw::Led);

impl digital::ErrorType for Beacon {
    type Error = Infallible;
}

impl digital::OutputPin for Beacon {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0.set(false);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0.set(true);
        Ok(())
    }
}

/// The memory that stands for flash.
pub(crate) struct Storage;

impl Memory for Storage {
    const OCTETS: usize = hw::STORAGE_OCTETS;

    fn get(&self, index: usize) -> u8 {
        hw::storage_octet(index).unwrap_or_default()
    }

    fn put(&mut self, index: usize, octet: u8) {
        hw::store_octet(index, octet);
    }
}
