//! The board's registers by their addresses.

/// One register of 32 bits.
pub(super) struct Register(usize);

impl Register {
    /// What it holds.
    pub(super) fn read(&self) -> u32 {
        // SAFETY: the constants below are the only registers there are. Each is an aligned 32-bit register of the board's memory
        // map, where a read of any width up to that is defined, and no Rust object lies there.
        unsafe { core::ptr::with_exposed_provenance::<u32>(self.0).read_volatile() }
    }

    /// Writes it.
    pub(super) fn write(&self, value: u32) {
        // SAFETY: as for `read`. What a write can do to memory safety: the MPU's registers can only take rights away as
        // `guard` uses them, and none of the peripherals has DMA.
        unsafe { core::ptr::with_exposed_provenance_mut::<u32>(self.0).write_volatile(value) }
    }
}

/// CMSDK UART 0: data.
pub(super) const UART_DATA: Register = Register(0x4000_4000);
/// Its state: 1 transmit buffer full, 2 receive buffer full.
pub(super) const UART_STATE: Register = Register(0x4000_4004);
/// What of it is on: 1 transmitter, 2 receiver, 4 and 8 their interrupts.
pub(super) const UART_CONTROL: Register = Register(0x4000_4008);
/// Its interrupts, cleared by writing them: 1 transmit, 2 receive.
pub(super) const UART_INTERRUPT: Register = Register(0x4000_400C);
/// Bus clocks per bit.
pub(super) const UART_BAUD_DIVIDER: Register = Register(0x4000_4010);

/// CMSDK watchdog: counts down from here.
pub(super) const WATCHDOG_LOAD: Register = Register(0x4000_8000);
/// 1: the first time it is at 0 it interrupts; 2: the second time it resets.
pub(super) const WATCHDOG_CONTROL: Register = Register(0x4000_8008);
/// A write ends the interrupt and starts from the beginning.
pub(super) const WATCHDOG_CLEAR: Register = Register(0x4000_800C);
/// The others take no writes unless this has the key.
pub(super) const WATCHDOG_LOCK: Register = Register(0x4000_8C00);

/// The two LEDs of the FPGA's input and output block.
pub(super) const LEDS: Register = Register(0x4002_8000);

/// Its counter, up, as often as the prescaler lets it.
pub(super) const COUNTER: Register = Register(0x4002_8018);
/// Bus clocks per count, less one.
pub(super) const COUNTER_PRESCALER: Register = Register(0x4002_801C);

/// The MPU: whether it is on.
pub(super) const MPU_CONTROL: Register = Register(0xE000_ED94);
/// Which region the two below are about.
pub(super) const MPU_NUMBER: Register = Register(0xE000_ED98);
/// Where the region begins.
pub(super) const MPU_BASE: Register = Register(0xE000_ED9C);
/// Its size and rights.
pub(super) const MPU_SIZE_AND_RIGHTS: Register = Register(0xE000_EDA0);
