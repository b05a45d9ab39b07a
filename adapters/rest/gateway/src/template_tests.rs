//! Tests of the templates, against a model that is simple and slow.

use proptest::prelude::*;

use super::{RequestPath, Segment, Template};

fn matches(template: &str, path: &str) -> Option<Vec<String>> {
    Template::parse(template).unwrap().matches(&RequestPath::parse(path).unwrap())
}

#[test]
fn binds_every_form_of_variable() {
    for (template, path, values) in [
        ("/v1/tickets", "/v1/tickets", vec![]),
        ("/v1/tickets", "/v1/%74ickets", vec![]),
        ("/v1/tickets/{id}", "/v1/tickets/a%2Fb%20c", vec!["a/b c"]),
        ("/v1/tickets/{id}:set", "/v1/tickets/7:set", vec!["7"]),
        ("/v1/tickets/{id}:set", "/v1/tickets/7:8:set", vec!["7:8"]),
        ("/v1/{name=shelves/*}", "/v1/shelves/a%2Fb", vec!["shelves/a%2Fb"]),
        ("/v1/{name=shelves/*}/books", "/v1/shelves/1/books", vec!["shelves/1"]),
        ("/v1/{name=files/**}", "/v1/files/a/b/c", vec!["files/a/b/c"]),
        ("/v1/{name=files/**}", "/v1/files", vec!["files"]),
        ("/v1/{a.b}/*/{c}", "/v1/x/y/z", vec!["x", "z"]),
        ("/v1/bookings:watch", "/v1/bookings:watch", vec![]),
        ("/v1/tickets/{id}", "/v1/tickets/7%3Aset", vec!["7:set"]),
    ] {
        let expected: Vec<String> = values.into_iter().map(str::to_owned).collect();
        assert_eq!(matches(template, path), Some(expected), "{template} {path}");
    }
}

#[test]
fn refuses_other_paths() {
    for (template, path) in [
        ("/v1/tickets", "/v1/tickets/"),
        ("/v1/tickets", "//v1/tickets"),
        ("/v1/tickets/{id}", "/v1/tickets/"),
        ("/v1/tickets/{id}", "/v1/tickets/1/2"),
        ("/v1/tickets/{id}:set", "/v1/tickets/7"),
        ("/v1/tickets/{id}:set", "/v1/tickets/:set"),
        ("/v1/tickets/{id}:set", "/v1/tickets/7%3Aset"),
        ("/v1/{name=files/**}", "/v1/files/"),
        ("/v1/tickets", "/v1%2Ftickets"),
        ("/v1/tickets", ""),
        ("/v1/tickets", "*"),
        ("/v1/tickets", "/"),
    ] {
        assert_eq!(matches(template, path), None, "{template} {path}");
    }
    assert!(RequestPath::parse("/v1/%ff").is_err());
}

#[test]
fn refuses_templates_outside_the_grammar() {
    for template in [
        "",
        "v1",
        "/",
        "/v1/",
        "/v1//x",
        "/v1/{a",
        "/v1/{a}x",
        "/v1/{}",
        "/v1/{a.}",
        "/v1/{1a}",
        "/v1/{a=}",
        "/v1/{a={b}}",
        "/v1/**/x",
        "/v1/{a}/{a}",
        "/v1:",
        "/v1:a/b",
        "/v1:a:b",
        "/v1/%41",
        "/v1/a*",
    ] {
        assert!(Template::parse(template).is_err(), "{template}");
    }
}

#[test]
fn puts_what_says_more_first() {
    let mut templates = ["/a/**", "/a/{x}", "/{x}/b", "/a/b", "/a/{x}:v", "/a"]
        .map(|text| Template::parse(text).unwrap());
    templates.sort_by_key(Template::precedence);
    let sorted = templates.map(|template| template.to_string());
    assert_eq!(sorted, ["/a/{x}:v", "/a", "/a/b", "/a/{x}", "/a/**", "/{x}/b"]);
}

#[test]
fn shows_a_template_as_it_was_written() {
    for text in ["/v1/{a.b}/*/c:d", "/v1/{name=shelves/*/books/**}", "/v1/**"] {
        assert_eq!(Template::parse(text).unwrap().to_string(), text);
    }
}

/// Whether the segments fit, by trying every way.
fn model(segments: &[Segment], parts: &[String]) -> bool {
    match (segments.split_first(), parts.split_first()) {
        (None, None) => true,
        (Some((Segment::Rest, after)), None) => model(after, parts),
        (Some((Segment::Rest, after)), Some((_, rest))) => {
            model(after, parts) || model(segments, rest)
        }
        (Some((Segment::One, after)), Some((_, rest))) => model(after, rest),
        (Some((Segment::Literal(literal), after)), Some((part, rest))) => {
            literal == part && model(after, rest)
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}

proptest! {
    #[test]
    fn agrees_with_the_model(
        fixed in prop::collection::vec(prop_oneof!["[ab]", Just("*".to_owned())], 1..4),
        rest in any::<bool>(),
        verb in prop::option::of("[xy]"),
        parts in prop::collection::vec("[ab]{1,2}", 1..5),
        said in prop::option::of("[xy]"),
    ) {
        let tail = if rest { "/**" } else { "" };
        let ending = |verb: &Option<String>| verb.iter().map(|v| format!(":{v}")).collect::<String>();
        let text = format!("/{}{tail}{}", fixed.join("/"), ending(&verb));
        let template = Template::parse(&text).unwrap();
        let path = format!("/{}{}", parts.join("/"), ending(&said));
        let mut seen = parts;
        if verb.is_none() && let Some(last) = seen.last_mut() {
            last.push_str(&ending(&said));
        }
        let expected = model(&template.segments, &seen) && (verb.is_none() || verb == said);
        let found = template.matches(&RequestPath::parse(&path).unwrap());
        prop_assert_eq!(found.is_some(), expected, "{} {}", text, path);
    }

    #[test]
    fn one_segment_variables_take_any_text(value in "\\PC{1,12}") {
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        prop_assert_eq!(matches("/v1/{id}:x", &format!("/v1/{encoded}:x")), Some(vec![value]));
    }

    #[test]
    fn parsing_and_matching_never_panic(template in "[/{}=*:.a%]{0,16}", path in "\\PC{0,24}") {
        if let (Ok(template), Ok(path)) = (Template::parse(&template), RequestPath::parse(&path)) {
            template.matches(&path);
        }
    }
}
