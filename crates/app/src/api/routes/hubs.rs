//! Reading mailboxes.

use super::parameters::*;
use crate::api::hubs;
use crate::api::route::{CallerKind, Entry};

pub(super) fn routes<E: Entry>() -> Vec<E> {
    let own = |route: E| route.by(CallerKind::Element);
    let list = [&WHERE, &FIELDS, &ORDER_BY, &PAGE, &HUB_PAGE_SIZE, &NEXT_PAGE];
    vec![
        own(E::get("listRecords", "/hubs/{hub}/{resource}", hubs::list, "List a resource of the mailbox")
            .or(&[403, 404, 502]))
        .with(&list),
        own(E::get(
            "getRecord",
            "/hubs/{hub}/{resource}/{object}",
            hubs::one,
            "Read an object of a resource",
        )
        .or(&[403, 404, 502]))
        .with(&[&FIELDS]),
        own(E::get(
            "listRecordChildren",
            "/hubs/{hub}/{resource}/{object}/{child}",
            hubs::list,
            "List what belongs to an object",
        )
        .or(&[403, 404, 502]))
        .with(&list),
        own(E::get(
            "getRecordChild",
            "/hubs/{hub}/{resource}/{object}/{child}/{part}",
            hubs::one,
            "Read one thing that belongs to an object",
        )
        .or(&[403, 404, 502]))
        .with(&[&FIELDS]),
        own(E::get(
            "getRawRecord",
            "/hubs/{hub}/{resource}/{object}/raw",
            hubs::raw,
            "Read a whole message in its internet format",
        )
        .or(&[307, 403, 413, 502])),
        own(E::get(
            "getAttachmentContent",
            "/hubs/{hub}/{resource}/{object}/attachments/{part}/content",
            hubs::attachment,
            "Read what an attachment holds",
        )
        .or(&[307, 403, 413, 502])),
        own(E::get(
            "listRecordsOfAnyHub",
            "/{resource}",
            hubs::list_bare,
            "List a resource of the mailbox, without naming the hub",
        )
        .or(&[403, 404, 502]))
        .with(&list),
        own(E::get(
            "getRecordOfAnyHub",
            "/{resource}/{object}",
            hubs::one_bare,
            "Read an object of a resource, without naming the hub",
        )
        .or(&[403, 404, 502]))
        .with(&[&FIELDS]),
        own(E::get("ping", "/ping", hubs::ping, "Check whether the mailbox answers").or(&[403, 404, 502])),
        own(E::get(
            "pingHub",
            "/hubs/{hub}/ping",
            hubs::ping,
            "Check whether the mailbox answers, by the name of its hub",
        ))
        .or(&[400, 403, 404, 502]),
    ]
}
