//! A letter's job: writes it of its members, and delivers it. It never suspends anything, and nothing is told of it.

use crate::account_settings::{HealthAddress, health_address};
use crate::context::Context;
use crate::deliver::{Ran, claim_until};
use crate::destinations::{self, Kind};
use crate::ports::{Job, PortError, Result, Secrets, Written};
use crate::signals::LetterEnd;
use chrono::{DateTime, Utc};
use connectors::{HttpError, HttpRequest, Method, Route};
use domain::callback;
use domain::delivery::{Answer, Verdict, decide};
use domain::health_ledger::HealthEventId;
use domain::health_letter::{HealthLetter, HealthMember, HealthRow, LetterProgress, Recipient, members_of};
use domain::ids::digest64;
use domain::settings::{CALLBACK_URL, given};
use domain::signature::{
    STANDARD_ID_HEADER, STANDARD_SIGNATURE_HEADER, STANDARD_TIMESTAMP_HEADER, sign_standard,
};

/// What is listed for one letter: the events of an organization in a minute.
const LISTED_COUNT_MAX: usize = 50_000;
/// An answer is read this far, bytes: it tells nothing.
const ANSWER_BYTES_MAX: usize = 1024;

/// Runs a letter's job.
pub(crate) async fn run(app: &Context, (organization_id, id): (u32, HealthEventId)) -> Result<Ran> {
    let Some(letter) = written(app, organization_id, id).await? else { return Ok(Ran::Well) };
    let now = app.now();
    if letter.progress != LetterProgress::Pending {
        return Ok(Ran::Well);
    }
    // Another worker is at it, or its next attempt is due later.
    let due_at = letter.claimed_until.unwrap_or(letter.due_at).max(letter.due_at);
    if due_at > now {
        return again(app, &letter, due_at).await;
    }
    let until = claim_until(app);
    let claimed = HealthLetter { claimed_until: Some(until), version: letter.version + 1, ..letter };
    if app.ports.store.change_health_row(&HealthRow::Letter(claimed.clone())).await? != Written::Done {
        return again(app, &claimed, until).await;
    }
    attempt(app, claimed).await
}

/// The letter with its body; closes and writes it if nobody did. `None`: it has no members, or is gone.
async fn written(app: &Context, organization_id: u32, id: HealthEventId) -> Result<Option<HealthLetter>> {
    let store = &app.ports.store;
    // Closed first and listed second: what comes in between sees that it may be in it.
    let closing = HealthLetter::closing(organization_id, id, app.now());
    let letter = match store.health_row(organization_id, id).await? {
        Some(HealthRow::Letter(letter)) => letter,
        Some(HealthRow::Member(_)) => return Ok(None),
        None => match store.insert_health_row(&HealthRow::Letter(closing.clone())).await? {
            Written::Done => closing,
            _ => return Err(PortError::new("writing a health event", "another is at it")),
        },
    };
    if letter.body.is_some() || letter.progress != LetterProgress::Pending {
        return Ok(Some(letter));
    }
    let (from, to) = members_of(id);
    let rows = store.health_rows(organization_id, from, to, LISTED_COUNT_MAX).await?;
    let members: Vec<HealthMember> = rows
        .into_iter()
        .filter_map(|row| match row {
            HealthRow::Member(member) if member.letter == id => Some(member),
            _ => None,
        })
        .collect();
    if members.is_empty() {
        // They are kept for days: there is nothing left to tell.
        let over = HealthLetter { progress: LetterProgress::GivenUp, version: letter.version + 1, ..letter };
        store.change_health_row(&HealthRow::Letter(over)).await?;
        return Ok(None);
    }
    let letter = letter.written(&members, app.config.public_url.as_deref());
    match store.change_health_row(&HealthRow::Letter(letter.clone())).await? {
        Written::Done => Ok(Some(letter)),
        _ => Err(PortError::new("writing a health event", "another is at it")),
    }
}

/// Posts it once, stores the outcome, and enqueues what follows.
async fn attempt(app: &Context, letter: HealthLetter) -> Result<Ran> {
    let answer = match letter.to {
        Recipient::Organization => to_organization(app, &letter).await?,
        Recipient::Callback(_) => to_callback(app, &letter).await?,
    };
    let now = app.now();
    let seed = digest64(&[letter.id.to_string().as_bytes()]);
    let verdict = match &answer {
        Some(answer) => decide(answer, letter.attempt, &app.config.retry_policy, now, seed),
        None => Verdict::Suspend,
    };
    let last = in_words(answer.as_ref());
    tracing::info!(health.id = %letter.id, attempt = letter.attempt, outcome = last, "health.attempted");
    let (progress, due_at) = match verdict {
        Verdict::Delivered => (LetterProgress::Delivered, letter.due_at),
        Verdict::Retry(due_at) => (LetterProgress::Pending, due_at),
        // Nothing is suspended: it is kept, and counted.
        Verdict::Suspend => (LetterProgress::GivenUp, letter.due_at),
    };
    let attempt = letter.attempt + u32::from(progress == LetterProgress::Pending);
    let version = letter.version + 1;
    let next =
        HealthLetter { progress, due_at, attempt, last: Some(last), claimed_until: None, version, ..letter };
    if app.ports.store.change_health_row(&HealthRow::Letter(next.clone())).await? != Written::Done {
        // The clock was set back, or the claim ran out: what is stored says what follows.
        return again(app, &next, now).await;
    }
    app.signals.told(match progress {
        LetterProgress::Pending => LetterEnd::Retry,
        LetterProgress::Delivered => LetterEnd::Delivered,
        LetterProgress::GivenUp => LetterEnd::GivenUp,
    });
    if progress == LetterProgress::GivenUp {
        given_up(&next, answer.is_some());
    }
    match progress {
        LetterProgress::Pending => {
            again(app, &next, next.due_at).await?;
            Ok(Ran::Refused)
        }
        LetterProgress::GivenUp => Ok(Ran::Refused),
        LetterProgress::Delivered => Ok(Ran::Well),
    }
}

/// Who took the address away knows that nothing comes.
fn given_up(letter: &HealthLetter, has_address: bool) {
    let to = match letter.to {
        _ if !has_address => "nobody",
        Recipient::Organization => "organization",
        Recipient::Callback(_) => "callback",
    };
    tracing::warn!(health.id = %letter.id, organization_id = letter.organization_id, to, "health.given_up");
}

async fn again(app: &Context, letter: &HealthLetter, due_at: DateTime<Utc>) -> Result<Ran> {
    let HealthLetter { organization_id, id, to, .. } = *letter;
    let instance = match to {
        Recipient::Organization => None,
        Recipient::Callback(instance) => Some(instance),
    };
    app.ports.queue.send(&[(Job::Tell { organization_id, instance, id }, due_at)]).await?;
    Ok(Ran::Well)
}

/// `None`: there is no address any more.
async fn to_organization(app: &Context, letter: &HealthLetter) -> Result<Option<Answer>> {
    let Some(HealthAddress { url, key }) = health_address(app, letter.organization_id).await? else {
        return Ok(None);
    };
    let (id, body, timestamp_s) = (letter.id.to_string(), body(letter), app.now().timestamp());
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("user-agent", "carillon".to_owned()),
        (STANDARD_ID_HEADER, id.clone()),
        (STANDARD_TIMESTAMP_HEADER, timestamp_s.to_string()),
    ];
    if let Some(key) = key {
        let signature = sign_standard(&[&key], &id, timestamp_s, body.as_bytes());
        headers.push((STANDARD_SIGNATURE_HEADER, signature));
    }
    let request = HttpRequest {
        method: Method::Post,
        url,
        headers,
        body: body.to_owned().into(),
        timeout_ms: app.config.callback_timeout_ms,
        answer_bytes_max: ANSWER_BYTES_MAX,
        route: Route::Callback,
    };
    post(app, request).await.map(Some)
}

/// As notifications go there: signed with the instance's key, with the headers that its owner adds.
async fn to_callback(app: &Context, letter: &HealthLetter) -> Result<Option<Answer>> {
    let Recipient::Callback(id) = letter.to else { return Ok(None) };
    let Some(instance) = app.ports.store.instance(id).await?.filter(|it| it.deleted_at.is_none()) else {
        return Ok(None);
    };
    if given(&instance.configuration, CALLBACK_URL).is_none() {
        return Ok(None);
    }
    let secrets: std::sync::Arc<Secrets> = app.secrets.of(&instance).await?;
    let own = callback::headers(&instance.configuration, &secrets);
    let name = letter.id.to_string();
    let bounds = (app.now(), app.config.callback_timeout_ms);
    let named = (name.as_str(), body(letter));
    let request = destinations::request(&instance.configuration, &secrets, &own, named, bounds, Kind::Event);
    post(app, request).await.map(Some)
}

fn body(letter: &HealthLetter) -> &str {
    letter.body.as_deref().unwrap_or_default()
}

async fn post(app: &Context, request: HttpRequest<'_>) -> Result<Answer> {
    Ok(match app.ports.http.send(request).await {
        Ok(response) => {
            Answer::Status { code: response.status, retry_after_s: response.retry_after_s(app.now()) }
        }
        Err(HttpError::RefusedAddress) => Answer::RefusedAddress,
        Err(error) => Answer::NoAnswer(error.to_string()),
    })
}

fn in_words(answer: Option<&Answer>) -> String {
    match answer {
        None => "there is no address any more".to_owned(),
        Some(Answer::Status { code, .. }) => format!("answered {code}"),
        Some(Answer::NoAnswer(stage)) => format!("no answer: {stage}"),
        Some(Answer::RefusedAddress) => "the address is refused".to_owned(),
        Some(Answer::Published) => "published".to_owned(),
    }
}
