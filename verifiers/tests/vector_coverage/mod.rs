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
}

impl Coverage<'_> {
    /// Prints what comes of every file.
    ///
    /// # Panics
    /// When a source lacks the words by which it is said to read files, or when a file is neither read nor unread for a
    /// reason.
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
        let (mut read, mut unread, mut unnoticed) = (0, 0, Vec::new());
        for name in &names {
            match self.fate(name) {
                Some(Ok(_)) => read += 1,
                Some(Err(why)) => {
                    unread += 1;
                    println!("not read: {}/{name}: {why}", self.folder);
                }
                None => unnoticed.push(name),
            }
        }
        for (set, counted) in sets(&root.join("MANIFEST.md")) {
            let found = names.iter().filter(|name| name.starts_with(&set)).count();
            println!("{}/{set} {found} files, {counted} in the manifest", self.folder);
        }
        println!("files of {}: {read} read, {unread} not read", self.folder);
        assert!(unnoticed.is_empty(), "no test reads these, and no reason is given: {unnoticed:#?}");
    }

    /// Which source reads it, or why none does.
    fn fate(&self, name: &str) -> Option<Result<&str, &str>> {
        let read = self.read.iter().map(|(start, source, _)| (*start, Ok(*source)));
        let unread = self.unread.iter().map(|(start, why)| (*start, Err(*why)));
        let all = read.chain(unread).filter(|(start, _)| name.starts_with(start));
        all.max_by_key(|(start, _)| start.len()).map(|(_, fate)| fate)
    }
}

/// The folder `name` of the vectors: in `SPANDREL_VECTORS`, or beside the repository.
fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("SPANDREL_VECTORS").map(PathBuf::from).or_else(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().map(|folder| folder.join("shared/vectors")).find(|folder| folder.is_dir())
    });
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
