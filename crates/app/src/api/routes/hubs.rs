//! Reading mailboxes.

use super::parameters::*;
use crate::api::hubs;
use crate::api::route::{CallerKind, Route, get};

pub(super) fn routes() -> Vec<Route> {
    let own = |route: Route| route.by(CallerKind::Element);
    let list = [&WHERE, &FIELDS, &ORDER_BY, &PAGE, &HUB_PAGE_SIZE, &NEXT_PAGE];
    vec![
        own(get("/hubs/{hub}/{resource}", hubs::read, "List a resource of the mailbox"))
            .with(&list)
            .page("Record"),
        own(get("/hubs/{hub}/{resource}/{object}", hubs::read, "Read an object of a resource"))
            .with(&[&FIELDS])
            .one("Record"),
        own(get("/hubs/{hub}/{resource}/{object}/{child}", hubs::read, "List what belongs to an object"))
            .with(&list)
            .page("Record"),
        own(get(
            "/hubs/{hub}/{resource}/{object}/{child}/{part}",
            hubs::read,
            "Read one thing that belongs to an object",
        ))
        .with(&[&FIELDS])
        .one("Record"),
        own(get("/{resource}", hubs::read_bare, "List a resource of the mailbox, without naming the hub"))
            .with(&list)
            .page("Record"),
        own(get(
            "/{resource}/{object}",
            hubs::read_bare,
            "Read an object of a resource, without naming the hub",
        ))
        .with(&[&FIELDS])
        .one("Record"),
        own(get("/ping", hubs::ping, "Tell whether the mailbox answers")).one("Ping"),
    ]
}
