//! What still decodes after any damage converts to protobuf and back without loss; nothing panics.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "a test reads its vectors")]

use std::path::Path;

use proptest::prelude::*;
use v2x_codec::{Message, Profile};

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            hex::decode(json["uper_hex"].as_str().unwrap()).unwrap()
        })
        .collect()
}

fn check(profile: Profile, octets: &[u8]) -> Result<bool, TestCaseError> {
    let message = match Message::from_uper(profile, octets) {
        Ok(message) => message,
        Err(error) => {
            prop_assert!(Message::fault_offset(profile, octets, &error) <= octets.len());
            return Ok(false);
        }
    };
    let canonical = message.to_uper();
    let json = message.to_json().unwrap();
    let content = message.to_content();
    let Ok(canonical) = canonical else { return Ok(false) };
    let again = Message::from_content(profile, &content);
    let again = again.map_err(|e| TestCaseError::fail(format!("{e}: {json}")))?;
    prop_assert!(again.to_uper().unwrap() == canonical, "protobuf changes {}", json);
    let again = Message::from_json(profile, &json.to_string()).unwrap();
    prop_assert!(again.to_uper().unwrap() == canonical, "JSON changes {}", json);
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_vectors(
        seed in 0_usize..9,
        flips in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..6),
        profile in prop_oneof![Just(Profile::Y2020), Just(Profile::Y2019)],
    ) {
        let mut octets = seeds()[seed].clone();
        for (index, bit) in flips {
            let index = index.index(octets.len());
            octets[index] ^= 1 << bit;
        }
        check(profile, &octets)?;
    }

    #[test]
    fn random_octets(
        octets in proptest::collection::vec(any::<u8>(), 0..200),
        profile in prop_oneof![Just(Profile::Y2020), Just(Profile::Y2019)],
    ) {
        check(profile, &octets)?;
    }
}
