//! What Google's refusals mean, for every connector of its.

use crate::registration::RefusalAdvice as Advice;

/// Where OAuth clients are made.
pub(crate) const ADDRESS: &str = "https://console.cloud.google.com/auth/clients";
/// Who may sign in.
pub(crate) const AUDIENCE: &str = "A new project is asked to get started first: a name and an e-mail address. Under Audience choose who may sign in: Internal, for your own Workspace domain; or External. While an external application is in testing, add each mailbox as a test user; Google then ends its sign-in after 7 days.";
/// The client itself.
pub(crate) const CLIENT: &str = "Under Clients create a client of type Web application with the redirect address below. Copy its client ID and client secret: Google shows the secret once.";
/// Whom else to ask.
pub(crate) const CONSENT: &str = "In a Workspace domain that restricts applications, an administrator first trusts the client ID: Admin console, Security, API controls, Manage app access.";
/// What may go wrong.
pub(crate) const REFUSALS: &[Advice] = &[
    Advice::new(
        "redirect_uri_mismatch",
        "The redirect address is not registered with the client.",
        "Add the redirect address, letter by letter, to the client's Authorized redirect URIs; a change takes some minutes.",
    ),
    Advice::new(
        "invalid_client",
        "Google does not know this client ID, or the secret is another client's or was replaced.",
        "Copy client ID and secret again from the same client.",
    ),
    Advice::new(
        "access_denied",
        "The person refused, or is not among the test users of an application in testing.",
        "Add the mailbox under Audience, Test users, and sign in again.",
    ),
    Advice::new(
        "admin_policy_enforced",
        "The mailbox's Workspace domain does not let this application in.",
        "Ask an administrator of the domain to trust the client ID: Security, API controls.",
    ),
    Advice::new(
        "org_internal",
        "The application is Internal, and the mailbox is of another domain.",
        "Make the audience External, or sign in with a mailbox of the same domain.",
    ),
    Advice::new(
        "invalid_grant",
        "The sign-in was used already, took too long, or was ended.",
        "Sign in again. For an application in testing that is so every 7 days.",
    ),
    Advice::new(
        "accessNotConfigured",
        "The API is not enabled in the client's project.",
        "Enable it under APIs & Services, Library, and try again after some minutes.",
    ),
    Advice::new(
        "insufficientPermissions",
        "The sign-in does not allow what is polled: a scope was not asked for, or not ticked.",
        "Re-authenticate, and accept everything that Google asks for.",
    ),
    Advice::new(
        "domainPolicy",
        "The administrator of the mailbox's domain has switched this API off for applications.",
        "Ask an administrator of the domain: Security, API controls.",
    ),
];
