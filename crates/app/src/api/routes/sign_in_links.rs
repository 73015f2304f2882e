//! Links by which owners of mailboxes sign in.

use crate::api::route::{CallerKind, Route, post};
use crate::api::sign_in_links;

pub(super) fn routes() -> Vec<Route> {
    let by_holders = [
        post(
            "readSignInLink",
            "/sign-in-links/look",
            sign_in_links::look,
            "Show a link to its holder: who asks, and for what; it spends nothing",
        )
        .or(&[404, 409, 410]),
        post(
            "beginSignInByLink",
            "/sign-in-links/login",
            sign_in_links::login,
            "Get the address where the holder of a link signs in; it spends nothing",
        )
        .or(&[404, 409, 410]),
        post(
            "finishSignInByLink",
            "/sign-in-links/return",
            sign_in_links::finish,
            "End a sign-in by a link with the provider's code; success spends the link",
        )
        .or(&[404, 409, 410, 502]),
    ];
    [
        post(
            "createInstanceSignInLink",
            "/instances/{id}/sign-in-link",
            sign_in_links::for_instance,
            "Make a link by which the mailbox's owner signs in again, without an account here",
        )
        .or(&[409]),
        post(
            "createSignInLink",
            "/sign-in-links",
            sign_in_links::for_new,
            "Make a link by which somebody connects a mailbox with this configuration",
        )
        .or(&[409, 502])
        .by(CallerKind::Organization),
    ]
    .into_iter()
    .chain(by_holders.into_iter().map(|route| route.by(CallerKind::Anybody)))
    .collect()
}
