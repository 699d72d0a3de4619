//! Reads QR codes (ISO/IEC 18004) off the pictures that are served, as a phone would a clean screen: no error is corrected.

/// Blocks of error correction level M, by version: how many with so many data codewords, then those with one more
/// (table 9).
const BLOCKS: [(usize, usize, usize); 20] = [
    (1, 16, 0),
    (1, 28, 0),
    (1, 44, 0),
    (2, 32, 0),
    (2, 43, 0),
    (4, 27, 0),
    (4, 31, 0),
    (2, 38, 2),
    (3, 36, 2),
    (4, 43, 1),
    (1, 50, 4),
    (6, 36, 2),
    (8, 37, 1),
    (4, 40, 5),
    (5, 41, 5),
    (7, 45, 3),
    (10, 46, 1),
    (9, 43, 4),
    (3, 44, 11),
    (3, 41, 13),
];

/// Rows and columns of alignment patterns' centres, by version (annex E).
const CENTRES: [&[usize]; 20] = [
    &[],
    &[6, 18],
    &[6, 22],
    &[6, 26],
    &[6, 30],
    &[6, 34],
    &[6, 22, 38],
    &[6, 24, 42],
    &[6, 26, 46],
    &[6, 28, 50],
    &[6, 30, 54],
    &[6, 32, 58],
    &[6, 34, 62],
    &[6, 26, 46, 66],
    &[6, 26, 48, 70],
    &[6, 26, 50, 74],
    &[6, 30, 54, 78],
    &[6, 30, 56, 82],
    &[6, 30, 58, 86],
    &[6, 34, 62, 90],
];

const LETTERS: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

struct Code {
    size: usize,
    dark: Vec<bool>,
}

/// What an SVG of dark squares on a light ground says.
pub fn scan(svg: &str) -> String {
    let code = Code::seen(svg);
    let version = (code.size - 17) / 4;
    code.read(version, &code.codewords(version))
}

impl Code {
    /// The modules, without the quiet zone of four around them.
    fn seen(svg: &str) -> Self {
        let number = |text: &str| text.parse::<usize>().unwrap();
        let (_, path) = svg.split_once(" d=\"").unwrap();
        let squares: Vec<(usize, usize, usize)> = path
            .split('"')
            .next()
            .unwrap()
            .split('M')
            .skip(1)
            .map(|square| {
                let (left, rest) = square.split_once(' ').unwrap();
                let (top, rest) = rest.split_once('h').unwrap();
                let (width, rest) = rest.split_once('v').unwrap();
                assert_eq!(width, rest.split_once('H').unwrap().0, "squares");
                (number(left), number(top), number(width))
            })
            .collect();
        let module = squares[0].2;
        let (_, width) = svg.split_once("width=\"").unwrap();
        let size = number(width.split('"').next().unwrap()) / module - 8;
        let mut dark = vec![false; size * size];
        for (left, top, width) in squares {
            assert_eq!((width, left % module, top % module), (module, 0, 0));
            dark[(top / module - 4) * size + left / module - 4] = true;
        }
        Self { size, dark }
    }

    fn at(&self, row: usize, column: usize) -> bool {
        self.dark[row * self.size + column]
    }

    /// The mask's number, from the format information beside the first finder pattern (7.9).
    fn mask(&self) -> u32 {
        let places = (0..6).map(|column| (8, column)).chain([(8, 7), (8, 8), (7, 8)]);
        let places = places.chain((0..6).rev().map(|row| (row, 8)));
        let format = places.fold(0_u32, |bits, (row, column)| bits << 1 | u32::from(self.at(row, column))) ^ 0x5412;
        assert_eq!(format >> 13, 0, "error correction level M");
        format >> 10 & 7
    }

    /// Whether a module is part of a pattern, not of the data.
    fn is_pattern(&self, version: usize, row: usize, column: usize) -> bool {
        let (last, near) = (self.size - 1, |one: usize, other: usize| one.abs_diff(other) <= 2);
        let is_finder = row <= 8 && (column <= 8 || column >= last - 7) || row >= last - 7 && column <= 8;
        let is_timing = row == 6 || column == 6;
        let is_version = version >= 7
            && ((row <= 5 && (last - 10..=last - 8).contains(&column))
                || (column <= 5 && (last - 10..=last - 8).contains(&row)));
        let centres = CENTRES[version - 1];
        let is_alignment = centres.iter().any(|y| {
            centres.iter().any(|x| {
                let is_in_finder = (*y == 6 || *y == last - 6) && (*x == 6 || *x == last - 6);
                let is_last = *y == last - 6 && *x == last - 6;
                (!is_in_finder || is_last) && near(row, *y) && near(column, *x)
            })
        });
        is_finder || is_timing || is_version || is_alignment
    }

    /// The codewords as they stand: two columns at a time, up and down, from the right (7.7.3), without the mask (7.8.2).
    fn codewords(&self, version: usize) -> Vec<u8> {
        let mask = self.mask();
        let is_masked = |i: usize, j: usize| match mask {
            0 => (i + j).is_multiple_of(2),
            1 => i.is_multiple_of(2),
            2 => j.is_multiple_of(3),
            3 => (i + j).is_multiple_of(3),
            4 => (i / 2 + j / 3).is_multiple_of(2),
            5 => i * j % 2 + i * j % 3 == 0,
            6 => (i * j % 2 + i * j % 3).is_multiple_of(2),
            _ => ((i + j) % 2 + i * j % 3).is_multiple_of(2),
        };
        let rights = (1..self.size).rev().filter(|right| if *right > 6 { right % 2 == 0 } else { right % 2 == 1 });
        let mut bits = Vec::new();
        for (n, right) in rights.enumerate() {
            for step in 0..self.size {
                let row = if n % 2 == 0 { self.size - 1 - step } else { step };
                for column in [right, right - 1] {
                    if !self.is_pattern(version, row, column) {
                        bits.push(self.at(row, column) != is_masked(row, column));
                    }
                }
            }
        }
        bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | u8::from(*bit))).collect()
    }

    /// The text in the data codewords, which stand interleaved before those of error correction (7.6).
    fn read(&self, version: usize, codewords: &[u8]) -> String {
        let (short, length, long) = BLOCKS[version - 1];
        let mut blocks = vec![Vec::new(); short + long];
        let mut all = codewords.iter();
        for place in 0..=length {
            for block in if place < length { 0..short + long } else { short..short + long } {
                blocks[block].push(*all.next().unwrap());
            }
        }
        let data = blocks.concat();
        let (mut at, mut text) = (0, Vec::new());
        let mut take = |count: usize| {
            let bits = (at..at + count).map(|bit| usize::from(data[bit / 8] >> (7 - bit % 8) & 1));
            at += count;
            bits.fold(0, |all, bit| all << 1 | bit)
        };
        let is_small = version <= 9;
        loop {
            match take(4) {
                0 => break,
                1 => {
                    let mut left = take(if is_small { 10 } else { 12 });
                    while left > 0 {
                        let digits = left.min(3);
                        let number = take([0, 4, 7, 10][digits]);
                        text.extend(format!("{number:0digits$}").bytes());
                        left -= digits;
                    }
                }
                2 => {
                    let mut left = take(if is_small { 9 } else { 11 });
                    while left > 1 {
                        let pair = take(11);
                        text.extend([LETTERS[pair / 45], LETTERS[pair % 45]]);
                        left -= 2;
                    }
                    if left == 1 {
                        text.push(LETTERS[take(6)]);
                    }
                }
                4 => {
                    for _ in 0..take(if is_small { 8 } else { 16 }) {
                        text.push(take(8) as u8);
                    }
                }
                mode => panic!("mode {mode}"),
            }
        }
        String::from_utf8(text).unwrap()
    }
}
