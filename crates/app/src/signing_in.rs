//! Signing in for a time: a session stands for a user's secrets, and a link begins one, once.

use crate::audit::By;
use crate::context::Context;
use crate::ports::{LookupHash, Result, UserSession};
use crate::sealing::Lookup;
use chrono::{DateTime, Duration, Utc};

/// A working day; then the secrets have to be shown again.
const SESSION_HOURS: i64 = 12;
/// Long enough to get from a terminal to a browser, and short enough for what lies in a scrollback.
const LINK_MINUTES: i64 = 15;

/// Longer than anybody takes for a sign-in at a provider.
const ONCE_MINUTES: i64 = 60;

/// What was begun. No `Debug`: the token signs in.
pub struct SignedIn {
    /// Shown once, and stored as a hash.
    pub token: String,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// Begins a session for the user with these secrets.
pub(crate) async fn begin(app: &Context, user: LookupHash, organization: LookupHash) -> Result<SignedIn> {
    begin_as(app, Lookup::Session, (user, organization), Duration::hours(SESSION_HOURS)).await
}

/// A link that begins a session of this user, once; `None` if there is no such user.
pub(crate) async fn link(
    app: &Context,
    by: &By,
    organization_id: u32,
    user_id: u32,
) -> Result<Option<SignedIn>> {
    let Some(secrets) = app.ports.sessions.secrets_of(organization_id, user_id).await? else {
        return Ok(None);
    };
    let what = format!("organizations/{organization_id}/users/{user_id}");
    let entry = by.entry(app, organization_id, "user.sign_in_link_made", what, (None, None));
    app.ports.accounts.note(&entry).await?;
    begin_as(app, Lookup::SignInLink, secrets, Duration::minutes(LINK_MINUTES)).await.map(Some)
}

/// Begins the session that a link stands for; `None` if it was used, has expired, or is not known.
pub(crate) async fn follow(app: &Context, link: &str) -> Result<Option<SignedIn>> {
    let hash = app.sealer.lookup_hash(Lookup::SignInLink, link);
    match app.ports.sessions.end_session(&hash, app.now()).await? {
        Some(UserSession { user, organization, .. }) => begin(app, user, organization).await.map(Some),
        None => Ok(None),
    }
}

/// The hashes of the secrets that a session stands for.
pub(crate) async fn secrets(app: &Context, token: &str) -> Result<Option<(LookupHash, LookupHash)>> {
    let hash = app.sealer.lookup_hash(Lookup::Session, token);
    let session = app.ports.sessions.user_session(&hash, app.now()).await?;
    Ok(session.map(|session| (session.user, session.organization)))
}

/// Ends a session: its token is worth nothing from now on.
pub(crate) async fn end(app: &Context, token: &str) -> Result<()> {
    let hash = app.sealer.lookup_hash(Lookup::Session, token);
    app.ports.sessions.end_session(&hash, app.now()).await.map(drop)
}

/// Whether what counts once in an organization comes for the first time, on whatever host; nothing always does.
pub(crate) async fn is_first(app: &Context, organization_id: u32, once: Option<&str>) -> Result<bool> {
    let Some(once) = once else { return Ok(true) };
    let hash = app.sealer.lookup_hash(Lookup::SignInOnce, &format!("{organization_id}:{once}"));
    app.ports.sessions.take_once(&hash, app.now() + Duration::minutes(ONCE_MINUTES)).await
}

async fn begin_as(
    app: &Context,
    kind: Lookup,
    (user, organization): (LookupHash, LookupHash),
    lasts: Duration,
) -> Result<SignedIn> {
    let (token, expires_at) = (app.random_token(), app.now() + lasts);
    let hash = app.sealer.lookup_hash(kind, &token);
    app.ports.sessions.begin_session(&hash, &UserSession { user, organization, expires_at }).await?;
    Ok(SignedIn { token, expires_at })
}
