use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use resi_protocol::wire::{AccessGrant, AccessRequest, ErrorCode, signing_message};
use resi_protocol::{Sources, Timestamp};

use crate::calls::{AccessCall, Call, check_grant};
use crate::clock::{Clock, Jitter};
use crate::data_folder::DataFolder;
use crate::error::{ClockOff, Error};
use crate::flights::Flights;
use crate::retry::RetryPolicy;
use crate::signer::Signer;
use crate::token::{Standing, Token};
use crate::transport::Transport;

/// A renewal is one try, for a token that is still good; without one there are as many as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    First,
    Renewal,
}

/// Everything that it takes to get an answer: tries, signatures and tokens.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) transport: Transport,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jitter: Arc<dyn Jitter>,
    retry: RetryPolicy,
    sources: Sources,
    /// Where tokens are kept for the next run of the program.
    folder: Option<DataFolder>,
    token: Mutex<Option<Arc<Token>>>,
    access: Flights<Purpose, Arc<Token>>,
}

impl Session {
    pub(crate) fn new(
        transport: Transport,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        jitter: Arc<dyn Jitter>,
        retry: RetryPolicy,
        sources: Sources,
        folder: Option<DataFolder>,
    ) -> Self {
        let kept = folder.as_ref().and_then(|folder| folder.grant(signer.hotkey(), sources));
        let kept = kept.filter(|grant| check_grant(grant, sources).is_ok());
        let token = kept.map(|grant| {
            Arc::new(Token::kept(grant, clock.now(), clock.monotonic(), jitter.fraction()))
        });
        let (token, access) = (Mutex::new(token), Flights::new());
        Self { transport, signer, clock, jitter, retry, sources, folder, token, access }
    }

    /// The answer to a call that needs no token.
    pub(crate) async fn public<C: Call>(&self, call: &C) -> Result<C::Answer, Error> {
        let request = call.request();
        let mut tries = Tries::begin(self);
        loop {
            match self.transport.send(&request, None).await {
                Ok(answer) => return answer.to(call, self.clock.now()),
                Err(error) => tries.pause(error).await?,
            }
        }
    }

    /// The answer to a call with a token; a token that is not taken is replaced once.
    pub(crate) async fn proven<C: Call>(self: &Arc<Self>, call: &C) -> Result<C::Answer, Error> {
        let request = call.request();
        let mut tries = Tries::begin(self);
        let mut has_renewed = false;
        loop {
            let token = self.token().await?;
            match self.transport.send(&request, Some(&token.grant.access_token)).await {
                Ok(answer) => return answer.to(call, self.clock.now()),
                Err(error) if error.is_about_token() && !has_renewed => {
                    has_renewed = true;
                    self.discard(&token);
                }
                Err(error) => tries.pause(error).await?,
            }
        }
    }

    /// A token that is good now: the one at hand, or a new one.
    pub(crate) async fn token(self: &Arc<Self>) -> Result<Arc<Token>, Error> {
        let session = Arc::clone(self);
        let Some(token) = self.token_at_hand() else {
            let first = || async move { session.get_token().await }.boxed();
            return self.access.join(Purpose::First, first).await;
        };
        let is_due = token.standing(self.clock.monotonic()) == Standing::Due;
        if !is_due || self.access.is_under_way(&Purpose::Renewal) {
            return Ok(token);
        }
        let renewal = || async move { session.ask_for_access().await }.boxed();
        match self.access.join(Purpose::Renewal, renewal).await {
            Ok(renewed) => Ok(renewed),
            Err(error) => {
                tracing::warn!("the access token is not renewed yet: {error}");
                self.keep(Arc::new(token.put_off(self.clock.monotonic())));
                Ok(token)
            }
        }
    }

    fn token_at_hand(&self) -> Option<Arc<Token>> {
        let now = self.clock.monotonic();
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        token.filter(|token| token.standing(now) != Standing::Expired)
    }

    fn keep(&self, token: Arc<Token>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    fn discard(&self, refused: &Arc<Token>) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        // Another call may have replaced it already.
        if token.as_ref().is_some_and(|held| held.grant.access_token == refused.grant.access_token)
        {
            *token = None;
        }
    }

    async fn get_token(&self) -> Result<Arc<Token>, Error> {
        // Whoever joined just after a flight had landed finds its token here.
        if let Some(token) = self.token_at_hand() {
            return Ok(token);
        }
        let mut tries = Tries::begin(self);
        loop {
            match self.ask_for_access().await {
                Ok(token) => return Ok(token),
                Err(error) => tries.pause(error).await?,
            }
        }
    }

    /// One try, signed now: a signature is taken only once.
    async fn ask_for_access(&self) -> Result<Arc<Token>, Error> {
        let hotkey = self.signer.hotkey().to_string();
        let (timestamp, sources) = (self.clock.now().seconds(), self.sources.to_string());
        let message = signing_message(&hotkey, timestamp, &sources);
        let signature = self.signer.sign(message.as_bytes()).await.map_err(Error::Signer)?.to_hex();
        let body = AccessRequest { hotkey, timestamp, signature, sources };
        let asked_at = self.clock.monotonic();
        let call = AccessCall { body, sources: self.sources };
        let answer = self.transport.send(&call.request(), None).await;
        let answer = answer.map_err(|error| clock_off(error, self.clock.now()))?;
        let grant = answer.to(&call, self.clock.now())?;
        self.keep_for_the_next_run(&grant).await;
        let token = Arc::new(Token::new(grant, asked_at, self.jitter.fraction()));
        self.keep(Arc::clone(&token));
        Ok(token)
    }

    async fn keep_for_the_next_run(&self, grant: &AccessGrant) {
        let Some(folder) = self.folder.clone() else { return };
        let (hotkey, sources, grant) = (self.signer.hotkey(), self.sources, grant.clone());
        // It fails only when the runtime ends; then there is no token at all.
        let _ =
            tokio::task::spawn_blocking(move || folder.keep_grant(hotkey, sources, &grant)).await;
    }
}

/// A request that was not signed just now by the service's clock, which it shows: how far the clocks are apart follows.
fn clock_off(error: Error, now: Timestamp) -> Error {
    match &error {
        Error::Refused(refusal) if refusal.code == Some(ErrorCode::TimestampOutOfRange) => {
            let request_id = refusal.request_id.clone();
            let clock = refusal.server_time.and_then(|time| ClockOff::of(now, time, request_id));
            clock.map_or(error, Error::ClockOff)
        }
        _ => error,
    }
}

/// The tries of one call.
struct Tries<'a> {
    session: &'a Session,
    began: Duration,
    failed: u32,
}

impl<'a> Tries<'a> {
    fn begin(session: &'a Session) -> Self {
        Self { session, began: session.clock.monotonic(), failed: 0 }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// The error itself, when there is to be none.
    async fn pause(&mut self, error: Error) -> Result<(), Error> {
        let Session { clock, jitter, retry, .. } = self.session;
        self.failed += 1;
        let elapsed = clock.monotonic().saturating_sub(self.began);
        match retry.wait_after(&error, self.failed, elapsed, jitter.fraction()) {
            Some(wait) => {
                tracing::warn!(wait_ms = wait.as_millis() as u64, "trying again: {error}");
                clock.sleep(wait).await;
                Ok(())
            }
            None => Err(error),
        }
    }
}
