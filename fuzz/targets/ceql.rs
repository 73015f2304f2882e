//! A `where` that is read and printed reads back as the same, and tests any record without a panic.

#![no_main]

use domain::ceql::{self, Expr};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::LazyLock;

/// Records with each kind of value, under names that seeds use.
static RECORDS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    vec![
        json!({
            "id": "18446744073709551615", "count": 5, "price": 1.5, "open": true, "zip": "00501", "none": null,
            "subject": "Größe 100% ok", "updatedAt": "2020-07-05T21:04:09.5Z", "empty": [], "user": { "Id": 8 },
            "labels": ["INBOX", "UNREAD", 7], "a": "", "b": -0.0, "c": 1e300,
        }),
        json!({ "a": { "b": [{ "c": "x" }, null] }, "q": "%", "LastModifiedDateTime": "2017-02-28" }),
        json!([]),
        json!("a"),
    ]
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expr = match ceql::parse(text) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let printed = expr.to_string();
    // Spaces around operators can make it longer than what is read; then there is nothing to compare.
    if printed.len() <= ceql::CEQL_BYTES_MAX {
        assert_eq!(ceql::parse(&printed).as_ref(), Ok(&expr), "{printed}");
    }
    for record in RECORDS.iter() {
        let truth = expr.matches(record);
        let all = Expr::And(expr.clone().conjuncts()).matches(record);
        assert_eq!(all, truth, "the conjuncts of {printed}");
    }
    assert!(!expr.fields().is_empty());
});
