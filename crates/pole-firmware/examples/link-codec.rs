//! Does once everything that a pole's end does with frames, and nothing else: how large is that? `cargo xtask firmware size c` compares
//! it with the same in C. It is linked and never run.
#![no_std]
#![no_main]

use core::hint::black_box as unknown;
use core::panic::PanicInfo;

use pole_link::{Address, Deframer, Flags, Header, LinkCounters, MAX_FRAME, MAX_WIRE, ToEdge, ToPole, build, stuff};

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

// SAFETY: the linker script has no other symbol of this name.
#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let mut deframer = Deframer::new();
    let mut counters = LinkCounters::default();
    loop {
        if let Some(frame) = deframer.push(unknown(0), &mut counters) {
            unknown(&frame.header);
            if let Ok(message) = ToPole::read(frame.header.id, frame.body) {
                unknown(&message);
            }
        }
        let mut frame = [0; MAX_FRAME];
        let mut wire = [0; MAX_WIRE];
        let message: Option<&ToEdge> = unknown(None);
        if let Some(message) = message {
            let header = Header {
                destination: Address::EDGE,
                source: unknown(Address(1)),
                flags: unknown(Flags(0)),
                session: unknown(0),
                sequence: unknown(0),
                id: message.id(),
            };
            if let Ok(frame) = build(&header, &mut frame, |body| message.write(body)) {
                unknown(stuff(frame, &mut wire).is_ok());
                unknown(&wire);
            }
        }
    }
}
