//! The terms that a customer agrees to: which versions there are, and which is in force.
//!
//! Invariant: a text that the host has once sent must stay in its directory as it was; a request is decided by the version
//! that came with its challenge, and a version that is gone makes it `terms-not-current`.

use std::collections::BTreeMap;
use std::path::Path;

use wire::{Language, TermsName, TermsText, TermsVersion};

use crate::HostError;
use crate::config::Terms as Settings;

/// The reference texts of this project; see their first lines for what they are not.
const REFERENCE: [(&str, &str); 2] =
    [("ja", include_str!("terms/1/ja.txt")), ("en", include_str!("terms/1/en.txt"))];

/// All versions, and the one in force.
#[derive(Clone, Debug)]
pub struct Terms {
    versions: BTreeMap<TermsName, TermsVersion>,
    current: TermsVersion,
}

impl Terms {
    /// From the configured directory, or the built-in reference texts.
    ///
    /// # Errors
    /// [`HostError`] where there is no usable version.
    pub fn load(settings: Option<&Settings>) -> Result<Self, HostError> {
        let Some(settings) = settings else {
            return Self::reference();
        };
        let mut versions = BTreeMap::new();
        for (name, path) in entries(&settings.dir)? {
            if path.is_dir() {
                let version = load_version(&name, &path)?;
                versions.insert(version.version().clone(), version);
            }
        }
        let current = match &settings.version {
            Some(name) => versions.values().find(|version| version.version().as_str() == name),
            None => newest(&versions),
        };
        let current = current.cloned().ok_or_else(|| match &settings.version {
            Some(name) => unusable(&settings.dir, format!("no version {name}")),
            None => {
                unusable(&settings.dir, "no directory named with a whole number; name one as terms.version")
            }
        })?;
        Ok(Self { versions, current })
    }

    fn reference() -> Result<Self, HostError> {
        let texts = REFERENCE
            .into_iter()
            .map(|(language, text)| make_text(language, text.to_owned(), Path::new("built-in")))
            .collect::<Result<_, _>>()?;
        let current = make_version("1", texts, Path::new("built-in"))?;
        Ok(Self { versions: BTreeMap::from([(current.version().clone(), current.clone())]), current })
    }

    /// The version that goes out with new challenges.
    #[must_use]
    pub const fn current(&self) -> &TermsVersion {
        &self.current
    }

    /// Whether this version, in this language, has this text.
    #[must_use]
    pub fn has(&self, version: &str, language: &str, sha256: &[u8; 32]) -> bool {
        self.versions
            .values()
            .find(|known| known.version().as_str() == version)
            .and_then(|known| known.text(language))
            .is_some_and(|text| text.sha256().as_bytes() == sha256)
    }
}

fn newest(versions: &BTreeMap<TermsName, TermsVersion>) -> Option<&TermsVersion> {
    let numbered =
        versions.iter().filter_map(|(name, version)| Some((name.as_str().parse::<u32>().ok()?, version)));
    numbered.max_by_key(|(number, _)| *number).map(|(_, version)| version)
}

fn load_version(name: &str, dir: &Path) -> Result<TermsVersion, HostError> {
    let mut texts = Vec::new();
    for (file, path) in entries(dir)? {
        let Some(language) = file.strip_suffix(".txt") else { continue };
        let text = std::fs::read_to_string(&path).map_err(|source| HostError::ReadFile {
            what: "a terms text",
            path: path.clone(),
            source,
        })?;
        texts.push(make_text(language, text, &path)?);
    }
    make_version(name, texts, dir)
}

fn make_text(language: &str, text: String, path: &Path) -> Result<TermsText, HostError> {
    let language = language.parse::<Language>().map_err(|e| unusable(path, e))?;
    TermsText::new(language, text).map_err(|e| unusable(path, e))
}

fn make_version(name: &str, texts: Vec<TermsText>, path: &Path) -> Result<TermsVersion, HostError> {
    let name = name.parse::<TermsName>().map_err(|e| unusable(path, e))?;
    TermsVersion::new(name, texts).map_err(|e| unusable(path, e))
}

/// File names and paths, in the order of the names.
fn entries(dir: &Path) -> Result<Vec<(String, std::path::PathBuf)>, HostError> {
    let read = |source| HostError::ReadFile { what: "the terms directory", path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(read)? {
        let entry = entry.map_err(read)?;
        found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
    }
    found.sort();
    Ok(found)
}

fn unusable(path: &Path, why: impl std::fmt::Display) -> HostError {
    HostError::Terms(format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, version: &str, file: &str, text: &str) {
        std::fs::create_dir_all(dir.join(version)).unwrap();
        std::fs::write(dir.join(version).join(file), text).unwrap();
    }

    fn load(dir: &Path, version: Option<&str>) -> Result<Terms, HostError> {
        Terms::load(Some(&Settings { dir: dir.to_owned(), version: version.map(str::to_owned) }))
    }

    #[test]
    fn the_reference_texts_say_what_they_are_not() {
        let terms = Terms::load(None).unwrap();
        let text = |language| terms.current().text(language).unwrap().text();
        assert!(text("ja").contains("政府の利用規約ではありません"));
        assert!(text("en").contains("not the government's terms"));
        let shown = terms.current().text("ja").unwrap().sha256().as_bytes();
        assert!(terms.has("1", "ja", shown));
        assert!(!terms.has("1", "en", shown));
        assert!(!terms.has("2", "ja", shown));
    }

    #[test]
    fn the_greatest_number_is_in_force_and_older_versions_stay_known() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "9", "ja.txt", "nine");
        write(dir.path(), "10", "ja.txt", "ten");
        let terms = load(dir.path(), None).unwrap();
        assert_eq!(terms.current().version().as_str(), "10");
        assert!(terms.has("9", "ja", wire::Digest::of(b"nine").as_bytes()));
        assert_eq!(load(dir.path(), Some("9")).unwrap().current().version().as_str(), "9");
    }

    #[test]
    fn unusable_directories_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(load(&dir.path().join("none"), None).is_err());
        assert!(load(dir.path(), None).is_err(), "empty");
        write(dir.path(), "1", "note", "no language");
        assert!(load(dir.path(), None).is_err(), "a version without texts");
        write(dir.path(), "1", "ja.txt", "");
        assert!(load(dir.path(), None).is_err(), "an empty text");
        write(dir.path(), "1", "ja.txt", "text");
        assert!(load(dir.path(), None).is_ok());
        assert!(load(dir.path(), Some("2")).is_err(), "a version that is not there");
        write(dir.path(), "1", "JA.txt", "text");
        assert!(load(dir.path(), None).is_err(), "a file name that is not a language");
    }
}
