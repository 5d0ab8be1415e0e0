use std::fmt;

use url::Url;

/// A URL, or a path, that somebody gave, as it may be shown: of a URL without user, password, query and fragment.
///
/// ```
/// use resi_secret::ShownUrl;
///
/// let given = "https://me:hunter2@resi.example/api/v1/epochs?token=hunter2";
/// assert_eq!(ShownUrl(given).to_string(), "https://resi.example/api/v1/epochs");
/// assert_eq!(ShownUrl("answers/epoch.json").to_string(), "answers/epoch.json");
/// ```
#[derive(Clone, Copy)]
pub struct ShownUrl<'a>(pub &'a str);

impl fmt::Display for ShownUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains("://") {
            let (before, _) = self.0.rsplit_once('@').unwrap_or_default();
            let shown = if before.contains(':') { "a URL without its scheme" } else { self.0 };
            return f.write_str(shown);
        }
        let Ok(url) = Url::parse(self.0) else { return f.write_str("a URL that cannot be read") };
        let behind = [Some(url.path()), url.query(), url.fragment()];
        if behind.into_iter().flatten().any(|part| part.contains('@')) {
            // Where a password has a `/`, `?` or `#` in it, its beginning looks like the port and its end like a path.
            return f.write_str("a URL with an @ out of place");
        }
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        url.port().map_or(Ok(()), |port| write!(f, ":{port}"))?;
        f.write_str(url.path())
    }
}

impl fmt::Debug for ShownUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_of_a_url_is_shown() {
        for (given, shown) in [
            ("http://127.0.0.1:8000/health", "http://127.0.0.1:8000/health"),
            ("https://hunter2@[::1]:1/#hunter2", "https://[::1]:1/"),
            ("https://me:hun/ter2@host/x", "a URL that cannot be read"),
            ("https://me:1/hunter2@host/x", "a URL with an @ out of place"),
            ("https://me:1?hunter2@host/x", "a URL with an @ out of place"),
            ("https://me:1#hunter2@host/x", "a URL with an @ out of place"),
            ("me:hunter2@host/x", "a URL without its scheme"),
            ("me@host/x.json", "me@host/x.json"),
            ("nonsense://", "nonsense://"),
        ] {
            assert_eq!(ShownUrl(given).to_string(), shown);
        }
    }
}
