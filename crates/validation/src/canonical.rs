//! One text for one value, so that validators can compare what they found by a hash.
//!
//! It is JSON without blanks, the names of objects sorted by their code points. A number that is whole is written as an
//! integer, whatever it was before (`450000`, also for 450000.0); any other as a text of six decimals (`"0.912346"`),
//! rounded from its exact value, to even where that is in the middle. Characters outside of ASCII stand for themselves.
//!
//! `json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` in Python gives the same where floats
//! are first turned into `int(x) if x == int(x) else f"{x:.6f}"`.

use resi_protocol::Sha256Hash;
use serde::Serialize;
use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

/// Whole floats from here on are not all whole numbers any more.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// Why a value has no canonical text.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// It has no JSON.
    #[error("not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A float too large to be told from its neighbours.
    #[error("{0} is too large for a float to be exact")]
    TooLarge(f64),
    /// NaN, an infinity, or nothing where a value should be.
    #[error("null: a number that is none, or a value that is left out elsewhere")]
    Null,
}

/// The canonical text of `value`.
///
/// ```
/// use resi_validation::canonical;
/// use serde_json::json;
///
/// let text = canonical::text(&json!({"b": [450000.0, 2.5], "a": 1.0 / 3.0}))?;
/// assert_eq!(text, r#"{"a":"0.333333","b":[450000,"2.500000"]}"#);
/// # Ok::<(), canonical::CanonicalError>(())
/// ```
///
/// # Errors
/// When it has none: NaN and infinities, which would silently become `null`, so `null` is refused; floats of 2^53 and
/// more; types that `serde_json` cannot write.
pub fn text<T: Serialize + ?Sized>(value: &T) -> Result<String, CanonicalError> {
    let mut writer = Writer::new(String::new());
    writer.value(&serde_json::to_value(value)?)?;
    Ok(writer.finish())
}

/// SHA-256 of the canonical text of `value`.
///
/// # Errors
/// When it has no canonical text.
pub fn hash<T: Serialize + ?Sized>(value: &T) -> Result<Sha256Hash, CanonicalError> {
    let mut writer = Writer::new(Sha256::new());
    writer.value(&serde_json::to_value(value)?)?;
    Ok(Sha256Hash::from_bytes(writer.finish().finalize().into()))
}

/// Where canonical text goes.
pub(crate) trait Sink {
    fn take(&mut self, text: &str);
}

impl Sink for String {
    fn take(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl Sink for Sha256 {
    fn take(&mut self, text: &str) {
        self.update(text);
    }
}

/// Writes canonical text piece by piece, so that a long one need not be in memory. Names of an object are to be written in
/// their order.
pub(crate) struct Writer<S> {
    sink: S,
    pending: String,
    /// Whether something stands before, in the same object or list.
    follows: bool,
}

const PENDING: usize = 1 << 16;

impl<S: Sink> Writer<S> {
    pub(crate) const fn new(sink: S) -> Self {
        Self { sink, pending: String::new(), follows: false }
    }

    pub(crate) fn finish(mut self) -> S {
        self.sink.take(&self.pending);
        self.sink
    }

    fn raw(&mut self, text: &str) {
        self.pending.push_str(text);
        if self.pending.len() > PENDING {
            self.sink.take(&self.pending);
            self.pending.clear();
        }
    }

    fn separated(&mut self, text: &str) {
        if self.follows {
            self.raw(",");
        }
        self.raw(text);
        self.follows = true;
    }

    pub(crate) fn begin(&mut self, bracket: &str) {
        self.separated(bracket);
        self.follows = false;
    }

    pub(crate) fn end(&mut self, bracket: &str) {
        self.raw(bracket);
        self.follows = true;
    }

    /// The name of the value that comes next.
    pub(crate) fn name(&mut self, name: &str) {
        self.string(name);
        self.raw(":");
        self.follows = false;
    }

    pub(crate) fn string(&mut self, text: &str) {
        if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.separated("\"");
            self.raw(text);
            return self.raw("\"");
        }
        self.separated(&Value::from(text).to_string());
    }

    pub(crate) fn whole(&mut self, number: u64) {
        let mut digits = [0u8; 20];
        let (mut position, mut left) = (digits.len(), number);
        loop {
            position -= 1;
            digits[position] = b'0' + (left % 10) as u8;
            left /= 10;
            if left == 0 {
                break;
            }
        }
        self.separated(std::str::from_utf8(&digits[position..]).unwrap_or_default());
    }

    fn value(&mut self, value: &Value) -> Result<(), CanonicalError> {
        match value {
            Value::Null => return Err(CanonicalError::Null),
            Value::Bool(whether) => self.separated(if *whether { "true" } else { "false" }),
            Value::Number(number) => self.number(number)?,
            Value::String(string) => self.string(string),
            Value::Array(items) => {
                self.begin("[");
                items.iter().try_for_each(|item| self.value(item))?;
                self.end("]");
            }
            Value::Object(object) => {
                let mut entries: Vec<_> = object.iter().collect();
                entries.sort_unstable_by_key(|(name, _)| *name);
                self.begin("{");
                for (name, value) in entries {
                    self.name(name);
                    self.value(value)?;
                }
                self.end("}");
            }
        }
        Ok(())
    }

    fn number(&mut self, number: &Number) -> Result<(), CanonicalError> {
        match number.as_f64() {
            Some(float) if number.is_f64() => match float {
                _ if float.abs() >= LARGEST_WHOLE => return Err(CanonicalError::TooLarge(float)),
                _ if float.fract() == 0.0 => self.separated(&(float as i64).to_string()),
                _ => self.string(&format!("{float:.6}")),
            },
            _ => self.separated(&number.to_string()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn text_of(value: Value) -> String {
        text(&value).expect("canonical")
    }

    #[test]
    fn names_are_sorted_and_numbers_have_one_form() {
        assert_eq!(
            text_of(json!({"z": 1, "a": {"é": true, "e": []}})),
            r#"{"a":{"e":[],"é":true},"z":1}"#
        );
        assert_eq!(
            text_of(json!([1.0, -0.0, 0.1, 0.93, -2.5, 0.000_000_4, u64::MAX, i64::MIN])),
            r#"[1,0,"0.100000","0.930000","-2.500000","0.000000",18446744073709551615,-9223372036854775808]"#
        );
        // 2^-7 is in the middle of its last decimal: 0.0078125.
        assert_eq!(text_of(json!([0.007_812_5, 0.023_437_5])), r#"["0.007812","0.023438"]"#);
        assert_eq!(text_of(json!("a\"\\\n\u{1f}é")), "\"a\\\"\\\\\\n\\u001fé\"");
    }

    #[test]
    fn what_is_no_number_is_an_error_and_not_a_hash() {
        assert!(matches!(text(&json!({"a": f64::NAN})), Err(CanonicalError::Null)));
        assert!(matches!(hash(&[f64::INFINITY]), Err(CanonicalError::Null)));
        assert!(matches!(text(&1e300), Err(CanonicalError::TooLarge(_))));
    }

    #[test]
    fn the_hash_is_that_of_the_text() {
        // printf '{"a":1}' | sha256sum
        let expected = "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
        assert_eq!(
            hash(&json!({"a": 1.0})).map(|hash| hash.to_string()).ok().as_deref(),
            Some(expected)
        );
    }

    proptest! {
        #[test]
        fn the_order_of_names_does_not_matter(names in prop::collection::btree_set(".{0,6}", 0..8)) {
            let object = |names: Vec<&String>| -> Value {
                Value::Object(names.into_iter().map(|name| (name.clone(), json!(name.len()))).collect())
            };
            let forwards = object(names.iter().collect());
            let backwards = object(names.iter().rev().collect());
            prop_assert_eq!(text_of(forwards), text_of(backwards));
        }

        #[test]
        fn a_whole_float_is_its_integer(whole in -(1_i64 << 52)..(1_i64 << 52)) {
            prop_assert_eq!(text_of(json!(whole as f64)), text_of(json!(whole)));
        }
    }
}
