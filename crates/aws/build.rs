//! Packs the description of the interface, which is long and seldom asked for.
#![allow(clippy::print_stdout, clippy::disallowed_methods)] // how a build speaks with cargo

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs, io};

const DESCRIPTION: &str = "openapi.json";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed={DESCRIPTION}");
    let folder = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo names a folder"))?;
    let packed = fs::File::create(Path::new(&folder).join(DESCRIPTION).with_extension("json.gz"))?;
    let mut encoder = GzEncoder::new(packed, Compression::best());
    encoder.write_all(&fs::read(DESCRIPTION)?)?;
    encoder.finish().map(drop)
}
