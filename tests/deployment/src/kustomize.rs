//! Kustomize, as far as the overlays use it: what is not known here is refused, never passed over.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::patch::{Operation, apply, merge_strategically};
use crate::yaml;

const FILE: &str = "kustomization.yml";
/// Kinds that stand in no namespace.
const CLUSTER_WIDE: [&str; 2] = ["Namespace", "StorageClass"];
/// Where the labels of pods are, beside an object's own.
const TEMPLATES: [&str; 3] =
    ["/spec/template", "/spec/jobTemplate", "/spec/jobTemplate/spec/template"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Kustomization {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    kind: String,
    namespace: Option<String>,
    resources: Vec<String>,
    #[serde(default)]
    components: Vec<String>,
    #[serde(default)]
    labels: Vec<Labels>,
    #[serde(default)]
    images: Vec<Image>,
    #[serde(default)]
    patches: Vec<Patch>,
    #[serde(default)]
    config_map_generator: Vec<ConfigMap>,
    generator_options: Option<GeneratorOptions>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Labels {
    pairs: BTreeMap<String, String>,
    #[serde(default)]
    include_templates: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Image {
    name: String,
    new_name: Option<String>,
    new_tag: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Patch {
    path: Option<String>,
    patch: Option<String>,
    target: Target,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    group: Option<String>,
    kind: String,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigMap {
    name: String,
    #[serde(default)]
    behavior: Option<String>,
    literals: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct GeneratorOptions {
    disable_name_suffix_hash: bool,
}

/// The manifests that `kubectl apply --kustomize` would give a cluster.
///
/// # Panics
/// When a file cannot be read, or uses a feature that is not known here.
#[must_use]
pub fn render(folder: &Path) -> Vec<Value> {
    let kustomization: Kustomization = yaml::document(&folder.join(FILE));
    assert_eq!(kustomization.kind, "Kustomization", "{}", folder.display());
    accumulate(folder, &kustomization, Vec::new())
}

/// Adds a folder's resources to what is there and does to all of it what the folder says. A component is such a folder,
/// whose work is on what the kustomization that names it has of its resources.
fn accumulate(folder: &Path, kustomization: &Kustomization, mut objects: Vec<Value>) -> Vec<Value> {
    for resource in &kustomization.resources {
        let path = folder.join(resource);
        if path.is_dir() {
            objects.extend(render(&path));
        } else {
            objects.extend(yaml::documents(&path.display().to_string(), &yaml::text(&path)));
        }
    }
    for component in &kustomization.components {
        let component = folder.join(component);
        let says: Kustomization = yaml::document(&component.join(FILE));
        assert_eq!(says.kind, "Component", "{}", component.display());
        objects = accumulate(&component, &says, objects);
    }
    if !kustomization.config_map_generator.is_empty() {
        let options = kustomization.generator_options.as_ref();
        let named_as_they_are = options.is_some_and(|options| options.disable_name_suffix_hash);
        assert!(named_as_they_are, "{}: names with a hash are not known here", folder.display());
    }
    for generator in &kustomization.config_map_generator {
        generate(generator, &mut objects);
    }
    for patch in &kustomization.patches {
        change(folder, patch, &mut objects);
    }
    for object in &mut objects {
        if let Some(namespace) = &kustomization.namespace {
            set_namespace(object, namespace);
        }
        for labels in &kustomization.labels {
            set_labels(object, labels);
        }
        for image in &kustomization.images {
            set_image(object, image);
        }
    }
    objects
}

fn generate(generator: &ConfigMap, objects: &mut Vec<Value>) {
    let pairs = generator.literals.iter().map(|literal| {
        let (name, value) =
            literal.split_once('=').unwrap_or_else(|| panic!("{literal}: no value"));
        (name.to_owned(), Value::from(value))
    });
    let data: Map<String, Value> = pairs.collect();
    let is_it = |object: &&mut Value| {
        object["kind"] == "ConfigMap" && object["metadata"]["name"] == *generator.name
    };
    match (generator.behavior.as_deref(), objects.iter_mut().find(is_it)) {
        (None, None) => {
            let metadata = json!({ "name": generator.name });
            objects.push(
                json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data }),
            );
        }
        (Some("merge"), Some(object)) => {
            if let Some(Value::Object(old)) = object.get_mut("data") {
                old.extend(data);
            }
        }
        (behavior, there) => {
            panic!("{}: {behavior:?}, and it is there: {}", generator.name, there.is_some())
        }
    }
}

fn change(folder: &Path, patch: &Patch, objects: &mut Vec<Value>) {
    let text = match (&patch.path, &patch.patch) {
        (Some(path), None) => yaml::text(&folder.join(path)),
        (None, Some(text)) => text.clone(),
        _ => panic!("{}: a patch has either a path or a text", folder.display()),
    };
    let place = folder.display().to_string();
    let mut documents = yaml::documents(&place, &text);
    let (Some(document), true) = (documents.pop(), documents.is_empty()) else {
        panic!("{place}: a patch is one document");
    };
    let mut met = false;
    objects.retain_mut(|object| {
        if !is_target(object, &patch.target) {
            return true;
        }
        met = true;
        match &document {
            Value::Object(strategic) if strategic.get("$patch") == Some(&json!("delete")) => false,
            Value::Object(strategic) => {
                let said = ["apiVersion", "kind", "metadata"];
                let spec = strategic.iter().filter(|(field, _)| !said.contains(&field.as_str()));
                let spec = spec.map(|(field, value)| (field.clone(), value.clone())).collect();
                if let Value::Object(fields) = object {
                    merge_strategically(fields, &spec);
                }
                true
            }
            Value::Array(_) => {
                let operations: Vec<Operation> = serde_json::from_value(document.clone())
                    .unwrap_or_else(|error| panic!("{place}: {error}"));
                let applied = apply(object, &operations);
                applied.unwrap_or_else(|error| panic!("{place}: {}: {error}", patch.target.kind));
                true
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                panic!("{place}: a patch is an object or a list of operations")
            }
        }
    });
    assert!(met, "{place}: no {} for a patch", patch.target.kind);
}

fn is_target(object: &Value, target: &Target) -> bool {
    let group = object["apiVersion"].as_str().and_then(|version| version.split_once('/'));
    object["kind"] == *target.kind
        && target.name.as_ref().is_none_or(|name| object["metadata"]["name"] == **name)
        && target
            .group
            .as_deref()
            .is_none_or(|wanted| group.is_some_and(|(name, _)| name == wanted))
}

fn set_namespace(object: &mut Value, namespace: &str) {
    let kind = object["kind"].as_str().unwrap_or_default();
    let field = if kind == "Namespace" { "name" } else { "namespace" };
    if kind == "Namespace" || !CLUSTER_WIDE.contains(&kind) {
        object["metadata"][field] = namespace.into();
    }
}

fn set_labels(object: &mut Value, labels: &Labels) {
    let own = labels.include_templates.then_some(TEMPLATES).into_iter().flatten();
    for place in std::iter::once("").chain(own) {
        if let Some(labelled) = object.pointer_mut(place) {
            for (name, value) in &labels.pairs {
                labelled["metadata"]["labels"][name] = value.clone().into();
            }
        }
    }
}

/// Every `image` of a container, wherever in the object it is.
fn set_image(value: &mut Value, image: &Image) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| set_image(item, image)),
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if name == "containers" || name == "initContainers" {
                    rename(value, image);
                } else {
                    set_image(value, image);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn rename(containers: &mut Value, image: &Image) {
    let containers = containers.as_array_mut().into_iter().flatten();
    for container in containers.filter(|one| one["image"] == *image.name) {
        let name = image.new_name.as_ref().unwrap_or(&image.name);
        container["image"] = format!("{name}:{}", image.new_tag).into();
    }
}
