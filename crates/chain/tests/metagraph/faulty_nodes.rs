use std::time::Duration;

use resi_chain::stand_in::Fault;
use resi_chain::{ChainClient, Deadlines, FetchError, Freshness, Network, SnapshotError};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{CALLS, METAGRAPH_CALL, NOW, metagraph, metagraph_of, node, refused};

/// Faults of these calls end a fetch. The one that is left out is not known to older nodes, which are asked otherwise.
fn needed_calls() -> impl Iterator<Item = &'static str> {
    CALLS.into_iter().filter(|call| *call != "Metadata_metadata_versions")
}

#[tokio::test]
async fn a_node_that_does_not_speak_costs_the_deadline_of_a_connection() {
    let mute = node(|chain| chain.fault = Some(Fault::Mute)).await;
    let deadlines = Deadlines { connect: Duration::from_millis(20), ..Deadlines::default() };
    let error = refused(&metagraph_of(&[&mute], deadlines)).await;
    assert!(matches!(error, FetchError::ConnectDeadline(_) | FetchError::Connect(_)), "{error}");
}

#[tokio::test]
async fn a_node_that_stops_answering_costs_the_deadline_of_a_call() {
    let silent = node(|chain| chain.fault = Some(Fault::Silent(CALLS[0].into()))).await;
    let deadlines = Deadlines { call: Duration::from_millis(20), ..Deadlines::default() };
    let error = refused(&metagraph_of(&[&silent], deadlines)).await;
    assert!(matches!(error, FetchError::Call { .. }), "{error}");
    assert!(error.to_string().ends_with("no answer within 20ms"), "{error}");
    assert_eq!(silent.calls(), CALLS[..1]);
}

#[tokio::test]
async fn a_node_that_is_not_there_is_told() {
    let gone = node(|_| ()).await;
    let metagraph = metagraph(&[&gone]);
    drop(gone);
    // The port is closed once the stand-in's task has ended.
    tokio::task::yield_now().await;
    let error = refused(&metagraph).await;
    assert!(matches!(error, FetchError::Connect(_)), "{error}");
    assert_eq!(metagraph.freshness(NOW), Freshness::Expired);
}

#[tokio::test]
async fn a_node_that_hangs_up_or_fails_is_told() {
    for call in needed_calls() {
        for fault in [Fault::HangUp(call.into()), Fault::Error(call.into())] {
            let faulty = node(|chain| chain.fault = Some(fault.clone())).await;
            let error = refused(&metagraph(&[&faulty])).await;
            assert!(matches!(error, FetchError::Call { .. }), "{fault:?}: {error}");
        }
    }
}

#[tokio::test]
async fn nonsense_is_refused_wherever_it_comes() {
    let nonsense = [
        json!(null),
        json!("0x"),
        json!("0x00"),
        json!("0xffffffffffffffffffffffff"),
        json!("0x01fdff03fdff03fdff03"),
        json!("not hex"),
        json!({"number": "0xffffffffffffffffffff"}),
        json!([[[[]]]]),
        json!(-1),
    ];
    let node = node(|_| ()).await;
    for call in needed_calls() {
        for result in &nonsense {
            node.change(|chain| chain.fault = Some(Fault::Result(call.into(), result.clone())));
            let error = refused(&metagraph(&[&node])).await;
            let text = error.to_string();
            assert!(!text.is_empty() && text.chars().count() < 300, "{call} {result}: {text}");
        }
        for text in ["", "{", "\u{0}", r#"{"jsonrpc":"2.0","id":"other","result":"0x"}"#] {
            node.change(|chain| chain.fault = Some(Fault::Text(call.into(), text.into())));
            let error = refused(&metagraph(&[&node])).await;
            assert!(matches!(error, FetchError::Call { .. }), "{call} {text:?}: {error}");
        }
    }
}

#[tokio::test]
async fn columns_that_do_not_fit_are_refused_by_name() {
    let node = node(|_| ()).await;
    let metagraph = metagraph(&[&node]);
    metagraph.sync(NOW).await.expect("synced");
    let known = metagraph.snapshot();
    let columns = ["coldkeys", "axons", "active", "validator_permit", "alpha_stake", "num_uids"];
    for name in columns {
        node.change(|chain| chain.fault = Some(Fault::Ragged(name.into())));
        let error = refused(&metagraph).await;
        let FetchError::Nonsense(SnapshotError::Ragged { column, length: 2, members: 3 }) = error
        else {
            panic!("{name}: {error}")
        };
        assert_eq!(column, name);
    }
    for name in columns.into_iter().chain(["hotkeys", "block"]) {
        node.change(|chain| chain.fault = Some(Fault::Missing(name.into())));
        let error = refused(&metagraph).await;
        assert!(
            matches!(error, FetchError::Nonsense(SnapshotError::MissingColumn(column)) if column == name),
            "{name}: {error}"
        );
        assert!(metagraph.problem().expect("told").contains(name));
    }
    assert_eq!(metagraph.snapshot(), known, "the old one stays");

    node.change(|chain| {
        chain.fault = None;
        chain.members[2].hotkey = chain.members[0].hotkey;
    });
    assert!(matches!(refused(&metagraph).await, FetchError::Nonsense(SnapshotError::Repeated(_))));
}

#[tokio::test]
async fn what_is_wrong_is_said_in_words() {
    let table = [
        (
            Fault::HangUp(METAGRAPH_CALL.into()),
            "asking for the members: Cannot call the Runtime API: Backend error: RPC error: client error: \
             The background task closed connection closed; restart required",
        ),
        (
            Fault::Error("chain_getFinalizedHead".into()),
            "asking for its finalized block: Cannot construct OnlineClientAtBlock: cannot get the current block: \
             Backend error: RPC error: User error: on purpose (-32000)",
        ),
        (Fault::Result(METAGRAPH_CALL.into(), json!("0x00")), "there is no subnet 46"),
        (Fault::Ragged("axons".into()), "the column axons has 2 entries for 3 hotkeys"),
    ];
    let node = node(|_| ()).await;
    let metagraph = metagraph(&[&node]);
    for (fault, said) in table {
        node.change(|chain| chain.fault = Some(fault));
        let error = metagraph.sync(NOW).await.expect_err("refused").to_string();
        assert_eq!(error, format!("{}: {said}", node.url()));
        assert_eq!(metagraph.problem(), Some(error));
    }
}

#[tokio::test]
async fn nobody_is_sent_to_another_node() {
    let elsewhere = node(|_| ()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("ws://{}", listener.local_addr().expect("bound"));
    let location = elsewhere.url();
    let redirecting = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut head = [0; 1_024];
            let _ = stream.read(&mut head).await.expect("a request");
            let answer =
                format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.expect("sent");
        }
    });
    let network = Network::choose(None, Some(&url)).expect("loopback");
    let client = ChainClient::new(network, 46, Deadlines::default());
    let error = client.fetch(0).await.expect_err("not followed");
    assert!(matches!(error, FetchError::Connect(_)), "{error}");
    assert_eq!(elsewhere.calls(), [""; 0]);
    redirecting.abort();
}
