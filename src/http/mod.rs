//! What every endpoint shares: reading requests, ready-made answers, the layer around all, and the listener.

pub mod accept;
pub mod body;
pub mod client_address;
pub mod connections;
pub mod layer;
pub mod listener;
pub mod places;
pub mod port;
pub mod prepared;
pub mod query;
pub mod quota;
