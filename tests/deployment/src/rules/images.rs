//! Which images run.

use serde_json::{Value, json};

use super::{Breach, Broken, Rule, breach};
use crate::manifests::{Deployment, name};

/// What runs today runs tomorrow.
pub(super) const IMAGES_SAY_THEIR_VERSION: Rule = Rule {
    says: "every image has a tag, never `latest`, and names no registry",
    check,
    broken: &[
        Broken {
            change: |deployment| *image(deployment, "ticket") = json!("boxoffice-ticket"),
            place: "Deployment/ticket",
        },
        Broken {
            change: |deployment| *image(deployment, "mypage") = json!("boxoffice-mypage:latest"),
            place: "Deployment/mypage",
        },
        Broken {
            change: |deployment| {
                *image(deployment, "booking") = json!("a.example/boxoffice-booking:1")
            },
            place: "Deployment/booking",
        },
    ],
};

fn image<'a>(deployment: &'a mut Deployment, server: &str) -> &'a mut Value {
    &mut deployment.get_mut("Deployment", server)["spec"]["template"]["spec"]["containers"][0]["image"]
}

fn check(deployment: &Deployment) -> Vec<Breach> {
    let mut images = Vec::new();
    for pods in deployment.pods() {
        let own = pods.containers().map(|container| container["image"].clone());
        images.extend(own.map(|image| (name(pods.maker), image)));
    }
    for database in deployment.of("MariaDB") {
        images.push((name(database), database["spec"]["image"].clone()));
    }
    let wrong = images.into_iter().filter(|(_, image)| !image.as_str().is_some_and(is_right));
    wrong.map(|(place, image)| breach(place, format!("its image is {image}"))).collect()
}

fn is_right(image: &str) -> bool {
    let (name, tag) = image.rsplit_once(':').unwrap_or((image, ""));
    let registry = name.split_once('/').is_some_and(|(first, _)| first.contains(['.', ':']));
    !tag.is_empty() && tag != "latest" && !registry
}
