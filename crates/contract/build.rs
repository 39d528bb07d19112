//! Embeds every released schema, so that a new version is a new file under schemas/ and nothing else by hand.

use std::{env, fmt::Write as _, fs, io, path::Path};

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let folder = Path::new(&root).join("../../schemas/customer-event").canonicalize()?;
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut versions = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = name.strip_prefix('v').and_then(|n| n.strip_suffix(".avsc")).and_then(|n| n.parse::<u32>().ok());
        let Some(number) = number else {
            return Err(io::Error::other(format!("{}: schema files are named v<number>.avsc", path.display())));
        };
        println!("cargo:rerun-if-changed={}", path.display());
        versions.push((number, path));
    }
    versions.sort();
    if versions.is_empty() || versions.iter().zip(1..).any(|((number, _), expected)| *number != expected) {
        return Err(io::Error::other(format!("{}: versions must run from 1 without a gap", folder.display())));
    }
    let mut code = String::from("static RELEASED: &[Released] = &[\n");
    for (number, path) in versions {
        writeln!(code, "    Released {{ version: {number}, source: include_str!({:?}) }},", path.to_string_lossy())
            .map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("released.rs"), code)
}
