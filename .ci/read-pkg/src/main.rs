//! `read-pkg FILE`: reads a product archive with apple-flat-package and apple-bom, and fails unless Bom and payload agree.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;

use apple_flat_package::{PkgFlavor, PkgReader};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: read-pkg FILE")?;
    let mut package = PkgReader::new(File::open(path)?)?;
    if package.flavor() != PkgFlavor::Product {
        return Err("this is no product archive".into());
    }
    let distribution = package.distribution()?.ok_or("there is no Distribution")?;
    let components = package.component_packages()?;
    let [component] = components.as_slice() else {
        return Err("there is not exactly one component".into());
    };
    let info = component.package_info().ok_or("there is no PackageInfo")?;
    let bom = apple_bom::ParsedBom::parse(component.bom().ok_or("there is no Bom")?)?;
    let paths = bom.paths()?;
    let listed: BTreeMap<_, _> = paths.iter().map(|path| (path.path(), path.size() as u64)).collect();
    let mut packed = BTreeMap::new();
    for entry in component.payload_reader()?.ok_or("there is no payload")? {
        let header = entry?;
        packed.insert(header.name().to_owned(), header.file_size());
    }
    if listed.keys().ne(packed.keys()) {
        return Err(format!("the Bom lists {listed:?}, the payload holds {packed:?}").into());
    }
    let differs = packed.iter().find(|(name, size)| listed[name.as_str()] != **size);
    if let Some((name, _)) = differs {
        return Err(format!("{name} has another size in the Bom").into());
    }
    println!(
        "{} {}, {} references, {} paths",
        info.identifier,
        info.version,
        distribution.pkg_ref.len(),
        packed.len()
    );
    Ok(())
}
