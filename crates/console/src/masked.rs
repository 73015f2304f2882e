//! Addresses as pages show them: whoever looks on sees no secret that stands in one. A form that changes an address has all
//! of it.

/// Parts of names, in small letters, whose values are taken for secrets.
const SECRET: [&str; 11] =
    ["token", "key", "secret", "pass", "pwd", "auth", "sig", "code", "cred", "jwt", "session"];
/// As the interface masks.
const MASK: &str = "********";

/// The address without its user information, and without values in its query that are named like secrets.
pub(crate) fn shown(address: &str) -> String {
    let (path, query) = match address.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (address, None),
    };
    let path = without_user(path);
    match query {
        None => path,
        Some(query) => {
            let parts: Vec<String> = query.split('&').map(part).collect();
            format!("{path}?{}", parts.join("&"))
        }
    }
}

fn without_user(path: &str) -> String {
    let Some((scheme, rest)) = path.split_once("://") else { return path.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{MASK}{}", &rest[at..]),
        None => path.to_owned(),
    }
}

fn part(part: &str) -> String {
    let Some((name, value)) = part.split_once('=') else { return part.to_owned() };
    let small = name.to_ascii_lowercase();
    match !value.is_empty() && SECRET.iter().any(|word| small.contains(word)) {
        true => format!("{name}={MASK}"),
        false => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_is_named_like_a_secret_is_masked() {
        for (address, expected) in [
            ("https://a.example/x", "https://a.example/x"),
            ("https://a.example/x?a=1&Api_Key=abc", "https://a.example/x?a=1&Api_Key=********"),
            ("https://a.example?access_token=a=b&sig=", "https://a.example?access_token=********&sig="),
            ("https://u:p@a.example/@x?code", "https://********@a.example/@x?code"),
            ("https://a.example/b@c", "https://a.example/b@c"),
            ("<img>'&", "<img>'&"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
