//! A Prometheus over a running platform, with the rules that we ship.

use std::fs;
use std::path::Path;

use boxoffice::http::HttpClient;
use serde_json::{Value, json};
use servers::{Life, PROMETHEUS_CONFIGURATION, Scratch, Server};
use testkit::{Platform, repository};
use tokio::task::block_in_place;

use crate::expressions::MONITORING;

/// The shipped one waits 15 seconds from look to look.
const LOOKS_EVERY: &str = "1s";
const OUR_JOB: &str = "boxoffice";

/// A Prometheus that can be killed.
pub(crate) struct Scraper {
    pub(crate) server: Server,
    api: HttpClient,
    _scratch: Scratch,
}

impl Scraper {
    /// Starts it over the admin ports of all servers.
    pub(crate) fn over(platform: &mut Platform) -> Self {
        let scratch = Scratch::fresh("prometheus").unwrap();
        let folder = scratch.path();
        let configuration = configured(platform).to_string();
        fs::write(folder.join(PROMETHEUS_CONFIGURATION), configuration).unwrap();
        copy_rules(folder);
        let started = block_in_place(|| servers::prometheus_server(folder, Life::WithStarter));
        let server = started.unwrap();
        let api = HttpClient::new(server.url());
        Self { server, api, _scratch: scratch }
    }

    /// What an expression evaluates to just now: each series with its number.
    pub(crate) async fn query(&self, expression: &str) -> Result<Vec<(Value, f64)>, String> {
        let path = format!("/api/v1/query?query={}", escaped(expression));
        let answer = self.api.get(path).send().await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("{expression}: {}", answer.json));
        }
        let series = answer.json["data"]["result"].as_array().into_iter().flatten();
        let number = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse().ok());
        Ok(series.map(|one| (one["metric"].clone(), number(one).unwrap_or(f64::NAN))).collect())
    }

    /// Whether an expression has a number just now, for at least one series.
    pub(crate) async fn has_data(&self, expression: &str) -> Result<bool, String> {
        Ok(self.query(expression).await?.iter().any(|(_, number)| !number.is_nan()))
    }
}

/// The shipped configuration of the compose variant, with the servers of the test in the place of its names.
fn configured(platform: &mut Platform) -> Value {
    let shipped = repository().join(MONITORING).join("prometheus/prometheus.compose.yml");
    let mut configuration: Value = deployment::yaml::document(&shipped);
    configuration["global"]["scrape_interval"] = json!(LOOKS_EVERY);
    configuration["global"]["evaluation_interval"] = json!(LOOKS_EVERY);
    let all = configuration.as_object_mut().unwrap();
    assert!(all.remove("alerting").is_some(), "there is none to alert here");
    let jobs = all["scrape_configs"].as_array_mut().unwrap();
    jobs.retain(|job| job["job_name"] == OUR_JOB);
    let ours = jobs[0].as_object_mut().unwrap();
    assert!(ours.remove("dns_sd_configs").is_some(), "what takes its place");
    let targets = platform.servers().iter().map(|server| {
        let address = server.admin_url().replace("http://", "");
        let name = server.name().rsplit_once('-').map_or(server.name(), |(name, _)| name);
        json!({"targets": [address], "labels": {"__meta_dns_name": name}})
    });
    ours.insert("static_configs".to_owned(), targets.collect());
    // Here the ports are not all the same.
    let text = configuration.to_string().replace("(.+):3100", "(.+)");
    serde_json::from_str(&text).unwrap()
}

fn copy_rules(folder: &Path) {
    let rules = folder.join("rules");
    fs::create_dir(&rules).unwrap();
    for file in fs::read_dir(repository().join(MONITORING).join("prometheus/rules")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), rules.join(file.file_name())).unwrap();
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
