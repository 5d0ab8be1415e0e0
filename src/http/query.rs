//! Query strings: every parameter at most once, unknown ones ignored.

use resi_protocol::wire::ErrorCode;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ApiError;

/// The parameters of a request that an endpoint knows.
#[derive(Debug, Default)]
pub struct Query(Vec<(&'static str, String)>);

impl Query {
    /// Reads `raw`, and refuses a parameter of `known` that is there twice with the code that belongs to it.
    ///
    /// # Errors
    /// When a known parameter is there twice.
    pub fn parse(raw: Option<&str>, known: &[(&'static str, ErrorCode)]) -> Result<Self, ApiError> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
            let Some((name, code)) = known.iter().find(|(known, _)| *known == name) else {
                continue;
            };
            if query.get(name).is_some() {
                return Err(ApiError::new(*code, format!("{name} is given twice")));
            }
            query.0.push((name, value.into_owned()));
        }
        Ok(query)
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads `limit`, a page's size: 1 to `max`, larger ones are read as `max`.
///
/// # Errors
/// When it is no whole number from 1 on.
pub fn page_size(query: &Query, default: u32, max: u32) -> Result<u32, ApiError> {
    match query.get("limit") {
        None => Ok(default),
        Some(text) => capped_number(text, max)
            .ok_or_else(|| ApiError::invalid("limit", "must be a whole number from 1 on")),
    }
}

/// How documents describe such a number: with no largest one, since whatever is too large is read as the maximum.
#[derive(Debug)]
pub struct AtLeastOne;

impl PartialSchema for AtLeastOne {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).into()
    }
}

impl ToSchema for AtLeastOne {}

/// A whole number from 1 on in decimal digits; what is above `max`, however large, is read as `max`.
pub fn capped_number(text: &str, max: u32) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = text.trim_start_matches('0');
    match digits.len() {
        0 => None,
        1..=9 => digits.parse::<u32>().ok().map(|number| number.min(max)),
        _ => Some(max),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_capped_and_nothing_else_is_read() {
        for (text, expected) in [
            ("1", Some(1)),
            ("050", Some(50)),
            ("51", Some(50)),
            ("1000000000000000000000000000000", Some(50)),
            ("0", None),
            ("000", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("abc", None),
            ("1.0", None),
            (" 1", None),
            ("１", None),
        ] {
            assert_eq!(capped_number(text, 50), expected, "{text:?}");
        }
    }

    #[test]
    fn a_parameter_given_twice_is_an_error_unless_nobody_knows_it() {
        let known = [("block_size", ErrorCode::InvalidBlockSize)];
        let error = Query::parse(Some("block_size=1&block_size=1"), &known).expect_err("twice");
        assert_eq!(error.code, ErrorCode::InvalidBlockSize);
        let query = Query::parse(Some("x=1&x=2&block_size=%31"), &known).expect("fine");
        assert_eq!(query.get("block_size"), Some("1"));
    }

    proptest! {
        #[test]
        fn no_query_panics(raw in ".{0,100}") {
            let _ = Query::parse(Some(&raw), &[("limit", ErrorCode::InvalidRequest)]).map(|query| page_size(&query, 1, 9));
        }
    }
}
