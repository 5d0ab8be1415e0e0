//! What a miner may send, and what is kept of it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use resi_protocol::{Source, Timestamp};
use resi_validation::messages::{
    Answer, AnswerError, Assigned, AssignmentMode, DataAssignmentRequest, FieldName, Implausible,
    Limits, NotCounted, Reason, RecordedAnswer, RecordedAnswerError, ResponseWindow,
};
use serde_json::{Value, json};

fn entity(zpid: u64, content: &Value) -> Value {
    json!({
        "uri": format!("https://www.zillow.com/homedetails/a-home/{zpid}_zpid/"),
        "datetime": "2025-10-01T00:30:00+00:00",
        "source": "ZILLOW_SOLD",
        "label": {"value": "zip:77494"},
        "content": STANDARD.encode(content.to_string()),
        "content_size_bytes": content.to_string().len(),
    })
}

fn home() -> Value {
    json!({
        "price": 450_000, "bedrooms": 3.0, "bathrooms": 2.5, "living_area": 1850, "lot": {"acres": [0.25, null]},
        "address": "1 Oak Street, Katy, TX 77494", "property_type": "Single Family"
    })
}

fn message(entities: &[Value]) -> Value {
    json!({
        "name": "DataAssignmentRequest", "dendrite": {"nonce": 1_795_378_291_067_647_455_u64},
        "request_id": "a_miner_0", "assignment_mode": "zipcodes", "zipcode_batch_id": "batch_001", "overlap_group": 1.0,
        "completion_status": "completed", "scrape_timestamp": "2025-10-01T00:00:00",
        "submission_timestamp": "2025-10-01T00:40:00.5+00:00", "scraped_data": {"ZILLOW_SOLD": entities},
        "assignment_stats": {"scraped": entities.len()}, "error_details": null
    })
}

fn assigned() -> Assigned {
    Assigned::zipcodes(
        "ZILLOW_SOLD".parse().expect("a source"),
        ["77494", "08701"].map(|zipcode| zipcode.parse().expect("a zipcode")),
    )
}

fn parse(body: &str) -> Answer {
    Answer::parse(body.as_bytes(), &assigned(), &Limits::default()).expect("JSON of an object")
}

/// The refusals of one home with this content: field and reason.
fn refused(content: &str) -> Vec<(Option<FieldName>, Reason)> {
    let mut entity = entity(12, &json!({}));
    entity["content"] = STANDARD.encode(content).into();
    let answer = parse(&message(&[entity]).to_string());
    answer.refusals.first().iter().map(|refusal| (refusal.field, refusal.reason)).collect()
}

#[test]
fn an_honest_answer_is_kept_whole() {
    let answer = parse(&message(&[entity(12, &home())]).to_string());
    assert!(answer.refusals.is_empty(), "{:?}", answer.refusals);
    insta::assert_json_snapshot!(answer.reports, @r#"
    [
      {
        "key": "zillow:12",
        "source": "ZILLOW_SOLD",
        "zipcode": "77494",
        "price": 450000,
        "bedrooms": 3,
        "bathrooms": 2.5,
        "living_area": 1850,
        "address": "1 oak st katy tx 77494",
        "property_type": "SINGLE_FAMILY"
      }
    ]
    "#);
    assert_eq!(
        (answer.zipcode_batch_id.as_deref(), answer.overlap_group),
        (Some("batch_001"), Some(1))
    );
}

#[test]
fn content_may_be_base64_text_or_an_object() {
    let mut forms = [entity(1, &home()), entity(1, &home()), entity(1, &home())];
    forms[1]["content"] = home().to_string().into();
    forms[2]["content"] = home();
    let reports = forms.map(|entity| parse(&message(&[entity]).to_string()).reports);
    assert_eq!(reports[0].len(), 1);
    assert!(reports.iter().all(|report| *report == reports[0]));
}

#[test]
fn numbers_that_cannot_be_are_refused_one_by_one() {
    for (value, reason) in [
        ("NaN", Reason::NotFinite),
        ("-Infinity", Reason::NotFinite),
        ("-1", Reason::OutOfRange),
        ("0", Reason::OutOfRange),
        ("1e308", Reason::OutOfRange),
        ("99999999999999999999999999", Reason::OutOfRange),
        ("\"450000\"", Reason::NotANumber),
        ("true", Reason::NotANumber),
        ("[450000]", Reason::NotANumber),
        ("{\"value\": 450000}", Reason::NotANumber),
        ("1, \"price\": 2", Reason::Ambiguous),
    ] {
        let content = format!(r#"{{"price": {value}, "bedrooms": 3}}"#);
        assert_eq!(refused(&content), [(Some(FieldName::Price), reason)], "{value}");
    }
    assert_eq!(refused(r#"{"bedrooms": 2.5}"#), [(Some(FieldName::Bedrooms), Reason::NotWhole)]);
    assert_eq!(
        refused(r#"{"price": null, "bedrooms": 0, "square_feet": 900, "living_area": 900.0}"#),
        []
    );
    // Beyond what a float can hold, the content is no JSON that can be read.
    assert_eq!(refused(r#"{"price": 1e400}"#), [(Some(FieldName::Content), Reason::BadContent)]);
}

#[test]
fn a_home_that_cannot_be_told_is_refused_and_the_others_stay() {
    let mut broken = vec![json!(7), json!("home"), json!([]), json!(null)];
    let change = |key: &str, value: Value| {
        let mut entity = entity(2, &home());
        entity[key] = value;
        entity
    };
    broken.push(change("uri", json!("https://www.zillow.com/")));
    broken.push(change("uri", json!("x".repeat(5_000))));
    broken.push(change("label", json!("zip:99999")));
    broken.push(change("content", json!("no base64!")));
    broken.push(change("content", json!(STANDARD.encode("[1]"))));
    broken.push(change("content", json!("x".repeat(300_000))));
    broken.push(change("content", json!(5)));
    broken.push(entity(1, &json!({"price": 1})));
    broken.insert(0, entity(1, &home()));
    let mut message = message(&broken);
    message["scraped_data"]["REDFIN"] = json!([entity(3, &home())]);
    message["scraped_data"]["MLS"] = json!([entity(3, &home())]);
    let answer = parse(&message.to_string());

    assert_eq!(answer.reports.len(), 1);
    assert_eq!(answer.reports[0].price, Some(450_000));
    assert_eq!(answer.entities, 15);
    insta::assert_json_snapshot!(answer.refusals.counts(), @r#"
    {
      "not_an_entity": 4,
      "unknown_source": 1,
      "not_assigned": 2,
      "no_key": 2,
      "repeated": 1,
      "bad_content": 3,
      "content_too_large": 1,
      "text_too_long": 1
    }
    "#);
    insta::assert_json_snapshot!(answer.refusals.first()[7], @r#"
    {
      "entity": 7,
      "reason": "not_assigned",
      "detail": "zillow:2 in 99999"
    }
    "#);
}

#[test]
fn the_zipcode_is_the_labels_else_the_contents_else_the_addresss() {
    let of = |label: Value, content: Value| {
        let mut entity = entity(1, &content);
        entity["label"] = label;
        let reports = parse(&message(&[entity]).to_string()).reports;
        reports.first().and_then(|report| report.zipcode).map(|zipcode| zipcode.to_string())
    };
    let address = json!({"address": "1 Oak St, Katy, TX 77494"});
    assert_eq!(of(json!("zip:08701"), address.clone()).as_deref(), Some("08701"));
    assert_eq!(of(json!("sold"), json!({"zipcode": 8701})).as_deref(), Some("08701"));
    assert_eq!(of(json!(null), json!({"zip_code": "08701-1234"})).as_deref(), Some("08701"));
    assert_eq!(of(json!({}), address).as_deref(), Some("77494"));
    assert_eq!(of(json!([1]), json!({"price": 1})), None);
}

#[test]
fn property_ids_are_matched_by_key_and_need_no_zipcode() {
    let mut request = DataAssignmentRequest::new("a".into(), AssignmentMode::PropertyIds);
    request.assignment_data.insert(Source::ZillowSold, vec!["12".into(), "x".into()]);
    request.assignment_data.insert(Source::RealtorCom, vec!["1 Oak Street, Katy".into()]);
    let mut at_realtor = entity(0, &json!({"address": "1 OAK ST KATY", "price": 5}));
    at_realtor["label"] = Value::Null;
    let mut by_label = entity(0, &json!({"price": 6}));
    by_label["uri"] = "https://zillow.com/".into();
    by_label["label"] = "zpid:12".into();
    let mut message = message(&[by_label, entity(13, &home())]);
    message["scraped_data"]["realtor"] = json!([at_realtor]);

    let body = message.to_string();
    let answer =
        Answer::parse(body.as_bytes(), &Assigned::of_request(&request), &Limits::default())
            .expect("JSON");
    let kept: Vec<_> =
        answer.reports.iter().map(|report| (report.key.to_string(), report.price)).collect();
    assert_eq!(kept, [("zillow:12".into(), Some(6)), ("1 oak st katy".into(), Some(5))]);
    assert_eq!(answer.refusals.count(Reason::NotAssigned), 1);
}

#[test]
fn nan_outside_of_a_text_is_refused_too() {
    let body = r#"{"assignment_stats": {"rate": NaN}, "scraped_data": {"ZILLOW_SOLD": [
        {"uri": "1_zpid", "label": "zip:77494", "content": {"price": NaN, "bedrooms": 3}}]}}"#;
    let answer = parse(body);
    assert_eq!((answer.reports[0].price, answer.reports[0].bedrooms), (None, Some(3)));
    assert_eq!(answer.refusals.count(Reason::NotFinite), 1);
}

#[test]
fn what_is_no_answer_is_refused_whole() {
    let limits = Limits { body_bytes: 1_000, entities: 3, ..Limits::default() };
    let parse = |body: &str| Answer::parse(body.as_bytes(), &assigned(), &limits).map(|_| ());
    for body in [
        "",
        "7",
        "[]",
        "{",
        "{\"a\":}",
        "{} {}",
        "\u{0}",
        "{\"scraped_data\": {\"ZILLOW_SOLD\": [{",
    ] {
        assert!(matches!(parse(body), Err(AnswerError::Malformed(_))), "{body}");
    }
    let many = r#"{"scraped_data": {"REDFIN": [1, 2], "ZILLOW_SOLD": [3, 4]}}"#;
    assert_eq!(parse(many), Err(AnswerError::TooManyEntities { limit: 3 }));
    let large = format!("{{\"a\": \"{}\"}}", "x".repeat(1_000));
    assert_eq!(parse(&large), Err(AnswerError::TooLarge { bytes: large.len(), limit: 1_000 }));
    assert_eq!(parse(r#"{"scraped_data": 5, "completion_status": []}"#), Ok(()));
}

#[test]
fn a_recorded_answer_is_read_as_it_was_and_restricted_to_its_batch() {
    let mut other_zipcode = entity(2, &home());
    other_zipcode["label"] = "zip:99999".into();
    let response = message(&[entity(1, &home()), other_zipcode]);
    let line = |uid: Value, received_at: Value| {
        let line = json!({"uid": uid, "received_at": received_at, "response": response});
        RecordedAnswer::parse(
            line.to_string().as_bytes(),
            &Assigned::anything(),
            &Limits::default(),
        )
    };
    let recorded = line(json!(65_535.0), json!("2025-10-01T00:41:00")).expect("valid");
    let mut answer = recorded.answer.expect("JSON of an object");
    assert_eq!((recorded.uid, answer.reports.len()), (65_535, 2));
    answer.restrict(&assigned(), &Limits::default());
    let directly = parse(&response.to_string());
    assert_eq!(answer.reports, directly.reports);
    assert_eq!(answer.refusals.counts(), directly.refusals.counts());

    let wrong = |uid, received_at| line(uid, received_at).expect_err("wrong").to_string();
    assert_eq!(wrong(json!(-1), json!("")), "uid is -1, not a whole number from 0 to 65535");
    assert_eq!(wrong(json!(1), json!("soon")), "received_at is \"soon\", not a time");
    let empty = RecordedAnswer::parse(
        br#"{"uid": 1, "received_at": "2025-10-01T00:41:00Z", "rate": NaN}"#,
        &Assigned::anything(),
        &Limits::default(),
    );
    assert_eq!(empty, Err(RecordedAnswerError::NoResponse));
}

#[test]
fn what_is_wrong_with_an_answer_is_no_fault_of_its_line() {
    let parse = |line: &str| {
        RecordedAnswer::parse(line.as_bytes(), &Assigned::anything(), &Limits::default())
    };
    let head = r#"{"uid": 7, "received_at": "2025-10-01T00:41:00Z", "response": "#;
    let whole = message(&[entity(1, &home())]).to_string();
    for response in [
        "null",
        "[]",
        "7",
        "1e999",
        r#""text""#,
        r#"{"request_id": "\ud800"}"#,
        r#"{"overlap_group": 1e999}"#,
        &"[".repeat(100_000),
        &whole[..whole.len() / 2],
        "",
        "<html>",
        r#"{}, "response": {}"#,
        r#"{}, "uid": 3"#,
        r#"{}, "received_at": "2025-10-01T00:00:00Z""#,
        "{}}{",
    ] {
        let recorded = parse(&format!("{head}{response}}}")).expect(response);
        assert_eq!((recorded.uid, recorded.answer.is_err()), (7, true), "{response}");
    }
    // Names of an object may come in any order, as long as it is one.
    let (start, end) =
        (r#"{"received_at": "2025-10-01T00:41:00Z", "response": "#, r#", "uid": 7}"#);
    assert!(parse(&format!("{start}{whole}{end}")).expect("valid").answer.is_ok());
    assert!(parse(&format!("{start}null{end}")).expect("valid").answer.is_err());
    for damaged in [
        format!("{start}<html>{end}"),
        r#"{"uid": 7, "uid": 8, "received_at": "2025-10-01T00:41:00Z", "response": {}}"#.into(),
        r#"{"uid": 70000, "received_at": "2025-10-01T00:41:00Z", "response": <"#.into(),
        r#"{"uid": 7, "received_at""#.into(),
        "null".into(),
        "\u{1b}[2J".into(),
    ] {
        let error = parse(&damaged).expect_err(&damaged).to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

#[test]
fn what_is_shown_of_an_answer_is_escaped_and_cut() {
    let mut hostile = message(&[]);
    for field in ["completion_status", "scrape_timestamp"] {
        hostile[field] = "\u{1b}[2J\u{9b}1m\u{202e}\n".repeat(9).into();
    }
    for refusal in parse(&hostile.to_string()).refusals.first() {
        let shown = &refusal.detail;
        assert!(shown.starts_with(r"\u{1b}[2J\u{9b}1m\u{202e}\n"), "{shown}");
        assert!(shown.is_ascii() || shown.ends_with('…'), "{shown}");
    }
}

#[test]
fn hundreds_of_thousands_of_refusals_keep_a_hundred() {
    let entities = vec![json!(1); 50_000];
    let answer = parse(&message(&entities).to_string());
    assert_eq!(answer.refusals.count(Reason::NotAnEntity), 50_000);
    assert_eq!(answer.refusals.first().len(), 100);
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    let nested = "[".repeat(1_000_000);
    let body = format!(r#"{{"assignment_stats": {nested}}}"#);
    assert!(matches!(
        Answer::parse(body.as_bytes(), &assigned(), &Limits::default()),
        Err(AnswerError::Malformed(_))
    ));
    let deep = format!(r#"{{"price": 1, "x": {}1{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(refused(&deep), []);
}

#[test]
fn an_answer_counts_within_the_window_only() {
    let window = ResponseWindow::default();
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let assigned_at = Some(at("2025-09-30T23:59:00Z"));
    let received_at = at("2025-10-01T00:41:00Z");
    let honest = parse(&message(&[entity(1, &home())]).to_string());
    let admit = |answer: &Answer| window.admit(answer, assigned_at, received_at);

    assert_eq!(admit(&honest).map(|admitted| admitted.took), Ok(Duration::from_secs(42 * 60)));
    let took = window.admit(&honest, None, received_at).map(|admitted| admitted.took);
    assert_eq!(took, Ok(Duration::from_secs(41 * 60)));

    let changed = |change: &dyn Fn(&mut Answer)| {
        let mut answer = honest.clone();
        change(&mut answer);
        admit(&answer).expect_err("refused")
    };
    assert_eq!(changed(&|answer| answer.status = None), NotCounted::NotCompleted);
    assert_eq!(changed(&|answer| answer.reports.clear()), NotCounted::Empty);
    assert_eq!(changed(&|answer| answer.scrape_timestamp = None), NotCounted::NoTimes);
    let implausible = |change: &dyn Fn(&mut Answer)| match changed(change) {
        NotCounted::ImplausibleTime(implausible) => implausible,
        other => panic!("{other}"),
    };
    let scraped =
        |time: &'static str| implausible(&move |answer| answer.scrape_timestamp = Some(at(time)));
    let sent = |time: &'static str| {
        implausible(&move |answer| answer.submission_timestamp = Some(at(time)))
    };
    assert_eq!(sent("2025-10-01T00:02:10Z"), Implausible::TooFast(130));
    assert_eq!(sent("2025-10-01T00:42:30Z"), Implausible::SentAfterReceived(90));
    assert_eq!(sent("2025-09-30T23:59:00Z"), Implausible::SentBeforeScraped(60));
    assert_eq!(scraped("2025-09-30T23:57:00Z"), Implausible::ScrapedBeforeAssigned(120));
    assert_eq!(sent("2025-10-01T00:02:10Z").to_string(), "2 min 10 s, too fast");

    // Without knowing when it was assigned, only the claim tells that it took too long.
    let mut slow = honest.clone();
    slow.scrape_timestamp = Some(at("2025-09-30T22:00:00Z"));
    assert_eq!(
        window.admit(&slow, None, received_at),
        Err(NotCounted::ImplausibleTime(Implausible::TooSlow(9_600)))
    );
    // Clocks that are off within the tolerance do not make a quick answer slow enough.
    let mut quick = honest.clone();
    quick.submission_timestamp = Some(at("2025-10-01T00:05:30Z"));
    let early = window.admit(&quick, Some(at("2025-10-01T00:00:30Z")), at("2025-10-01T00:04:40Z"));
    assert_eq!(early, Err(NotCounted::ImplausibleTime(Implausible::TooFast(250))));
    // A claim of forty minutes does not help who is back after two.
    let early = window.admit(&honest, Some(at("2025-10-01T00:00:30Z")), at("2025-10-01T00:39:50Z"));
    assert!(early.is_ok());
    let early = window.admit(&honest, Some(at("2025-10-01T00:38:00Z")), received_at);
    assert_eq!(early, Err(NotCounted::ImplausibleTime(Implausible::ScrapedBeforeAssigned(2_280))));
}
