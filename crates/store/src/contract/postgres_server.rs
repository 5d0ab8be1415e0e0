use std::thread;

/// The word that the name of a test, or of one of its modules, has where the test needs Postgres.
const MARK: &str = "on_postgres";

/// The URL of the server on which tests make databases of their own, as `scripts/with-postgres.sh` hands it over.
///
/// # Panics
/// Where there is none; and in a test whose name does not say that it needs one. Where there is no Postgres, tests are
/// left out by their names.
#[expect(
    clippy::disallowed_methods,
    reason = "the script that starts Postgres says so where it is"
)]
pub fn postgres_server() -> String {
    let test = thread::current().name().map(str::to_owned);
    assert!(
        test.as_deref().is_none_or(says_so),
        "{test:?} needs Postgres: say {MARK} in its name, or in that of a module around it"
    );
    std::env::var("RESI_TEST_POSTGRES_URL").expect(
        "this test needs a Postgres: run it through scripts/with-postgres.sh, or leave it out with `-- --skip on_postgres`",
    )
}

/// Whether a thread may be that of a test that needs Postgres. The test harness names the threads of tests after them, but
/// runs a single one on the main thread.
fn says_so(thread: &str) -> bool {
    thread == "main" || thread.starts_with("tokio") || thread.contains(MARK)
}

#[cfg(test)]
mod tests {
    use super::says_so;

    #[test]
    fn a_test_says_that_it_needs_postgres() {
        assert!(says_so("access::on_postgres::a_wallet_gets_a_token"));
        assert!(says_so("replicas_deal_alike_on_postgres"));
        assert!(says_so("main") && says_so("tokio-runtime-worker"));
        assert!(!says_so("access::a_wallet_gets_a_token") && !says_so("postgres_urls_are_read"));
    }
}
