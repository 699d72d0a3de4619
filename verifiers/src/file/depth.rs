//! How deep JSON is nested, told before anything of it is parsed.

use crate::VerifyError;

/// Refuses text with more than `most` objects and lists in one another. Braces within strings are none.
pub(crate) fn require(field: &str, text: &[u8], most: usize) -> Result<(), VerifyError> {
    let (mut depth, mut is_string, mut is_escaped) = (0_usize, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b'{' | b'[' if !is_string => depth = depth.saturating_add(1),
            b'}' | b']' if !is_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return Err(VerifyError::malformed(field, format!("at most {most} levels of nesting"), "more"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::require;

    #[test]
    fn only_braces_and_brackets_outside_strings_nest() {
        let refused = |text: &str, most: usize| require("file", text.as_bytes(), most).is_err();
        assert!(!refused("", 0) && !refused("[]", 1) && refused("[]", 0));
        assert!(!refused(r#"[{"a":[]},{"b":[]}]"#, 3) && refused(r#"[{"a":[]}]"#, 2));
        assert!(!refused(r#"["[[[[",{"\"[[":1,"\\\\":2}]"#, 2));
        assert!(refused(r#"["\\",[[]]]"#, 2));
    }
}
