//! Actions on many instances.

use super::parameters::{NEXT_PAGE, PAGE_SIZE};
use crate::api::bulk;
use crate::api::route::{CallerKind, Entry};

pub(super) fn routes<E: Entry>() -> Vec<E> {
    let all = vec![
        E::get("listBulks", "/instances/bulk", bulk::list, "List actions on many instances, newest first")
            .with(&[&PAGE_SIZE, &NEXT_PAGE]),
        E::post(
            "startBulk",
            "/instances/bulk",
            bulk::begin,
            "Begin an action on many instances: enable, disable, delete, tag, release, retry or backfill",
        )
        .or(&[409]),
        E::post(
            "previewBulk",
            "/instances/bulk/preview",
            bulk::preview,
            "Count what an action on many instances would be about, without doing it",
        ),
        E::get(
            "getBulk",
            "/instances/bulk/{bulk}",
            bulk::read,
            "Show how far an action on many instances is",
        ),
        E::delete(
            "cancelBulk",
            "/instances/bulk/{bulk}",
            bulk::cancel,
            "Stop an action on many instances; what was done stays",
        ),
    ];
    all.into_iter().map(|route| route.by(CallerKind::Organization)).collect()
}
