//! A field of a form: label, hint and error, tied to the input for those who hear the page.

use maud::{Markup, html};

/// What a field is. Start from [`Field::new`].
pub(crate) struct Field<'a> {
    /// Also its id, so it is once on the page.
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    /// `text`, `password`, `url`, `number`, ...
    pub(crate) kind: &'a str,
    pub(crate) value: &'a str,
    pub(crate) hint: Option<&'a str>,
    pub(crate) error: Option<&'a str>,
    pub(crate) required: bool,
    pub(crate) autocomplete: &'a str,
}

impl<'a> Field<'a> {
    pub(crate) fn new(name: &'a str, label: &'a str) -> Self {
        Field {
            name,
            label,
            kind: "text",
            value: "",
            hint: None,
            error: None,
            required: false,
            autocomplete: "off",
        }
    }
}

/// The field with one input.
pub(crate) fn field(field: &Field<'_>) -> Markup {
    let (hint_id, error_id) = (format!("{}-hint", field.name), format!("{}-error", field.name));
    let described: Vec<&str> = [field.hint.map(|_| hint_id.as_str()), field.error.map(|_| error_id.as_str())]
        .into_iter()
        .flatten()
        .collect();
    let described = (!described.is_empty()).then(|| described.join(" "));
    html! {
        div.field {
            label for=(field.name) { (field.label) @if !field.required { span.optional { " (optional)" } } }
            @if let Some(hint) = field.hint { p.hint id=(hint_id) { (marked(hint)) } }
            @if let Some(error) = field.error { p.error id=(error_id) { (sentence(error)) } }
            input id=(field.name) name=(field.name) type=(field.kind) value=(field.value) required[field.required]
                autocomplete=(field.autocomplete) aria-describedby=[described]
                aria-invalid=[field.error.map(|_| "true")] spellcheck="false";
        }
    }
}

/// A text of the interface, which sets names between backticks.
pub(crate) fn marked(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// The same where it follows a name there and stands alone here.
pub(crate) fn sentence(text: &str) -> Markup {
    marked(&capitalized(text))
}

/// With a capital in front, unless it begins with a name.
pub(crate) fn capitalized(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let mut rest = text.chars();
    match rest.next() {
        Some(letter) if first.chars().all(char::is_alphabetic) => letter.to_uppercase().chain(rest).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_names_as_names() {
        let wrong = Field { error: Some("must have `.id` <behind> `x`"), ..Field::new("url", "Url") };
        let shown = field(&wrong).into_string();
        assert!(shown.contains(">Must have <code>.id</code> &lt;behind&gt; <code>x</code></p>"), "{shown}");
    }
}
