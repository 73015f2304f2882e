//! Accounts, organizations, users, and what was changed.

use super::parameters::*;
use crate::api::route::{CallerKind, Entry};
use crate::api::{account, accounts, sessions};

pub(super) fn routes<E: Entry>() -> Vec<E> {
    let admin = |route: E| route.by(CallerKind::Administrator);
    let settings = settings::<E>().into_iter().map(|route| route.by(CallerKind::Organization));
    let administered = vec![
        admin(E::get("listOrganizations", "/organizations", accounts::organizations, "List organizations"))
            .with(&[&NEXT_PAGE]),
        admin(E::post(
            "createOrganization",
            "/organizations",
            accounts::add_organization,
            "Add an organization with a first user; the secrets are shown once",
        )),
        admin(E::get(
            "listUsers",
            "/organizations/{id}/users",
            accounts::users,
            "List the users of an organization",
        ))
        .with(&[&NEXT_PAGE]),
        admin(E::post(
            "createUser",
            "/organizations/{id}/users",
            accounts::add_user,
            "Add a user; the secret is shown once",
        )),
        admin(E::delete(
            "deleteUser",
            "/organizations/{id}/users/{user}",
            accounts::remove_user,
            "Take a user out",
        )),
        admin(E::put(
            "replaceUserSecret",
            "/organizations/{id}/users/{user}/secret",
            accounts::rotate_user,
            "Replace a user's secret; the new one is shown once",
        )),
        admin(E::put(
            "replaceOrganizationSecret",
            "/organizations/{id}/secret",
            accounts::rotate_organization,
            "Replace an organization's secret; the new one is shown once",
        )),
        admin(E::get(
            "listAuditEntries",
            "/organizations/{id}/audit",
            accounts::audit,
            "List what was changed, newest first",
        ))
        .with(&[&PAGE_SIZE, &NEXT_PAGE]),
    ];
    settings.chain(administered).chain(signing_in()).collect()
}

fn signing_in<E: Entry>() -> Vec<E> {
    vec![
        E::post(
            "createSession",
            "/sessions",
            sessions::begin,
            "Begin a session, which stands for both secrets for 12 hours",
        )
        .by(CallerKind::Organization),
        E::post(
            "createSessionFromLink",
            "/sessions/link",
            sessions::follow,
            "Begin the session that a link stands for, once",
        )
        .or(&[401, 429])
        .by(CallerKind::Anybody),
        E::delete("deleteSession", "/sessions", sessions::end, "End the caller's session")
            .or(&[400])
            .by(CallerKind::Organization),
    ]
}

fn settings<E: Entry>() -> Vec<E> {
    vec![
        E::get(
            "getOwnAccountSettings",
            "/accounts/settings",
            account::settings,
            "Read the settings of the caller's account",
        ),
        E::patch(
            "updateOwnAccountSettings",
            "/accounts/settings",
            account::change_settings,
            "Change the settings of the caller's account",
        )
        .or(&[403]),
        E::post(
            "setOwnAccountSettings",
            "/accounts/settings",
            account::change_settings,
            "The same, by the original's other method",
        )
        .or(&[403]),
        E::get(
            "getAccountSettings",
            "/accounts/{id}/settings",
            account::settings_of,
            "Read the settings of an account",
        ),
        E::patch(
            "updateAccountSettings",
            "/accounts/{id}/settings",
            account::change_settings_of,
            "Change the settings of an account",
        )
        .or(&[403]),
        E::post(
            "setAccountSettings",
            "/accounts/{id}/settings",
            account::change_settings_of,
            "The same, by the original's other method",
        )
        .or(&[403]),
    ]
}
