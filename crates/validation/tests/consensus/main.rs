//! The consensus as its users see it: each strategy on the same small epochs.

mod incremental;
mod outcome;
mod properties;
mod support;
mod what_the_plain_vote_gets_wrong;
