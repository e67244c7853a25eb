//! What the tests share.
#![allow(dead_code, unreachable_pub, reason = "not every test uses all of it")]

pub mod app;
pub mod ledger;
pub mod wire;

use pole_link::{Capabilities, ErrorCounters, Medium, PoleAddress, PoleConfig, PoleInfo, ResetCause, Version};

pub fn info(serial: &str, reset_cause: ResetCause) -> PoleInfo {
    PoleInfo {
        serial: serial.try_into().unwrap(),
        model: "PS-POLE-4".try_into().unwrap(),
        firmware: Version { major: 1, minor: 4, patch: 2 },
        capabilities: Capabilities::LUMINAIRE.with(Capabilities::DISPLAY),
        reset_cause,
        errors: ErrorCounters::default(),
    }
}

pub fn pole_config(address: u8, medium: Medium, boot_count: u32, reset_cause: ResetCause) -> PoleConfig {
    let address = PoleAddress::try_from(address).unwrap();
    PoleConfig { address, medium, boot_count, info: info(&format!("SP-{}", address.get()), reset_cause) }
}
