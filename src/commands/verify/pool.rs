use anyhow::{Context, Result, ensure};
use resi_protocol::rotation::Pool;
use resi_protocol::wire::{PoolResource, Rotation};

use super::fetch::{Service, json, read};
use crate::cli::VerifyArgs;

/// The pool of an answer: the one that was given, the table inside, or what the service answers.
pub(super) fn find(
    args: &VerifyArgs,
    service: Option<&Service>,
    rotation: &Rotation,
) -> Result<Pool> {
    let sha256 = rotation.pool_sha256;
    let pool = match (&args.pool, service) {
        (Some(path), _) => of_text(&read(path)?)?,
        (None, _) if let Some(embedded) = embedded(rotation) => embedded,
        (None, Some(service)) => of_json(&service.pool(sha256)?)?,
        (None, None) => {
            anyhow::bail!("the pool {sha256} is not of the table inside; give it with --pool")
        }
    };
    let found = pool.sha256();
    ensure!(found == sha256, "not verified: the pool {sha256} was asked for, and this is {found}");
    Ok(pool)
}

fn embedded(rotation: &Rotation) -> Option<Pool> {
    let embedded = resi_zipcodes::embedded_pool(rotation.pool_size).ok()?.pool;
    (embedded.sha256() == rotation.pool_sha256).then_some(embedded)
}

fn of_text(text: &str) -> Result<Pool> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('{') { of_json(text) } else { of_lines(text) }
}

fn of_json(text: &str) -> Result<Pool> {
    let resource: PoolResource =
        json(text).context("this is no answer of /api/v1/pools/{sha256}")?;
    let pool = Pool::new(resource.zipcodes)?;
    let is_right = pool.sha256() == resource.sha256 && pool.len() == resource.size;
    ensure!(is_right, "not verified: the pool is not of the hash and size that it says");
    Ok(pool)
}

fn of_lines(text: &str) -> Result<Pool> {
    let parse =
        |(at, line): (usize, &str)| line.trim().parse().with_context(|| format!("line {}", at + 1));
    let zipcodes: Result<Vec<_>> = text.lines().enumerate().map(parse).collect();
    Ok(Pool::new(zipcodes?)?)
}
