//! The lines with which `make bench` ends: one per row that was promised, collected from what all benches printed.

/// Names of the rows, in the order in which they are printed. A bench prints each with
/// [`print_ratio`](crate::compare::print_ratio) or [`print_thread_ratio`](crate::compare::print_thread_ratio).
pub const ROWS: [&str; 18] = [
    "ethereum_update_512",
    "ethereum_update_512_batch_16",
    "sync_committee_root",
    "cometbft_light_block_150_cold",
    "cometbft_light_block_150_cached",
    "storage_proofs_256",
    "ics23_proofs_256",
    "bitcoin_headers_2016",
    "solana_votes_417",
    "ethereum_update_512_on_2_threads",
    "ethereum_update_512_batch_16_on_2_threads",
    "sync_committee_root_on_2_threads",
    "cometbft_light_block_150_cold_on_2_threads",
    "cometbft_light_block_150_cached_on_2_threads",
    "storage_proofs_256_on_2_threads",
    "ics23_proofs_256_on_2_threads",
    "bitcoin_headers_2016_on_2_threads",
    "solana_votes_417_on_2_threads",
];

/// What is printed last, from the output of all benches as built for this processor and without wide lanes. A row that
/// no bench printed says `missing`.
pub fn summary(wide: &str, plain: &str) -> String {
    let others = of_kind(wide, "ratio").into_iter().filter(|line| !is_row(line)).map(str::to_owned);
    let figures = of_kind(wide, "rate").into_iter().chain(of_kind(wide, "memory")).map(str::to_owned);
    let sections = [
        (
            "One bad item: the time with it over the time without, and the stated bound",
            of_kind(wide, "bound").into_iter().map(str::to_owned).collect(),
        ),
        ("Also measured: other ratios, rates a second, memory in bytes", others.chain(figures).collect()),
        ("Without wide lanes", rows(plain, "plain")),
        ("Ratios: the peer's time divided by ours, and the target", rows(wide, "ratio")),
    ];
    sections.iter().map(|(title, lines): &(_, Vec<String>)| format!("\n{title}\n{}\n", lines.join("\n"))).collect()
}

fn of_kind<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    text.lines().filter(|line| words(line).first() == Some(&kind)).collect()
}

fn is_row(line: &str) -> bool {
    words(line).get(1).is_some_and(|name| ROWS.contains(name))
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn rows(text: &str, kind: &str) -> Vec<String> {
    let figures = |name: &str| {
        let found = text.lines().map(words).rev().find(|words| matches!(words[..], ["ratio", of, ..] if of == name));
        found.and_then(|words| words.get(2..).map(|figures| figures.join(" "))).unwrap_or("missing -".to_owned())
    };
    ROWS.iter().map(|name| format!("{kind} {name} {}", figures(name))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_printed_once_in_order_and_missing_ones_say_so() {
        let wide =
            "noise\nratio storage_proofs_256 7.10 6.00\nratio other 2.00 -\nmemory x 5\nrate y 6\nbound z 1.01 1.05\n";
        let text = summary(wide, "ratio storage_proofs_256 3.20 6.00\n");
        let last: Vec<_> = text.lines().rev().take(ROWS.len()).collect();
        for (name, line) in ROWS.iter().zip(last.into_iter().rev()) {
            let figures = if *name == "storage_proofs_256" { "7.10 6.00" } else { "missing -" };
            assert_eq!(line, format!("ratio {name} {figures}"));
        }
        for line in
            ["ratio other 2.00 -", "memory x 5", "rate y 6", "bound z 1.01 1.05", "plain storage_proofs_256 3.20 6.00"]
        {
            assert_eq!(text.lines().filter(|printed| *printed == line).count(), 1, "{line}");
        }
    }
}
