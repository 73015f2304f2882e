//! Display names and addresses out of a header.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// Far above any sample; a real list can be longer, and its rest is dropped.
const ADDRESSES_MAX: usize = 500;

/// Reads `a@x, Name <b@y>, "C, D" <d@z>`. Whatever cannot be read that way becomes an address as it is.
pub(crate) fn parse_addresses(list: &str) -> Vec<Address> {
    split_outside_quotes(list).into_iter().take(ADDRESSES_MAX).filter_map(parse_address).collect()
}

fn parse_address(text: &str) -> Option<Address> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let Some((name, rest)) = text.rsplit_once('<') else {
        return Some(Address { name: text.to_owned(), address: text.to_owned() });
    };
    let address = rest.trim_end().trim_end_matches('>').trim().to_owned();
    let name = name.trim().trim_matches('"').to_owned();
    Some(Address { name: if name.is_empty() { address.clone() } else { name }, address })
}

fn split_outside_quotes(list: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (index, character) in list.char_indices() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                pieces.push(&list[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    pieces.push(&list[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_addresses() {
        let read = |list| {
            let addresses = parse_addresses(list).into_iter();
            addresses.map(|a| format!("{}|{}", a.name, a.address)).collect::<Vec<_>>()
        };
        assert_eq!(read("a@x, Bo <b@y>, \"C, D\" <d@z>"), ["a@x|a@x", "Bo|b@y", "C, D|d@z"]);
        assert_eq!(read("<e@x>,, broken <"), ["e@x|e@x", "broken|"]);
        assert!(read("").is_empty());
    }
}
