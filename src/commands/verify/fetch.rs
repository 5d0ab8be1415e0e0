use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;
use std::{fmt, fs};

use anyhow::{Context, Result, anyhow, bail, ensure};
use resi_protocol::rotation::{ALGORITHM, Announcement, RotationKeys};
use resi_protocol::wire::ErrorCode;
use resi_protocol::{Foreign, Sha256Hash};
use resi_secret::{Secret, ShownUrl};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Larger answers are not ours: a pool of all zipcodes there are has some 400 kB.
const MAX_ANSWER: u64 = 2 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(20);

/// The service that a URL is of.
#[derive(Debug)]
pub(super) struct Service {
    /// What stands before `/api/v1/`, where the URL has that.
    base: Option<String>,
    agent: ureq::Agent,
}

impl Service {
    /// `None` where `answer` is a file.
    pub(super) fn of(answer: &str) -> Option<Self> {
        let is_url = answer.starts_with("http://") || answer.starts_with("https://");
        is_url.then(|| Self::with_base(answer.find("/api/v1/").map(|at| &answer[..at])))
    }

    /// The service whose address `url` is, or is under.
    pub(super) fn at(url: &str) -> Self {
        let base = url.find("/api/v1/").map_or(url, |at| &url[..at]);
        Self::with_base(Some(base.trim_end_matches('/')))
    }

    fn with_base(base: Option<&str>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(DEADLINE))
            .http_status_as_error(false)
            .build();
        Self { base: base.map(str::to_owned), agent: ureq::Agent::new_with_config(config) }
    }

    /// The address of a resource of the service.
    pub(super) fn url(&self, path: impl fmt::Display) -> Result<String> {
        let base = self.base.as_deref().context("the URL has no /api/v1/")?;
        Ok(format!("{base}/api/v1/{path}"))
    }

    /// What `url` answers with 200.
    pub(super) fn get(&self, url: &str, token: Option<&Secret>) -> Result<String> {
        let (status, body) = self.ask(url, token)?;
        match status {
            200 => Ok(body),
            status => Err(refusal(Some(status), &body)).with_context(|| ShownUrl(url).to_string()),
        }
    }

    /// What the service announced; nothing where it is from before there were announcements.
    pub(super) fn announcements(&self) -> Result<Vec<Announcement>> {
        let Ok(url) = self.url("rotation/keys") else { return Ok(Vec::new()) };
        let (status, body) = self.ask(&url, None)?;
        match status {
            404 => return Ok(Vec::new()),
            200 => {}
            status => return Err(refusal(Some(status), &body)).context(ShownUrl(&url).to_string()),
        }
        let keys: RotationKeys = json(&body).with_context(|| ShownUrl(&url).to_string())?;
        let algorithm = Foreign::new(&keys.algorithm);
        ensure!(
            keys.algorithm == ALGORITHM,
            "{}: its algorithm is \"{algorithm}\"",
            ShownUrl(&url)
        );
        Ok(keys.announcements)
    }

    /// A pool as it is answered, unchecked.
    pub(super) fn pool(&self, sha256: Sha256Hash) -> Result<String> {
        let url = self.url(format_args!("pools/{sha256}"));
        self.get(&url.context("give the pool with --pool")?, None)
    }

    fn ask(&self, url: &str, token: Option<&Secret>) -> Result<(u16, String)> {
        let mut request = self.agent.get(url);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {}", token.expose()));
        }
        let failed = |error: &dyn fmt::Display| {
            let error = error.to_string();
            anyhow!("cannot fetch {}: {}", ShownUrl(url), Foreign::new(&error))
        };
        let response = request.call().map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        // One byte more than may be, so that a longer answer is told from one that fits.
        let read = response.into_body().into_reader().take(MAX_ANSWER + 1).read_to_end(&mut body);
        read.map_err(|error| failed(&error))?;
        ensure!(body.len() as u64 <= MAX_ANSWER, "{}: larger than any answer", ShownUrl(url));
        let body = String::from_utf8(body).map_err(|error| failed(&error.utf8_error()))?;
        Ok((status, body))
    }
}

/// What a service says that does not answer.
pub(super) fn refusal(status: Option<u16>, body: &str) -> anyhow::Error {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        error_code: String,
    }
    let status = status.map_or_else(|| "with the error".to_owned(), |status| status.to_string());
    match serde_json::from_str::<Refusal>(body) {
        Ok(Refusal { error, error_code }) => {
            let known = ErrorCode::from_name(&error_code).map(|code| code.name().to_owned());
            let code = known.unwrap_or_else(|| Foreign::new(&error_code).at_most(64).to_string());
            anyhow!("the service answered {status} {code}: {}", Foreign::new(&error))
        }
        Err(_) => anyhow!("the service answered {status}: {}", Foreign::new(body)),
    }
}

/// Reads JSON of others. An error quotes it, so it is made fit to be shown.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        let error = error.to_string();
        anyhow!("{}", Foreign::new(&error))
    })
}

/// A file that holds one answer.
pub(super) fn read(path: &Path) -> Result<String> {
    // Of a URL in capitals, which is none here, nothing secret may be shown either.
    let shown = path.to_string_lossy();
    let context = || format!("cannot read {}", ShownUrl(&shown));
    let file = fs::File::open(path).with_context(context)?;
    let mut bytes = Vec::new();
    file.take(MAX_ANSWER + 1).read_to_end(&mut bytes).with_context(context)?;
    if bytes.len() as u64 > MAX_ANSWER {
        bail!("{} is larger than any answer", ShownUrl(&shown));
    }
    String::from_utf8(bytes).map_err(io::Error::other).with_context(context)
}
