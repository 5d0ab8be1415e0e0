//! Bodies that are made once and sent often: every encoding at most once, each with its own strong entity tag.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::accept::{Encoding, preferred};

/// Of zstd's 22 levels: past this one the time doubles for a percent.
const ZSTD_LEVEL: i32 = 12;

/// A JSON body, ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    identity: Form,
    gzip: OnceLock<Form>,
    zstd: OnceLock<Form>,
    digest: String,
}

#[derive(Debug)]
struct Form {
    body: Bytes,
    etag: HeaderValue,
}

impl Prepared {
    /// From its JSON.
    pub fn new(json: Vec<u8>) -> Self {
        let digest = hex::encode(&Sha256::digest(&json)[..16]);
        let identity = Form { etag: etag(&digest, Encoding::Identity), body: json.into() };
        Self { identity, gzip: OnceLock::new(), zstd: OnceLock::new(), digest }
    }

    /// Makes all encodings now, so that no request has to wait for one.
    pub fn warm(&self) {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            self.form(encoding);
        }
    }

    fn form(&self, encoding: Encoding) -> &Form {
        let encode = |body: std::io::Result<Vec<u8>>| Form {
            // Compressing in memory does not fail; if it did, nobody must get half a body.
            body: body
                .unwrap_or_else(|error| unreachable!("compression in memory: {error}"))
                .into(),
            etag: etag(&self.digest, encoding),
        };
        match encoding {
            Encoding::Identity => &self.identity,
            Encoding::Gzip => self.gzip.get_or_init(|| encode(gzip(&self.identity.body))),
            Encoding::Zstd => self
                .zstd
                .get_or_init(|| encode(zstd::encode_all(&self.identity.body[..], ZSTD_LEVEL))),
        }
    }

    /// The answer to a request with these headers: the encoding it would rather have, or 304 when it has it already.
    pub fn respond(
        &self,
        request: &HeaderMap,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Response<Body> {
        let encoding = preferred(request);
        let form = self.form(encoding);
        let unchanged = matches_any(request, &self.digest);
        let mut response =
            Response::new(if unchanged { Body::empty() } else { Body::from(form.body.clone()) });
        let out = response.headers_mut();
        out.reserve(headers.len() + 6);
        if unchanged {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else {
            out.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if let Some(name) = encoding.name() {
                out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            }
        }
        let out = response.headers_mut();
        out.insert(header::ETAG, form.etag.clone());
        for (name, value) in headers {
            out.insert(name.clone(), value.clone());
        }
        response
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 3), Compression::best());
    encoder.write_all(body)?;
    encoder.finish()
}

fn etag(digest: &str, encoding: Encoding) -> HeaderValue {
    let value = match encoding.name() {
        None => format!("\"{digest}\""),
        Some(name) => format!("\"{digest}-{name}\""),
    };
    HeaderValue::try_from(value).unwrap_or_else(|_| unreachable!("hex digits are fine in a header"))
}

/// Whichever encoding the client has, its copy is still good.
fn matches_any(request: &HeaderMap, digest: &str) -> bool {
    request.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.to_str().unwrap_or_default().split(',').any(|tag| {
            let tag = tag.trim();
            let tag = tag.strip_prefix("W/").unwrap_or(tag);
            let opaque = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            tag == "*"
                || opaque.is_some_and(|tag| {
                    matches!(tag.strip_prefix(digest), Some("" | "-gzip" | "-zstd"))
                })
        })
    })
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn request(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header"))).collect()
    }

    #[test]
    fn every_encoding_holds_the_same_body() {
        let json = br#"{"a":[1,2,3]}"#.repeat(100);
        let prepared = Prepared::new(json.clone());
        let mut unzipped = Vec::new();
        flate2::read::GzDecoder::new(&prepared.form(Encoding::Gzip).body[..])
            .read_to_end(&mut unzipped)
            .expect("gzip");
        assert_eq!(unzipped, json);
        assert_eq!(zstd::decode_all(&prepared.form(Encoding::Zstd).body[..]).expect("zstd"), json);
    }

    #[test]
    fn a_matching_tag_gets_an_empty_answer() {
        let prepared = Prepared::new(b"{}".to_vec());
        let first = prepared.respond(&request(&[(header::ACCEPT_ENCODING, "gzip")]), &[]);
        let tag = first.headers()[header::ETAG].to_str().expect("text").to_owned();
        assert!(tag.ends_with("-gzip\""), "{tag}");
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".into()] {
            let again = prepared.respond(&request(&[(header::IF_NONE_MATCH, &known)]), &[]);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
        }
        let other = prepared.respond(&request(&[(header::IF_NONE_MATCH, "\"x\"")]), &[]);
        assert_eq!(other.status(), StatusCode::OK);
    }
}
