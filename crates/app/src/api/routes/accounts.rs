//! Accounts, organizations, users, and what was changed.

use super::parameters::*;
use crate::api::route::{CallerKind, Route, delete, get, patch, post, put};
use crate::api::{account, accounts, sessions};

pub(super) fn routes() -> Vec<Route> {
    let admin = |route: Route| route.by(CallerKind::Administrator);
    let settings = settings().into_iter().map(|route| route.by(CallerKind::Organization));
    let administered = vec![
        admin(get("/organizations", accounts::organizations, "List organizations"))
            .with(&[&NEXT_PAGE])
            .page("Organization"),
        admin(post(
            "/organizations",
            accounts::add_organization,
            "Add an organization with a first user; the secrets are shown once",
        ))
        .one("OrganizationWithSecrets"),
        admin(get("/organizations/{id}/users", accounts::users, "List the users of an organization"))
            .with(&[&NEXT_PAGE])
            .page("User"),
        admin(post("/organizations/{id}/users", accounts::add_user, "Add a user; the secret is shown once"))
            .optional_body("UserRequest")
            .one("UserWithSecret"),
        admin(delete("/organizations/{id}/users/{user}", accounts::remove_user, "Take a user out")),
        admin(put(
            "/organizations/{id}/users/{user}/secret",
            accounts::rotate_user,
            "Replace a user's secret; the new one is shown once",
        ))
        .one("UserSecret"),
        admin(put(
            "/organizations/{id}/secret",
            accounts::rotate_organization,
            "Replace an organization's secret; the new one is shown once",
        ))
        .one("OrganizationSecret"),
        admin(get("/organizations/{id}/audit", accounts::audit, "List what was changed, newest first"))
            .with(&[&PAGE_SIZE, &NEXT_PAGE])
            .page("AuditEntry"),
    ];
    settings.chain(administered).chain(signing_in()).collect()
}

fn signing_in() -> Vec<Route> {
    vec![
        post("/sessions", sessions::begin, "Begin a session, which stands for both secrets for 12 hours")
            .by(CallerKind::Organization)
            .one("Session"),
        post("/sessions/link", sessions::follow, "Begin the session that a link stands for, once")
            .by(CallerKind::Anybody)
            .body("SignInLink")
            .one("Session"),
        delete("/sessions", sessions::end, "End the caller's session").by(CallerKind::Organization),
    ]
}

fn settings() -> Vec<Route> {
    vec![
        get("/accounts/settings", account::settings, "Read the settings of the caller's account")
            .one("Settings"),
        patch("/accounts/settings", account::change_settings, "Change the settings of the caller's account")
            .body("Settings")
            .one("Settings"),
        post("/accounts/settings", account::change_settings, "The same, by the original's other method")
            .body("Settings")
            .one("Settings"),
        get("/accounts/{id}/settings", account::settings_of, "Read the settings of an account")
            .one("Settings"),
        patch("/accounts/{id}/settings", account::change_settings_of, "Change the settings of an account")
            .body("Settings")
            .one("Settings"),
        post(
            "/accounts/{id}/settings",
            account::change_settings_of,
            "The same, by the original's other method",
        )
        .body("Settings")
        .one("Settings"),
    ]
}
