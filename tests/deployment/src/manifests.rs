//! A rendered overlay, and ways to look into it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What a cluster would be given, and what the programs in it read.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    /// The manifests.
    pub objects: Vec<Value>,
    /// The variables that each program's command reads, by `boxoffice-ticket serve`.
    pub reads: BTreeMap<String, BTreeSet<String>>,
}

/// The pods that an object makes.
#[derive(Debug, Clone, Copy)]
pub struct Pods<'a> {
    /// The object that makes them.
    pub maker: &'a Value,
    /// Their template: metadata and spec.
    pub template: &'a Value,
}

impl Deployment {
    /// The objects of a kind.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |object| object["kind"] == kind)
    }

    /// The object of this kind and name, to be changed.
    ///
    /// # Panics
    /// When there is none.
    pub fn get_mut(&mut self, kind: &str, name: &str) -> &mut Value {
        let mut objects = self.objects.iter_mut();
        let found = objects.find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
        found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
    }

    /// The pods of every object that makes some.
    pub fn pods(&self) -> impl Iterator<Item = Pods<'_>> {
        self.objects.iter().filter_map(|maker| {
            let place = match maker["kind"].as_str()? {
                "Deployment" | "Job" | "StatefulSet" | "DaemonSet" => "/spec/template",
                "CronJob" => "/spec/jobTemplate/spec/template",
                _ => return None,
            };
            Some(Pods { maker, template: maker.pointer(place)? })
        })
    }

    /// Whether payments are Stripe's.
    #[must_use]
    pub fn pays_by_stripe(&self) -> bool {
        let settings = |map: &&Value| map["metadata"]["name"] == "payment-settings";
        let settings = self.of("ConfigMap").find(settings);
        settings.is_some_and(|map| map["data"]["PAYMENT_PROVIDER"] == "stripe")
    }

    /// Whether ports speak TLS.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        let settings = |map: &&Value| map["metadata"]["name"] == "settings";
        let settings = self.of("ConfigMap").find(settings);
        settings.is_some_and(|map| !map["data"]["TLS_CERT_FILE"].is_null())
    }

    /// The variables that a container is given, with what they say; from ConfigMaps too.
    #[must_use]
    pub fn variables<'a>(&'a self, container: &'a Value) -> BTreeMap<&'a str, &'a Value> {
        let mut variables = BTreeMap::new();
        for source in items(&container["envFrom"]) {
            let name = &source["configMapRef"]["name"];
            let map = self.of("ConfigMap").find(|map| map["metadata"]["name"] == *name);
            let data = map.and_then(|map| map["data"].as_object()).into_iter().flatten();
            variables.extend(data.map(|(name, value)| (name.as_str(), value)));
        }
        let own = items(&container["env"]);
        variables.extend(own.filter_map(|one| Some((one["name"].as_str()?, one))));
        variables
    }
}

impl Pods<'_> {
    /// Their containers.
    pub fn containers(&self) -> impl Iterator<Item = &Value> {
        items(&self.template["spec"]["containers"])
            .chain(items(&self.template["spec"]["initContainers"]))
    }

    /// Whether this selector's labels are all theirs.
    #[must_use]
    pub fn are_selected_by(&self, labels: &Value) -> bool {
        let own = &self.template["metadata"]["labels"];
        labels.as_object().is_some_and(|labels| {
            !labels.is_empty() && labels.iter().all(|(name, value)| own.get(name) == Some(value))
        })
    }
}

/// The items of a list; none where there is no list.
pub fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// An object as it is spoken of: `Deployment/ticket`.
#[must_use]
pub fn name(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!("{}/{}", text(&object["kind"]), text(&object["metadata"]["name"]))
}
