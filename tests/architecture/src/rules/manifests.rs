//! One place for lints, one for versions.

use toml::{Table, Value};

use super::{Breach, Broken, Rule, breach};
use crate::house::{Crate, House};

/// A crate that makes its own lints or versions slips out of the house's.
pub(super) const LINTS_AND_VERSIONS_ARE_THE_WORKSPACES: Rule = Rule {
    says: "every crate takes lints and the versions of its dependencies from the workspace",
    check: |house| house.crates.iter().flat_map(check).collect(),
    broken: || {
        vec![
            Broken { house: example("[dependencies]\n"), place: "domain/ticket" },
            Broken {
                house: example("[lints]\nworkspace = true\n[dependencies]\ntokio = \"1\"\n"),
                place: "domain/ticket",
            },
            Broken {
                house: example(
                    "[lints]\nworkspace = true\n[build-dependencies]\ntokio = { version = \"1\" }\n",
                ),
                place: "domain/ticket",
            },
        ]
    },
};

fn example(manifest: &str) -> House {
    let mut house = House::default().with_crate("domain/ticket", &[]);
    for member in &mut house.crates {
        member.manifest = manifest.parse().unwrap_or_else(|error| panic!("{error}"));
    }
    house
}

fn check(member: &Crate) -> Vec<Breach> {
    let mut breaches = Vec::new();
    if !member.manifest.get("lints").is_some_and(is_the_workspaces) {
        breaches.push(breach(&member.folder, "has no `[lints] workspace = true`"));
    }
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let Some(Value::Table(dependencies)) = member.manifest.get(kind) else { continue };
        breaches.extend(own_versions(member, dependencies));
    }
    breaches
}

fn own_versions<'a>(
    member: &'a Crate,
    dependencies: &'a Table,
) -> impl Iterator<Item = Breach> + 'a {
    let own = dependencies.iter().filter(|(_, dependency)| !is_the_workspaces(dependency));
    own.map(|(name, _)| breach(&member.folder, format!("{name} is not `{name}.workspace = true`")))
}

fn is_the_workspaces(value: &Value) -> bool {
    value.get("workspace") == Some(&Value::Boolean(true))
}
