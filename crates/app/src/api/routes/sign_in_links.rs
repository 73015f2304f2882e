//! Links by which owners of mailboxes sign in.

use crate::api::route::{CallerKind, Entry};
use crate::api::sign_in_links;

pub(super) fn routes<E: Entry>() -> Vec<E> {
    let by_holders = [
        E::post(
            "readSignInLink",
            "/sign-in-links/look",
            sign_in_links::look,
            "Show a link to its holder: who asks, and for what; it spends nothing",
        )
        .or(&[404, 409, 410]),
        E::post(
            "beginSignInByLink",
            "/sign-in-links/login",
            sign_in_links::login,
            "Get the address where the holder of a link signs in; it spends nothing",
        )
        .or(&[404, 409, 410]),
        E::post(
            "finishSignInByLink",
            "/sign-in-links/return",
            sign_in_links::finish,
            "End a sign-in by a link with the provider's code; success spends the link",
        )
        .or(&[404, 409, 410, 502]),
    ];
    [
        E::post(
            "createInstanceSignInLink",
            "/instances/{id}/sign-in-link",
            sign_in_links::for_instance,
            "Make a link by which the mailbox's owner signs in again, without an account here",
        )
        .or(&[409]),
        E::post(
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
