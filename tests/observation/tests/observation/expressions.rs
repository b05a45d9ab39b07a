//! Everything that dashboards and alerts ask, read from the files that we ship.

use std::collections::BTreeSet;
use std::path::PathBuf;

use deployment::manifests::items;
use serde_json::Value;
use testkit::repository;

pub(crate) const MONITORING: &str = "deploy/monitoring";
/// What Grafana makes of its own variable where targets are looked at every 15 seconds.
const RATE_INTERVAL: &str = "1m";

/// Something that is asked, and who asks it.
pub(crate) struct Question {
    pub(crate) asked_by: String,
    pub(crate) expression: String,
}

/// A metric with the labels that it is chosen by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    pub(crate) labels: Vec<String>,
}

/// What each alert looks at: its expression up to the comparison that all of them end in.
pub(crate) fn alerts() -> Vec<Question> {
    let mut questions = Vec::new();
    for rule in rules() {
        let Some(alert) = rule["alert"].as_str() else { continue };
        let text = rule["expr"].as_str().expect("an expression").trim();
        let (number_cut, number) = text.rsplit_once(' ').expect("a number at the end");
        assert!(number.parse::<f64>().is_ok(), "{alert} ends in a number: {text}");
        let (expression, sign) = number_cut.rsplit_once(' ').expect("a comparison");
        assert!([">", "<", ">=", "<=", "=="].contains(&sign), "{alert} compares: {text}");
        let expression = expression.to_owned();
        questions.push(Question { asked_by: format!("alert {alert}"), expression });
    }
    questions
}

/// What each panel shows, its variables filled in as Grafana does for "All".
pub(crate) fn panels() -> Vec<Question> {
    let mut questions = Vec::new();
    for file in files("grafana/dashboards", "json") {
        let board: Value = serde_json::from_str(&deployment::yaml::text(&file)).unwrap();
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        for panel in items(&board["panels"]) {
            for target in items(&panel["targets"]) {
                let text = target["expr"].as_str().expect("an expression");
                let text = text.replace("$__rate_interval", RATE_INTERVAL);
                let expression = text.replace("$namespace", ".+").replace("$app", ".+");
                assert!(!expression.contains('$'), "{expression}: a variable is left");
                let asked_by = format!("{name}: {} {}", panel["title"], target["refId"]);
                questions.push(Question { asked_by, expression });
            }
        }
    }
    questions
}

/// What the rules ask that work something out once for others.
pub(crate) fn recordings() -> Vec<Question> {
    let recordings = rules().into_iter().filter(|rule| rule["record"].is_string());
    let question = |rule: Value| Question {
        asked_by: format!("record {} {}", rule["record"], rule["labels"]),
        expression: rule["expr"].as_str().expect("an expression").to_owned(),
    };
    recordings.map(question).collect()
}

/// Every `metric{label="…"}` in an expression.
pub(crate) fn selectors(expression: &str) -> BTreeSet<Selector> {
    let mut selectors = BTreeSet::new();
    for (place, _) in expression.match_indices('{') {
        let before = expression.get(..place).unwrap_or_default();
        let named = |letter: char| letter.is_ascii_alphanumeric() || "_:".contains(letter);
        let start = before.trim_end_matches(named).len();
        let metric = before.get(start..).unwrap_or_default().to_owned();
        let after = expression.get(place + 1..).unwrap_or_default();
        let within = after.split('}').next().unwrap_or_default();
        let label = |part: &str| part.split(['=', '!']).next().map(|name| name.trim().to_owned());
        let labels = outside_quotes(within).filter_map(label).filter(|name| !name.is_empty());
        selectors.insert(Selector { metric, labels: labels.collect() });
    }
    selectors
}

/// The matchers of a selector, without what stands in quotes.
fn outside_quotes(matchers: &str) -> impl Iterator<Item = &str> {
    matchers.split('"').step_by(2).map(|part| part.trim_start_matches([',', ' ', '\n']))
}

fn rules() -> Vec<Value> {
    let mut rules = Vec::new();
    for file in files("prometheus/rules", "yml") {
        let document: Value = deployment::yaml::document(&file);
        rules.extend(items(&document["groups"]).flat_map(|group| items(&group["rules"])).cloned());
    }
    rules
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(repository().join(MONITORING).join(folder)).unwrap();
    let paths = all.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|own| own == extension)).collect();
    found.sort();
    assert!(!found.is_empty(), "{folder} has files");
    found
}

#[test]
fn selectors_are_found_with_their_labels() {
    let expression = r#"sum(rate(a_total{x="1", y!~"b,c.*"}[5m])) / on (x) a:b{z=~"1|2"}"#;
    let expected = [("a:b", vec!["z"]), ("a_total", vec!["x", "y"])];
    let expected = expected.map(|(metric, labels)| Selector {
        metric: metric.to_owned(),
        labels: labels.into_iter().map(str::to_owned).collect(),
    });
    assert_eq!(selectors(expression), expected.into());
}
