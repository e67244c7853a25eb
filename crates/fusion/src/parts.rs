//! Switches for studies of what each part of the method brings.

/// What parts of the method are used: all, but for studies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "they are switches")]
pub struct Parts {
    /// Estimate each sensor's errors of pose and clock.
    pub registration: bool,
    /// Use velocities and speeds that sensors report.
    pub velocity: bool,
    /// Use Doppler speeds.
    pub doppler: bool,
    /// Expect no detection of what nearer participants hide.
    pub occlusion: bool,
    /// Use the sensors' own identities as hints.
    pub object_ids: bool,
    /// Estimate the GNSS error of connected participants.
    pub gnss_bias: bool,
    /// Model which point of an extended participant a sensor sees.
    pub reflection: bool,
    /// Run late frames again in the order of measurement; without it, a late frame counts as measured when the newest was.
    pub reordering: bool,
    /// Expect more acceleration along the direction of travel than across it.
    pub anisotropy: bool,
    /// Let classes decide which detection is of whom, and learn them.
    pub class: bool,
    /// Let two tracks that move as one become one.
    pub merging: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            registration: true,
            velocity: true,
            doppler: true,
            occlusion: true,
            object_ids: true,
            gnss_bias: true,
            reflection: true,
            reordering: true,
            anisotropy: true,
            class: true,
            merging: true,
        }
    }
}

impl Parts {
    /// The names of all parts.
    pub const NAMES: [&'static str; 11] = [
        "registration",
        "velocity",
        "doppler",
        "occlusion",
        "object_ids",
        "gnss_bias",
        "reflection",
        "reordering",
        "anisotropy",
        "class",
        "merging",
    ];

    /// Switches a part off by its name; false when there is none of that name.
    pub fn without(&mut self, name: &str) -> bool {
        let part = match name {
            "registration" => &mut self.registration,
            "velocity" => &mut self.velocity,
            "doppler" => &mut self.doppler,
            "occlusion" => &mut self.occlusion,
            "object_ids" => &mut self.object_ids,
            "gnss_bias" => &mut self.gnss_bias,
            "reflection" => &mut self.reflection,
            "reordering" => &mut self.reordering,
            "anisotropy" => &mut self.anisotropy,
            "class" => &mut self.class,
            "merging" => &mut self.merging,
            _ => return false,
        };
        *part = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_switches_one_part_off() {
        for name in Parts::NAMES {
            let mut parts = Parts::default();
            assert!(parts.without(name));
            assert_ne!(parts, Parts::default());
        }
        assert!(!Parts::default().without("magic"));
    }
}
