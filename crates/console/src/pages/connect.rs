//! Connect a mailbox: the connectors there are, and the form of one.

use crate::api::{Answer, address};
use crate::connecting::{
    Action, Applications, Definition, Filled, FormKind, Keep, Pending, PostedForm, Problems, Sides, View,
    callback, form,
};
use crate::draft;
use crate::failure::Failure;
use crate::flash::{Flash, Tone};
use crate::form::{Fields, Posted};
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::{Signed, see_other};
use crate::ui;
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use url::Url;

const CALLBACK_URL: &str = "event.notification.callback.url";
/// Instances that a callback is suggested from.
const SOME_COUNT: &str = "10";

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/connect", get(catalogue)).route("/connect/{key}", get(show).post(begin))
}

async fn catalogue(signed: Signed) -> Result<Response, Failure> {
    let elements = signed.api.get("/elements").await?;
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let body = html! {
        p.lead { "Choose where the mailbox is. You sign in there; the password stays there." }
        ul.catalogue {
            @for one in elements.rows() {
                li.card {
                    h2 { a href=(address(&["connect", &text(one, "key")], &[])) { (text(one, "name")) } }
                    p { (text(one, "description")) }
                    p.hint { code { (text(one, "key")) } " · hub " code { (text(one, "hub")) } }
                }
            }
        }
        @if elements.rows().is_empty() { (ui::empty("There are no connectors", "This installation was built without any.", html! {})) }
    };
    Ok(Page::new("Connect a mailbox")
        .section(Section::Connect)
        .actions(html! { a.button href="/applications" { "Applications" } })
        .body(body)
        .show(&signed))
}

/// The form: as it was before a sign-in that led to nothing or is not over, as it was typed before the session ended, or
/// a new one.
async fn show(
    signed: Signed,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let definition = Definition::read(&signed, &key).await?;
    if !query.flag("fresh") {
        if let Some((id, fields)) = draft::of(&signed, &address(&["connect", &key], &[])) {
            let read = PostedForm::of(&definition, &fields);
            let filled = read.filled.without_secrets(&definition);
            let shows = FormView {
                keep: Some(&Keep::posted(&fields)),
                note: Note::SignedOut,
                ..FormView::of(&filled)
            };
            let response = shown(&signed, &definition, StatusCode::OK, &shows).await?;
            return Ok(signed.kept.forget(&id, signed.is_https, response));
        }
        let named = Pending::of(&signed, query.text("again")).filter(|kept| is_for(kept, &definition));
        let note = if named.is_some() { Note::None } else { Note::Unfinished };
        if let Some(kept) = named.or_else(|| Pending::unfinished(&signed, &definition.key)) {
            let shows = FormView {
                problems: &kept.problems,
                keep: kept.keep.as_ref(),
                note,
                ..FormView::of(&kept.filled)
            };
            return shown(&signed, &definition, StatusCode::OK, &shows).await;
        }
    }
    let applications = Applications::read(&signed, &definition).await?;
    let known = known(&signed, &definition.key).await;
    let filled = Filled::fresh(&definition, applications.first(), &known);
    shown(&signed, &definition, StatusCode::OK, &FormView::of(&filled)).await
}

/// What a new form begins with: what the host knows, and where the last instance's events go, so that nobody types it
/// twice.
async fn known(signed: &Signed, key: &str) -> BTreeMap<String, String> {
    let mut known = signed.shared.0.defaults.get(key).cloned().unwrap_or_default();
    if known.contains_key(CALLBACK_URL) {
        return known;
    }
    let some = address(&["instances"], &[("pageSize", SOME_COUNT), ("hydrate", "false")]);
    // A suggestion is worth no error.
    let Ok(some) = signed.api.get(&some).await else { return known };
    let callback = |one: &Value| one["eventsNotificationCallbackUrl"].as_str().map(str::to_owned);
    let last = some.rows().iter().max_by_key(|one| one["createdDate"].as_str().map(str::to_owned));
    // One with credentials in it is masked, and would have to be typed anyway.
    let callback = last.and_then(callback).filter(|url| !url.contains("***"));
    known.extend(callback.map(|url| (CALLBACK_URL.to_owned(), url)));
    known
}

fn is_for(kept: &Pending, definition: &Definition) -> bool {
    kept.instance.is_none() && kept.element == definition.key
}

/// Why a form is not empty.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Note {
    None,
    /// A sign-in with it began and did not end.
    Unfinished,
    /// It was posted after the session had ended.
    SignedOut,
}

/// What the form shows.
struct FormView<'a> {
    filled: &'a Filled,
    problems: &'a Problems,
    keep: Option<&'a Keep>,
    said: Option<&'a str>,
    sides: Option<&'a Sides>,
    note: Note,
    tested: Option<&'a Answer>,
}

impl<'a> FormView<'a> {
    fn of(filled: &'a Filled) -> Self {
        const NONE: &Problems = &Problems::none();
        FormView {
            filled,
            problems: NONE,
            keep: None,
            said: None,
            sides: None,
            note: Note::None,
            tested: None,
        }
    }
}

async fn shown(
    signed: &Signed,
    definition: &Definition,
    status: StatusCode,
    shown: &FormView<'_>,
) -> Result<Response, Failure> {
    let applications = Applications::read(signed, definition).await?;
    let action = address(&["connect", &definition.key], &[]);
    let view = View {
        applications: &applications,
        kind: FormKind::Create,
        definition,
        filled: shown.filled,
        problems: shown.problems,
        keep: shown.keep,
        action: &action,
        callback: &callback(signed),
        said: shown.said,
        sides: shown.sides,
        tested: shown.tested,
    };
    let body = html! {
        (note(shown.note, &action))
        (form(signed, &view))
    };
    let page = Page::new(format!("Connect {}", definition.name))
        .section(Section::Connect)
        .part_of("/connect", "Connect a mailbox")
        .status(status);
    Ok(page.body(body).show(signed))
}

fn note(note: Note, action: &str) -> Markup {
    let text = match note {
        Note::None => return html! {},
        Note::Unfinished => {
            "This is what you filled in before a sign-in that is not finished. It can still be finished where you began it."
        }
        Note::SignedOut => {
            "Your session had ended. This is what you had typed, but for secrets: those are typed again."
        }
    };
    html! {
        div.flash role="status" { (ui::notice(Tone::Good, html! { p { (text) " " a href={ (action) "?fresh=true" } { "Begin with a new form" } "." } })) }
    }
}

/// The page that leads to a login.
pub(super) fn to_login(signed: &Signed, login: &Url) -> Response {
    let host = login.host_str().unwrap_or("the provider");
    let body = html! {
        section.card {
            p { "You sign in at " strong { (host) } " and come back here." }
            div.actions { a.button.primary href=(login) { "Continue" } }
        }
    };
    Page::new("On to the sign-in").section(Section::Connect).body(body).onward(login).show(signed)
}

/// The address of a login.
pub(super) fn login(answer: &Answer) -> Result<Url, Failure> {
    let text = answer.body["oauthUrl"].as_str().unwrap_or_default();
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http")).ok_or(Failure::Unreadable)
}

async fn begin(Path(key): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let Posted { signed, fields } = posted;
    let definition = Definition::read(&signed, &key).await?;
    let read = PostedForm::of(&definition, &fields);
    let given = Keep::posted(&fields);
    let shown_again = |problems: Problems, tested: Option<Answer>| {
        let (signed, definition, read, given) = (&signed, &definition, &read, &given);
        async move {
            let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            let shows = FormView {
                problems: &problems,
                keep: Some(given),
                said: read.said,
                sides: read.sides.as_ref(),
                tested: tested.as_ref(),
                ..FormView::of(&read.filled)
            };
            shown(signed, definition, status, &shows).await
        }
    };
    if read.is_only_shown() {
        return shown_again(read.problems.clone(), None).await;
    }
    if read.action == Action::TestEvent {
        let answer = test_event(&signed, &read.filled).await?;
        let problems = if answer.status.is_success() { Problems::default() } else { Problems::of(&answer) };
        return shown_again(problems, Some(answer)).await;
    }
    // Errors that do not depend on the provider are shown before the user signs in there.
    if let Some(problems) = refused(&signed, &definition, &read.filled).await? {
        return shown_again(problems, None).await;
    }
    let (keep, problems) = given.clone().checked(&signed, &definition, &read.filled).await?;
    if !problems.is_empty() {
        return shown_again(problems, None).await;
    }
    let pending = Pending::begin(&signed, &definition.key, None, read.filled.clone());
    let mut pending = pending.ok_or(Failure::Unreadable)?;
    pending.scope = pending.filled.scopes(&definition);
    pending.keep = keep;
    let answer = ask_for_login(&signed, &pending).await;
    if answer.status.is_client_error() && answer.status != StatusCode::UNAUTHORIZED {
        return shown_again(Problems::of(&answer), None).await;
    }
    let to = login(&answer.ok()?)?;
    match pending.keep(&signed, to_login(&signed, &to)) {
        Ok(response) => Ok(response),
        Err(_) => {
            let text = "The form is too large to be kept in the browser while you sign in. Connect with less (a \
                        shorter poller configuration, say) and edit the instance afterwards.";
            shown_again(Problems::general(text), None).await
        }
    }
}

async fn ask_for_login(signed: &Signed, pending: &Pending) -> Answer {
    let asked = json!({
        "apiKey": pending.filled.text("oauth.api.key"),
        "application": pending.filled.text("oauth.application"),
        "tenant": pending.keep.as_ref().map(|keep| keep.tenant.as_str()),
        "callbackUrl": pending.callback,
        "scope": pending.scope,
        "state": pending.state(),
        "codeChallenge": pending.challenge(),
        "codeChallengeMethod": "S256",
    });
    let path = address(&["elements", &pending.element, "oauth", "url"], &[]);
    signed.api.call(Method::POST, &path, Some(&asked)).await
}

/// Sends a test to the callback of a form that is not stored.
async fn test_event(signed: &Signed, filled: &Filled) -> Result<Answer, Failure> {
    let body = json!({ "configuration": filled.of_callback() });
    let answer = signed.api.call(Method::POST, "/instances/test-event", Some(&body)).await;
    match answer.status {
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        _ => Ok(answer),
    }
}

/// To the filled form, which says why.
pub(super) fn again(signed: &Signed, pending: Pending, problems: Problems) -> Result<Response, Failure> {
    let query = [("again", pending.id.as_str())];
    let to = match &pending.instance {
        Some(id) => address(&["instances", id, "authenticate"], &query),
        None => address(&["connect", &pending.element], &query),
    };
    let failed = pending.failed(problems);
    match failed.keep(signed, see_other(&to)) {
        Ok(response) => Ok(response),
        // The reason made it too large.
        Err(_) => Ok(signed.go(&to, Flash::bad("The sign-in failed, and the form could not be kept."))),
    }
}

/// What the interface finds wrong, as far as it can be found without the provider.
async fn refused(
    signed: &Signed,
    definition: &Definition,
    filled: &Filled,
) -> Result<Option<Problems>, Failure> {
    let mut body = filled.creation(&definition.key, &callback(signed));
    // A dry run does not use a code up.
    body["providerData"] = json!({ "code": "-" });
    let answer =
        signed.api.call(Method::POST, &address(&["instances"], &[("dryRun", "true")]), Some(&body)).await;
    match answer.status {
        status if status.is_success() => Ok(None),
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        _ => Ok(Some(Problems::of(&answer))),
    }
}
