//! Reading pages, as browsers do.

/// Fields as the query of an address.
pub fn query(fields: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(fields);
    query.finish()
}

/// What the template has escaped, as it is read.
pub fn unescaped(text: &str) -> String {
    text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// An attribute of a page, as a script reads it.
pub fn attribute(text: &str, name: &str) -> String {
    let (_, rest) = text.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name}"));
    unescaped(rest.split('"').next().unwrap())
}
