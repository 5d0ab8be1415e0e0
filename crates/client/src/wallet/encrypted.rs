use argon2::{Algorithm, Argon2, Params, Version};
use crypto_secretbox::aead::Aead;
use crypto_secretbox::{KeyInit, Nonce, XSalsa20Poly1305};
use zeroize::Zeroizing;

use super::WalletError;

const SALT: [u8; 16] = [
    0x13, 0x71, 0x83, 0xdf, 0xf1, 0x5a, 0x09, 0xbc, 0x9c, 0x90, 0xb5, 0x51, 0x87, 0x39, 0xe9, 0xb1,
];
const NONCE_BYTES: usize = 24;
const MEMORY_KIB: u32 = 512 * 1024;
const PASSES: u32 = 8;

/// What `sealed` holds (all after `$NACL`). Takes 512 MiB of memory and seconds, as it is meant to.
pub(super) fn decrypt(sealed: &[u8], password: &str) -> Result<Zeroizing<Vec<u8>>, WalletError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(WalletError::WrongPassword)?;
    let params = Params::new(MEMORY_KIB, PASSES, 1, Some(32))
        .unwrap_or_else(|_| unreachable!("within the limits of Argon2"));
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2i, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), &SALT, &mut *key)
        .map_err(|_| WalletError::WrongPassword)?;
    XSalsa20Poly1305::new((&*key).into())
        .decrypt(Nonce::from_slice(nonce), sealed)
        .map(Zeroizing::new)
        .map_err(|_| WalletError::WrongPassword)
}
