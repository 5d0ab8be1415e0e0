//! The rotation against vectors that were made without this crate.

use resi_protocol::rotation::{Parameters, Pool, RotationKey, RotationPublicKey, VrfSignature};
use resi_protocol::{EpochIndex, EpochSchedule, Sha256Hash, Zipcode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    netuid: u16,
    epoch_seconds: u32,
    epoch: EpochIndex,
    pool: Option<Vec<Zipcode>>,
    pool_size: u32,
    pool_sha256: Sha256Hash,
    zipcodes_per_epoch_requested: u32,
    zipcodes_per_epoch: u32,
    mini_secret: String,
    public_key: RotationPublicKey,
    message: String,
    vrf_signature_js: VrfSignature,
    vrf_pre_output: String,
    seed: String,
    permutation_first: Vec<Zipcode>,
    permutation_sha256: Sha256Hash,
    deal_first: Vec<Zipcode>,
    deal_last: Vec<Zipcode>,
    deal_sha256: Sha256Hash,
}

impl Case {
    fn pool(&self) -> Pool {
        let zipcodes = self.pool.clone().unwrap_or_else(|| {
            let table = include_str!("vectors/zipcodes.txt").lines();
            table
                .take(self.pool_size as usize)
                .map(|line| line.parse().expect("a zipcode"))
                .collect()
        });
        Pool::new(zipcodes).expect("a pool")
    }

    fn parameters(&self, pool: &Pool) -> Parameters {
        let schedule = EpochSchedule::new(self.epoch_seconds).expect("not zero");
        Parameters::new(self.netuid, schedule, pool, self.zipcodes_per_epoch_requested)
    }

    fn key(&self) -> RotationKey {
        let mut mini_secret = [0; 32];
        let digits = self.mini_secret.strip_prefix("0x").expect("0x");
        hex::decode_to_slice(digits, &mut mini_secret).expect("32 bytes");
        RotationKey::from_mini_secret(&mini_secret)
    }
}

fn each_case(check: impl Fn(&Case, &Pool, &Parameters)) {
    let vectors: Vectors =
        serde_json::from_str(include_str!("vectors/rotation.json")).expect("vectors");
    assert_eq!(vectors.cases.len(), 6);
    for case in &vectors.cases {
        let pool = case.pool();
        check(case, &pool, &case.parameters(&pool));
    }
}

/// The hash of a list as the vectors have it, computed without the crate's own pool.
fn hash(zipcodes: &[Zipcode]) -> Sha256Hash {
    let joined = zipcodes.iter().map(Zipcode::as_str).collect::<Vec<_>>().join("\n");
    Sha256Hash::from_bytes(Sha256::digest(joined).into())
}

#[test]
fn pools_and_messages() {
    each_case(|case, pool, parameters| {
        assert_eq!(pool.len(), case.pool_size, "{}", case.name);
        assert_eq!(pool.sha256(), case.pool_sha256, "{}", case.name);
        assert_eq!(hash(pool.zipcodes()), case.pool_sha256, "{}", case.name);
        assert_eq!(parameters.zipcodes_per_epoch, case.zipcodes_per_epoch, "{}", case.name);
        assert_eq!(parameters.message(case.epoch), case.message, "{}", case.name);
    });
}

#[test]
fn a_signature_made_in_javascript_verifies_and_gives_the_seed() {
    each_case(|case, _, parameters| {
        assert_eq!(case.key().public(), case.public_key, "{}", case.name);
        let seed = case
            .public_key
            .verify(parameters, case.epoch, &case.vrf_signature_js)
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(hex::encode(seed.as_bytes()), case.seed, "{}", case.name);
    });
}

#[test]
fn our_own_signature_has_the_same_pre_output_and_is_the_same_every_time() {
    each_case(|case, _, parameters| {
        let ours = case.key().sign(parameters, case.epoch);
        let pre_output = hex::encode(&ours.as_bytes()[..32]);
        assert_eq!(format!("0x{pre_output}"), case.vrf_pre_output, "{}", case.name);
        assert_eq!(ours.as_bytes()[..32], case.vrf_signature_js.as_bytes()[..32], "{}", case.name);

        assert_eq!(case.key().sign(parameters, case.epoch), ours, "{}", case.name);
        let seed =
            case.public_key.verify(parameters, case.epoch, &ours).expect("our own signature");
        assert_eq!(seed, case.vrf_signature_js.seed_unverified(), "{}", case.name);
    });
}

#[test]
fn permutations_and_deals() {
    each_case(|case, pool, parameters| {
        let seed = case.vrf_signature_js.seed_unverified();
        let permutation = pool.pick(&seed.permutation(pool.len()));
        assert!(permutation.starts_with(&case.permutation_first), "{}", case.name);
        assert_eq!(hash(&permutation), case.permutation_sha256, "{}", case.name);

        let deal = pool.pick(&seed.deal(parameters));
        assert_eq!(deal.len(), case.zipcodes_per_epoch as usize, "{}", case.name);
        assert!(deal.starts_with(&case.deal_first), "{}", case.name);
        assert!(deal.ends_with(&case.deal_last), "{}", case.name);
        assert_eq!(hash(&deal), case.deal_sha256, "{}", case.name);
    });
}

#[test]
fn the_proof_bytes_stay_what_they_were() {
    // Replicas of two releases run side by side during a rollout and must publish the same proof.
    each_case(|case, _, parameters| {
        if case.name != "default pool" {
            return;
        }
        let proof = hex::encode(&case.key().sign(parameters, case.epoch).as_bytes()[32..]);
        assert_eq!(proof, PROOF_OF_THE_DEFAULT_POOL);
    });
}

const PROOF_OF_THE_DEFAULT_POOL: &str = "887f87e41c05377c93fdef28b4ead83fd9451c96906de1b95661188009158407\
    9bba919ce96bd8e24805936622cd9f4de6c05bf3399adc38dbff9d0387e01a0e";
