//! Re-authenticate: the stored application asks the user to sign in at the provider again.

use super::connected::keep_and_go;
use super::instance::{name, read};
use crate::api::{Answer, address};
use crate::connecting::{Filled, Pending, callback};
use crate::failure::Failure;
use crate::flash::Tone;
use crate::form::{Fields, Posted};
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::ui;
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use maud::html;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/instances/{id}/authenticate", get(ask).post(begin))
}

async fn ask(
    signed: Signed,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let instance = read(&signed, &id).await?;
    let is_again =
        Fields::parse(query.unwrap_or_default().as_bytes()).is_some_and(|query| query.flag("again"));
    let kept = Pending::of(&signed, &headers)
        .filter(|kept| is_again && kept.instance.as_deref() == Some(id.as_str()));
    let path = address(&["instances", &id], &[]);
    let button = html! {
        div.actions {
            button.primary type="submit" { "Sign in at " (instance["element"]["name"].as_str().unwrap_or("the provider")) }
            a.button href=(path) { "Cancel" }
        }
    };
    let body = html! {
        @if let Some(kept) = &kept {
            div role="alert" {
                (ui::notice(Tone::Bad, html! {
                    p { strong { "Nothing was changed." } }
                    @for text in kept.problems.beside(&[]) { p { (text) } }
                }))
            }
        }
        section.card {
            p { "The application that this instance was connected with asks you to sign in at the provider once more. Configuration, id and token stay; polls go on where they were." }
            p.hint { "The provider sends you back to " code { (callback(&signed)) } ", which has to be registered there." }
            (ui::form(&signed, &format!("{path}/authenticate"), button))
        }
    };
    let title = format!("Re-authenticate {}", name(&instance));
    let page = Page::new(title).section(Section::Instances).part_of("/instances", "Instances");
    let page = page.part_of(path, name(&instance));
    Ok(page.body(body).show(&signed))
}

async fn begin(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let signed = posted.signed;
    let instance = read(&signed, &id).await?;
    let element = instance["element"]["key"].as_str().unwrap_or_default();
    let pending =
        Pending::begin(&signed, element, Some(&id), Filled::default()).ok_or(Failure::Unreadable)?;
    let challenge = pending.challenge();
    let query = [("state", pending.state()), ("codeChallenge", &challenge), ("codeChallengeMethod", "S256")];
    let answer = sign_in(&signed, &id, &query).await?;
    keep_and_go(&signed, &pending, &answer)
}

async fn sign_in(signed: &Signed, id: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
    let callback = callback(signed);
    let query = [&[("callbackUrl", callback.as_str())], query].concat();
    Ok(signed.api.get(&address(&["instances", id, "oauth", "url"], &query)).await?)
}
