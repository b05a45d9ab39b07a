//! What dashboards and alerts ask is there to be asked.

use testkit::{Plan, Platform, Shape, eventually};

use crate::expressions::{Question, Selector, alerts, panels, recordings, selectors};
use crate::scraper::Scraper;
use crate::world::{every_ending, register};

/// Whose metrics are not ours, by how they begin: none of them runs beside the test.
const OF_OTHERS: [(&str, &str); 6] = [
    ("kube_", "kube-state-metrics"),
    ("kubelet_", "the kubelet"),
    ("container_", "cAdvisor, in the kubelet"),
    ("node_", "the exporter of each node"),
    ("nats_", "NATS' exporter"),
    ("tls_", "servers whose ports speak TLS; those of the test are plain"),
];

#[tokio::test(flavor = "multi_thread")]
async fn m03_m04_every_panel_and_every_alert_has_data() {
    let mut platform = Platform::start_as(Plan::of(Shape::Mixed)).await;
    let scraper = Scraper::over(&mut platform);
    every_server_is_looked_at(&scraper).await;
    let ticket = register(&platform).await;
    let questions = alerts().into_iter().chain(panels());
    let (others, ours): (Vec<_>, Vec<_>) = questions.partition(is_of_others);
    assert!(ours.len() > 80, "alerts and panels: {}", ours.len());
    // Rates and quantiles are of what happens now, so it goes on until all of them are seen.
    eventually("data for every panel and every alert", || async {
        every_ending(&platform, &ticket).await;
        let missing = without_data(&scraper, &ours).await?;
        if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
    })
    .await;
    let missing = without_data(&scraper, &others).await.unwrap();
    assert_eq!(missing.len(), others.len(), "of others, and yet here: only {missing:#?} is not");
    // Of what is worked out once for them, failures have no data here.
    let asked = ours.into_iter().chain(recordings()).filter(|question| !is_of_others(question));
    every_selector_chooses_something(&scraper, asked).await;
    platform.audit_is_clean().await;
}

/// All six are scraped and bear the labels that everything else goes by.
async fn every_server_is_looked_at(scraper: &Scraper) {
    let servers = r#"up{job="boxoffice", namespace="boxoffice", app=~".+", pod=~".+"} == 1"#;
    eventually("six servers that are up", || async {
        let count = scraper.query(servers).await?.len();
        if count == 6 { Ok(()) } else { Err(format!("{count} are")) }
    })
    .await;
}

async fn without_data(scraper: &Scraper, questions: &[Question]) -> Result<Vec<String>, String> {
    let mut missing = Vec::new();
    for Question { asked_by, expression } in questions {
        if !scraper.has_data(expression).await? {
            missing.push(format!("{asked_by}: {expression}"));
        }
    }
    Ok(missing)
}

/// An expression may have data although a part of it never can: each metric is there with each label it is chosen by,
/// whatever the label's value.
async fn every_selector_chooses_something(
    scraper: &Scraper,
    questions: impl Iterator<Item = Question>,
) {
    let mut wrong = Vec::new();
    for Question { asked_by, expression } in questions {
        for Selector { metric, labels } in selectors(&expression) {
            let labels: Vec<_> = labels.iter().map(|label| format!("{label}!=\"\"")).collect();
            let all = format!("{metric}{{{}}}", labels.join(","));
            // What fires just now is Prometheus' own to say, and best nothing does.
            if metric != "ALERTS" && scraper.query(&all).await.unwrap().is_empty() {
                wrong.push(format!("{asked_by}: {all}"));
            }
        }
    }
    assert!(wrong.is_empty(), "nothing is chosen:\n{}", wrong.join("\n"));
}

fn is_of_others(question: &Question) -> bool {
    let of_others = |metric: &str| OF_OTHERS.iter().any(|(begins, _)| metric.starts_with(begins));
    let word = |letter: char| !(letter.is_ascii_alphanumeric() || "_:".contains(letter));
    question.expression.split(word).any(of_others)
}
