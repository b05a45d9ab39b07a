//! What a token's claims say of its bearer. Each issuer names roles and organizers in its own way, so where they stand
//! and what they are called is set.

use std::fmt;
use std::str::FromStr;

use kernel::{Caller, Locale, OrganizerId, Role};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::InvalidToken;

const PATH_CHARS_MAX: usize = 256;
const ROLES_MAX: usize = 64;
const ROLES: [(&str, Role); 4] = [
    ("buyer", Role::Buyer),
    ("organizer", Role::Organizer),
    ("admin", Role::Admin),
    ("service", Role::Service),
];

/// Where a claim stands: its name, names with dots between for one inside others, or a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(String);

/// An issuer's names of roles with ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleNames(Vec<(String, Role)>);

/// Where an issuer's tokens say what we ask of them. `sub` is the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// A list of names of roles.
    pub roles: ClaimPath,
    /// The organizer's id.
    pub organizer: ClaimPath,
    /// What the issuer calls our roles; with it no other name gives one. Without it ours.
    pub role_names: Option<RoleNames>,
}

/// The claims of a token. What says that it is no access token stands among the others.
#[derive(Deserialize)]
pub(super) struct Claims {
    sub: String,
    /// In seconds since 1970, perhaps with a fraction.
    pub(super) exp: f64,
    locale: Option<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Claims {
    /// The bearer, as these names tell.
    pub(super) fn caller(self, names: &ClaimNames) -> Result<Caller, InvalidToken> {
        // It goes into the scope of idempotency keys, which a database keeps.
        if self.sub.is_empty() || self.sub.contains(char::is_control) || !self.is_for_access() {
            return Err(InvalidToken::NotValid);
        }
        Ok(Caller {
            roles: self.roles(names).ok_or(InvalidToken::NotValid)?,
            organizer_id: self.organizer(names).ok_or(InvalidToken::NotValid)?,
            locale: self.locale.as_deref().map(Locale::nearest).unwrap_or_default(),
            subject: Some(self.sub),
        })
    }

    /// Whether one issuer has made it, and nothing in it says that it is an ID token or one to refresh with. Issuers sign
    /// these with the same keys, some with the same `typ` in the header.
    fn is_for_access(&self) -> bool {
        let kind = |name: &str, access: &[&str]| match self.others.get(name) {
            None => true,
            Some(kind) => kind
                .as_str()
                .is_some_and(|kind| access.iter().any(|one| kind.eq_ignore_ascii_case(one))),
        };
        // RFC 7519: one issuer. The library takes a list that ours is in.
        let of_one_issuer = self.others.get("iss").is_some_and(Value::is_string);
        let of_id_token = ["at_hash", "c_hash"].iter().any(|name| self.others.contains_key(*name));
        of_one_issuer
            && kind("typ", &["Bearer", "JWT", "at+jwt"])
            && kind("token_use", &["access"])
            && !of_id_token
    }

    /// None for what is no list of names. Roles of other systems in the same token mean nothing here.
    fn roles(&self, names: &ClaimNames) -> Option<Vec<Role>> {
        let Some(listed) = names.roles.find(&self.others) else { return Some(Vec::new()) };
        let mut roles = Vec::new();
        for name in listed.as_array()? {
            let role = names.role(name.as_str()?);
            roles.extend(role.filter(|role| !roles.contains(role)));
        }
        Some(roles)
    }

    fn organizer(&self, names: &ClaimNames) -> Option<Option<OrganizerId>> {
        let Some(named) = names.organizer.find(&self.others) else { return Some(None) };
        OrganizerId::new(named.as_str()?.to_owned()).ok().map(Some)
    }
}

impl ClaimPath {
    /// The claim, if it is there. A name with dots in it, such as a URL, may be a claim of its own.
    fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let mut names: Vec<String> = match self.0.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescaped).collect(),
            None if claims.contains_key(&self.0) => vec![self.0.clone()],
            None => self.0.split('.').map(str::to_owned).collect(),
        };
        let inner = names.split_off(1.min(names.len()));
        let first = claims.get(names.first()?)?;
        let found = inner.iter().try_fold(first, |value, name| match value.as_array() {
            Some(list) => list.get(name.parse::<usize>().ok()?),
            None => value.get(name),
        });
        found.filter(|value| !value.is_null())
    }
}

/// A step of a JSON pointer (RFC 6901).
fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

impl ClaimNames {
    fn role(&self, name: &str) -> Option<Role> {
        match &self.role_names {
            Some(RoleNames(names)) => {
                names.iter().find(|(foreign, _)| foreign == name).map(|(_, role)| *role)
            }
            None => role(name),
        }
    }
}

fn role(name: &str) -> Option<Role> {
    ROLES.iter().find(|(own, _)| *own == name).map(|(_, role)| *role)
}

impl Default for ClaimNames {
    fn default() -> Self {
        let path = |name: &str| ClaimPath(name.to_owned());
        Self { roles: path("roles"), organizer: path("organizer_id"), role_names: None }
    }
}

impl FromStr for ClaimPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let steps = text.strip_prefix('/').map_or_else(
            || text.split('.').collect::<Vec<_>>(),
            |pointer| pointer.split('/').collect(),
        );
        if text.len() > PATH_CHARS_MAX || steps.contains(&"") && !text.contains("://") {
            return Err("must be a claim's name, names.with.dots, or a /json/pointer".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for RoleNames {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rule = || {
            "must be theirs=ours, several separated by commas, ours being buyer, organizer, admin or service"
                .to_owned()
        };
        let names = text.split(',').map(|pair| {
            let (foreign, own) = pair.rsplit_once('=')?;
            let foreign = Some(foreign.trim()).filter(|foreign| !foreign.is_empty())?;
            Some((foreign.to_owned(), role(own.trim())?))
        });
        let names: Vec<_> = names.collect::<Option<_>>().ok_or_else(rule)?;
        let mut foreign: Vec<_> = names.iter().map(|(foreign, _)| foreign).collect();
        foreign.sort_unstable();
        foreign.dedup();
        if foreign.len() != names.len() {
            return Err("must not name one role of theirs twice".to_owned());
        }
        if names.len() > ROLES_MAX { Err(rule()) } else { Ok(Self(names)) }
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RoleNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (foreign, role)) in self.0.iter().enumerate() {
            let own = ROLES.iter().find(|(_, known)| known == role).map_or("", |(own, _)| own);
            write!(f, "{}{foreign}={own}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value, roles: &str, organizer: &str, map: Option<&str>) -> Option<Caller> {
        let mut all = json!({"iss": "https://id.test", "sub": "alice", "exp": 4_000_000_000_u64});
        all.as_object_mut().expect("a map").extend(claims.as_object().expect("a map").clone());
        let names = ClaimNames {
            roles: roles.parse().expect("a path"),
            organizer: organizer.parse().expect("a path"),
            role_names: map.map(|map| map.parse().expect("a map")),
        };
        serde_json::from_value::<Claims>(all).ok()?.caller(&names).ok()
    }

    #[test]
    fn roles_are_found_where_the_issuer_has_them() {
        let claims = json!({
            "realm_access": {"roles": ["buyer", "offline_access"]},
            "https://id.example.com/roles": ["admin"],
            "groups": [["organizer"]],
        });
        for (path, role) in [
            ("realm_access.roles", Role::Buyer),
            ("/realm_access/roles", Role::Buyer),
            ("https://id.example.com/roles", Role::Admin),
            ("/https:~1~1id.example.com~1roles", Role::Admin),
            ("/groups/0", Role::Organizer),
        ] {
            let caller = read(&claims, path, "organizer_id", None).expect(path);
            assert_eq!(caller.roles, [role], "{path}");
        }
        let nobody = read(&claims, "resource_access.boxoffice.roles", "o", None).expect("read");
        assert!(nobody.roles.is_empty());
        assert!(read(&claims, "realm_access", "o", None).is_none(), "no list");
        assert!(read(&json!({"roles": [1]}), "roles", "o", None).is_none(), "no names");
    }

    #[test]
    fn with_a_map_only_what_it_names_gives_a_role() {
        let claims = json!({"roles": ["kunde", "customer", "admin"], "org": {"id": "acme"}});
        let map = "kunde=buyer, customer=buyer,staff=admin";
        let caller = read(&claims, "roles", "org.id", Some(map)).expect("read");
        assert_eq!(caller.roles, [Role::Buyer]);
        assert_eq!(caller.organizer_id.expect("an organizer").as_str(), "acme");
        let shown = map.parse::<RoleNames>().expect("a map").to_string();
        assert_eq!(shown, "kunde=buyer,customer=buyer,staff=admin");
        for wrong in ["", "a", "a=cook", "=buyer", "a=buyer,", "a=buyer,a=admin"] {
            assert!(wrong.parse::<RoleNames>().is_err(), "{wrong}");
        }
        for wrong in ["", ".", "a..b", "/", "//", "a.", &"a".repeat(PATH_CHARS_MAX + 1)] {
            assert!(wrong.parse::<ClaimPath>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn tokens_for_other_uses_are_told_by_their_claims() {
        let is_read = |claims: Value| read(&claims, "roles", "organizer_id", None).is_some();
        for access in [json!({}), json!({"typ": "Bearer"}), json!({"token_use": "access"})] {
            assert!(is_read(access.clone()), "{access}");
        }
        for other in [
            json!({"typ": "ID"}),
            json!({"typ": "Refresh"}),
            json!({"typ": "Offline"}),
            json!({"typ": 1}),
            json!({"token_use": "id"}),
            json!({"at_hash": "x"}),
            json!({"c_hash": "x"}),
        ] {
            assert!(!is_read(other.clone()), "{other}");
        }
    }
}
