//! Re-authenticate: the stored application asks the user to sign in at the provider again. Where they sign in to another
//! mailbox, nothing changes before they confirm it.

use super::connect::{again, login, to_login};
use super::instance::{name, read};
use crate::api::{Answer, address};
use crate::connecting::{
    CALLBACK, Definition, Filled, OtherMailbox, Pending, Problems, SCOPE, callback, trial_in_words,
};
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
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Value, json};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/instances/{id}/authenticate", get(ask).post(begin))
        .route("/instances/{id}/authenticate/other", post(confirm))
}

async fn ask(signed: Signed, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let instance = read(&signed, &id).await?;
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let kept = Pending::of(&signed, query.text("again"))
        .filter(|kept| kept.instance.as_deref() == Some(id.as_str()));
    let path = address(&["instances", &id], &[]);
    let body = match kept.as_ref().and_then(|kept| Some((kept, kept.other.as_ref()?))) {
        Some((kept, other)) => another(&signed, &instance, (kept, other)),
        None => asked(&signed, &instance, kept.as_ref()).await?,
    };
    let title = format!("Re-authenticate {}", name(&instance));
    let page = Page::new(title).section(Section::Instances).part_of("/instances", "Instances");
    let page = page.part_of(path, name(&instance));
    Ok(page.body(body).show(&signed))
}

async fn asked(signed: &Signed, instance: &Value, kept: Option<&Pending>) -> Result<Markup, Failure> {
    let path = format!("/instances/{}", instance["id"]);
    let button = html! {
        div.actions {
            button.primary type="submit" { "Sign in at " (instance["element"]["name"].as_str().unwrap_or("the provider")) }
            a.button href=(path) { "Cancel" }
        }
    };
    let definition =
        Definition::read(signed, instance["element"]["key"].as_str().unwrap_or_default()).await?;
    Ok(html! {
        @if let Some(kept) = kept {
            div role="alert" tabindex="-1" autofocus {
                (ui::notice(Tone::Bad, html! {
                    p { strong { "Nothing was changed." } }
                    @for text in kept.problems.beside(&[]) { p { (text) } }
                    (definition.advice(&kept.problems.beside(&[]).join(" ")))
                }))
            }
        }
        section.card {
            p { "The application that this instance was connected with asks you to sign in at the provider once more. Configuration, id and token stay; polls go on where they were." }
            @if let Some(mailbox) = instance["mailbox"].as_str() {
                p { "Sign in to " strong { (ui::name(mailbox)) } ". Another mailbox takes its place only if you confirm that." }
            }
            p.hint { "The provider sends you back to " code { (callback(signed)) } ", which has to be registered there." }
            (ui::form(signed, &format!("{path}/authenticate"), button))
        }
    })
}

/// The question whether another mailbox takes the place of the former one.
fn another(signed: &Signed, instance: &Value, (kept, other): (&Pending, &OtherMailbox)) -> Markup {
    let path = format!("/instances/{}", instance["id"]);
    // What the interface knows of the former one, where it does not say it again.
    let former = other.former.clone().or_else(|| instance["mailbox"].as_str().map(str::to_owned));
    let named = |address: &Option<String>, otherwise: &str| match address {
        Some(address) => html! { strong { (ui::name(address)) } },
        None => html! { (otherwise) },
    };
    let buttons = html! {
        input type="hidden" name="kept" value=(kept.id);
        div.actions {
            button.danger type="submit" { "Change the mailbox" }
            a.button href={ (path) "/authenticate" } { "Sign in to the former one" }
            a.button href=(path) { "Cancel" }
        }
    };
    html! {
        div role="alert" tabindex="-1" autofocus {
            (ui::notice(Tone::Bad, html! {
                p { strong { "This is another mailbox. Nothing was changed yet." } }
                p { "You signed in to " (named(&other.address, "a mailbox whose address is not known")) "; this instance reads " (named(&former, "another one")) "." }
            }))
        }
        section.card {
            p { "If you change the mailbox, id, token and configuration stay. Events start from now; what happened in the former mailbox and was not reported yet is not reported any more." }
            (ui::form(signed, &format!("{path}/authenticate/other"), buttons))
        }
    }
}

async fn begin(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let signed = posted.signed;
    let instance = read(&signed, &id).await?;
    let element = instance["element"]["key"].as_str().unwrap_or_default();
    let definition = Definition::read(&signed, element).await?;
    let mut pending =
        Pending::begin(&signed, element, Some(&id), Filled::default()).ok_or(Failure::Unreadable)?;
    pending.scope = Filled::of_instance(&definition, &instance).scopes_again(&definition);
    let query = [
        ("callbackUrl", pending.callback.as_str()),
        ("scope", &pending.scope),
        ("state", pending.state()),
        ("codeChallenge", &pending.challenge()),
        ("codeChallengeMethod", "S256"),
    ];
    let answer = signed.api.get(&address(&["instances", &id, "oauth", "url"], &query)).await?;
    pending.keep(&signed, to_login(&signed, &login(&answer)?)).map_err(|_| Failure::Unreadable)
}

/// Back from the provider.
pub(super) async fn back(
    signed: Signed,
    id: &str,
    mut pending: Pending,
    provider_data: Value,
) -> Result<Response, Failure> {
    let path = address(&["instances", id], &[("confirmMailbox", "true")]);
    let answer = signed.api.call(Method::PATCH, &path, Some(&body(&pending, provider_data))).await;
    if answer.status == StatusCode::CONFLICT
        && let Some(confirmation) = answer.body["otherMailbox"]["confirmation"].as_str()
    {
        let text = |name: &str| answer.body["otherMailbox"][name].as_str().map(str::to_owned);
        let (address_now, former) = (text("address"), text("formerAddress"));
        pending.other =
            Some(OtherMailbox { address: address_now, former, confirmation: confirmation.to_owned() });
        return again(&signed, pending, Problems::default());
    }
    ended(&signed, id, pending, &answer)
}

/// What a sign-in changes: codes are exchanged with the address they were sent to, which may be another than before, and
/// refreshed tokens are asked for with the scopes of the sign-in.
fn body(pending: &Pending, provider_data: Value) -> Value {
    let mut configuration = json!({ CALLBACK: pending.callback });
    if !pending.scope.is_empty() {
        configuration[SCOPE] = pending.scope.as_str().into();
    }
    json!({ "providerData": provider_data, "configuration": configuration })
}

fn ended(signed: &Signed, id: &str, pending: Pending, answer: &Answer) -> Result<Response, Failure> {
    match answer.status {
        status if status.is_success() => {
            let tried = trial_in_words(&answer.body["trial"]);
            let to = address(&["instances", id], &[]);
            Ok(pending.forget(signed, signed.go(&to, Flash::good(format!("Signed in again.{tried}")))))
        }
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        _ => again(signed, pending, Problems::of(answer)),
    }
}

/// The user wants the other mailbox.
async fn confirm(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let Posted { signed, fields } = posted;
    let kept = Pending::of(&signed, fields.text("kept"))
        .filter(|kept| kept.instance.as_deref() == Some(id.as_str()));
    let path = address(&["instances", &id], &[]);
    let Some((pending, other)) = kept.and_then(|mut kept| kept.other.take().map(|other| (kept, other)))
    else {
        return Ok(see_other(&address(&["instances", &id, "authenticate"], &[])));
    };
    let body = body(&pending, json!({ "confirmation": other.confirmation }));
    let answer = signed.api.call(Method::PATCH, &path, Some(&body)).await;
    ended(&signed, &id, pending, &answer)
}
