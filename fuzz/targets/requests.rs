//! Headers and queries of the interface: an `Authorization` header, then a query with a page token. Whatever they are, each
//! is read or refused, and parts of the header are the caller's own words.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (header, query) = text.split_once('\n').unwrap_or((text, ""));
    for part in app::fuzzing::authorization(header) {
        assert!(!part.is_empty() && !part.contains(',') && header.contains(part), "{part}");
        assert_eq!(part, part.trim(), "{part}");
    }
    if let Some(size) = app::fuzzing::page(query) {
        assert!((1..=200).contains(&size));
    }
});
