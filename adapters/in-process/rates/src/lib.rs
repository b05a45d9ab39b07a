//! How often one caller may call: a bucket of tokens for each subject or address, in this process alone; and how much
//! of what lasts, such as streams, it may have at once. Replicas do
//! not share them, so that a caller whom a balancer spreads over three of them has three times as much: the bounds are
//! against one who takes from all others, not a price list.

mod address;
mod buckets;
mod places;

pub use address::{Proxies, bucket_of};
pub use buckets::{Buckets, Rate, RateLimited};
pub use places::{OwnPlace, Places, TooManyAtOnce};
