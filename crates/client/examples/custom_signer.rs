//! A signer of one's own: here the key stays with a thread of its own, as it would stay with a process or a device.
//!
//! ```console
//! $ DATA_API_URL=http://127.0.0.1:8000 cargo run --example custom_signer
//! ```

use std::sync::{Arc, mpsc};
use std::thread;

use resi_client::protocol::{Hotkey, Keypair, Signature};
use resi_client::{Cause, Client, Signer};
use tokio::sync::oneshot;

#[derive(Debug)]
struct KeyHolder {
    hotkey: Hotkey,
    asked: mpsc::Sender<(Vec<u8>, oneshot::Sender<Signature>)>,
}

impl KeyHolder {
    fn start(key: Keypair) -> Self {
        let hotkey = key.hotkey();
        let (asked, questions) = mpsc::channel::<(Vec<u8>, oneshot::Sender<Signature>)>();
        thread::spawn(move || {
            for (message, answer) in questions {
                // Whoever asked may have gone.
                let _ = answer.send(key.sign(&message));
            }
        });
        Self { hotkey, asked }
    }
}

#[async_trait::async_trait]
impl Signer for KeyHolder {
    fn hotkey(&self) -> Hotkey {
        self.hotkey
    }

    async fn sign(&self, message: &[u8]) -> Result<Signature, Cause> {
        let (answer, signature) = oneshot::channel();
        self.asked.send((message.to_vec(), answer)).map_err(|error| Arc::new(error) as Cause)?;
        signature.await.map_err(|error| Arc::new(error) as Cause)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client =
        Client::builder().signer(KeyHolder::start(Keypair::development("Alice"))).build()?;
    println!("{} has access until {}", client.hotkey(), client.access().await?.expires_at);
    Ok(())
}
