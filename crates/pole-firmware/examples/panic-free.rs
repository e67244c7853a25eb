//! Proof by linking: what a pole does with octets from the line can nowhere panic.
//!
//! This is never run. It does everything that input can lead to, on octets that the compiler cannot know, and its panic handler
//! needs a function that does not exist. The linker takes only code that can be reached; so the program links only if the
//! compiler found no way from the line's octets into a panic. `cargo xtask firmware test` links it with each of
//!
//! * `panic_free="decoder"`: the deframer, frames and messages;
//! * `panic_free="end"`: the pole's end of the link, sending too;
//! * `panic_free="pole"`: the whole of the pole's application, on a board whose parts say whatever they like;
//! * `panic_free="control"`: as the first, and a way into a panic. Linking this must fail: so the proof can fail.
#![no_std]
#![no_main]

use core::hint::black_box as unknown;
use core::panic::PanicInfo;

unsafe extern "C" {
    /// Is not there.
    safe fn octets_from_the_line_can_lead_to_a_panic() -> !;
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    octets_from_the_line_can_lead_to_a_panic()
}

// SAFETY: the linker script has no other symbol of this name.
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    loop {
        #[cfg(not(any(panic_free = "end", panic_free = "pole")))]
        decoder::decode();
        #[cfg(panic_free = "end")]
        end::run();
        #[cfg(panic_free = "pole")]
        pole::run();
    }
}

#[cfg(not(panic_free = "pole"))]
/// Octets from the line, as many as there is room for at once.
fn octets() -> [u8; 512] {
    unknown([0; 512])
}

#[cfg(not(any(panic_free = "end", panic_free = "pole")))]
mod decoder {
    use pole_link::{Deframer, LinkCounters, ToPole};

    use super::{octets, unknown};

    pub(crate) fn decode() {
        let mut deframer = Deframer::new();
        let mut counters = LinkCounters::default();
        for octet in octets() {
            if let Some(frame) = deframer.push(octet, &mut counters) {
                unknown(ToPole::read(frame.header.id, frame.body).is_ok());
                #[cfg(panic_free = "control")]
                unknown(frame.body[unknown(3)]);
            }
        }
        unknown(counters);
    }
}

#[cfg(panic_free = "end")]
mod end {
    use pole_link::{
        AlarmKey, AlarmKind, Capabilities, ErrorCounters, LightMode, LinkCounters, MAX_WIRE, Medium, Millis, Outcome,
        Permille, PoleAddress, PoleConfig, PoleEnd, PoleEvent, PoleInfo, Readings, ResetCause, Sample, State, Version,
    };

    use super::{octets, unknown};

    pub(crate) fn run() {
        let info = PoleInfo {
            serial: heapless::String::new(),
            model: heapless::String::new(),
            firmware: Version::default(),
            capabilities: Capabilities::LUMINAIRE,
            reset_cause: ResetCause::UNKNOWN,
            errors: ErrorCounters::default(),
        };
        let (medium, boot_count) = unknown((Medium::Uart, 0));
        let mut end = PoleEnd::new(PoleConfig { address: PoleAddress::FIRST, medium, boot_count, info }, time());
        loop {
            let octets = octets();
            let mut rest = octets.as_slice();
            while let Some(event) = end.receive(time(), &mut rest) {
                answer(&mut end, &event);
            }
            if let Some(event) = end.receive_datagram(time(), &octets) {
                answer(&mut end, &event);
            }
            while let Some(event) = end.poll(time()) {
                unknown(event);
            }
            let key = AlarmKey { kind: unknown(AlarmKind::FLOOD), source: unknown(0) };
            unknown(end.raise(time(), key, unknown(true), unknown(0)).is_ok());
            end.send_state(unknown(State {
                level: Permille::MAX,
                target: Permille::MAX,
                mode: LightMode::SAFE,
                warning: None,
                beacon: false,
                safe: true,
                lost_telemetry: 0,
                link: LinkCounters::default(),
            }));
            let readings = unknown(Readings::new());
            let sample = Sample { number: unknown(0), taken_at: time(), backlog: unknown(false), readings };
            unknown(end.send_telemetry(sample).is_ok());
            let mut buffer = [0; MAX_WIRE];
            while let Some(octets) = end.poll_transmit(time(), &mut buffer) {
                unknown(octets);
            }
            unknown(end.next_deadline());
        }
    }

    fn answer(end: &mut PoleEnd, event: &PoleEvent) {
        unknown(event);
        if let PoleEvent::Command(ticket, _) = event {
            end.finish(*ticket, unknown(Outcome::Done));
        }
    }

    fn time() -> Millis {
        unknown(Millis(0))
    }
}

#[cfg(panic_free = "pole")]
mod pole {
    use core::convert::Infallible;

    use embedded_hal::{digital, pwm};
    use embedded_storage::nor_flash;
    use pole_firmware::simulated::{Sensors, Texts};
    use pole_link::{Medium, Millis, ResetCause, Version};
    use pole_node::Pole;
    use pole_node::board::{
        Acceleration, AmbientLight, Board, Climate, Display, Energy, HandOverSlot, Identity, Inputs, Inside, Layout,
        Link, Noise, Particles, Rain, RoadSurface, Visibility, WaterLevel, Wind,
    };

    use super::unknown;

    pub(crate) fn run() {
        let mut pole: Pole<_> = Pole::new(Any { part: Part, texts: Texts::default(), sensors: Sensors::default() });
        loop {
            unknown(pole.poll());
        }
    }

    /// A board that says whatever it likes.
    struct Any {
        part: Part,
        texts: Texts,
        sensors: Sensors,
    }

    struct Part;

    impl Any {
        fn sensors(&mut self) -> &mut Sensors {
            self.sensors.forced = unknown(self.sensors.forced);
            self.sensors.advance(unknown(Millis(0)), unknown(0));
            &mut self.sensors
        }
    }

    impl Board for Any {
        type Link = Part;
        type Luminaire = Part;
        type Beacon = Part;
        type Flash = Part;

        fn identity(&self) -> Identity {
            Identity { serial: heapless::String::new(), model: heapless::String::new(), firmware: Version::default() }
        }

        fn medium(&self) -> Medium {
            unknown(Medium::Uart)
        }

        fn now(&self) -> Millis {
            unknown(Millis(0))
        }

        fn reset_cause(&self) -> ResetCause {
            unknown(ResetCause::UNKNOWN)
        }

        fn reset(&mut self, cause: ResetCause) {
            unknown(cause);
        }

        fn feed_watchdog(&mut self) {}

        fn link(&mut self) -> &mut Part {
            &mut self.part
        }

        fn luminaire(&mut self) -> Option<&mut Part> {
            Some(&mut self.part)
        }

        fn beacon(&mut self) -> Option<&mut Part> {
            Some(&mut self.part)
        }

        fn flash(&mut self) -> Option<&mut Part> {
            Some(&mut self.part)
        }

        fn layout(&self) -> Layout {
            Layout { settings: 0, hand_over: Some(HandOverSlot { offset: 8192, max_image_octets: 48 * 1024 }) }
        }

        fn display(&mut self) -> Option<&mut dyn Display> {
            Some(&mut self.texts)
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

    impl Link for Part {
        fn try_read(&mut self, octets: &mut [u8]) -> usize {
            unknown(octets);
            unknown(0)
        }

        fn try_write(&mut self, octets: &[u8]) -> usize {
            unknown(octets);
            unknown(0)
        }

        fn is_flushed(&mut self) -> bool {
            unknown(true)
        }
    }

    impl pwm::ErrorType for Part {
        type Error = Infallible;
    }

    impl pwm::SetDutyCycle for Part {
        fn max_duty_cycle(&self) -> u16 {
            unknown(0)
        }

        fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Infallible> {
            unknown(duty);
            Ok(())
        }
    }

    impl digital::ErrorType for Part {
        type Error = Infallible;
    }

    impl digital::OutputPin for Part {
        fn set_low(&mut self) -> Result<(), Infallible> {
            unknown(Ok(()))
        }

        fn set_high(&mut self) -> Result<(), Infallible> {
            unknown(Ok(()))
        }
    }

    #[derive(Debug)]
    struct Broken;

    impl nor_flash::NorFlashError for Broken {
        fn kind(&self) -> nor_flash::NorFlashErrorKind {
            nor_flash::NorFlashErrorKind::Other
        }
    }

    impl nor_flash::ErrorType for Part {
        type Error = Broken;
    }

    impl nor_flash::ReadNorFlash for Part {
        const READ_SIZE: usize = 1;

        fn read(&mut self, _offset: u32, octets: &mut [u8]) -> Result<(), Broken> {
            unknown(octets);
            unknown(Ok(()))
        }

        fn capacity(&self) -> usize {
            16 * 1024
        }
    }

    impl nor_flash::NorFlash for Part {
        const WRITE_SIZE: usize = 4;
        const ERASE_SIZE: usize = 4096;

        fn erase(&mut self, _from: u32, _to: u32) -> Result<(), Broken> {
            unknown(Ok(()))
        }

        fn write(&mut self, _offset: u32, octets: &[u8]) -> Result<(), Broken> {
            unknown(octets);
            unknown(Ok(()))
        }
    }
}
