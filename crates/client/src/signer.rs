use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use resi_protocol::{Hotkey, Keypair, Signature};

use crate::error::Cause;

/// Whatever signs for a hotkey: a [`Wallet`](crate::Wallet), a [`Keypair`], or something of your own, such as a process
/// that alone holds the key.
///
/// The signature is sr25519 with the signing context `substrate`, over exactly the message, as
/// [`Hotkey::verify`] checks it.
///
/// ```
/// use resi_client::{Cause, Signer};
/// use resi_client::protocol::{Hotkey, Keypair, Signature};
///
/// #[derive(Debug)]
/// struct Remote(Keypair);
///
/// #[async_trait::async_trait]
/// impl Signer for Remote {
///     fn hotkey(&self) -> Hotkey {
///         self.0.hotkey()
///     }
///
///     async fn sign(&self, message: &[u8]) -> Result<Signature, Cause> {
///         Ok(self.0.sign(message)) // ask whoever holds the key
///     }
/// }
/// ```
#[async_trait]
pub trait Signer: Send + Sync + fmt::Debug {
    /// Whom it signs for.
    fn hotkey(&self) -> Hotkey;

    /// Signs exactly `message`.
    ///
    /// # Errors
    /// Whatever kept it from signing; the call that needed the signature fails with
    /// [`Error::Signer`](crate::Error::Signer).
    async fn sign(&self, message: &[u8]) -> Result<Signature, Cause>;
}

#[async_trait]
impl Signer for Keypair {
    fn hotkey(&self) -> Hotkey {
        self.hotkey()
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, Cause> {
        Ok(self.sign(message))
    }
}

#[async_trait]
impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn hotkey(&self) -> Hotkey {
        (**self).hotkey()
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, Cause> {
        (**self).sign(message).await
    }
}
