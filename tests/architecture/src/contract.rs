//! The contract as the rules see it: rpcs, events and what is said about everything.

use std::fs;
use std::path::{Path, PathBuf};

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor,
};

/// One rpc of one context.
#[derive(Debug, Clone)]
pub struct Rpc {
    /// `ticket` of `boxoffice.ticket.v1`.
    pub context: String,
    /// `TicketService`.
    pub service: String,
    /// `RegisterTicket`.
    pub name: String,
    /// Whether `google.api.http` gives it a route.
    pub has_route: bool,
}

/// One event of one context.
#[derive(Debug, Clone)]
pub struct Event {
    /// `ticket` of `boxoffice.ticket.v1`.
    pub context: String,
    /// `TicketRegistered`.
    pub name: String,
}

/// What the protos under `boxoffice/` say.
#[derive(Debug, Clone, Default)]
pub struct Contract {
    /// Every rpc.
    pub rpcs: Vec<Rpc>,
    /// Every message of a file named `*_events.proto`.
    pub events: Vec<Event>,
    /// Full names of what has no comment.
    pub silent: Vec<String>,
}

impl Contract {
    /// Reads an encoded descriptor set with source information.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn read(descriptors: &[u8]) -> Self {
        let pool = DescriptorPool::decode(descriptors)
            .unwrap_or_else(|error| panic!("descriptors: {error}"));
        let mut contract = Self::default();
        for file in pool.files().filter(|file| file.package_name().starts_with("boxoffice.")) {
            contract.add(&file);
        }
        contract
    }

    /// Compiles files given as path and text, for examples.
    ///
    /// # Panics
    /// When they do not compile.
    #[must_use]
    pub fn compile(files: &[(&str, &str)]) -> Self {
        let folder =
            tempfile::tempdir().unwrap_or_else(|error| panic!("a temporary folder: {error}"));
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
        for (path, text) in files {
            let path = folder.path().join(path);
            let made = path
                .parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&path, text));
            made.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        let mut compiler = protox::Compiler::new([folder.path().to_owned(), own])
            .unwrap_or_else(|error| panic!("compiler: {error}"));
        compiler.include_imports(true).include_source_info(true);
        let opened = compiler.open_files(files.iter().map(|(path, _)| PathBuf::from(path)));
        let opened = opened.unwrap_or_else(|error| panic!("{error}"));
        Self::read(&opened.encode_file_descriptor_set())
    }

    fn add(&mut self, file: &FileDescriptor) {
        for service in file.services() {
            self.add_service(file, &service);
        }
        for message in file.messages() {
            if file.name().ends_with("_events.proto") {
                let event = Event { context: context_of(file), name: message.name().to_owned() };
                self.events.push(event);
            }
            self.add_message(file, &message);
        }
        for listed in file.enums() {
            self.add_enum(file, &listed);
        }
    }

    fn add_service(&mut self, file: &FileDescriptor, service: &ServiceDescriptor) {
        self.hear(file, service.full_name(), service.path());
        for method in service.methods() {
            self.hear(file, method.full_name(), method.path());
            let has_route = method
                .options()
                .extensions()
                .any(|(option, _)| option.full_name() == "google.api.http");
            self.rpcs.push(Rpc {
                context: context_of(file),
                service: service.name().to_owned(),
                name: method.name().to_owned(),
                has_route,
            });
        }
    }

    fn add_message(&mut self, file: &FileDescriptor, message: &MessageDescriptor) {
        // The entries of a map field are made by the compiler.
        if message.is_map_entry() {
            return;
        }
        self.hear(file, message.full_name(), message.path());
        for field in message.fields() {
            self.hear(file, field.full_name(), field.path());
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            self.hear(file, oneof.full_name(), oneof.path());
        }
        for inner in message.child_messages() {
            self.add_message(file, &inner);
        }
        for inner in message.child_enums() {
            self.add_enum(file, &inner);
        }
    }

    fn add_enum(&mut self, file: &FileDescriptor, listed: &EnumDescriptor) {
        self.hear(file, listed.full_name(), listed.path());
        for value in listed.values() {
            self.hear(file, value.full_name(), value.path());
        }
    }

    fn hear(&mut self, file: &FileDescriptor, name: &str, path: &[i32]) {
        let described = file.file_descriptor_proto();
        let locations = described.source_code_info.iter().flat_map(|source| &source.location);
        let mut here = locations.filter(|location| location.path == path);
        if !here.any(|location| !location.leading_comments().trim().is_empty()) {
            self.silent.push(name.to_owned());
        }
    }
}

fn context_of(file: &FileDescriptor) -> String {
    file.package_name().split('.').nth(1).unwrap_or_default().to_owned()
}
