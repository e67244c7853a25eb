//! Every valid message survives: UPER → types → UPER, JSON and protobuf and back, for arbitrary values of every type,
//! those of later editions of the standard included.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

mod support;

use support::{arbitrary, kinds};
use v2x_codec::{Kind, Message, Profile};

/// Messages of each kind and profile.
const MESSAGES: u64 = 10_000;

fn check(profile: Profile, kind: Kind, seed: u64) {
    let message = arbitrary(profile, kind, seed, true);
    let context = || format!("{kind:?} of {profile:?}, seed {seed}: {}", message.to_json());
    let octets = message.to_uper().unwrap_or_else(|error| panic!("{error}: {}", context()));

    let decoded = Message::from_uper(profile, &octets).unwrap_or_else(|error| panic!("{error}: {}", context()));
    assert_eq!(decoded, message, "UPER changes {}", context());
    assert_eq!(decoded.kind(), kind);

    let content = message.to_content();
    let again = Message::from_content(profile, &content, message.frame_extensions().as_ref())
        .unwrap_or_else(|error| panic!("{error}: {}", context()));
    assert_eq!(again.to_uper().unwrap(), octets, "protobuf changes {}", context());

    if seed.is_multiple_of(4) {
        let text = message.to_json().to_string();
        let again = Message::from_json(profile, &text).unwrap_or_else(|error| panic!("{error}: {}", context()));
        assert_eq!(again, message, "JSON changes {}", context());
    }
}

/// One test a kind, so that they run side by side.
macro_rules! kinds_survive {
    ($($name:ident $kind:ident $later:literal,)*) => {$(
        #[test]
        fn $name() {
            for profile in Profile::ALL {
                if kinds(profile).contains(&Kind::$kind) || $later {
                    for seed in 0..MESSAGES {
                        check(profile, Kind::$kind, seed);
                    }
                }
            }
        }
    )*};
}

kinds_survive! {
    bsm Bsm false,
    map Map false,
    rsm Rsm false,
    spat Spat false,
    rsi Rsi false,
    test Test false,
    rtcm Rtcm false,
    rsc Rsc false,
    ssm Ssm false,
    vir Vir false,
    pam Pam false,
    psm Psm false,
    clpmm Clpmm false,
    vpm Vpm false,
    unknown Unknown true,
}
