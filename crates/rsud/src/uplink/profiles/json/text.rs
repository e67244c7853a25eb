//! Identities and texts: octets on the air, text in JSON.

use encoding_rs::GBK;
use rsu_proto::bytes::Bytes;
use rsu_proto::v1::{self, description::Content};

/// An identity of 8 octets: as text where it is readable text, which is how platforms give them, in hexadecimal if not.
/// The two differ in their length.
pub(crate) fn identity(id: &[u8]) -> String {
    match std::str::from_utf8(id) {
        Ok(text) if !id.is_empty() && id.iter().all(u8::is_ascii_graphic) => text.to_owned(),
        _ => hex::encode(id),
    }
}

/// The text of a description. The standard has it in IA5 or in GB 2312, of which GBK is the superset in use.
pub(crate) fn description(description: Option<&v1::Description>) -> Option<String> {
    match description?.content.as_ref()? {
        Content::Text(text) => Some(text.clone()),
        Content::TextGb2312(octets) => Some(GBK.decode_without_bom_handling(octets).0.into_owned()),
    }
}

/// A description of a text. A character that GBK does not have becomes `?`: an event with a strange letter in its
/// description is still an event.
pub(crate) fn from_text(text: &str) -> Option<v1::Description> {
    if text.is_empty() {
        return None;
    }
    if text.is_ascii() {
        return Some(v1::Description { content: Some(Content::Text(text.into())) });
    }
    let mut octets = Vec::with_capacity(text.len());
    let mut letter_octets = [0; 4];
    for letter in text.chars() {
        match GBK.encode(letter.encode_utf8(&mut letter_octets)) {
            (encoded, _, false) => octets.extend_from_slice(&encoded),
            (_, _, true) => octets.push(b'?'),
        }
    }
    Some(v1::Description { content: Some(Content::TextGb2312(Bytes::from(octets))) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        for text in ["bend ahead", "前方施工，请减速"] {
            assert_eq!(description(from_text(text).as_ref()).as_deref(), Some(text));
        }
        assert_eq!(description(from_text("前方🚧").as_ref()).as_deref(), Some("前方?"));
        assert_eq!(from_text(""), None);
    }

    #[test]
    fn identities() {
        assert_eq!(identity(b"01234567"), "01234567");
        assert_eq!(identity(&[0xbe, 0xa9, 0x42, 0x38, 0x38, 0x38, 0x38, 0x38]), "bea9423838383838");
        assert_eq!(identity(b"has a gap"), "686173206120676170");
    }
}
