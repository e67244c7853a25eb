//! What happens when the stack is too short: it is at the very bottom of the RAM, so it would grow into addresses below, not
//! into other data; and the MPU lets nobody go there. Whoever tries gets a hard fault, which resets the pole and is reported.

use super::registers::{MPU_BASE, MPU_CONTROL, MPU_NUMBER, MPU_SIZE_AND_RIGHTS};

/// The 16 MiB below the RAM: no function's frame is so large that it could step over them.
const BELOW_RAM: u32 = 0x1F00_0000;
/// Log2 of its octets, less one, where the register wants it; enabled; no rights to anybody.
const SIZE_16_MIB_NO_ACCESS: u32 = 23 << 1 | 1;
const NO_EXECUTION: u32 = 1 << 28;
/// On; what is in no region is as without the MPU; hard fault and NMI run without it.
const ON: u32 = 1 | 1 << 2;

/// Puts the guard up.
pub(super) fn set_up() {
    MPU_NUMBER.write(0);
    MPU_BASE.write(BELOW_RAM);
    MPU_SIZE_AND_RIGHTS.write(SIZE_16_MIB_NO_ACCESS | NO_EXECUTION);
    MPU_CONTROL.write(ON);
    cortex_m::asm::dsb();
    cortex_m::asm::isb();
}
