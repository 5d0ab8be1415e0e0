//! `resi-client` against a service that lies: a few thousand answers, each with one thing changed.
#![expect(clippy::unwrap_used, reason = "a test that fails may say so in any way")]

#[expect(dead_code, reason = "shared with tests that move it")]
#[path = "../../client/tests/suite/support/clock.rs"]
mod clock;
mod witness;

use std::time::Duration;

use peak_alloc::PeakAlloc;
use resi_client::protocol::rotation::RotationSet;
use resi_client::protocol::wire::{AssignmentId, AssignmentReport};
use resi_client::protocol::{Sha256Hash, Timestamp};
use resi_client::{
    AssignmentsRequest, BlocksRequest, Client, ClientBuilder, Error, PageRequest, RetryPolicy,
    VerifiedBlocks, Wallet,
};
use resi_hostile::{
    ANNOUNCED, Address, Ask, BEFORE, BLOCK_SIZE, Call, Document, Hostile, Kind, Ledger, NOW,
    Outcome, Stage, cases,
};
use serde_json::json;

use clock::{Always, TestClock};
use witness::Witness;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Wednesday 2025-01-15.
const START: i64 = 1_736_933_400;
/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Two services, one of which deals decoys.
struct World {
    decoys: Stage,
    plain: Stage,
    server: Hostile,
}

impl World {
    fn stage(&self, call: &str) -> &Stage {
        if call.ends_with("without decoys") { &self.plain } else { &self.decoys }
    }
}

const BLOCKS: &str = "GET /api/v1/validator-data?sources=ZILLOW_SOLD&block_size=5";
const ACCESS: &str = "POST /get-validator-access";
const KEYS: &str = "GET /api/v1/rotation/keys";

fn calls(world: &World) -> Vec<Call> {
    let of = |stage: &Stage| {
        let id = stage.epochs()[BEFORE];
        (format!("GET /api/v1/epochs/{id}"), format!("GET /api/v1/pools/{}", stage.known(NOW).pool_sha256))
    };
    let (epoch, pool) = of(&world.decoys);
    let plain_epoch = of(&world.plain).0;
    let call = |name, asks: Vec<Ask>| Call { name, asks };
    vec![
        call("access", vec![Ask::all(NOW, ACCESS)]),
        call(
            "blocks",
            vec![
                Ask::all(NOW, BLOCKS),
                Ask::all(NOW, KEYS),
                Ask::all(NOW, &pool),
                Ask::whole(NOW, ACCESS),
            ],
        ),
        call("blocks at first contact", vec![Ask::fields(NOW, BLOCKS), Ask::fields(NOW, &pool)]),
        call("blocks without decoys", vec![Ask::fields(NOW, BLOCKS)]),
        call("blocks by a clock that is off", vec![Ask::all(NOW, "GET /health")]),
        call("blocks after an announced change", vec![Ask::all(ANNOUNCED, KEYS)]),
        call("honeypots", vec![Ask::all(NOW, &epoch)]),
        call("report", vec![Ask::all(NOW, "POST /api/v1/assignment-status")]),
        call("assignments", vec![Ask::all(NOW, "GET /api/v1/assignments?limit=20")]),
        call("assignment", vec![Ask::all(NOW, "GET /api/v1/assignments/first")]),
        call("health", vec![Ask::all(NOW, "GET /health")]),
        call("statistics", vec![Ask::all(NOW, "GET /api/v1/statistics")]),
        call("current epoch", vec![Ask::all(NOW, "GET /api/v1/epochs/current")]),
        call("epoch", vec![Ask::all(NOW, &epoch)]),
        call("epoch without decoys", vec![Ask::fields(NOW, &plain_epoch)]),
        call("epochs", vec![Ask::all(NOW, "GET /api/v1/epochs?limit=3")]),
        call("pool", vec![Ask::all(NOW, &pool)]),
    ]
}

/// Answers that no client of ours asks for.
const NOT_ASKED_FOR: [(&str, &str); 2] = [
    ("GET /livez", "for who runs the service"),
    ("GET /readyz", "for balancers, and the operator's command"),
];

#[test]
fn nothing_that_a_service_may_answer_is_taken_for_what_it_is_not() {
    let now = Timestamp::from_seconds(START);
    let world =
        World { decoys: Stage::play(now, 3), plain: Stage::play(now, 0), server: Hostile::start() };
    let document = Document::checked_in();
    assert_eq!(world.decoys.book.unrecorded(&document), Vec::<String>::new());
    let witness = Witness::new(&MEMORY);
    let calls = calls(&world);
    let mut ledger = Ledger::of(calls.iter().map(|call| call.name));
    let only = only();
    for call in &calls {
        let stage = world.stage(call.name);
        let address = world.server.answer_honestly(&stage.book);
        let honest = run(&world, &witness, call.name, &address, false);
        assert_eq!(address.unknown(), Vec::<String>::new(), "{}", call.name);
        assert!(honest.panics.is_empty() && !honest.hung, "{}: {honest:?}", call.name);
        assert!(
            honest.result.is_some() || call.name.ends_with("off"),
            "{}: {honest:?}",
            call.name
        );
        for case in cases(&document, &stage.book, call) {
            if only.as_ref().is_some_and(|only| !case.name().contains(only)) {
                continue;
            }
            let address = case.answer(&world.server, &stage.book);
            let outcome = run(&world, &witness, call.name, &address, case.kind == Kind::Slow);
            ledger.judge(&case, honest.result.as_deref(), &outcome);
            if only.is_some() {
                eprintln!("{}\n  {outcome:?}", case.name());
            }
        }
    }
    let mut uncovered = Vec::new();
    for operation in document.operations() {
        if NOT_ASKED_FOR.iter().any(|(name, _)| *name == operation.name()) {
            continue;
        }
        let paths = operation.schema(200).expect("an answer").paths();
        uncovered.extend(ledger.unchanged(&operation.name(), 200, paths.iter()));
    }
    match ledger.close(&uncovered, only.is_none()) {
        Ok(words) => println!("{words}"),
        Err(faults) => panic!("{faults}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "to run one case alone, as it is named")]
fn only() -> Option<String> {
    std::env::var("HOSTILE_CASE").ok()
}

/// Calls, in a runtime of its own, and watches.
fn run(
    world: &World,
    witness: &Witness,
    call: &'static str,
    address: &Address,
    is_slow: bool,
) -> Outcome {
    let stage = world.stage(call);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    witness.begin();
    let result = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, ask(call, stage, address, is_slow)).await
    });
    let more_memory = witness.more_memory();
    let mut outcome = Outcome {
        hung: result.is_err(),
        asked: address.asked(),
        told_elsewhere: address.told_elsewhere(),
        more_memory,
        ..Outcome::default()
    };
    drop(runtime);
    (outcome.words, outcome.panics) = witness.end();
    match result {
        Ok(Ok(result)) => outcome.result = Some(result),
        Ok(Err(error)) => {
            outcome.words.push_str(&error.to_string());
            outcome.words.push_str(&format!("\n{error:?}"));
        }
        Err(_) => {}
    }
    outcome
}

fn builder(address: &Address, clock: &TestClock, is_slow: bool) -> ClientBuilder {
    let builder = Client::builder()
        .base_url(&address.url)
        .signer(Wallet::from_uri("//Alice").unwrap())
        .keep_nothing()
        .clock(clock.clone())
        .jitter(Always(0.5));
    if is_slow {
        builder.try_timeout(Duration::from_millis(100)).retry(RetryPolicy::never())
    } else {
        builder.try_timeout(PATIENCE / 2)
    }
}

fn pinned(builder: ClientBuilder, known: &RotationSet) -> ClientBuilder {
    builder
        .rotation_key(known.public_key)
        .netuid(46)
        .epoch_seconds(known.epoch_seconds)
        .pool_sha256(known.pool_sha256)
        .zipcodes_per_epoch(known.zipcodes_per_epoch)
}

/// What a call hands out, in a form that can be compared.
async fn ask(
    call: &str,
    stage: &Stage,
    address: &Address,
    is_slow: bool,
) -> Result<String, Error> {
    let clock = TestClock::impatient(START);
    let builder = builder(address, &clock, is_slow);
    let known = stage.known(NOW);
    let blocks = BlocksRequest::new().block_size(BLOCK_SIZE);
    let epoch = stage.epochs()[BEFORE];
    let pinned_client = || pinned(builder.clone(), &known).build().unwrap();
    let client = || builder.clone().build().unwrap();
    Ok(match call {
        "access" => text(&client().access().await?),
        "blocks" | "blocks without decoys" => handed_out(&pinned_client().blocks(blocks).await?),
        "blocks at first contact" => handed_out(&client().blocks(blocks).await?),
        "blocks by a clock that is off" => {
            clock.advance(Duration::from_secs(4 * u64::from(resi_hostile::EPOCH_SECONDS)));
            handed_out(&pinned_client().blocks(blocks).await?)
        }
        "blocks after an announced change" => {
            let clock = TestClock::impatient(stage.clocks[ANNOUNCED].seconds());
            let client = pinned(builder.clock(clock.clone()), &stage.known(ANNOUNCED));
            let client = client.build().unwrap();
            address.at(ANNOUNCED);
            client.blocks(blocks).await?;
            address.at(NOW);
            clock.advance(stage.clocks[NOW].since(stage.clocks[ANNOUNCED]));
            handed_out(&client.blocks(blocks).await?)
        }
        "honeypots" => {
            let clock = TestClock::impatient(stage.clocks[BEFORE].seconds());
            let client = builder.clock(clock.clone()).build().unwrap();
            address.at(BEFORE);
            let blocks = client.blocks(blocks).await?;
            address.at(NOW);
            clock.advance(stage.clocks[NOW].since(stage.clocks[BEFORE]));
            text(&client.honeypots(&blocks).await?)
        }
        "report" => text(&client().report(&report()).await?),
        "assignments" => text(&client().assignments(AssignmentsRequest::new().limit(20)).await?),
        "assignment" => {
            let id: AssignmentId = "first".parse().unwrap();
            text(&client().assignment(&id).await?)
        }
        "health" => text(&client().health().await?),
        "statistics" => text(&client().statistics().await?),
        "current epoch" => text(&client().current_epoch().await?),
        "epoch" | "epoch without decoys" => text(&client().epoch(epoch).await?),
        "epochs" => text(&client().epochs(PageRequest::new().limit(3)).await?),
        "pool" => {
            let sha256: Sha256Hash = known.pool_sha256;
            text(&client().pool(sha256).await?.zipcodes())
        }
        other => panic!("no call {other}"),
    })
}

fn report() -> AssignmentReport {
    serde_json::from_value(json!({ "assignment_id": "third", "status": "started" })).unwrap()
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn handed_out(blocks: &VerifiedBlocks) -> String {
    format!("{} {:?} {}", text(blocks.data()), blocks.proof(), blocks.trust())
}
