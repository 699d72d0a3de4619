//! That no file of the vectors goes unnoticed: each is read by a test, or by none for a reason that is printed.

use std::path::{Path, PathBuf};

/// The files of one folder of vectors, and what comes of them. Of several starts of a file's name the longest counts.
pub struct Coverage<'a> {
    /// The folder.
    pub folder: &'a str,
    /// Start of a name, the source below `tests/` that reads such files, and the words in it that fetch them.
    pub read: &'a [(&'a str, &'a str, &'a str)],
    /// Start of a name, and why no test reads such files.
    pub unread: &'a [(&'a str, &'a str)],
    /// What a file of an unknown name may be.
    pub kinds: &'a [Kind],
    /// Kinds of which a copy of the vectors may have no file.
    pub rare: &'a [&'a str],
}

/// A kind of file that is known by what is in it, or by where it stands.
pub struct Kind {
    /// What it is called.
    pub name: &'static str,
    /// Runs a file of this kind; `None` for any other file.
    ///
    /// # Panics
    /// When a case of it does not end as it says.
    pub run: fn(&Path, &[u8]) -> Option<Ran>,
}

/// What came of a file of some kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// So many cases passed, and so many were refused as expected.
    Cases(usize, usize),
    /// A test that looks for such files in every folder runs it.
    Elsewhere,
    /// Nothing reads it, and why.
    Unread(&'static str),
}

impl Coverage<'_> {
    /// Prints what comes of every file.
    ///
    /// # Panics
    /// When a source lacks the words by which it is said to read files; when a file is read by its name and is of no kind
    /// that is known here, so that under another name nothing would run it; and for the vectors beside the repository
    /// also when a file is neither read nor unread for a reason.
    pub fn check(&self) {
        for (start, source, words) in self.read {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(source);
            let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert!(
                text.contains(words),
                "{source} is said to read {}/{start} and does not say {words:?}",
                self.folder
            );
        }
        let Some(root) = folder(self.folder) else {
            println!("skipped: vectors {} not found", self.folder);
            return;
        };
        let mut names = Vec::new();
        walk(&root, &root, &mut names);
        names.sort();
        let (mut read, mut unread, mut unnoticed, mut by_name) = (0, 0, Vec::new(), Vec::new());
        // No name is taken into account: a file beside those that a test reads by their names is run too.
        let by_kind: Vec<Option<(&Kind, Ran)>> = names.iter().map(|name| self.run_by_kind(&root.join(name))).collect();
        for (name, kind) in names.iter().zip(by_kind.iter().copied()) {
            match (self.fate(name), kind) {
                // Elsewhere a name that is known here may be another file's.
                (Some(Err(_)), Some((_, Ran::Cases(..)))) if !is_home() => unnoticed.push((name, kind)),
                (Some(Err(why)), _) | (None, Some((_, Ran::Unread(why)))) => {
                    unread += 1;
                    println!("not read: {}/{name}: {why}", self.folder);
                }
                (Some(Ok(_)), None) => {
                    read += 1;
                    by_name.push(name);
                }
                (Some(Ok(_)), _) | (None, Some((_, Ran::Elsewhere))) => read += 1,
                (None, _) => unnoticed.push((name, kind)),
            }
        }
        assert!(by_name.is_empty(), "known by their names alone: {by_name:#?}");
        for (set, counted) in sets(&root.join("MANIFEST.md")) {
            let found = names.iter().filter(|name| name.starts_with(&set)).count();
            println!("{}/{set} {found} files, {counted} in the manifest", self.folder);
        }
        println!("files of {}: {read} read, {unread} not read", self.folder);
        let missing: Vec<_> = self.read.iter().map(|(start, ..)| *start).filter(|start| !has(&names, start)).collect();
        for start in missing {
            println!("skipped: {}/{start}: a test reads it, and it is not in this folder", self.folder);
        }
        self.count_by_kind(&by_kind);
        if is_home() {
            let unnoticed: Vec<_> = unnoticed.iter().map(|(name, _)| name).collect();
            assert!(unnoticed.is_empty(), "no test reads these, and no reason is given: {unnoticed:#?}");
            return;
        }
        let (mut passed, mut refused) = (0, 0);
        for (name, kind) in unnoticed {
            if let Some((kind, Ran::Cases(more, bad))) = kind {
                (passed, refused) = (passed + more, refused + bad);
                println!("{}/{name}: by what it is, {}", self.folder, kind.name);
            } else {
                println!("skipped: {}/{name}: of no kind that is known here", self.folder);
            }
        }
        println!("{} of unknown names: {passed} passed, {refused} refused as expected", self.folder);
    }

    fn run_by_kind(&self, path: &Path) -> Option<(&Kind, Ran)> {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.kinds.iter().find_map(|kind| (kind.run)(path, &bytes).map(|ran| (kind, ran)))
    }

    /// What runs files of unknown names is known to run.
    fn count_by_kind(&self, by_kind: &[Option<(&Kind, Ran)>]) {
        let mut found: std::collections::BTreeMap<&str, (usize, usize, usize)> = Default::default();
        for (kind, ran) in by_kind.iter().flatten() {
            let (passed, refused) = if let Ran::Cases(passed, refused) = *ran { (passed, refused) } else { (0, 0) };
            let count = found.entry(kind.name).or_default();
            *count = (count.0 + 1, count.1 + passed, count.2 + refused);
        }
        for kind in self.kinds {
            let (files, passed, refused) = found.get(kind.name).copied().unwrap_or_default();
            println!("by kind alone: {}: {files} files, {passed} right, {refused} wrong as they say", kind.name);
            let may_lack = self.rare.contains(&kind.name) || !is_home();
            assert!(files > 0 || may_lack, "none of {} is {}", self.folder, kind.name);
        }
    }

    /// Which source reads it, or why none does.
    fn fate(&self, name: &str) -> Option<Result<&str, &str>> {
        let read = self.read.iter().map(|(start, source, _)| (*start, Ok(*source)));
        let unread = self.unread.iter().map(|(start, why)| (*start, Err(*why)));
        let all = read.chain(unread).filter(|(start, _)| name.starts_with(start));
        all.max_by_key(|(start, _)| start.len()).map(|(_, fate)| fate)
    }
}

/// Whether the vectors are those beside the repository, of which every file is known by its name. Others may have more,
/// fewer, or other names.
pub fn is_home() -> bool {
    let same = |named: PathBuf| {
        let home = beside().and_then(|home| home.canonicalize().ok());
        home.is_some_and(|home| named.canonicalize().is_ok_and(|named| named == home))
    };
    std::env::var_os("SPANDREL_VECTORS").is_none_or(|named| same(named.into()))
}

/// The first of `starts` under `set` that no file of the folder at `root` begins with; always `None` at home.
pub fn first_missing(root: &Path, set: &str, starts: &[(&str, &str, &str)]) -> Option<String> {
    if is_home() {
        return None;
    }
    let mut names = Vec::new();
    walk(root, root, &mut names);
    let mut of_set = starts.iter().map(|(start, ..)| *start).filter(|start| start.starts_with(set));
    of_set.find(|start| !has(&names, start)).map(str::to_owned)
}

fn has(names: &[String], start: &str) -> bool {
    names.iter().any(|name| name.starts_with(start))
}

fn beside() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
}

/// The folder `name` of the vectors: in `SPANDREL_VECTORS`, or beside the repository.
fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from).or_else(beside);
    root.map(|root| root.join(name)).filter(|folder| folder.is_dir())
}

fn walk(root: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, names);
        } else {
            names.push(path.strip_prefix(root).unwrap().to_string_lossy().into_owned());
        }
    }
}

/// Each set in the manifest's table, `` | `name/` | … | files | bytes | ``, and how many files the table says it has.
fn sets(manifest: &Path) -> Vec<(String, u64)> {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let row = |line: &str| {
        let name = line.strip_prefix("| `")?.split_once("/`")?.0.to_owned() + "/";
        let count = line.rsplit('|').nth(2)?.trim().parse().ok()?;
        Some((name, count))
    };
    text.lines().filter_map(row).collect()
}
