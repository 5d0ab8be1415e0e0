use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use resi_client::{BlocksRequest, Error, RetryPolicy, Trust, Wallet};

use crate::support::World;
use crate::support::service::{Backend, Options};

fn kept(world: &World, prefix: &str) -> PathBuf {
    let service = fs::read_dir(world.folder.path()).unwrap().next().unwrap().unwrap().path();
    let mut files = fs::read_dir(service).unwrap().map(|file| file.unwrap());
    let found = files.find(|file| file.file_name().to_string_lossy().starts_with(prefix));
    found.unwrap().path()
}

#[tokio::test]
async fn blocks_survive_a_restart_of_the_validator() {
    let world = World::impatient(Backend::Sqlite).await;
    let first = world.client().blocks(BlocksRequest::new()).await.unwrap();
    let requests = world.proxy.count("/");
    let again = world.client().blocks(BlocksRequest::new()).await.unwrap();
    assert_eq!((again.data(), again.trust()), (first.data(), Trust::Remembered));
    assert_eq!(world.proxy.count("/"), requests, "not even access is asked for");

    world.client().blocks(BlocksRequest::new().block_size(50)).await.unwrap();
    assert_eq!(world.proxy.count("validator-data"), 2, "other blocks are other blocks");
    let bob = world.builder().signer(Wallet::from_uri("//Bob").unwrap()).build().unwrap();
    bob.blocks(BlocksRequest::new()).await.unwrap();
    assert_eq!(world.proxy.count("validator-data"), 3, "and so are those of another hotkey");
    assert_eq!(world.proxy.count("pools"), 1);
    world.end().await;
}

#[tokio::test]
async fn a_kept_copy_is_checked_again() {
    let world = World::impatient(Backend::Sqlite).await;
    let first = world.client().blocks(BlocksRequest::new()).await.unwrap();
    let file = kept(&world, "blocks-");
    let honest = fs::read_to_string(&file).unwrap();
    let tampered = honest.replacen(&format!("\"{}\"", first.proof().zipcodes[0]), "\"00000\"", 1);
    for copy in [&tampered, "{", ""] {
        fs::write(&file, copy).unwrap();
        fs::write(kept(&world, "pool-"), copy).unwrap();
        assert_eq!(world.client().blocks(BlocksRequest::new()).await.unwrap().data(), first.data());
        assert_eq!(fs::read_to_string(&file).unwrap(), honest);
    }
    assert_eq!((world.proxy.count("validator-data"), world.proxy.count("pools")), (4, 4));

    world.clock.advance(Duration::from_secs(14_400));
    let next = world.client().blocks(BlocksRequest::new()).await.unwrap();
    assert_ne!(next.epoch(), first.epoch());
    world.end().await;
}

#[tokio::test]
async fn what_was_trusted_is_never_trusted_anew_in_silence() {
    let world = World::impatient(Backend::Sqlite).await;
    world.client().blocks(BlocksRequest::new()).await.unwrap();
    fs::write(kept(&world, "rotation"), "{").unwrap();
    let error = world.client().blocks(BlocksRequest::new()).await.unwrap_err();
    assert!(
        matches!(&error, Error::DataFolder { .. }) && error.to_string().contains("rotation.json")
    );
    world.end().await;
}

/// What may stand in a file after an accident, or when somebody wanted to harm.
fn rubbish() -> Vec<Vec<u8>> {
    let mut rubbish: Vec<Vec<u8>> = ["", "null", "[]", "{}", "\"\"", "1e999", "\0\u{1b}[2J"]
        .map(|text| text.as_bytes().to_vec())
        .into();
    rubbish.push(vec![0xff; 100]);
    rubbish.push(b"[".repeat(100_000));
    rubbish.push(b" ".repeat(3 << 20));
    rubbish
}

#[tokio::test]
async fn rubbish_in_a_kept_file_is_never_trusted() {
    let world = World::impatient(Backend::Sqlite).await;
    let run = || world.builder().keep_token().build().unwrap();
    let first = run().blocks(BlocksRequest::new()).await.unwrap();
    let copies = ["blocks-", "pool-", "token-"].map(|prefix| kept(&world, prefix));
    for rubbish in rubbish() {
        for file in &copies {
            fs::write(file, &rubbish).unwrap();
        }
        // Ten grants a minute are the limit.
        world.clock.advance(Duration::from_secs(60));
        let again = run().blocks(BlocksRequest::new()).await.unwrap();
        assert_eq!((again.data(), again.trust()), (first.data(), Trust::Remembered));
    }
    for file in &copies {
        fs::remove_file(file).unwrap();
        fs::create_dir(file).unwrap();
    }
    assert_eq!(run().blocks(BlocksRequest::new()).await.unwrap().data(), first.data());
    for file in ["rotation", "announcements"].map(|prefix| kept(&world, prefix)) {
        let honest = fs::read(&file).unwrap();
        for rubbish in rubbish() {
            fs::write(&file, &rubbish).unwrap();
            let error = run().blocks(BlocksRequest::new()).await.unwrap_err();
            let words = error.to_string();
            assert!(matches!(error, Error::DataFolder { .. }), "{words}");
            assert!(words.len() < 1_000 && !words.chars().any(char::is_control), "{words}");
        }
        fs::write(&file, honest).unwrap();
    }
    assert_eq!(run().blocks(BlocksRequest::new()).await.unwrap().trust(), Trust::Remembered);
    world.end().await;
}

#[tokio::test]
async fn a_kept_token_is_one_that_could_have_been_granted() {
    let world = World::impatient(Backend::Sqlite).await;
    let run = || world.builder().keep_token().build().unwrap();
    run().assignments(Default::default()).await.unwrap();
    let file = kept(&world, "token-");
    let honest = fs::read_to_string(&file).unwrap();
    for (old, new) in [
        ("\"ZILLOW_SOLD\"", "\"REDFIN\""),
        ("\"Bearer\"", "\"Basic\""),
        ("\"access_token\":\"", "\"access_token\":\"\\n"),
        ("21600", "18446744073709551615"),
    ] {
        assert!(honest.contains(old), "{honest}");
        fs::write(&file, honest.replace(old, new)).unwrap();
        let asked = world.proxy.count("access");
        run().assignments(Default::default()).await.unwrap();
        assert_eq!(world.proxy.count("access"), asked + 1, "{new}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_only_where_trust_is_lost() {
    let world = World::impatient(Backend::Sqlite).await;
    let file = world.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error =
        world.builder().data_folder(&file).build().unwrap().blocks(BlocksRequest::new()).await;
    assert!(matches!(error, Err(Error::DataFolder { .. })), "{error:?}");
    let nothing = world.builder().keep_nothing().retry(RetryPolicy::never()).build().unwrap();
    assert_eq!(nothing.blocks(BlocksRequest::new()).await.unwrap().trust(), Trust::FirstContact);
    assert!(nothing.known_rotation().await.unwrap().is_some());
    assert_eq!(fs::read_dir(world.folder.path()).unwrap().count(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_token_that_is_kept_is_used_until_it_is_refused_or_over() {
    let mut world = World::impatient(Backend::Sqlite).await;
    let run = |world: &World| world.builder().keep_token().build().unwrap();
    let asked = |world: &World| world.proxy.count("access");
    run(&world).assignments(Default::default()).await.unwrap();
    run(&world).assignments(Default::default()).await.unwrap();
    assert_eq!(asked(&world), 1, "the next run has the token");
    let file = kept(&world, "token-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let folder = file.parent().unwrap();
        assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    world.client().assignments(Default::default()).await.unwrap();
    assert_eq!(asked(&world), 2, "only who keeps tokens looks for them");
    let bob = world.builder().keep_token().signer(Wallet::from_uri("//Bob").unwrap());
    bob.build().unwrap().assignments(Default::default()).await.unwrap();
    assert_eq!(asked(&world), 3, "a token is of one hotkey");

    world.restart(Options::default()).await;
    run(&world).assignments(Default::default()).await.unwrap();
    let after_restart = asked(&world);
    fs::write(&file, "{").unwrap();
    run(&world).assignments(Default::default()).await.unwrap();
    assert_eq!(asked(&world), after_restart + 1, "half a file is no token");
    let forged = fs::read_to_string(&file).unwrap().replace("eyJ", "eyX");
    fs::write(&file, forged).unwrap();
    run(&world).assignments(Default::default()).await.unwrap();
    assert_eq!(asked(&world), after_restart + 2, "a token that is not taken is replaced");
    world.clock.advance(Duration::from_secs(21_600));
    run(&world).assignments(Default::default()).await.unwrap();
    assert_eq!(asked(&world), after_restart + 3, "one that is over is not sent");
    world.end().await;
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_kept_through_a_link_or_with_a_looser_mode() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let world = World::impatient(Backend::Sqlite).await;
    let run = || world.builder().keep_token().build().unwrap();
    run().assignments(Default::default()).await.unwrap();
    let (token, elsewhere) = (kept(&world, "token-"), world.folder.path().join("elsewhere"));
    fs::write(&elsewhere, "{").unwrap();
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(&token).unwrap();
    symlink(&elsewhere, &token).unwrap();
    run().assignments(Default::default()).await.unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "{");
    assert!(!token.is_symlink() && fs::read_to_string(&token).unwrap().contains("access_token"));
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&token, "{").unwrap();
    run().assignments(Default::default()).await.unwrap();
    assert_eq!(fs::metadata(&token).unwrap().permissions().mode() & 0o777, 0o600);

    let nowhere = token.with_file_name("rotation.json");
    symlink(world.folder.path().join("nowhere"), &nowhere).unwrap();
    let error = world.client().blocks(BlocksRequest::new()).await.unwrap_err();
    assert!(matches!(error, Error::DataFolder { .. }), "what is not kept is not trusted: {error}");
    world.end().await;
}
