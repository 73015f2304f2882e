//! Accounts, organizations, users, and what was changed.

use super::parameters::*;
use crate::api::route::{CallerKind, Route, delete, get, patch, post, put};
use crate::api::{account, accounts, sessions};

pub(super) fn routes() -> Vec<Route> {
    let admin = |route: Route| route.by(CallerKind::Administrator);
    let settings = settings().into_iter().map(|route| route.by(CallerKind::Organization));
    let administered = vec![
        admin(get("listOrganizations", "/organizations", accounts::organizations, "List organizations"))
            .with(&[&NEXT_PAGE]),
        admin(post(
            "createOrganization",
            "/organizations",
            accounts::add_organization,
            "Add an organization with a first user; the secrets are shown once",
        )),
        admin(get(
            "listUsers",
            "/organizations/{id}/users",
            accounts::users,
            "List the users of an organization",
        ))
        .with(&[&NEXT_PAGE]),
        admin(post(
            "createUser",
            "/organizations/{id}/users",
            accounts::add_user,
            "Add a user; the secret is shown once",
        )),
        admin(delete(
            "deleteUser",
            "/organizations/{id}/users/{user}",
            accounts::remove_user,
            "Take a user out",
        )),
        admin(put(
            "replaceUserSecret",
            "/organizations/{id}/users/{user}/secret",
            accounts::rotate_user,
            "Replace a user's secret; the new one is shown once",
        )),
        admin(put(
            "replaceOrganizationSecret",
            "/organizations/{id}/secret",
            accounts::rotate_organization,
            "Replace an organization's secret; the new one is shown once",
        )),
        admin(get(
            "listAuditEntries",
            "/organizations/{id}/audit",
            accounts::audit,
            "List what was changed, newest first",
        ))
        .with(&[&PAGE_SIZE, &NEXT_PAGE]),
    ];
    settings.chain(administered).chain(signing_in()).collect()
}

fn signing_in() -> Vec<Route> {
    vec![
        post(
            "createSession",
            "/sessions",
            sessions::begin,
            "Begin a session, which stands for both secrets for 12 hours",
        )
        .by(CallerKind::Organization),
        post(
            "createSessionFromLink",
            "/sessions/link",
            sessions::follow,
            "Begin the session that a link stands for, once",
        )
        .or(&[401])
        .by(CallerKind::Anybody),
        delete("deleteSession", "/sessions", sessions::end, "End the caller's session")
            .or(&[400])
            .by(CallerKind::Organization),
    ]
}

fn settings() -> Vec<Route> {
    vec![
        get(
            "getOwnAccountSettings",
            "/accounts/settings",
            account::settings,
            "Read the settings of the caller's account",
        ),
        patch(
            "updateOwnAccountSettings",
            "/accounts/settings",
            account::change_settings,
            "Change the settings of the caller's account",
        )
        .or(&[403]),
        post(
            "setOwnAccountSettings",
            "/accounts/settings",
            account::change_settings,
            "The same, by the original's other method",
        )
        .or(&[403]),
        get(
            "getAccountSettings",
            "/accounts/{id}/settings",
            account::settings_of,
            "Read the settings of an account",
        ),
        patch(
            "updateAccountSettings",
            "/accounts/{id}/settings",
            account::change_settings_of,
            "Change the settings of an account",
        )
        .or(&[403]),
        post(
            "setAccountSettings",
            "/accounts/{id}/settings",
            account::change_settings_of,
            "The same, by the original's other method",
        )
        .or(&[403]),
    ]
}
