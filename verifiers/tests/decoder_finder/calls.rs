//! What sources call, by their tokens: those of macros too.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

/// Calls and uses of functions as values, by the names that [`Decoder`](super::Decoder)s have.
#[derive(Clone, Default)]
pub struct Calls(BTreeSet<String>);

impl Calls {
    pub fn of<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Self {
        let mut calls = Self::default();
        for text in texts {
            calls.read(text.as_ref().parse::<TokenStream>().unwrap());
        }
        calls
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// All but one.
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|found| *found != name).cloned().collect())
    }

    fn read(&mut self, tokens: TokenStream) {
        let mut words = Vec::new();
        let mut in_use = false;
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    if !in_use {
                        self.read(group.stream());
                    }
                    words.push(if group.delimiter() == proc_macro2::Delimiter::Parenthesis { "(" } else { "{" }.into());
                }
                TokenTree::Ident(ident) => {
                    in_use |= ident == "use";
                    words.push(if in_use { String::new() } else { ident.to_string() });
                }
                TokenTree::Punct(punct) => {
                    in_use &= punct.as_char() != ';';
                    words.push(punct.to_string());
                }
                TokenTree::Literal(_) => words.push("literal".to_owned()),
            }
        }
        (0..words.len()).for_each(|at| self.read_at(&words, at));
    }

    /// A name that is called or passed on, behind its type if it has one.
    fn read_at(&mut self, words: &[String], at: usize) {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let name = word(at);
        if !name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') {
            return;
        }
        let before = |back: usize| at.checked_sub(back).map_or("", word);
        let is_path = before(1) == ":" && before(2) == ":";
        let of = if is_path { type_before(words, at) } else { None };
        let is_turbofish = word(at + 1) == ":" && word(at + 2) == ":" && word(at + 3) == "<";
        match of {
            Some(of) if of.starts_with(char::is_uppercase) => {
                self.0.insert(format!("{of}::{name}"));
                let of_trait = match name {
                    "from_str" => "FromStr",
                    "try_from" => "TryFrom",
                    "deserialize" => "Deserialize",
                    _ => return,
                };
                self.0.insert(format!("{of}: {of_trait}"));
            }
            _ if [".", "fn"].contains(&before(1)) && !is_turbofish => {}
            _ if is_turbofish || word(at + 1) == "(" => {
                if before(1) != "." {
                    self.0.insert(name.to_owned());
                }
                if is_turbofish {
                    self.read_turbofish(words, at);
                }
            }
            _ => {}
        }
    }

    /// `parse::<T>` and `from_slice::<T>`.
    fn read_turbofish(&mut self, words: &[String], at: usize) {
        let path = words[at + 4..].iter().take_while(|word| *word != ">" && *word != "<");
        let Some(of) = path.filter(|word| word.starts_with(char::is_uppercase)).last() else { return };
        match words[at].as_str() {
            "parse" => self.0.insert(format!("{of}: FromStr")),
            "from_slice" | "from_str" | "from_value" | "from_json" => self.0.insert(format!("{of}: Deserialize")),
            _ => false,
        };
    }
}

/// The type before `::name`, its parameters passed over.
fn type_before(words: &[String], at: usize) -> Option<&str> {
    let mut place = at.checked_sub(3)?;
    if words[place] == ">" {
        let mut open = 1;
        while open > 0 {
            place = place.checked_sub(1)?;
            open += match words[place].as_str() {
                ">" => 1,
                "<" => -1,
                _ => 0,
            };
        }
        // `Type::<…>::name` or `Type<…>::name`.
        place = place.checked_sub(1)?;
        if words[place] == ":" {
            place = place.checked_sub(2)?;
        }
    }
    words.get(place).map(String::as_str)
}
