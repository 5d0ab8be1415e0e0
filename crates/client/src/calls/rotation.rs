use resi_protocol::rotation::{ALGORITHM, RotationKeys};
use resi_protocol::wire::PoolResource;
use resi_protocol::{Sha256Hash, Timestamp};

use super::{Call, ensure, same};
use crate::transport::Request;

/// There are 100,000 numbers of five digits.
const MAX_POOL: usize = 1024 * 1024;
/// An announcement has less than a kilobyte; there may be one every six epochs.
const MAX_KEYS: usize = 1024 * 1024;

/// Which zipcodes are in the pool of this hash?
pub(crate) struct PoolCall(pub(crate) Sha256Hash);

impl Call for PoolCall {
    type Answer = PoolResource;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "pools", &self.0.to_string()]).at_most(MAX_POOL)
    }

    fn check(&self, answer: &PoolResource, _: Timestamp) -> Result<(), String> {
        same("sha256", answer.sha256, self.0)?;
        same("size", answer.size as usize, answer.zipcodes.len())
    }
}

/// Which changes of the rotation are announced?
pub(crate) struct RotationKeysCall;

impl Call for RotationKeysCall {
    type Answer = RotationKeys;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "rotation", "keys"]).at_most(MAX_KEYS)
    }

    fn check(&self, answer: &RotationKeys, _: Timestamp) -> Result<(), String> {
        ensure(answer.algorithm == ALGORITHM, || {
            format!("the algorithm is {:?}, and this client knows {ALGORITHM:?}", answer.algorithm)
        })
    }
}
