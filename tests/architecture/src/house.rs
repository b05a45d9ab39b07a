//! The house as the rules see it: crates with their dependencies, source files, the contract.

use std::fs;
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};
use toml::Table;

use crate::contract::Contract;
use crate::source::SourceFile;

/// Everything the rules look at.
#[derive(Debug, Clone, Default)]
pub struct House {
    /// The workspace's crates.
    pub crates: Vec<Crate>,
    /// Every Rust file.
    pub files: Vec<SourceFile>,
    /// The protos.
    pub contract: Contract,
}

/// One crate of the workspace.
#[derive(Debug, Clone)]
pub struct Crate {
    /// The package's name.
    pub name: String,
    /// Its folder from the root: `adapters/grpc/ticket`.
    pub folder: String,
    /// What it depends on.
    pub dependencies: Vec<Dependency>,
    /// Its `Cargo.toml`.
    pub manifest: Table,
}

/// One line of a crate's dependencies.
#[derive(Debug, Clone)]
pub struct Dependency {
    /// The other package's name.
    pub name: String,
    /// Only for its tests.
    pub for_tests: bool,
}

impl House {
    /// Reads this repository.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root =
            fs::canonicalize(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
        let mut question = MetadataCommand::new();
        question.manifest_path(root.join("Cargo.toml")).no_deps();
        let answer = question.exec().unwrap_or_else(|error| panic!("cargo metadata: {error}"));
        let crates = answer.packages.iter().map(|package| Crate::read(&root, package)).collect();
        let mut files = Vec::new();
        collect_files(&root, &root, &mut files);
        let contract = Contract::read(proto::FILE_DESCRIPTOR_SET);
        Self { crates, files: Vec::new(), contract }.with_files(files)
    }

    /// The contexts: what stands under `domain/` beside the kernel.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        let domain = self.crates.iter().filter_map(|member| member.folder.strip_prefix("domain/"));
        domain.filter(|name| *name != "kernel")
    }

    /// The crate of this name, if it is one of the house's own.
    #[must_use]
    pub fn own(&self, name: &str) -> Option<&Crate> {
        self.crates.iter().find(|member| member.name == name)
    }

    /// The files whose path begins so.
    pub fn files_under(&self, folder: &str) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(move |file| file.path.starts_with(folder))
    }

    /// With one more crate, for examples.
    #[must_use]
    pub fn with_crate(mut self, folder: &str, dependencies: &[&str]) -> Self {
        let name = name_of(folder);
        let dependencies = dependencies
            .iter()
            .map(|name| Dependency { name: (*name).to_owned(), for_tests: false })
            .collect();
        let manifest = Table::new();
        self.crates.push(Crate { name, folder: folder.to_owned(), dependencies, manifest });
        self
    }

    /// With one more file, for examples.
    #[must_use]
    pub fn with_file(self, path: &str, text: &str) -> Self {
        self.with_files(vec![SourceFile::new(path, text)])
    }

    /// With this contract, for examples.
    #[must_use]
    pub fn with_contract(mut self, files: &[(&str, &str)]) -> Self {
        self.contract = Contract::compile(files);
        self
    }

    fn with_files(mut self, files: Vec<SourceFile>) -> Self {
        self.files.extend(files);
        let test_modules: Vec<_> = self.files.iter().flat_map(SourceFile::test_modules).collect();
        for file in &mut self.files {
            let belongs = |module: &String| {
                let rest = file.path.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            };
            file.test = file.test || test_modules.iter().any(belongs);
        }
        self
    }
}

impl Crate {
    fn read(root: &Path, package: &Package) -> Self {
        let manifest_path = package.manifest_path.as_std_path();
        let folder = manifest_path.parent().and_then(|folder| folder.strip_prefix(root).ok());
        let dependencies = package.dependencies.iter().map(|dependency| Dependency {
            name: dependency.name.clone(),
            for_tests: dependency.kind == DependencyKind::Development,
        });
        let manifest = fs::read_to_string(manifest_path).unwrap_or_default().parse();
        Self {
            name: package.name.to_string(),
            folder: folder.map(text_of).unwrap_or_default(),
            dependencies: dependencies.collect(),
            manifest: manifest
                .unwrap_or_else(|error| panic!("{}: {error}", manifest_path.display())),
        }
    }
}

/// The package's name by its folder, as the house names them.
fn name_of(folder: &str) -> String {
    let parts: Vec<_> = folder.split('/').collect();
    match parts.as_slice() {
        ["adapters", technology, cell] => format!("{technology}-{cell}"),
        ["apps", app @ ("runtime" | "boxoffice")] => (*app).to_owned(),
        ["apps", app] => format!("boxoffice-{app}"),
        _ => parts.last().copied().unwrap_or_default().to_owned(),
    }
}

fn collect_files(root: &Path, folder: &Path, files: &mut Vec<SourceFile>) {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect_files(root, &path, files);
            }
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let relative = path.strip_prefix(root).map(text_of).unwrap_or_default();
            files.push(SourceFile::new(&relative, &text));
        }
    }
}

fn text_of(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
