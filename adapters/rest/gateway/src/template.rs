//! Path templates of `google.api.http`: what they are, how they match, which goes first.
//!
//! ```text
//! Template = "/" Segments [ ":" LITERAL ]      Segments = Segment { "/" Segment }
//! Segment  = "*" | "**" | LITERAL | "{" FieldPath [ "=" Segments ] "}"
//! ```
//! `**` stands last. A path with an empty segment, so also with a trailing slash, matches nothing.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::percent::{BadEscape, decode, decode_segments};

/// One part of a path. The order is that of precedence: what says more goes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// Exactly this.
    Literal(String),
    /// Any one segment.
    One,
    /// Any number of segments, also none.
    Rest,
}

/// A request field that a part of the path is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable {
    /// The field's path, as the template names it.
    pub(crate) field: String,
    /// The segments it covers.
    pub(crate) segments: Range<usize>,
    /// Whether it is `{x}` or `{x=*}`, where an encoded slash is data.
    pub(crate) single: bool,
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) segments: Vec<Segment>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) verb: Option<String>,
}

/// The path of a request, known to be decodable.
#[derive(Debug)]
pub(crate) struct RequestPath<'a>(Vec<&'a str>);

impl<'a> RequestPath<'a> {
    /// Refuses a path with an escape that cannot be decoded.
    pub(crate) fn parse(path: &'a str) -> Result<Self, BadEscape> {
        decode(path)?;
        let raw = path.strip_prefix('/').map(|rest| rest.split('/').collect());
        Ok(Self(raw.unwrap_or_default()))
    }
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut rest = text.strip_prefix('/').ok_or("does not begin with a slash")?;
        let mut template = Self { segments: Vec::new(), variables: Vec::new(), verb: None };
        loop {
            rest = match rest.strip_prefix('{') {
                Some(inside) => {
                    let (variable, after) = inside.split_once('}').ok_or("has an open brace")?;
                    template.add_variable(variable)?;
                    after
                }
                None => {
                    let end = rest.find(['/', ':']).unwrap_or(rest.len());
                    let (segment, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                    template.segments.push(Segment::parse(segment)?);
                    after
                }
            };
            if let Some(verb) = rest.strip_prefix(':') {
                template.verb = Some(literal(verb)?);
                break;
            }
            if rest.is_empty() {
                break;
            }
            rest = rest.strip_prefix('/').ok_or("has text after a closing brace")?;
        }
        let before_last = template.segments.iter().rev().skip(1);
        if before_last.into_iter().any(|segment| *segment == Segment::Rest) {
            return Err("has ** before its end");
        }
        Ok(template)
    }

    fn add_variable(&mut self, text: &str) -> Result<(), &'static str> {
        let (field, pattern) = text.split_once('=').unwrap_or((text, "*"));
        let name = |part: &str| {
            let begins = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            begins && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !field.split('.').all(name) {
            return Err("has a variable that names no field");
        }
        if self.variables.iter().any(|variable| variable.field == field) {
            return Err("binds a field twice");
        }
        let start = self.segments.len();
        for segment in pattern.split('/') {
            self.segments.push(Segment::parse(segment)?);
        }
        self.variables.push(Variable {
            field: field.to_owned(),
            segments: start..self.segments.len(),
            single: pattern == "*",
        });
        Ok(())
    }

    /// The values of the variables, in their order, if the path is one of this template.
    pub(crate) fn matches(&self, path: &RequestPath<'_>) -> Option<Vec<String>> {
        let (last, before) = path.0.split_last()?;
        let last = match &self.verb {
            Some(verb) => {
                let (segment, said) = last.rsplit_once(':')?;
                (decode(said).ok()? == verb.as_str()).then_some(segment)?
            }
            None => last,
        };
        let parts: Vec<&str> = before.iter().copied().chain([last]).collect();
        let fixed = self.segments.iter().filter(|segment| **segment != Segment::Rest).count();
        let open = fixed < self.segments.len();
        if parts.iter().any(|part| part.is_empty())
            || parts.len() < fixed
            || (parts.len() > fixed && !open)
        {
            return None;
        }
        let fits = self.segments.iter().zip(&parts).all(|(segment, part)| match segment {
            Segment::Literal(literal) => decode(part).is_ok_and(|part| part == literal.as_str()),
            Segment::One | Segment::Rest => true,
        });
        fits.then(|| self.variables.iter().map(|variable| self.value(variable, &parts)).collect())
    }

    fn value(&self, variable: &Variable, parts: &[&str]) -> String {
        let Range { start, end } = variable.segments;
        let open = end == self.segments.len() && self.segments.last() == Some(&Segment::Rest);
        let end = if open { parts.len() } else { end };
        let raw = parts.get(start..end).unwrap_or_default().join("/");
        let value = if variable.single { decode(&raw) } else { decode_segments(&raw) };
        // The whole path was decodable, and a part of it ends at `/` or `:`, never inside a character.
        value.map(Cow::into_owned).unwrap_or_default()
    }

    /// Sorts verbs before none and literals before wildcards, from the left.
    pub(crate) fn precedence(&self) -> impl Ord + use<> {
        let ranks: Vec<u8> = self
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(_) => 0,
                Segment::One => 1,
                Segment::Rest => 2,
            })
            .collect();
        (self.verb.is_none(), ranks)
    }

    /// Whether both match exactly the same paths.
    pub(crate) fn same_paths(&self, other: &Self) -> bool {
        self.segments == other.segments && self.verb == other.verb
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "*" => Ok(Self::One),
            "**" => Ok(Self::Rest),
            text => literal(text).map(Self::Literal),
        }
    }
}

/// Shows the template as it was written, less the needless `=*`.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, segment) in self.segments.iter().enumerate() {
            f.write_str("/")?;
            let variable = self.variables.iter().find(|variable| variable.segments.contains(&at));
            match variable {
                Some(Variable { field, single: true, .. }) => write!(f, "{{{field}}}")?,
                Some(Variable { field, segments, .. }) => {
                    if at == segments.start {
                        write!(f, "{{{field}=")?;
                    }
                    write!(f, "{segment}")?;
                    if at + 1 == segments.end {
                        f.write_str("}")?;
                    }
                }
                None => write!(f, "{segment}")?,
            }
        }
        self.verb.iter().try_for_each(|verb| write!(f, ":{verb}"))
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Literal(literal) => literal,
            Self::One => "*",
            Self::Rest => "**",
        })
    }
}

fn literal(text: &str) -> Result<String, &'static str> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "-_.~!$&'()+,;@".contains(c);
    if text.is_empty() || !text.chars().all(fine) {
        return Err("has an empty segment or a character that is not allowed");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
