/// Python writes numbers that JSON does not have: `NaN`, `Infinity` and `-Infinity`. Gives the text with these in
/// quotes, so that it can be read and they can be refused; `None` where there are none.
pub(super) fn quoted(json: &[u8]) -> Option<Vec<u8>> {
    const TOKENS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];
    let mut quoted = Vec::new();
    let (mut at, mut copied) = (0, 0);
    let mut in_text = false;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'N' | b'I' | b'-' if !in_text => {
                if let Some(token) = TOKENS.iter().find(|token| json[at..].starts_with(token)) {
                    // Three bytes become five at most: it never grows beyond this.
                    quoted.reserve(2 * json.len() - quoted.len());
                    quoted.extend_from_slice(&json[copied..at]);
                    quoted.push(b'"');
                    quoted.extend_from_slice(token);
                    quoted.push(b'"');
                    at += token.len();
                    copied = at;
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    if copied == 0 {
        return None;
    }
    quoted.extend_from_slice(&json[copied..]);
    Some(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_are_quoted() {
        let quoted =
            |json: &str| quoted(json.as_bytes()).and_then(|json| String::from_utf8(json).ok());
        assert_eq!(
            quoted(r#"{"a":NaN,"b\"":[-Infinity, Infinity],"c":"NaN \" NaN"}"#).as_deref(),
            Some(r#"{"a":"NaN","b\"":["-Infinity", "Infinity"],"c":"NaN \" NaN"}"#)
        );
        for json in ["", "{\"a\":-1}", "\"NaN", "\"\\", "-", "Nan"] {
            assert_eq!(quoted(json), None, "{json}");
        }
    }
}
