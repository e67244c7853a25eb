//! What a board must give, so that [`crate::Pole`] can run on it.
//!
//! An integrator writes one type for his board and implements [`Board`] for it. Parts that the board has not got need no code:
//! their methods say `None` unless they are overridden, and what the pole tells the edge about its parts follows from that.
//! Nothing here may wait: a call returns at once, or after as long as a transfer on a local bus takes.

use embedded_hal::digital::OutputPin;
use embedded_hal::pwm::SetDutyCycle;
use embedded_storage::nor_flash::NorFlash;
use heapless::String;
use pole_link::{Capabilities, Medium, Millis, PoleAddress, ResetCause, Version};

pub use crate::absent::{NoBeacon, NoFlash, NoLuminaire};
use crate::config::KeySpec;
pub use crate::parts::{
    Acceleration, Acceleration3, AmbientLight, Climate, ClimateReading, Contacts, Display, Energy, EnergyReading,
    Inputs, Inside, InsideReading, Measured, Noise, PartFault, Particles, Rain, RoadReading, RoadSurface, SensorError,
    Shown, Visibility, WaterLevel, Wind, WindReading,
};

/// A board: its clock, its link and its parts.
pub trait Board {
    /// The serial line, bus or socket to the edge.
    type Link: Link;
    /// The luminaire's dimmer; [`NoLuminaire`] if there is none.
    type Luminaire: SetDutyCycle;
    /// The beacon's switch; [`NoBeacon`] if there is none.
    type Beacon: OutputPin;
    /// Where settings are kept; [`NoFlash`] if there is nothing.
    type Flash: NorFlash;

    /// Keys of the integrator's own (128 and above), and keys of the node that have other bounds or another default on this
    /// board. At most [`crate::config::MAX_OWN_KEYS`] of the own are kept.
    const KEYS: &'static [KeySpec] = &[];

    /// Who the pole is.
    fn identity(&self) -> Identity;

    /// The pole's address on its medium: from switches or from manufacturing. A pole that has the medium to itself is 1.
    fn address(&self) -> PoleAddress {
        PoleAddress::FIRST
    }

    /// What the link runs over.
    fn medium(&self) -> Medium {
        Medium::Uart
    }

    /// The time since any start, such as the board's. It only goes forward.
    fn now(&self) -> Millis;

    /// Why the board started. After [`Board::reset`] and a panic or hard fault handler's reset it is what was noted then.
    fn reset_cause(&self) -> ResetCause;

    /// Resets the board, and has [`Board::reset_cause`] say `cause` after it: by a register or memory that a reset leaves alone.
    /// Returns only in simulations.
    fn reset(&mut self, cause: ResetCause);

    /// Keeps the watchdog from resetting the board for another period, which should be between 1 s and 10 s. If erasing a
    /// page of the flash stalls the processor, longer than that takes.
    fn feed_watchdog(&mut self);

    /// The link.
    fn link(&mut self) -> &mut Self::Link;

    /// The luminaire.
    fn luminaire(&mut self) -> Option<&mut Self::Luminaire> {
        None
    }

    /// The beacon, high when on.
    fn beacon(&mut self) -> Option<&mut Self::Beacon> {
        None
    }

    /// The warning display.
    fn display(&mut self) -> Option<&mut dyn Display> {
        None
    }

    /// The flash that [`Board::layout`] is about.
    fn flash(&mut self) -> Option<&mut Self::Flash> {
        None
    }

    /// Where in the flash what is kept.
    fn layout(&self) -> Layout {
        Layout { settings: 0, hand_over: None }
    }

    /// Contacts and the emergency call button.
    fn inputs(&mut self) -> Option<&mut dyn Inputs> {
        None
    }

    /// Temperature, humidity and pressure of the air.
    fn climate(&mut self) -> Option<&mut dyn Climate> {
        None
    }

    /// Daylight.
    fn ambient_light(&mut self) -> Option<&mut dyn AmbientLight> {
        None
    }

    /// Acceleration, for tilt and impact.
    fn acceleration(&mut self) -> Option<&mut dyn Acceleration> {
        None
    }

    /// Wind.
    fn wind(&mut self) -> Option<&mut dyn Wind> {
        None
    }

    /// Rain.
    fn rain(&mut self) -> Option<&mut dyn Rain> {
        None
    }

    /// Visibility.
    fn visibility(&mut self) -> Option<&mut dyn Visibility> {
        None
    }

    /// Particles.
    fn particles(&mut self) -> Option<&mut dyn Particles> {
        None
    }

    /// Noise.
    fn noise(&mut self) -> Option<&mut dyn Noise> {
        None
    }

    /// The energy meter.
    fn energy(&mut self) -> Option<&mut dyn Energy> {
        None
    }

    /// The road surface.
    fn road_surface(&mut self) -> Option<&mut dyn RoadSurface> {
        None
    }

    /// Inside the pole.
    fn inside(&mut self) -> Option<&mut dyn Inside> {
        None
    }

    /// Water at the pole's foot.
    fn water_level(&mut self) -> Option<&mut dyn WaterLevel> {
        None
    }
}

/// Who a pole is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Serial number, unique to the maker.
    pub serial: String<24>,
    /// Hardware model.
    pub model: String<16>,
    /// Firmware.
    pub firmware: Version,
}

/// Where in the flash what is kept. Offsets are multiples of the flash's erase size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Two pages: settings and their copy.
    pub settings: u32,
    /// The page that the bootloader reads; none if there is no bootloader that takes images.
    pub hand_over: Option<HandOverSlot>,
}

/// What the bootloader can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOverSlot {
    /// Where the record goes: one page.
    pub offset: u32,
    /// The longest image that it has room for.
    pub max_image_octets: u32,
}

/// Octets to and from the edge. For what implements the traits of `embedded-io`, there is [`crate::drivers::IoLink`].
///
/// On an RS-485 bus the implementation switches the transmitter on before the first octet and off behind the last, and begins
/// to send no sooner than two octets' time after the last octet came in.
pub trait Link {
    /// Takes octets that have come in, in order; on [`Medium::Udp`] one whole datagram. Returns how many, 0 if there are none.
    /// What was received with errors is handed in like any other: the frames have a CRC.
    fn try_read(&mut self, octets: &mut [u8]) -> usize;

    /// Hands octets to the line, as many as it takes without waiting; on [`Medium::Udp`] one whole datagram or nothing.
    /// Returns how many.
    fn try_write(&mut self, octets: &[u8]) -> usize;

    /// Whether all that was taken has left the board. Asked before a commanded reset.
    fn is_flushed(&mut self) -> bool;
}

/// What the edge is told about a board's parts.
pub(crate) fn capabilities<B: Board>(board: &mut B) -> Capabilities {
    let fitted = board.inputs().map_or(Contacts::default(), |inputs| inputs.fitted());
    let doors = Contacts::DOOR_0.with(Contacts::DOOR_1).with(Contacts::DOOR_2);
    let parts = [
        (board.luminaire().is_some(), Capabilities::LUMINAIRE),
        (board.display().is_some(), Capabilities::DISPLAY),
        (board.beacon().is_some(), Capabilities::BEACON),
        (board.climate().is_some(), Capabilities::CLIMATE),
        (board.ambient_light().is_some(), Capabilities::LIGHT_SENSOR),
        (board.wind().is_some(), Capabilities::WIND),
        (board.rain().is_some(), Capabilities::RAIN),
        (board.visibility().is_some(), Capabilities::VISIBILITY),
        (board.particles().is_some(), Capabilities::PARTICLES),
        (board.noise().is_some(), Capabilities::NOISE),
        (board.energy().is_some(), Capabilities::ENERGY),
        (board.road_surface().is_some(), Capabilities::ROAD_SURFACE),
        (board.acceleration().is_some(), Capabilities::ACCELERATION),
        (fitted.has_any(Contacts::EMERGENCY_CALL), Capabilities::EMERGENCY_CALL),
        (fitted.has_any(doors), Capabilities::DOOR),
        (fitted.has_any(Contacts::FLOOD), Capabilities::FLOOD),
        (board.flash().is_some() && board.layout().hand_over.is_some(), Capabilities::UPDATE),
    ];
    let there = parts.into_iter().filter(|(there, _)| *there);
    there.fold(Capabilities::default(), |all, (_, capability)| all.with(capability))
}
