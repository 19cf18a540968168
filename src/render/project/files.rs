//! Reads the files of a project, never one outside it.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use crate::file;
use crate::problem::{Problem, Problems};
use crate::render::source::Source;

/// Enough for any real tree; a deeper one is a loop or a mistake.
const DEEPEST: usize = 16;

/// Reads one file beneath the root, which must be canonical.
pub(super) fn read(root: &Path, path: &Path) -> Result<Source, Problem> {
    let name = name_of(path);
    let whole = root.join(path);
    let refused = |why: String| Problem::error(format!("cannot read {name}: {why}"));
    if path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        return Err(refused(String::from("it is outside of the project"))
            .hint("name a file of the project by its path from where windlass.yaml is"));
    }
    let real = whole.canonicalize().map_err(|error| refused(error.to_string()))?;
    if !real.starts_with(root) {
        return Err(refused(String::from("it is a link that leads out of the project"))
            .hint("put the file itself into the project: a template must not be able to read other files"));
    }
    let bytes = file::read(&real, file::LARGEST).map_err(|error| refused(error.to_string()))?;
    Source::from_bytes(name, bytes)
}

/// All wanted files beneath a directory of the project, sorted by path; hidden files and editors' backups are left out.
/// A directory that is not there is empty.
pub(super) fn beneath(root: &Path, directory: &str, wanted: fn(&Path) -> bool) -> Result<Vec<Source>, Problems> {
    let mut sources = Vec::new();
    let mut problems = Vec::new();
    let mut pending = vec![(PathBuf::from(directory), 0)];
    while let Some((folder, depth)) = pending.pop() {
        let entries = match list(root, &folder) {
            Ok(entries) => entries,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        for (path, is_directory) in entries {
            if is_directory && depth < DEEPEST {
                pending.push((path, depth + 1));
            } else if is_directory {
                problems.push(Problem::error(format!("{} is nested too deeply", name_of(&path))));
            } else if wanted(&path) {
                match read(root, &path) {
                    Ok(source) => sources.push(source),
                    Err(problem) => problems.push(problem),
                }
            }
        }
    }
    sources.sort_by(|one: &Source, other| one.name().cmp(other.name()));
    if problems.is_empty() { Ok(sources) } else { Err(Problems(problems)) }
}

/// The names of the files directly in a directory of the project.
pub(super) fn names(root: &Path, directory: &str) -> Result<Vec<String>, Problems> {
    let entries = list(root, Path::new(directory))?;
    let files = entries.into_iter().filter(|(_, is_directory)| !is_directory);
    Ok(files.filter_map(|(path, _)| path.file_name().and_then(OsStr::to_str).map(str::to_owned)).collect())
}

/// What a directory holds: paths relative to the root, and whether each is a directory.
fn list(root: &Path, folder: &Path) -> Result<Vec<(PathBuf, bool)>, Problem> {
    let whole = root.join(folder);
    let refused = |why: String| Problem::error(format!("cannot read {}: {why}", name_of(folder)));
    if !whole.exists() {
        return Ok(Vec::new());
    }
    let real = whole.canonicalize().map_err(|error| refused(error.to_string()))?;
    if !real.starts_with(root) {
        return Err(refused(String::from("it is a link that leads out of the project")));
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&real).map_err(|error| refused(error.to_string()))? {
        let entry = entry.map_err(|error| refused(error.to_string()))?;
        let name = entry.file_name();
        let hidden = name.to_str().is_none_or(|name| name.starts_with(['.', '#']) || name.ends_with('~'));
        if hidden {
            continue;
        }
        // Follows links: `read` and the next `list` check where they lead.
        let is_directory = entry.path().is_dir();
        found.push((folder.join(name), is_directory));
    }
    found.sort();
    Ok(found)
}

/// A path with `/`, on every system.
fn name_of(path: &Path) -> String {
    path.components().filter_map(|part| part.as_os_str().to_str()).collect::<Vec<_>>().join("/")
}
