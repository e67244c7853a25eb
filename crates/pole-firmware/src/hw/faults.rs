//! When the program goes wrong: it is noted where, and the pole starts afresh. What was noted is reported after the start.

use core::panic::PanicInfo;

use cortex_m::peripheral::SCB;
use pole_firmware::kept::Place;
use pole_link::ResetCause;

use super::memory;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    let mut kept = memory::kept().note(ResetCause::PANIC);
    kept.panic = info.location().map_or(Place::default(), |place| Place::new(place.file(), place.line()));
    memory::keep(&kept);
    restart()
}

/// Where the processor goes on a fault. All others are hard faults too, for none is enabled by itself. The stack may be full: that can be
/// what the fault is about. So it is begun anew, because nobody returns from here; before that, what the processor left on it
/// says where the fault was, unless that was not to be had either.
// SAFETY: the linker script's table wants this symbol; it is reached by exception only, and never returns.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn HardFault() -> ! {
    core::arch::naked_asm!(
        "movs r0, #0",
        "mov r2, sp",
        "ldr r1, =_stack_end",
        "cmp r2, r1",
        "blo 1f",
        "ldr r0, [r2, #24]",
        "1:",
        "ldr r1, =_stack_start",
        "msr msp, r1",
        "b {hard_fault}",
        ".ltorg",
        hard_fault = sym hard_fault,
    )
}

/// Notes a hard fault at an address and resets.
pub(super) extern "C" fn hard_fault(at: u32) -> ! {
    cortex_m::interrupt::disable();
    let mut kept = memory::kept().note(ResetCause::HARD_FAULT);
    kept.fault_at = at;
    memory::keep(&kept);
    restart()
}

/// Resets the pole for a reason.
pub(crate) fn reset(cause: ResetCause) -> ! {
    cortex_m::interrupt::disable();
    memory::keep(&memory::kept().note(cause));
    restart()
}

/// Resets the pole: all of the chip but memory.
pub(super) fn restart() -> ! {
    SCB::sys_reset()
}
