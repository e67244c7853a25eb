//! Hostile JSON, read member by member: each value is asked for with its bounds, and what is wrong is said with the way
//! to it.
//!
//! The platforms are not of one mind whether a number is a number or text (`"light": "3"`), so either is taken. A member
//! that is `null` counts as absent, members that nobody asks for are passed over.

use serde_json::{Map, Value};

use super::super::HearError;

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    path: String,
    problem: &'static str,
}

impl Fault {
    /// A fault of the value at hand.
    pub(crate) fn new(problem: &'static str) -> Self {
        Self { path: String::new(), problem }
    }

    fn within(mut self, name: &str) -> Self {
        if !self.path.is_empty() && !self.path.starts_with('[') {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, name);
        self
    }
}

impl From<Fault> for HearError {
    fn from(fault: Fault) -> Self {
        let path = if fault.path.is_empty() { "payload".into() } else { fault.path };
        Self::Shape { path, problem: fault.problem }
    }
}

/// The result of reading.
pub(crate) type Read<T> = Result<T, Fault>;

/// An object.
pub(crate) fn object(value: &Value) -> Read<&Map<String, Value>> {
    value.as_object().ok_or_else(|| Fault::new("is no object"))
}

/// A member that may be absent.
pub(crate) fn optional<T>(
    members: &Map<String, Value>,
    name: &str,
    read: impl FnOnce(&Value) -> Read<T>,
) -> Read<Option<T>> {
    let value = members.get(name).filter(|value| !value.is_null());
    value.map(|value| read(value).map_err(|fault| fault.within(name))).transpose()
}

/// A member that must be there.
pub(crate) fn needed<T>(members: &Map<String, Value>, name: &str, read: impl FnOnce(&Value) -> Read<T>) -> Read<T> {
    optional(members, name, read)?.ok_or_else(|| Fault::new("is missing").within(name))
}

/// A list of at most `max` elements.
pub(crate) fn list<T>(value: &Value, max: usize, mut read: impl FnMut(&Value) -> Read<T>) -> Read<Vec<T>> {
    let elements = value.as_array().ok_or_else(|| Fault::new("is no list"))?;
    if elements.len() > max {
        return Err(Fault::new("has too many elements"));
    }
    let read = |(index, element)| read(element).map_err(|fault| fault.within(&format!("[{index}]")));
    elements.iter().enumerate().map(read).collect()
}

/// A list that may be absent, which then is empty.
pub(crate) fn lists<T>(
    members: &Map<String, Value>,
    name: &str,
    max: usize,
    read: impl FnMut(&Value) -> Read<T>,
) -> Read<Vec<T>> {
    optional(members, name, |value| list(value, max, read)).map(Option::unwrap_or_default)
}

/// A finite number.
pub(crate) fn number(value: &Value) -> Read<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.len() <= 32 => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite()).ok_or_else(|| Fault::new("is no number"))
}

/// A whole number within bounds.
pub(crate) fn integer(min: i64, max: i64) -> impl Fn(&Value) -> Read<i64> {
    move |value| {
        let number = number(value)?;
        if number.fract() != 0.0 {
            return Err(Fault::new("is no whole number"));
        }
        if number < min as f64 || number > max as f64 {
            return Err(Fault::new("is out of range"));
        }
        Ok(number as i64)
    }
}

/// A whole number that is never negative.
pub(crate) fn count(max: u32) -> impl Fn(&Value) -> Read<u32> {
    move |value| integer(0, max.into())(value).map(|number| number as u32)
}

/// A text of at most so many characters.
pub(crate) fn text(max: usize) -> impl Fn(&Value) -> Read<String> {
    move |value| {
        let text = value.as_str().ok_or_else(|| Fault::new("is no text"))?;
        // An octet is at most a character, so a long text need not be counted.
        if text.len() > max * 4 || text.chars().count() > max {
            return Err(Fault::new("is too long"));
        }
        Ok(text.to_owned())
    }
}

/// One of the words, as its place among them; a number is taken as the place.
pub(crate) fn word(words: &'static [&'static str]) -> impl Fn(&Value) -> Read<i32> {
    move |value| {
        let named = words.iter().zip(0..).find(|(word, _)| value.as_str() == Some(word));
        let last = i64::try_from(words.len()).unwrap_or(i64::MAX) - 1;
        named.map_or_else(|| integer(0, last)(value).map(|place| place as i32), |(_, place)| Ok(place))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn faults_say_where() {
        let value = json!({ "a": [{ "b": 1 }, { "b": "x" }] });
        let read = |value: &Value| {
            let members = object(value)?;
            needed(members, "a", |value| list(value, 4, |value| needed(object(value)?, "b", integer(0, 5))))
        };
        let fault = read(&value).unwrap_err();
        assert_eq!(HearError::from(fault).to_string(), "a[1].b: is no number");
        assert_eq!(read(&json!({ "a": [{ "b": "5" }, { "b": 4.0 }] })), Ok(vec![5, 4]));
        for (wrong, problem) in [
            (json!([]), "is no object"),
            (json!({}), "is missing"),
            (json!({ "a": null }), "is missing"),
            (json!({ "a": 5 }), "is no list"),
            (json!({ "a": [1, 2, 3, 4, 5] }), "has too many elements"),
            (json!({ "a": [{ "b": 6 }] }), "is out of range"),
            (json!({ "a": [{ "b": 1.5 }] }), "is no whole number"),
            (json!({ "a": [{ "b": "1e999" }] }), "is no number"),
        ] {
            assert_eq!(read(&wrong).unwrap_err().problem, problem, "{wrong}");
        }
        assert_eq!(word(&["x", "y"])(&json!("y")), Ok(1));
        assert_eq!(word(&["x", "y"])(&json!("0")), Ok(0));
        assert!(word(&["x", "y"])(&json!(2)).is_err());
        assert!(text(2)(&json!("信号灯")).is_err());
    }
}
