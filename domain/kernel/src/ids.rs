//! Typed identifiers. The one append-only list of them: an id of one kind never stands for another (trap R30).

use std::fmt;
use std::str::FromStr;

pub use uuid::Uuid;

/// Where new identifiers come from. The domain asks; the runtime makes UUIDv7.
pub trait IdSource: Send + Sync {
    /// A fresh UUIDv7; later calls sort after earlier ones.
    fn next(&self) -> Uuid;
}

/// The text is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct InvalidId;

/// The text is not usable as the name of a person or organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 visible ASCII characters")]
pub struct InvalidName;

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an identifier made by [`IdSource`] or read from a store.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The bare identifier.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

macro_rules! typed_names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps a name given by the identity provider.
            ///
            /// # Errors
            /// [`InvalidName`] unless it is 1 to 128 visible ASCII characters.
            pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
                let name = name.into();
                let fits = (1..=128).contains(&name.len());
                if fits && name.bytes().all(|b| b.is_ascii_graphic()) {
                    Ok(Self(name))
                } else {
                    Err(InvalidName)
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

typed_ids! {
    /// A sellable product.
    TicketId,
    /// Stock set aside for one booking. Made by the caller of the hold: it is the hold's idempotency key.
    HoldId,
    /// One buyer's purchase.
    BookingId,
    /// One attempt to take money for a booking.
    PaymentId,
    /// One return of money.
    RefundId,
    /// One message to one recipient.
    NotificationId,
    /// One published fact.
    EventId,
}

typed_names! {
    /// Who books and pays: the `sub` of the token.
    BuyerId,
    /// Who sells: the `organizer_id` of the token.
    OrganizerId,
}

impl HoldId {
    /// The hold of a booking has the booking's own identifier, so a resumed saga asks for the same hold.
    #[must_use]
    pub const fn of_booking(booking: BookingId) -> Self {
        Self(booking.as_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_round_trips_and_refuses_other_spellings() {
        let id = TicketId::new(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in
            ["", "x", "00000000000000000000000000000007", "{00000000-0000-0000-0000-000000000007}"]
        {
            assert_eq!(bad.parse::<TicketId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn a_name_is_visible_and_short() {
        assert!(BuyerId::new("alice@example.org").is_ok());
        for bad in ["", "a b", "a\n", "김", &"x".repeat(129)] {
            assert_eq!(BuyerId::new(bad), Err(InvalidName), "{bad}");
        }
    }
}
