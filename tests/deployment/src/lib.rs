//! What is under `deploy/`, as programs see it: overlays rendered to the manifests that a cluster would be given, and
//! rules over them that the schemas of Kubernetes cannot know.
//!
//! [`kustomize::render`] knows just the features of Kustomize that the overlays use and refuses every other; where a
//! `kubectl` with a newer Kustomize is at hand, a test compares the two. A [`rules::Rule`] is a function over a
//! [`manifests::Deployment`] and brings the ways in which it can be broken.
#![expect(
    clippy::indexing_slicing,
    reason = "a field of JSON that is not there is null, which no rule takes for right; broken examples make it"
)]
#![expect(clippy::panic, reason = "a file that cannot be read is a failed test, and says why")]

pub mod kustomize;
pub mod manifests;
pub mod patch;
pub mod rules;
pub mod yaml;
