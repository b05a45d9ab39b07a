//! Compiles the contract with a pure-Rust protobuf compiler: no protoc on the machine is needed.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=boxoffice");
    println!("cargo:rerun-if-changed=google");
    let mut files = Vec::new();
    collect_protos(Path::new("boxoffice"), &mut files)?;
    // The error details are named by Any only, so nothing imports them.
    files.push(PathBuf::from("google/rpc/error_details.proto"));
    files.sort();

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    // The encoded form keeps the google.api.http options, which decoding into prost-types would drop.
    let encoded = compiler.encode_file_descriptor_set();
    #[expect(
        clippy::disallowed_methods,
        reason = "cargo tells a build script where to write this way"
    )]
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), &encoded)?;
    let descriptors = tonic_prost_build::FileDescriptorSet::decode(encoded.as_slice())?;
    tonic_prost_build::configure().include_file("contract.rs").compile_fds(descriptors)?;
    Ok(())
}

fn collect_protos(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect_protos(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
