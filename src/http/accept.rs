//! Which encoding of an answer a client would rather have.

use axum::http::{HeaderMap, header};

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Encoding {
    /// The name in `Content-Encoding`; none for a body as it is.
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}

/// The encoding with the highest weight in `Accept-Encoding`; of equal ones the smaller body.
pub fn preferred(headers: &HeaderMap) -> Encoding {
    let (mut gzip, mut zstd, mut rest) = (None, None, None);
    for value in headers.get_all(header::ACCEPT_ENCODING) {
        for item in value.to_str().unwrap_or_default().split(',') {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let weight = weight(parameters);
            match name.trim() {
                name if name.eq_ignore_ascii_case("gzip")
                    || name.eq_ignore_ascii_case("x-gzip") =>
                {
                    gzip = Some(weight)
                }
                name if name.eq_ignore_ascii_case("zstd") => zstd = Some(weight),
                "*" => rest = Some(weight),
                _ => {}
            }
        }
    }
    let rest = rest.unwrap_or(0);
    let (gzip, zstd) = (gzip.unwrap_or(rest), zstd.unwrap_or(rest));
    if zstd > 0 && zstd >= gzip {
        Encoding::Zstd
    } else if gzip > 0 {
        Encoding::Gzip
    } else {
        Encoding::Identity
    }
}

/// In thousandths. What cannot be read counts as a plain wish.
fn weight(parameters: &str) -> u16 {
    let quality = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse::<f32>().ok())?
    });
    (quality.unwrap_or(1.0).clamp(0.0, 1.0) * 1_000.0) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefer(accept: &str) -> Encoding {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, accept.parse().expect("a header"));
        preferred(&headers)
    }

    #[test]
    fn the_heaviest_wins() {
        assert_eq!(preferred(&HeaderMap::new()), Encoding::Identity);
        for (accept, expected) in [
            ("gzip, deflate", Encoding::Gzip),
            ("gzip, deflate, br, zstd", Encoding::Zstd),
            ("zstd;q=0.5, gzip", Encoding::Gzip),
            ("GZIP;Q=0.1", Encoding::Gzip),
            ("gzip;q=0", Encoding::Identity),
            ("*", Encoding::Zstd),
            ("zstd;q=0, *", Encoding::Gzip),
            ("*;q=0", Encoding::Identity),
            ("identity", Encoding::Identity),
            ("br", Encoding::Identity),
            ("", Encoding::Identity),
            ("gzip;q=NaN", Encoding::Identity),
        ] {
            assert_eq!(prefer(accept), expected, "{accept}");
        }
    }
}
