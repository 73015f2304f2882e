//! Access tokens: refreshed ahead of their end, by one poll at a time.

use crate::clients::Client;
use crate::context::Context;
use crate::exchange::exchange;
use crate::ports::{Mailbox, PortError, Result, Secrets, Written};
use crate::signals::RefreshEnd;
use chrono::{DateTime, Duration, SubsecRound as _, Utc};
use connectors::oauth::{Grant, TokenError, TokenErrorKind, Tokens};
use connectors::{Authentication, Connector, Descriptor, UsedRefreshToken};
use domain::ids::{InstanceId, digest64};
use domain::packed_token;
use domain::schedule::{Pause, backoff};
use domain::settings::{Items, OAUTH_REFRESH_TOKEN, OAUTH_SCOPE};
use domain::token::{Session, refresh_at};
use std::sync::Arc;

/// Field that access tokens are sealed for.
pub(crate) const ACCESS_TOKEN: &str = "access_token";
/// A refresh that takes longer is considered dead.
const LEASE_S: i64 = 45;
/// What of its lease is left when a refresh asks the token endpoint: its time-out, room for storing what it gives, and for clocks
/// that differ. Some providers take a refresh token once: who came then would be refused with one that another has just used,
/// and the mailbox would be disconnected.
const ASK_S_MIN: i64 = 25;
/// Tries to store a rotated refresh token while its owner changes other secrets.
const KEEP_TRIES_COUNT_MAX: usize = 5;
/// How long a poll waits for another one's refresh: 25 looks at the session, 200 ms apart.
const LOOKS_COUNT_MAX: usize = 25;
const LOOK_MS: u64 = 200;
/// Tries to store a wait, or what came of a refresh, against others who store a session.
const STORE_TRIES_COUNT_MAX: usize = 3;

/// Why there is no access token.
pub(crate) enum NoToken {
    /// The token endpoint said no.
    Refused(TokenError),
    /// Another poll refreshes, and takes its time.
    Waiting,
    /// Bookkeeping failed.
    Port(PortError),
}

impl From<PortError> for NoToken {
    fn from(error: PortError) -> Self {
        NoToken::Port(error)
    }
}

/// What of an instance its tokens need.
pub(crate) struct Holder<'a> {
    pub(crate) id: InstanceId,
    pub(crate) connector: &'a Arc<dyn Connector>,
    organization_id: u32,
    configuration: &'a Items,
}

impl<'a> Holder<'a> {
    pub(crate) fn of(instance: &'a domain::instance::Instance, connector: &'a Arc<dyn Connector>) -> Self {
        let (organization_id, configuration) = (instance.account.organization_id, &instance.configuration);
        Holder { id: instance.id, connector, organization_id, configuration }
    }

    fn scope(&self) -> Option<&'a str> {
        self.configuration.get(OAUTH_SCOPE).map(String::as_str)
    }

    fn descriptor(&self) -> &'static Descriptor {
        self.connector.descriptor()
    }

    /// A refresh token is refused once it was used.
    fn uses_up_refresh_tokens(&self) -> bool {
        let sign_in = self.descriptor().authentication.sign_in();
        sign_in.is_some_and(|oauth| oauth.used_refresh_token == UsedRefreshToken::IsVoid)
    }
}

impl Context {
    /// A working token, from the session or a refresh. `refused` is one that the provider refused: any other
    /// one is good, whichever process refreshed it. The session is brought up to date.
    pub(crate) async fn access_token(
        &self,
        holder: &Holder<'_>,
        session: &mut Session,
        refused: Option<&str>,
    ) -> std::result::Result<String, NoToken> {
        for _ in 0..LOOKS_COUNT_MAX {
            let now = self.now();
            if session.is_fresh(now) || (session.is_leased(now) && session.is_usable(now)) {
                let token = self.opened(holder.id, &session.access_token_sealed)?;
                if refused != Some(token.as_str()) {
                    return Ok(token);
                }
            }
            if !session.is_leased(now) && self.lease(holder.id, session, now).await? {
                return self.refresh_to_its_end(holder, session).await;
            }
            self.ports.clock.sleep(std::time::Duration::from_millis(LOOK_MS)).await;
            *session = self.session_now(holder.id).await?.ok_or(NoToken::Waiting)?;
        }
        Err(NoToken::Waiting)
    }

    /// The token of an instance that was deleted. Its session can't be leased any more, and a new token is not kept.
    pub(crate) async fn last_access_token(
        &self,
        holder: &Holder<'_>,
        session: &Session,
    ) -> std::result::Result<String, NoToken> {
        // One that is about to end may have ended by the provider's clock.
        if session.is_fresh(self.now()) {
            return Ok(self.opened(holder.id, &session.access_token_sealed)?);
        }
        let (secrets, _) = self.secrets.now(holder.id).await?;
        let client = self.clients.of(holder.organization_id, holder.configuration, &secrets).await?;
        let tokens = self.exchange_refresh(holder, &client, &secrets).await.map_err(NoToken::Refused)?;
        Ok(tokens.access_token)
    }

    /// An access token as it was before it was sealed.
    pub(crate) fn opened(&self, id: InstanceId, sealed: &str) -> Result<String> {
        let context = "opening an access token";
        let packed = self.sealer.open(id, ACCESS_TOKEN, sealed);
        let packed = packed.map_err(|error| PortError::new(context, error))?;
        packed_token::unpack(packed).ok_or_else(|| PortError::new(context, "it is no token"))
    }

    async fn lease(&self, id: InstanceId, session: &mut Session, now: DateTime<Utc>) -> Result<bool> {
        let until = now + Duration::seconds(LEASE_S);
        let written = self.ports.store.lease_session(id, session.leases, until).await?;
        if written == Written::Done {
            session.leases += 1;
            session.lease_until = Some(until);
        }
        Ok(written == Written::Done)
    }

    /// On its own task: a token that the provider has rotated is lost if the waiting client of a read disconnects
    /// before it is stored.
    async fn refresh_to_its_end(
        &self,
        holder: &Holder<'_>,
        session: &mut Session,
    ) -> std::result::Result<String, NoToken> {
        let context = "refreshing an access token";
        let app = self.itself.upgrade().ok_or_else(|| PortError::new(context, "the process ends"))?;
        let (id, organization_id, connector) = (holder.id, holder.organization_id, holder.connector.clone());
        let (configuration, mut refreshed) = (holder.configuration.clone(), session.clone());
        let refreshing = tokio::spawn(async move {
            let holder = Holder { id, connector: &connector, organization_id, configuration: &configuration };
            let result = app.refresh(&holder, &mut refreshed).await;
            (result, refreshed)
        });
        let (result, refreshed) = refreshing.await.map_err(|error| PortError::new(context, error))?;
        *session = refreshed;
        result
    }

    /// Under the lease: exchanges the refresh token. If it is dead and another one was stored meanwhile, tries
    /// that one, once.
    async fn refresh(
        &self,
        holder: &Holder<'_>,
        session: &mut Session,
    ) -> std::result::Result<String, NoToken> {
        let (mut secrets, mut version) = self.secrets.now(holder.id).await?;
        let client = self.clients.of(holder.organization_id, holder.configuration, &secrets).await?;
        if !self.has_time(session) {
            return Err(NoToken::Waiting);
        }
        let mut result = self.exchange_refresh(holder, &client, &secrets).await;
        if matches!(&result, Err(error) if error.kind == TokenErrorKind::InvalidGrant) {
            let (again, again_version) = self.secrets.now(holder.id).await?;
            if again.get(OAUTH_REFRESH_TOKEN) != secrets.get(OAUTH_REFRESH_TOKEN) {
                (secrets, version) = (again, again_version);
                let client = self.clients.of(holder.organization_id, holder.configuration, &secrets).await?;
                if !self.has_time(session) {
                    return Err(NoToken::Waiting);
                }
                result = self.exchange_refresh(holder, &client, &secrets).await;
            }
        }
        match result {
            Ok(tokens) => {
                let refresh_kept_at =
                    self.keep_refresh_token(holder, session, (&secrets, version), &tokens).await?;
                let fresh = Session { refresh_kept_at, ..self.session_of(holder.id, &tokens, 0)? };
                let next = |before: &Session| Session {
                    // A token does not prove that the provider accepts it: refusals still count.
                    refused: before.refused,
                    refused_since: before.refused_since,
                    // Nor does it end a wait that the provider asked for.
                    backoff_until: before.backoff_until.filter(|until| *until > self.now()),
                    begun_at: before.begun_at,
                    ..fresh.clone()
                };
                self.end_refresh(holder.id, session, next).await?;
                Ok(tokens.access_token)
            }
            Err(error) => {
                let next = |before: &Session| self.failed_session(holder.id, before, error.pause);
                self.end_refresh(holder.id, session, next).await?;
                Err(NoToken::Refused(error))
            }
        }
    }

    /// Whether what the endpoint gives is stored before the lease ends, however long that takes. After slow reads it may not be.
    fn has_time(&self, session: &Session) -> bool {
        session.lease_until.is_some_and(|until| self.now() + Duration::seconds(ASK_S_MIN) <= until)
    }

    async fn exchange_refresh(
        &self,
        holder: &Holder<'_>,
        client: &Client,
        secrets: &Secrets,
    ) -> std::result::Result<Tokens, TokenError> {
        let refresh_token = secrets.get(OAUTH_REFRESH_TOKEN).map_or("", String::as_str);
        let grant = match holder.descriptor().authentication {
            Authentication::SignIn(_) => Grant::Refresh { refresh_token },
            Authentication::ClientCredentials(_) | Authentication::Key => Grant::Client,
        };
        let exchanged = exchange(self, holder.descriptor(), client, &grant, holder.scope()).await;
        self.signals.refreshed(holder.descriptor().key, refresh_end(&exchanged));
        exchanged
    }

    /// The vault is written before the table: a crash in between leaves a token that is newer than the
    /// session, never one that is lost. Where none is returned the old one stays; where the old one goes on working, for a day.
    /// When the vault's was stored.
    ///
    /// Others may write meanwhile: beside other secrets the new token is still stored, and one from a new sign-in
    /// is newer than ours.
    async fn keep_refresh_token(
        &self,
        holder: &Holder<'_>,
        session: &Session,
        (used, version): (&Secrets, u64),
        tokens: &Tokens,
    ) -> Result<Option<DateTime<Utc>>> {
        let (id, kept_at) = (holder.id, session.refresh_kept_at);
        let is_due = holder.uses_up_refresh_tokens() || session.is_refresh_token_old(self.now());
        let (used_token, new) = (used.get(OAUTH_REFRESH_TOKEN), tokens.refresh_token.as_ref());
        let Some(new) = new.filter(|new| is_due && used_token != Some(*new)) else { return Ok(kept_at) };
        let (mut secrets, mut version) = (Arc::new(used.clone()), version);
        for _ in 0..KEEP_TRIES_COUNT_MAX {
            let mut next = Secrets::clone(&secrets);
            next.insert(OAUTH_REFRESH_TOKEN.to_owned(), new.clone());
            if self.ports.vault.write(id, &next, version + 1).await? != Written::Conflict {
                return Ok(Some(self.now().trunc_subsecs(0)));
            }
            (secrets, version) = self.secrets.now(id).await?;
            if secrets.get(OAUTH_REFRESH_TOKEN) != used_token {
                return Ok(kept_at);
            }
        }
        Err(PortError::new("storing a refresh token", "the secrets were changed at each try"))
    }

    /// A session that begins with these tokens in the place of another. Who refreshes goes on: another refresh beside it could
    /// use the same token.
    pub(crate) fn session_after(&self, mailbox: &Mailbox, tokens: &Tokens) -> Result<Session> {
        let before = &mailbox.session;
        let new = self.session_of(mailbox.instance.id, tokens, before.version + 1)?;
        Ok(Session { leases: before.leases, lease_until: before.lease_until, ..new })
    }

    /// A session that begins with these tokens.
    pub(crate) fn session_of(&self, id: InstanceId, tokens: &Tokens, version: u64) -> Result<Session> {
        // Whole seconds are fewer characters in a row that is read with each poll.
        let (begun_at, now) = (self.now(), self.now().trunc_subsecs(0));
        let sealed = self
            .sealer
            .seal(id, ACCESS_TOKEN, &packed_token::pack(&tokens.access_token))
            .map_err(|error| PortError::new("sealing an access token", error))?;
        Ok(Session {
            access_token_sealed: sealed,
            expires_at: now + Duration::seconds(i64::from(tokens.lifetime_s)),
            refresh_at: refresh_at(now, tokens.lifetime_s, digest64(&[&id.get().to_be_bytes()])),
            version,
            begun_at: Some(begun_at),
            // Who signs in has stored the refresh token that came with it.
            refresh_kept_at: tokens.refresh_token.is_some().then_some(now),
            ..Session::default()
        })
    }

    fn failed_session(&self, id: InstanceId, session: &Session, pause: Pause) -> Session {
        let failures = session.failures.saturating_add(1);
        let until = self.now() + backoff(failures, pause, u64::from(id.get()));
        Session {
            version: session.version + 1,
            lease_until: None,
            // A wait that the provider asked for may be the longer one.
            backoff_until: session.backoff_until.max(Some(until)),
            failures,
            ..session.clone()
        }
    }

    /// Stores what came of a refresh, and ends its lease: also on what somebody else stored meanwhile. Another token stays.
    async fn end_refresh(
        &self,
        id: InstanceId,
        session: &mut Session,
        next: impl Fn(&Session) -> Session + Sync,
    ) -> Result<()> {
        let (lease, token) = (session.leases, session.access_token_sealed.clone());
        for _ in 0..STORE_TRIES_COUNT_MAX {
            let is_replaced = session.access_token_sealed != token;
            let after = if is_replaced { session.clone() } else { next(session) };
            let after = Session { version: session.version + 1, ..after.after_lease(session, lease) };
            if self.store_session(id, session, after).await? {
                return Ok(());
            }
            let Some(now) = self.session_now(id).await? else { return Ok(()) };
            *session = now;
            let is_held = session.leases == lease && session.lease_until.is_some();
            if session.access_token_sealed != token && !is_held {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Stores until when the provider throttles, even if something else was stored meanwhile.
    pub(crate) async fn hold_off(
        &self,
        id: InstanceId,
        session: &mut Session,
        until: DateTime<Utc>,
    ) -> Result<()> {
        for _ in 0..STORE_TRIES_COUNT_MAX {
            let backoff_until = session.backoff_until.max(Some(until));
            let next = Session { backoff_until, version: session.version + 1, ..session.clone() };
            if self.store_session(id, session, next).await? {
                return Ok(());
            }
            let Some(now) = self.session_now(id).await? else { return Ok(()) };
            *session = now;
        }
        Ok(())
    }

    /// The session as it is stored. A wait that came into it meanwhile also holds for what this process is about to ask.
    async fn session_now(&self, id: InstanceId) -> Result<Option<Session>> {
        let session = self.ports.store.mailbox(id).await?.map(|mailbox| mailbox.session);
        session.iter().for_each(|session| self.traffic.lane(id).see_session(session));
        Ok(session)
    }

    /// Stores a session; if another one was stored meanwhile, that one stays.
    pub(crate) async fn replace_session(
        &self,
        id: InstanceId,
        session: &mut Session,
        next: Session,
    ) -> Result<()> {
        self.store_session(id, session, next).await.map(drop)
    }

    async fn store_session(&self, id: InstanceId, session: &mut Session, next: Session) -> Result<bool> {
        if self.ports.store.put_session(id, &next).await? != Written::Done {
            return Ok(false);
        }
        *session = next;
        Ok(true)
    }
}

fn refresh_end(exchanged: &std::result::Result<Tokens, TokenError>) -> RefreshEnd {
    match exchanged.as_ref().map_err(|error| error.kind) {
        Ok(_) => RefreshEnd::Done,
        Err(TokenErrorKind::InvalidGrant) => RefreshEnd::SignInRefused,
        Err(TokenErrorKind::InvalidClient) => RefreshEnd::ApplicationRefused,
        Err(TokenErrorKind::Rejected | TokenErrorKind::Unavailable) => RefreshEnd::Failed,
    }
}
