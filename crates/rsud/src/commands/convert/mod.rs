//! `rsud decode` and `rsud encode`: messages as they are on the air, and as JSON.

mod decode;
mod encode;

use clap::ValueEnum;
use v2x_codec::Profile;

pub use decode::{Decoding, InputFormat, OutputFormat, decode, decode_capture};
pub use encode::encode;

/// What is around the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layer {
    /// Find out; a vendor's header cannot be found out.
    Auto,
    /// A network-layer frame.
    Dsmp,
    /// Nothing.
    Uper,
    /// A vendor's header, described by `--vendor-header`.
    Vendor,
    /// The text form of RSU specification 4.1.
    ImmediateForward,
}

/// Edition of the message set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileArg {
    /// T/CSAE 53-2020 and T/CSAE 157-2020.
    #[value(name = "2020")]
    Y2020,
    /// The draft of 2019.
    #[value(name = "2019")]
    Y2019,
    /// The first of 2020 and 2019 that reads the frame to its last octet.
    Auto,
}

impl From<ProfileArg> for Profile {
    fn from(arg: ProfileArg) -> Self {
        match arg {
            ProfileArg::Y2020 | ProfileArg::Auto => Self::Y2020,
            ProfileArg::Y2019 => Self::Y2019,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RSM: &str = "20131323334350000004ce3d680b06e03ff00040002664ccd569f9f811d71d944010269e80000000";

    fn decode_text(text: &str, layer: Layer) -> (bool, Vec<Value>) {
        decode_as(text, layer, OutputFormat::Json)
    }

    fn decode_as(text: &str, layer: Layer, format: OutputFormat) -> (bool, Vec<Value>) {
        let mut output = Vec::new();
        let decoding = Decoding { layer, profile: ProfileArg::Y2020, output: format, vendor: None };
        let all = decode(text.as_bytes(), &mut output, InputFormat::Hex, &decoding).unwrap();
        let lines = String::from_utf8(output).unwrap();
        (all, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn encode_text(text: &str) -> (bool, String) {
        let mut output = Vec::new();
        let all = encode(text.as_bytes(), &mut output, Profile::Y2020).unwrap();
        (all, String::from_utf8(output).unwrap())
    }

    #[test]
    fn encode_is_the_inverse_of_decode() {
        let framed = format!("04008da7{:04x}{RSM}", RSM.len() / 2);
        let extended = format!("0410010702abcd8da7{:04x}{RSM}", RSM.len() / 2);
        let (all, values) = decode_text(&format!("# a comment\n\n{RSM}\n  {framed}\n{extended}"), Layer::Auto);
        assert!(all);
        assert_eq!(values[1]["dsmp"]["aid"], 3623);
        assert_eq!(values[1]["dsmp"]["message"], values[0]);
        let text: String = values.iter().flat_map(|value| [value.to_string(), "\n".into()]).collect();
        assert_eq!(encode_text(&text), (true, format!("{RSM}\n{framed}\n{extended}\n")));
    }

    #[test]
    fn faults_have_offset_and_reason_and_the_rest_goes_on() {
        let (all, values) = decode_text(&format!("{RSM}00\nzz\n{}\n{RSM}", &RSM[..20]), Layer::Uper);
        assert!(!all);
        assert_eq!(
            values[0]["error"],
            json!({
                "offset": 40, "kind": "left_over", "reason": "1 octets are left over after a message of 40 octets; wrong profile?"
            })
        );
        assert_eq!(values[1]["error"]["kind"], "hex");
        assert_eq!(values[2]["error"]["offset"], 10);
        assert!(values[3].get("rsmFrame").is_some());
        let (_, values) = decode_text(&format!("04008da7{:04x}{}", RSM.len() / 2, &RSM[2..]), Layer::Auto);
        assert_eq!(values[0]["error"]["kind"], "dsmp_incomplete");
        let (all, values) = decode_text(&format!("04008da7{:04x}{RSM}00", RSM.len() / 2), Layer::Dsmp);
        assert_eq!((all, &values[0]["error"]["kind"]), (false, &json!("dsmp_left_over")));
    }

    #[test]
    fn what_cannot_be_encoded_is_told() {
        let (all, text) = encode_text("{\"dsmp\":{\"aid\":99999}} {\"rsmFrame\":{}} nonsense");
        assert!(!all);
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.contains("error")), "{text}");
    }

    #[test]
    fn an_endless_line_is_one_fault() {
        let (all, values) = decode_text(&format!("{}\n{RSM}", "ab".repeat(300_000)), Layer::Auto);
        assert_eq!((all, values.len()), (false, 2));
        assert!(values[1].get("rsmFrame").is_some());
    }

    #[test]
    fn the_contract_of_the_cloud_is_shown_and_read_back() {
        let framed = format!("04008da7{:04x}{RSM}", RSM.len() / 2);
        let (all, values) = decode_as(&format!("{RSM}\n{framed}"), Layer::Auto, OutputFormat::ProtoJson);
        assert!(all);
        assert_eq!((&values[0]["profile"], &values[1]["aid"]), (&json!("PROFILE_2020"), &json!(3623)));
        assert!(values[0]["rsm"]["participants"].is_array());
        // Octets or content: either makes the message again.
        let mut without_octets = values[0].clone();
        without_octets.as_object_mut().unwrap().remove("octets");
        let mut without_content = values[0].clone();
        without_content.as_object_mut().unwrap().remove("rsm");
        let text = format!("{}\n{without_octets}\n{without_content}", values[0]);
        assert_eq!(encode_text(&text), (true, format!("{RSM}\n{RSM}\n{RSM}\n")));
    }

    #[test]
    fn the_text_form_is_found_out() {
        let text = format!(
            "Version=0.7\nType=RSM\nPSID=0xE27\nPriority=208\nTxMode=CONT\nTxChannel=\nTxInterval=\nDeliveryStart=\nDeliveryStop=\nSignature=False\nEncryption=False\nPayload={RSM}\n"
        );
        let line = hex::encode(&text);
        let (all, values) = decode_text(&line, Layer::Auto);
        assert!(all, "{values:?}");
        let forward = &values[0]["immediateForward"];
        assert_eq!((&forward["psid"], &forward["type"]), (&json!(3623), &json!("RSM")));
        assert_eq!(encode_text(&values[0].to_string()), (true, format!("{line}\n")));
        let (all, values) = decode_text(&hex::encode(text.replace("PSID", "PSD")), Layer::ImmediateForward);
        assert_eq!((all, &values[0]["error"]["kind"]), (false, &json!("forward_key_missing")));
    }
}
