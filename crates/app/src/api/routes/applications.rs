//! Stored OAuth applications.

use super::parameters::{DRY_RUN, NEXT_PAGE, PAGE_SIZE};
use crate::api::applications;
use crate::api::route::{CallerKind, Entry};

pub(super) fn routes<E: Entry>() -> Vec<E> {
    let all = vec![
        E::get(
            "listApplications",
            "/applications",
            applications::list,
            "List the OAuth applications of the organization, by name",
        )
        .with(&[&PAGE_SIZE, &NEXT_PAGE]),
        E::post(
            "createApplication",
            "/applications",
            applications::create,
            "Store an OAuth application, which instances name instead of giving its id and secret",
        )
        .or(&[409])
        .with(&[&DRY_RUN]),
        E::get("getApplication", "/applications/{name}", applications::read, "Read an OAuth application"),
        E::patch(
            "updateApplication",
            "/applications/{name}",
            applications::change,
            "Change an OAuth application's secret or tenant, for all instances that name it",
        ),
        E::delete(
            "deleteApplication",
            "/applications/{name}",
            applications::remove,
            "Remove an OAuth application that no instance names",
        )
        .or(&[409]),
    ];
    all.into_iter().map(|route| route.by(CallerKind::Organization)).collect()
}
