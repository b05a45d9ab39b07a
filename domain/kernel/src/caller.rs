//! Who is calling, as the verified token says (api.md, "Who is calling").

use crate::{BuyerId, Fault, FaultClass, InvalidName, OrganizerId};

/// What a token allows its bearer to act as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Books and pays.
    Buyer,
    /// Sells tickets.
    Organizer,
    /// Operates the platform.
    Admin,
    /// Another of our servers.
    Service,
}

/// The language a person is written to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Korean.
    Ko,
}

/// The bearer of a verified token, or nobody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Caller {
    /// The token's `sub`; `None` for a call without a token.
    pub subject: Option<String>,
    /// The token's `roles`.
    pub roles: Vec<Role>,
    /// The token's `organizer_id`.
    pub organizer_id: Option<OrganizerId>,
    /// The token's `locale`.
    pub locale: Locale,
}

/// The call needs another bearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// No token came with the call.
    #[error("this call needs a bearer token in the authorization header")]
    Unauthenticated,
    /// The token does not carry the needed role or name.
    #[error("the token needs the role {0}")]
    RoleLacking(&'static str),
    /// The token names nobody whom we could keep a booking for.
    #[error("the token's sub {0}")]
    SubjectUnusable(InvalidName),
    /// The token does not say for which organizer its bearer acts.
    #[error("the token has the role organizer and names no organizer")]
    OrganizerLacking,
}

impl Caller {
    /// A call without a token: may read the catalogue.
    #[must_use]
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// The buyer who is calling.
    ///
    /// # Errors
    /// [`AccessDenied`] without the role `buyer` or a usable subject.
    pub fn buyer(&self) -> Result<BuyerId, AccessDenied> {
        let subject = self.subject_with(Role::Buyer, "buyer")?;
        BuyerId::new(subject).map_err(AccessDenied::SubjectUnusable)
    }

    /// The organizer who is calling.
    ///
    /// # Errors
    /// [`AccessDenied`] without the role `organizer` or an `organizer_id`.
    pub fn organizer(&self) -> Result<OrganizerId, AccessDenied> {
        self.subject_with(Role::Organizer, "organizer")?;
        self.organizer_id.clone().ok_or(AccessDenied::OrganizerLacking)
    }

    /// Checks that another of our servers is calling.
    ///
    /// # Errors
    /// [`AccessDenied`] without the role `service`.
    pub fn service(&self) -> Result<(), AccessDenied> {
        self.subject_with(Role::Service, "service").map(|_| ())
    }

    fn subject_with(&self, role: Role, name: &'static str) -> Result<&str, AccessDenied> {
        let subject = self.subject.as_deref().ok_or(AccessDenied::Unauthenticated)?;
        if self.roles.contains(&role) { Ok(subject) } else { Err(AccessDenied::RoleLacking(name)) }
    }
}

impl Locale {
    /// The language tag: `en` or `ko`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The nearest language we write: Korean for `ko` and its regions, else English.
    #[must_use]
    pub fn nearest(tag: &str) -> Self {
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("ko") { Self::Ko } else { Self::En }
    }
}

impl Fault for AccessDenied {
    fn class(&self) -> FaultClass {
        match self {
            Self::Unauthenticated => FaultClass::Unauthenticated,
            Self::RoleLacking(_) | Self::SubjectUnusable(_) | Self::OrganizerLacking => {
                FaultClass::Forbidden
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::RoleLacking(_) | Self::SubjectUnusable(_) | Self::OrganizerLacking => {
                "PERMISSION_DENIED"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_hears_what_the_token_lacks() {
        let of = |subject: &str, role| Caller {
            subject: Some(subject.to_owned()),
            roles: vec![role],
            ..Caller::default()
        };
        for subject in ["Alice Liddell", "\u{b9c8}\u{b9ac}", &"x".repeat(129)] {
            let refused = of(subject, Role::Buyer).buyer().expect_err("no name to keep");
            let said = "the token's sub must be 1 to 128 visible ASCII characters";
            assert_eq!(
                (refused.to_string().as_str(), refused.reason()),
                (said, "PERMISSION_DENIED")
            );
        }
        let refused = of("ann", Role::Organizer).organizer().expect_err("for nobody");
        assert_eq!(refused, AccessDenied::OrganizerLacking);
        let refused = of("ann", Role::Organizer).buyer().expect_err("no buyer");
        assert_eq!(refused.to_string(), "the token needs the role buyer");
        assert_eq!(Caller::anonymous().buyer(), Err(AccessDenied::Unauthenticated));
    }
}
