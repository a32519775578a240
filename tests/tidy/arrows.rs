//! Which package may import which: `docs/architecture.md` against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use crate::tree::{read, root};

/// For this platform: what other platforms need was never fetched here.
fn metadata() -> Metadata {
    let compiler = Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let said = String::from_utf8(compiler.stdout).expect("text");
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host");
    let options = ["--offline", "--locked", "--filter-platform", host];
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(options.map(str::to_owned).to_vec())
        .exec()
        .expect("cargo metadata")
}

/// The table under "## Arrows": `| package | may import |`, names in back-quotes, "everything" for all.
fn allowed() -> BTreeMap<String, Option<BTreeSet<String>>> {
    let text = read(Path::new("docs/architecture.md"));
    let section = text.split("\n## Arrows").nth(1).expect("docs/architecture.md has a section Arrows");
    let section = section.split("\n## ").next().unwrap();
    let mut table = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let names = |cell: &str| -> BTreeSet<String> {
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let imports = if cells[1] == "everything" { None } else { Some(names(cells[1])) };
        for package in names(cells[0]) {
            table.insert(package, imports.clone());
        }
    }
    table
}

#[test]
fn imports_point_the_way_the_architecture_says() {
    let metadata = metadata();
    let members: BTreeSet<String> =
        metadata.workspace_packages().iter().map(|package| package.name.to_string()).collect();
    let allowed = allowed();
    let listed: BTreeSet<String> = allowed.keys().cloned().collect();
    assert_eq!(listed, members, "the table of arrows and the workspace name the same packages");

    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let Some(Some(may)) = allowed.get(package.name.as_str()) else { continue };
        for dependency in &package.dependencies {
            let ours = members.contains(&dependency.name);
            if ours && dependency.kind != DependencyKind::Development && !may.contains(&dependency.name) {
                wrong.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that docs/architecture.md does not allow: {wrong:?}");
}

/// Everything that is linked into `product`, as cargo resolves it (features included).
fn linked_into(product: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", product])
        .current_dir(root())
        .output()
        .expect("cargo tree");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let names: BTreeSet<String> = String::from_utf8_lossy(&tree.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(names.contains("request"), "the tree of {product} was read: {names:?}");
    names
}

#[test]
fn emulator_and_test_pki_are_in_no_product() {
    for product in ["myna-atm", "myna-host"] {
        let names = linked_into(product);
        for banned in ["emulator", "test-pki", "myna-demo", "myna-tests", "rsa", "ring", "openssl"] {
            assert!(!names.contains(banned), "{product} links {banned}");
        }
    }
}

#[test]
fn the_core_can_name_no_io() {
    let metadata = metadata();
    let core = metadata.packages.iter().find(|p| p.name.as_str() == "transaction").expect("the core");
    let normal: Vec<&str> = core
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
        .collect();
    assert!(normal.is_empty(), "transaction imports {normal:?}");
    assert!(read(Path::new("src/transaction/lib.rs")).contains("#![no_std]"));
}

#[test]
fn every_member_inherits_lints_and_dependencies() {
    for package in metadata().workspace_packages() {
        let manifest: toml::Table =
            std::fs::read_to_string(&package.manifest_path).expect("a manifest").parse().expect("TOML");
        let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(inherits, Some(&toml::Value::Boolean(true)), "{}: [lints] workspace = true", package.name);
        for (name, value) in
            manifest.get("dependencies").and_then(|d| d.as_table()).into_iter().flat_map(|table| table.iter())
        {
            let inherited = value.get("workspace") == Some(&toml::Value::Boolean(true));
            assert!(inherited, "{}: {name} comes from [workspace.dependencies]", package.name);
        }
    }
}
