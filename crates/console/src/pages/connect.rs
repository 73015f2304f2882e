//! Connect a mailbox: the connectors there are, and the form of one.

use crate::api::{Answer, address};
use crate::connecting::{
    Applications, Definition, Filled, FormKind, Pending, PostedForm, Problems, Sides, View, callback, form,
    store_application,
};
use crate::failure::Failure;
use crate::form::{Fields, Posted};
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::ui;
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::html;
use serde_json::{Value, json};
use url::Url;

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
    Ok(Page::new("Connect a mailbox").section(Section::Connect).body(body).show(&signed))
}

/// The form: as it was before the last sign-in where that led to nothing, else a new one.
async fn show(
    signed: Signed,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let definition = Definition::read(&signed, &key).await?;
    let is_again =
        Fields::parse(query.unwrap_or_default().as_bytes()).is_some_and(|query| query.flag("again"));
    let kept = Pending::of(&signed, &headers).filter(|kept| is_again && is_for(kept, &definition));
    let (filled, problems) = match kept {
        Some(kept) => (kept.filled, kept.problems),
        None => {
            let applications = Applications::read(&signed, &definition).await?;
            (Filled::fresh(&definition, applications.first()), Problems::default())
        }
    };
    let shows = FormView { filled: &filled, problems: &problems, said: None, sides: None };
    shown(&signed, &definition, StatusCode::OK, &shows).await
}

fn is_for(kept: &Pending, definition: &Definition) -> bool {
    kept.instance.is_none() && kept.element == definition.key
}

/// What the form shows.
struct FormView<'a> {
    filled: &'a Filled,
    problems: &'a Problems,
    said: Option<&'a str>,
    sides: Option<&'a Sides>,
}

async fn shown(
    signed: &Signed,
    definition: &Definition,
    status: StatusCode,
    shown: &FormView<'_>,
) -> Result<Response, Failure> {
    let applications = Applications::read(signed, definition).await?;
    let view = View {
        applications: &applications,
        kind: FormKind::Create,
        definition,
        filled: shown.filled,
        problems: shown.problems,
        action: &address(&["connect", &definition.key], &[]),
        callback: &callback(signed),
        said: shown.said,
        sides: shown.sides,
    };
    let body = html! {
        (form(signed, &view))
    };
    let page = Page::new(format!("Connect {}", definition.name))
        .section(Section::Connect)
        .part_of("/connect", "Connect a mailbox")
        .status(status);
    Ok(page.body(body).show(signed))
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
    let mut read = PostedForm::of(&definition, &fields);
    let given = read.filled.clone();
    let stored = match read.is_only_shown() {
        true => None,
        false => store_application(&signed, &definition, &fields, &mut read.filled).await?,
    };
    let again = |problems: Problems| {
        let (signed, definition, read) = (&signed, &definition, &read);
        async move {
            let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            let (said, sides) = (read.said, read.sides.as_ref());
            let shows = FormView { filled: &read.filled, problems: &problems, said, sides };
            shown(signed, definition, status, &shows).await
        }
    };
    if read.is_only_shown() {
        return again(read.problems.clone()).await;
    }
    if let Some(problems) = stored {
        return again(problems).await;
    }
    // Errors that do not depend on the provider are shown before the user signs in there.
    if let Some(problems) = refused(&signed, &definition, &read.filled).await? {
        return again(problems).await;
    }
    let pending = Pending::begin(&signed, &definition.key, None, read.filled.clone());
    let mut pending = pending.ok_or(Failure::Unreadable)?;
    pending.scope = pending.filled.scopes(&definition);
    pending.unstored = (given != read.filled).then(|| Box::new(given));
    let asked = json!({
        "apiKey": pending.filled.text("oauth.api.key"),
        "application": pending.filled.text("oauth.application"),
        "callbackUrl": pending.callback,
        "scope": pending.scope,
        "state": pending.state(),
        "codeChallenge": pending.challenge(),
        "codeChallengeMethod": "S256",
    });
    let path = address(&["elements", &definition.key, "oauth", "url"], &[]);
    let answer = signed.api.call(Method::POST, &path, Some(&asked)).await;
    if answer.status.is_client_error() && answer.status != StatusCode::UNAUTHORIZED {
        return again(Problems::of(&answer)).await;
    }
    let to = login(&answer.ok()?)?;
    match pending.keep(&signed, to_login(&signed, &to)) {
        Ok(response) => Ok(response),
        Err(_) => again(Problems::general(
            "The form is too large to be kept in the browser while you sign in. Connect with less (a shorter \
             poller configuration, say) and edit the instance afterwards.",
        ))
        .await,
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
