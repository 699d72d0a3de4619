//! That no file of the vectors goes unnoticed: each is read by a test, or by none for a reason that is printed. Files that
//! a manifest lists must be read; those put beside them are run if they are of a known kind, and never fail for being there.

mod unfold;

use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use serde_json::Value;
pub use unfold::forms;
use unfold::items;

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
    /// A case of it did not end as it says: that is a fault.
    Failed,
}

impl Ran {
    /// So many cases; what has none is not read.
    fn counted(passed: usize, refused: usize) -> Self {
        if passed + refused > 0 { Self::Cases(passed, refused) } else { Self::Unread("no case in it") }
    }
}

/// Which files a test reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Those below a folder that are of its kind.
    OfFolder,
    /// Those of a name, whatever they are.
    OfName,
}

impl Reader {
    /// By the start of their names.
    fn of(start: &str) -> Self {
        if start.ends_with('/') { Self::OfFolder } else { Self::OfName }
    }
}

/// What came of the files of a folder.
#[derive(Debug, Default)]
pub struct Report {
    /// Files that a test reads, known by name or not.
    pub read: usize,
    /// Files that none reads, for a reason that was printed.
    pub unread: usize,
    /// Files of no kind that is known here.
    pub skipped: Vec<String>,
    /// Cases that passed, and that were refused as expected, in files of unknown names.
    pub unknown: (usize, usize),
    /// What must not be: cases that do not end as they say and, if it is strict, files that are listed and not read.
    pub faults: Vec<String>,
}

impl Coverage<'_> {
    /// Prints what comes of every file.
    ///
    /// # Panics
    /// When a source lacks the words by which it is said to read files; when a case does not end as it says; and for the
    /// vectors beside the repository also when a file that the manifest lists is not read, or not there.
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
        let report = self.report(&root, is_home());
        println!("files of {}: {} read, {} not read", self.folder, report.read, report.unread);
        let (passed, refused) = report.unknown;
        println!("{} of unknown names: {passed} passed, {refused} refused as expected", self.folder);
        for name in &report.skipped {
            println!("skipped: {}/{name}: of no kind that is known here", self.folder);
        }
        assert!(report.faults.is_empty(), "{}: {:#?}", self.folder, report.faults);
    }

    /// What comes of every file below `root`. Strict is what files that the manifest lists are held to: a file beside
    /// them may be of any kind, or of none.
    pub fn report(&self, root: &Path, is_strict: bool) -> Report {
        let mut names = Vec::new();
        walk(root, root, &mut names);
        names.sort();
        let mut report = Report::default();
        // No name is taken into account: a file beside those that a test reads by their names is run too.
        let by_kind: Vec<_> = names.iter().map(|name| self.run_by_kind(&root.join(name), name, &mut report)).collect();
        for (name, kind) in names.iter().zip(by_kind.iter().copied()) {
            match (self.fate(name), kind) {
                // Elsewhere a name that is known here may be another file's.
                (Some(Err(_)), Some((kind, Ran::Cases(passed, refused)))) if !is_strict => {
                    report.add(self.folder, name, kind, (passed, refused));
                }
                (Some(Err(why)), _) | (None | Some(Ok(Reader::OfFolder)), Some((_, Ran::Unread(why)))) => {
                    report.unread += 1;
                    println!("not read: {}/{name}: {why}", self.folder);
                }
                (None, Some((kind, Ran::Cases(passed, refused)))) => {
                    report.add(self.folder, name, kind, (passed, refused));
                }
                (Some(Ok(_)), Some(_)) | (None, Some((_, Ran::Elsewhere | Ran::Failed))) => report.read += 1,
                (_, None) => report.skipped.push(name.clone()),
            }
        }
        let sets = sets(&root.join("MANIFEST.md"));
        for (set, counted) in &sets {
            let found = names.iter().filter(|name| name.starts_with(set)).count();
            println!("{}/{set} {found} files, {counted:?} in the manifest", self.folder);
            // Where there is neither more nor less than is listed, all of it is.
            if is_strict && *counted == Some(found) {
                let unread = report.skipped.iter().filter(|name| name.starts_with(set));
                report.faults.extend(unread.map(|name| format!("{name}: listed, and no test reads it")));
            }
        }
        for (start, ..) in self.read {
            let is_listed = sets.iter().any(|(set, _)| start.starts_with(set));
            if !has(&names, start) {
                println!("skipped: {}/{start}: a test reads it, and it is not in this folder", self.folder);
                if is_strict && is_listed {
                    report.faults.push(format!("{start}: listed, and not there"));
                }
            } else if is_strict && !names.iter().zip(&by_kind).any(|(name, kind)| is_known(start, name, kind)) {
                report.faults.push(format!("{start}: known by its name alone"));
            }
        }
        self.count_by_kind(&by_kind, is_strict, &mut report);
        report
    }

    /// What a file is, and what came of it: by itself, by what is packed in it, or by the cases that it lists.
    fn run_by_kind(&self, path: &Path, name: &str, report: &mut Report) -> Option<(&Kind, Ran)> {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if let Some(found) = self.run_bytes(path, name, &bytes, report) {
            return Some(found);
        }
        let forms = forms(&bytes);
        if let Some(found) = forms.iter().find_map(|bytes| self.run_bytes(path, name, bytes, report)) {
            return Some(found);
        }
        let items: Vec<_> = std::iter::once(&bytes).chain(&forms).flat_map(|bytes| items(bytes)).collect();
        let (mut kind, mut passed, mut refused, mut ran, mut is_failed) = (None, 0, 0, 0, false);
        for item in &items {
            let Some((found, outcome)) = self.run_bytes(path, name, item, report) else { continue };
            let (more, bad) = match outcome {
                Ran::Cases(more, bad) => (more, bad),
                Ran::Failed => (0, 0),
                Ran::Elsewhere | Ran::Unread(_) => continue,
            };
            is_failed |= outcome == Ran::Failed;
            (kind, passed, refused, ran) = (Some(found), passed + more, refused + bad, ran + 1);
        }
        if ran > 0 && ran < items.len() {
            println!("skipped: {}/{name}: {} of {} items, of no kind", self.folder, items.len() - ran, items.len());
        }
        Some((kind?, if is_failed { Ran::Failed } else { Ran::counted(passed, refused) }))
    }

    /// What some bytes are, and what came of them. A case that does not end as it says stops no other.
    fn run_bytes(&self, path: &Path, name: &str, bytes: &[u8], report: &mut Report) -> Option<(&Kind, Ran)> {
        for kind in self.kinds {
            match catch_unwind(|| (kind.run)(path, bytes)) {
                Ok(None) => {}
                Ok(Some(Ran::Cases(passed, refused))) => return Some((kind, Ran::counted(passed, refused))),
                Ok(Some(ran)) => return Some((kind, ran)),
                Err(cause) => {
                    let text = cause.downcast_ref::<String>().map(String::as_str);
                    let text = text.or_else(|| cause.downcast_ref::<&str>().copied()).unwrap_or("stopped");
                    report.faults.push(format!("{name}: {}: {text}", kind.name));
                    return Some((kind, Ran::Failed));
                }
            }
        }
        None
    }

    /// What runs files of unknown names is known to run.
    fn count_by_kind(&self, by_kind: &[Option<(&Kind, Ran)>], is_strict: bool, report: &mut Report) {
        let mut found: std::collections::BTreeMap<&str, (usize, usize, usize)> = Default::default();
        for (kind, ran) in by_kind.iter().flatten() {
            let (passed, refused) = if let Ran::Cases(passed, refused) = *ran { (passed, refused) } else { (0, 0) };
            let count = found.entry(kind.name).or_default();
            *count = (count.0 + 1, count.1 + passed, count.2 + refused);
        }
        for kind in self.kinds {
            let (files, passed, refused) = found.get(kind.name).copied().unwrap_or_default();
            println!("by kind alone: {}: {files} files, {passed} right, {refused} wrong as they say", kind.name);
            if files == 0 && is_strict && !self.rare.contains(&kind.name) {
                report.faults.push(format!("none is {}", kind.name));
            }
        }
    }

    /// Whether a test reads it, or why none does.
    fn fate(&self, name: &str) -> Option<Result<Reader, &str>> {
        let read = self.read.iter().map(|(start, ..)| (*start, Ok(Reader::of(start))));
        let unread = self.unread.iter().map(|(start, why)| (*start, Err(*why)));
        let all = read.chain(unread).filter(|(start, _)| name.starts_with(start));
        all.max_by_key(|(start, _)| start.len()).map(|(_, fate)| fate)
    }
}

impl Report {
    /// Counts a file of an unknown name.
    fn add(&mut self, folder: &str, name: &str, kind: &Kind, (passed, refused): (usize, usize)) {
        self.read += 1;
        self.unknown = (self.unknown.0 + passed, self.unknown.1 + refused);
        println!("{folder}/{name}: by what it is, {}: {passed} passed, {refused} refused", kind.name);
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

/// Whether something is valid, where that is stated: by the file itself, or by a `meta` file beside it.
pub fn stated(path: &Path, content: &Value) -> Option<bool> {
    let word = |value: &Value| match value {
        Value::Bool(is_valid) => Some(*is_valid),
        Value::String(text) if text == "valid" => Some(true),
        Value::String(text) if text == "invalid" => Some(false),
        _ => None,
    };
    let of =
        |content: &Value| ["valid", "is_valid", "expected", "result"].iter().find_map(|name| word(&content[*name]));
    let meta = |name| serde_yaml::from_slice(&std::fs::read(path.parent()?.join(name)).ok()?).ok();
    let metas = || ["meta.json", "meta.yaml"].into_iter().filter_map(meta);
    of(content).or_else(|| metas().find_map(|meta: Value| of(&meta)))
}

/// The folders of cases of BLS12-381, in all of which the tests of BLS look for them.
pub const SUITES_OF_BLS: [&str; 11] = [
    "verify",
    "fast_aggregate_verify",
    "batch_verify",
    "sign",
    "deserialization_G1",
    "deserialization_G2",
    "aggregate",
    "aggregate_verify",
    "hash_to_G2",
    "eth_fast_aggregate_verify",
    "eth_aggregate_pubkeys",
];

/// A case of BLS12-381, by an input and an output in a folder of such a name, however deep.
pub fn case_of_bls(path: &Path, bytes: &[u8]) -> Option<Ran> {
    let is_suite =
        |folder: &Path| folder.file_name().is_some_and(|name| SUITES_OF_BLS.iter().any(|suite| name == *suite));
    path.ancestors().skip(1).find(|folder| is_suite(folder))?;
    let is_text = path.extension().is_some_and(|ending| ending == "json" || ending == "yaml");
    let case: Value = is_text.then(|| serde_yaml::from_slice(bytes).ok())??;
    (case.get("input").is_some() && case.get("output").is_some()).then_some(Ran::Elsewhere)
}

/// Whether a file that a test reads, by the start of its name, is of a kind that such a test reads.
fn is_known(start: &str, name: &str, kind: &Option<(&Kind, Ran)>) -> bool {
    let is_read = match kind {
        None => false,
        Some((_, Ran::Unread(_))) => Reader::of(start) == Reader::OfName,
        Some(_) => true,
    };
    name.starts_with(start) && is_read
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

/// Each set that the manifest names, in its table, `` | `name/` | … | files | bytes | ``, with the number of files that the
/// table says it has, or under a heading.
fn sets(manifest: &Path) -> Vec<(String, Option<usize>)> {
    let text = std::fs::read_to_string(manifest).unwrap_or_default();
    let row = |line: &str| {
        if let Some(name) = line.strip_prefix("## ") {
            return Some((name.to_owned() + "/", None));
        }
        let name = line.strip_prefix("| `")?.split_once("/`")?.0.to_owned() + "/";
        Some((name, line.rsplit('|').nth(2)?.trim().parse().ok()))
    };
    text.lines().filter_map(row).collect()
}
