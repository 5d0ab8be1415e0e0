use std::time::Duration;

use subxt::rpcs::client::{RawRpcFuture, RawRpcSubscription, RawValue, RpcClientT};
use tokio::time::timeout;

/// A client whose every call has a deadline.
pub(crate) struct WithDeadline<C> {
    pub(crate) client: C,
    pub(crate) deadline: Duration,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct NoAnswer(Duration);

impl<C: RpcClientT> RpcClientT for WithDeadline<C> {
    fn request_raw<'a>(
        &'a self,
        method: &'a str,
        params: Option<Box<RawValue>>,
    ) -> RawRpcFuture<'a, Box<RawValue>> {
        Box::pin(within(self.deadline, self.client.request_raw(method, params)))
    }

    fn subscribe_raw<'a>(
        &'a self,
        sub: &'a str,
        params: Option<Box<RawValue>>,
        unsub: &'a str,
    ) -> RawRpcFuture<'a, RawRpcSubscription> {
        Box::pin(within(self.deadline, self.client.subscribe_raw(sub, params, unsub)))
    }
}

async fn within<T>(deadline: Duration, call: RawRpcFuture<'_, T>) -> Result<T, subxt::rpcs::Error> {
    let late = |_| subxt::rpcs::Error::Client(Box::new(NoAnswer(deadline)));
    timeout(deadline, call).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers requests after a while, and subscriptions never.
    struct Slow(Duration);

    impl RpcClientT for Slow {
        fn request_raw<'a>(
            &'a self,
            _: &'a str,
            _: Option<Box<RawValue>>,
        ) -> RawRpcFuture<'a, Box<RawValue>> {
            Box::pin(async move {
                tokio::time::sleep(self.0).await;
                Ok(RawValue::NULL.to_owned())
            })
        }

        fn subscribe_raw<'a>(
            &'a self,
            _: &'a str,
            _: Option<Box<RawValue>>,
            _: &'a str,
        ) -> RawRpcFuture<'a, RawRpcSubscription> {
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_is_none() {
        let deadline = Duration::from_secs(20);
        let millisecond = Duration::from_millis(1);
        let client = |takes| WithDeadline { client: Slow(takes), deadline };
        assert!(client(deadline - millisecond).request_raw("x", None).await.is_ok());
        let late = client(deadline + millisecond).request_raw("x", None).await;
        assert!(late.expect_err("late").to_string().ends_with("no answer within 20s"));
        assert!(client(deadline).subscribe_raw("x", None, "y").await.is_err());
    }
}
