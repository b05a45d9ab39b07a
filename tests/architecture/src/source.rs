//! Just enough of Rust's surface to look for words in code and not in comments, texts or tests.

/// One Rust file.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path from the root of the repository, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
    /// Whether it is compiled for tests only.
    pub test: bool,
}

impl SourceFile {
    /// A file; whether it is for tests is told by its path alone.
    #[must_use]
    pub fn new(path: &str, text: &str) -> Self {
        let test = path.starts_with("tests/") || path.contains("/tests/");
        Self { path: path.to_owned(), text: text.to_owned(), test }
    }

    /// Its name without folder and ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.strip_suffix(".rs").unwrap_or(name)
    }

    /// Its code with comments, texts and everything for tests only replaced by blanks: line numbers stay right.
    #[must_use]
    pub fn product_code(&self) -> String {
        if self.test { String::new() } else { without_test_items(&code_of(&self.text)) }
    }

    /// The files that it declares as modules for tests only, without their ending.
    #[must_use]
    pub fn test_modules(&self) -> Vec<String> {
        let root = matches!(self.stem(), "lib" | "main" | "mod");
        let path = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let folder = if root { beside } else { path };
        // Paths are texts, so the whole file counts.
        let items = self.text.split(TEST_ONLY).skip(1);
        let modules = items.filter_map(|item| {
            let (head, _) = item.split_once(';')?;
            let (attributes, name) = head.split_once("mod ")?;
            let elsewhere =
                attributes.split_once("#[path = \"").and_then(|(_, path)| path.split_once(".rs\""));
            let plain = !attributes.contains('{') && !name.contains('{');
            plain.then(|| match elsewhere {
                Some((file, _)) => format!("{beside}/{file}"),
                None => format!("{folder}/{name}"),
            })
        });
        modules.collect()
    }
}

/// The numbers, from 1, of the lines that contain `needle` as a whole word.
#[must_use]
pub fn lines_with(code: &str, needle: &str) -> Vec<usize> {
    let lines = code.lines().enumerate();
    lines.filter(|(_, line)| has_word(line, needle)).map(|(at, _)| at + 1).collect()
}

/// Whether `needle` occurs and is not a part of a longer name.
#[must_use]
pub fn has_word(text: &str, needle: &str) -> bool {
    text.match_indices(needle).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let (word, after) = rest.split_at(needle.len());
        let open_start = word.starts_with(is_name_part) && before.ends_with(is_name_part);
        let open_end = word.ends_with(is_name_part) && after.starts_with(is_name_part);
        !open_start && !open_end
    })
}

fn is_name_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

const TEST_ONLY: &str = "#[cfg(test)]";

/// Replaces comments and the insides of texts by blanks.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let within_name = code.ends_with(is_name_part);
        let skipped = length_of_no_code(rest, within_name);
        let (taken, left) = rest.split_at(skipped.max(letter.len_utf8()));
        if skipped == 0 {
            code.push_str(taken)
        } else {
            blank(taken, &mut code)
        }
        rest = left;
    }
    code
}

fn blank(text: &str, into: &mut String) {
    into.extend(text.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' }));
}

/// How many bytes at the start of `rest` are a comment or a literal; 0 if it starts with code.
fn length_of_no_code(rest: &str, within_name: bool) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return length_of_block_comment(rest);
    }
    if !within_name && let Some(length) = length_of_raw_text(rest) {
        return length;
    }
    if rest.starts_with('"') {
        return length_to(rest, '"');
    }
    let mut letters = rest.chars();
    match (letters.next(), letters.next(), letters.next()) {
        (Some('\''), Some('\\'), _) => length_to(rest, '\''),
        (Some('\''), Some(letter), Some('\'')) => 2 + letter.len_utf8(),
        // A lifetime, or no quote at all.
        _ => 0,
    }
}

fn length_of_block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    for (at, _) in rest.char_indices() {
        let (_, from) = rest.split_at(at);
        if from.starts_with("/*") {
            depth += 1;
        } else if from.starts_with("*/") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return at + 2;
            }
        }
    }
    rest.len()
}

fn length_of_raw_text(rest: &str) -> Option<usize> {
    let after_r = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let quoted = after_r.trim_start_matches('#');
    let marks = "#".repeat(after_r.len() - quoted.len());
    let inside = quoted.strip_prefix('"')?;
    let end = format!("\"{marks}");
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(rest.len() - inside.len() + length)
}

/// Up to and with the closing quote, passing over escaped ones.
fn length_to(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if letter == quote => return at + letter.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// Replaces items marked `#[cfg(test)]` by blanks.
fn without_test_items(code: &str) -> String {
    let mut product = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(TEST_ONLY) {
        let (before, item) = rest.split_at(at);
        let (item, after) = item.split_at(length_of_item(item));
        product.push_str(before);
        blank(item, &mut product);
        rest = after;
    }
    product.push_str(rest);
    product
}

/// Up to the item's semicolon or its closing brace.
fn length_of_item(item: &str) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in item.char_indices() {
        match letter {
            ';' if depth == 0 => return at + 1,
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    item.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_texts_are_no_code() {
        let text = "a // async\nb /* x /* async */ y */ c \"async \\\" async\" r#\"as\"ync\"# 'x' '\\'' &'static d";
        let code = code_of(text);
        assert!(!has_word(&code, "async"), "{code}");
        for name in ["a", "b", "c", "static", "d"] {
            assert!(has_word(&code, name), "{name} in {code}");
        }
        assert_eq!(code.lines().count(), 2);
    }

    #[test]
    fn items_for_tests_are_no_product() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() { if x {} }\n}\nfn c() {}\n#[cfg(test)]\nuse d::e;\nfn f() {}";
        let code = SourceFile::new("domain/x/src/y.rs", text).product_code();
        let found: Vec<_> = ["a", "b", "c", "d", "f"].map(|name| has_word(&code, name)).to_vec();
        assert_eq!(found, [true, false, true, false, true], "{code}");
        assert_eq!(lines_with(&code, "f"), [9]);
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("x.publish(y)", ".publish("));
        assert!(!has_word("async_trait", "async"));
        assert!(has_word("pub async fn", "async"));
    }

    #[test]
    fn modules_for_tests_are_found_beside_their_file() {
        let lib = SourceFile::new("domain/x/src/lib.rs", "mod a;\n#[cfg(test)]\nmod trials;\n");
        let inner = SourceFile::new(
            "domain/x/src/a.rs",
            "#[cfg(test)]\nmod trials;\n#[cfg(test)]\nmod b { fn c() {} }",
        );
        assert_eq!(lib.test_modules(), ["domain/x/src/trials"]);
        assert_eq!(inner.test_modules(), ["domain/x/src/a/trials"]);
        let text = "#[cfg(test)]\n#[path = \"a_trials.rs\"]\nmod trials;";
        assert_eq!(
            SourceFile::new("domain/x/src/a.rs", text).test_modules(),
            ["domain/x/src/a_trials"]
        );
    }
}
