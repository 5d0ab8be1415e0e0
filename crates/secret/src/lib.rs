//! What is secret: text that nothing shows, and files that only their owner reads. The programs take every secret as a
//! [`Secret`] or from a [`SecretFile`]; what must be hidden, warned of and tested follows from these types.
//!
//! ```
//! use resi_secret::Secret;
//!
//! let password = Secret::from("correct horse");
//! assert_eq!(format!("{password:?}"), "***");
//! assert_eq!(password.expose(), "correct horse");
//! ```

#[cfg(feature = "command-line")]
pub mod command_line;
pub mod private_file;
mod secret_file;
mod secret_text;
mod shown_url;

pub use secret_file::SecretFile;
pub use secret_text::Secret;
pub use shown_url::ShownUrl;
