//! Switches for studies of what each part of the method brings.

/// From the list of all parts: the switches, their names, all on, and one off by its name.
macro_rules! parts {
    ($($(#[doc = $doc:literal])+ $part:ident,)+) => {
        /// What parts of the method are used: all, but for studies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(clippy::struct_excessive_bools, reason = "they are switches")]
        pub struct Parts {
            $($(#[doc = $doc])+ pub $part: bool,)+
        }

        impl Default for Parts {
            fn default() -> Self {
                Self { $($part: true,)+ }
            }
        }

        impl Parts {
            /// The names of all parts.
            pub const NAMES: [&'static str; [$(stringify!($part)),+].len()] = [$(stringify!($part)),+];

            /// Switches a part off by its name; false when there is none of that name.
            pub fn without(&mut self, name: &str) -> bool {
                let part = match name {
                    $(stringify!($part) => &mut self.$part,)+
                    _ => return false,
                };
                *part = false;
                true
            }
        }
    };
}

parts! {
    /// Estimate each sensor's errors of pose and clock.
    registration,
    /// Use velocities and speeds that sensors report.
    velocity,
    /// Use Doppler speeds.
    doppler,
    /// Expect no detection of what nearer participants hide.
    occlusion,
    /// Use the sensors' own identities as hints.
    object_ids,
    /// Estimate the GNSS error of connected participants.
    gnss_bias,
    /// Model which point of an extended participant a sensor sees.
    reflection,
    /// Run late frames again in the order of measurement; without it, a late frame counts as measured when the newest was.
    reordering,
    /// Expect more acceleration along the direction of travel than across it.
    anisotropy,
    /// Let classes decide which detection is of whom, and learn them.
    class,
    /// Let two tracks that move as one become one.
    merging,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_switches_another_part_off() {
        let mut known = vec![Parts::default()];
        for name in Parts::NAMES {
            let mut parts = Parts::default();
            assert!(parts.without(name));
            assert!(!known.contains(&parts), "{name}");
            known.push(parts);
        }
        assert!(!Parts::default().without("magic"));
    }
}
