//! The signatures of records against vectors, which other languages can check too.

use resi_protocol::rotation::{Parameters, RecordedEpoch, RotationKey, RotationPublicKey};
use resi_protocol::{EpochIndex, EpochSchedule, Sha256Hash, Signature};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    signing_context: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    mini_secret: String,
    public_key: RotationPublicKey,
    netuid: u16,
    epoch_seconds: u32,
    epoch: EpochIndex,
    pool_size: u32,
    pool_sha256: Sha256Hash,
    zipcodes_per_epoch: u32,
    prev_sha256: Option<Sha256Hash>,
    honeypots_sha256: Option<Sha256Hash>,
    text: String,
    sha256: Sha256Hash,
    signature: String,
}

fn each_case(check: impl Fn(&Case, &RotationKey, &RecordedEpoch<'_>)) {
    let vectors: Vectors =
        serde_json::from_str(include_str!("vectors/records.json")).expect("vectors");
    assert_eq!(vectors.signing_context, "resi-record-v1");
    assert_eq!(vectors.cases.len(), 3);
    for case in &vectors.cases {
        let mut mini_secret = [0; 32];
        let digits = case.mini_secret.strip_prefix("0x").expect("0x");
        hex::decode_to_slice(digits, &mut mini_secret).expect("32 bytes");
        let parameters = Parameters {
            netuid: case.netuid,
            schedule: EpochSchedule::new(case.epoch_seconds).expect("not zero"),
            pool_size: case.pool_size,
            pool_sha256: case.pool_sha256,
            zipcodes_per_epoch: case.zipcodes_per_epoch,
        };
        let record = RecordedEpoch {
            epoch: case.epoch,
            parameters: &parameters,
            public_key: case.public_key,
            prev_sha256: case.prev_sha256,
            honeypots_sha256: case.honeypots_sha256,
        };
        check(case, &RotationKey::from_mini_secret(&mini_secret), &record);
    }
}

#[test]
fn texts_hashes_and_signatures() {
    each_case(|case, key, record| {
        assert_eq!(key.public(), case.public_key, "{}", case.name);
        assert_eq!(record.text(), case.text, "{}", case.name);
        assert_eq!(record.sha256(), case.sha256, "{}", case.name);
        // The same bytes from every replica and every build: they are stored once and compared.
        assert_eq!(key.sign_record(record).to_hex(), case.signature, "{}", case.name);
    });
}

#[test]
fn a_signature_is_of_one_key_and_one_text() {
    each_case(|case, key, record| {
        let signature: Signature = case.signature.parse().expect("hex");
        assert_eq!(case.public_key.verify_record(record, &signature), Ok(()), "{}", case.name);
        let other = RecordedEpoch { epoch: record.epoch.next(), ..*record };
        assert!(case.public_key.verify_record(&other, &signature).is_err(), "{}", case.name);
        assert!(case.public_key.verify_record(record, &key.sign_record(&other)).is_err());
        let mut stranger = *case.public_key.as_bytes();
        stranger[0] ^= 1;
        let stranger = RotationPublicKey::from_bytes(stranger);
        assert!(stranger.verify_record(record, &signature).is_err(), "{}", case.name);
    });
}
