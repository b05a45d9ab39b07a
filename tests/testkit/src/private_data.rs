//! What must stand in no log, no trace and no error of somebody else: tokens, addresses, numbers of cards.

/// The tokens, e-mail addresses and card-like numbers of a text, each with what it is.
#[must_use]
pub fn private_data(text: &str) -> Vec<String> {
    let found =
        [("a token", tokens(text)), ("an address", addresses(text)), ("a card", cards(text))];
    let named = found
        .into_iter()
        .flat_map(|(what, found)| found.into_iter().map(move |found| format!("{what}: {found}")));
    named.collect()
}

/// The secrets in a setting of a server: what it is or, where it names a file, what stands there; the passwords in
/// addresses, and of NATS, to which a user alone is a token, those too.
pub(crate) fn secrets_of(name: &str, value: &str) -> Vec<String> {
    let secret = ["SECRET", "PASSWORD", "API_KEY"].iter().any(|secret| name.contains(secret));
    let found: Vec<String> = if secret && name.ends_with("_FILE") {
        // A test may be about a file that is not there.
        std::fs::read_to_string(value).iter().map(|text| text.trim().to_owned()).collect()
    } else if secret {
        vec![value.to_owned()]
    } else if name.ends_with("_URL") {
        value.split(',').filter_map(|url| of_address(name, url)).map(str::to_owned).collect()
    } else {
        Vec::new()
    };
    found.into_iter().filter(|secret| !secret.is_empty()).collect()
}

fn of_address<'a>(name: &str, url: &'a str) -> Option<&'a str> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    let user = authority.rsplit_once('@')?.0;
    match user.split_once(':') {
        Some((_, password)) => Some(password),
        None => Some(user).filter(|_| name.starts_with("NATS")),
    }
}

/// What begins as a JSON Web Token does, and is long enough for one's head.
fn tokens(text: &str) -> Vec<String> {
    const CHARS_MIN: usize = 20;
    let of_one = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, from)) = rest.split_once("eyJ") {
        let more = leading(from, of_one);
        rest = from.get(more.len()..).unwrap_or_default();
        if more.len() >= CHARS_MIN {
            found.push(format!("eyJ{more}"));
        }
    }
    found
}

/// `somebody@example.com`, also as it stands in a URL.
fn addresses(text: &str) -> Vec<String> {
    let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-');
    let of_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let at_signs = ["@", "%40"].into_iter().flat_map(|at| text.match_indices(at));
    let around = at_signs.filter_map(|(place, at)| {
        let (before, after) = (text.get(..place)?, text.get(place + at.len()..)?);
        let name = before.len() - before.trim_end_matches(of_name).len();
        let host = leading(after, of_host).trim_end_matches('.');
        let last = host.rsplit_once('.')?.1;
        let a_domain = last.len() >= 2 && last.chars().all(|c| c.is_ascii_alphabetic());
        let name = before.get(before.len() - name..).filter(|name| !name.is_empty() && a_domain)?;
        Some(format!("{name}{at}{host}"))
    });
    around.collect()
}

/// What issuers of cards number them with, in one piece or in groups of four, with the right last digit. Identifiers of
/// spans are passed over: some of them are nothing but digits.
fn cards(text: &str) -> Vec<String> {
    let of_one = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '-');
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let run = leading(from, of_one);
        rest = from.get(run.len()..).unwrap_or_default();
        let digits = run.trim_end_matches([' ', '-']);
        let within = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let goes_on =
            digits.len() == run.len() && rest.starts_with(|c: char| c.is_ascii_alphanumeric());
        let spans = ["span_id\":\"", "span_id=", "span_id: \""];
        let names_a_span = spans.iter().any(|name| before.ends_with(name));
        if before.ends_with(within) || goes_on || names_a_span {
            continue;
        }
        let pieces = if in_fours(digits) { vec![digits] } else { digits.split(' ').collect() };
        found.extend(pieces.into_iter().filter(|piece| is_card(piece)).map(str::to_owned));
    }
    found
}

fn in_fours(run: &str) -> bool {
    [' ', '-'].into_iter().any(|between| {
        let groups: Vec<_> = run.split(between).collect();
        groups.len() == 4 && groups.iter().all(|group| group.len() == 4)
    })
}

fn is_card(run: &str) -> bool {
    let whole = run.chars().all(|c| c.is_ascii_digit());
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    let issuers = ["4", "51", "52", "53", "54", "55", "34", "37", "35", "6011", "65"];
    (whole || in_fours(run))
        && (13..=19).contains(&digits.len())
        && issuers.iter().any(|issuer| digits.starts_with(issuer))
        && luhn(&digits)
}

/// Whether the last digit follows from the others, as on every card.
fn luhn(digits: &str) -> bool {
    let values = digits.chars().rev().filter_map(|c| c.to_digit(10)).enumerate();
    let sum: u32 = values
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn leading(text: &str, of_one: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c: char| !of_one(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tokens_addresses_and_cards_wherever_they_stand() {
        for text in [
            "bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2ln",
            "?access_token=eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ",
            r#"{"user":"ann.private@example.com"}"#,
            "GET /v1/tickets/ann+1%40example.co.kr HTTP/1.1",
            "card 4111 1111 1111 1111, thanks",
            "4111-1111-1111-1111",
            r#""payment_method":"4242424242424242""#,
            "378282246310005",
            "한글 eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ 한글",
        ] {
            assert_eq!(private_data(text).len(), 1, "{text}: {:?}", private_data(text));
        }
    }

    #[test]
    fn a_setting_gives_its_secret_away_wherever_it_stands() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        std::fs::write(&file, "of the file\n").expect("written");
        for (name, value, secrets) in [
            ("STRIPE_API_KEY", "sk_test", &["sk_test"][..]),
            ("OIDC_CLIENT_SECRET_FILE", file.to_str().expect("a path"), &["of the file"]),
            ("OIDC_CLIENT_SECRET_FILE", "/nowhere", &[]),
            ("DATABASE_URL", "postgres://box:s3cret@db:5432/boxoffice", &["s3cret"]),
            ("TICKET_DATABASE_URL", "mysql://box:a%40b@db", &["a%40b"]),
            ("DATABASE_URL", "postgres://box@db/boxoffice", &[]),
            ("DATABASE_URL", "sqlite:boxoffice.db", &[]),
            ("NATS_URL", "nats://box:one@a:4222,nats://two@b:4222,nats://c", &["one", "two"]),
            ("NATS_URL", "nats://127.0.0.1:4222", &[]),
            ("DATA_DIR", "/var/lib", &[]),
        ] {
            assert_eq!(secrets_of(name, value), secrets, "{name}={value}");
        }
    }

    #[test]
    fn finds_every_one() {
        let text = "a@example.com b@example.org 4111111111111111 4242424242424242";
        assert_eq!(private_data(text).len(), 4, "{:?}", private_data(text));
    }

    #[test]
    fn leaves_alone_what_only_looks_so() {
        for text in [
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "postgres://user@127.0.0.1:5432/boxoffice",
            "user@localhost",
            "1700000000123456 1700000000123456789",
            "4111111111111112",
            r#""span_id":"4111111111111111""#,
            "0000-4111-1111-1111-1111",
            "a4111111111111111",
            "v1.4111111111111111",
            "eyJ short",
            "@ @@ %40 a@ @b.com",
            "",
        ] {
            assert_eq!(private_data(text), Vec::<String>::new(), "{text}");
        }
    }
}
