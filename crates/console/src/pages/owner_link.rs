//! A link by which the owner of an instance's mailbox signs in, without an account here.

use super::instance::{name, read};
use crate::api::{Answer, address};
use crate::failure::Failure;
use crate::flash::Tone;
use crate::form::{Fields, Posted};
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time;
use crate::ui::{self, Field, field};
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::{Value, json};

/// How long a link may last: seconds, and in words.
const LASTS: [(&str, &str); 4] =
    [("3600", "An hour"), ("86400", "A day"), ("259200", "Three days"), ("1209600", "Two weeks")];
const USUAL: &str = "259200";

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/instances/{id}/sign-in-link", get(ask).post(make))
}

async fn ask(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let instance = read(&signed, &id).await?;
    let body = form(&signed, &instance, &Fields::default(), None);
    Ok(page(&instance, StatusCode::OK).body(body).show(&signed))
}

async fn make(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let Posted { signed, fields } = posted;
    let instance = read(&signed, &id).await?;
    let mut wanted = json!({ "expiresInSeconds": fields.text("lasts").parse::<u32>().ok() });
    if !fields.text("asked_by").trim().is_empty() {
        wanted["askedBy"] = fields.text("asked_by").trim().into();
    }
    let path = address(&["instances", &id, "sign-in-link"], &[]);
    let answer = signed.api.call(Method::POST, &path, Some(&wanted)).await;
    match answer.status {
        status if status.is_success() => Ok(made(&signed, &instance, &answer)),
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        status if status.is_client_error() => {
            let body = form(&signed, &instance, &fields, Some(&answer.message()));
            Ok(page(&instance, StatusCode::UNPROCESSABLE_ENTITY).body(body).show(&signed))
        }
        _ => Err(Failure::Refused(Box::new(answer))),
    }
}

fn page(instance: &Value, status: StatusCode) -> Page {
    Page::new(format!("Sign-in link for {}", name(instance)))
        .section(Section::Instances)
        .part_of("/instances", "Instances")
        .part_of(format!("/instances/{}", instance["id"]), name(instance))
        .status(status)
}

fn form(signed: &Signed, instance: &Value, fields: &Fields, refused: Option<&str>) -> Markup {
    let path = format!("/instances/{}", instance["id"]);
    let asked_by = Field {
        value: fields.text("asked_by"),
        hint: Some("The owner sees this name. Empty: the stored application's name, or this service's host."),
        ..Field::new("asked_by", "Who asks")
    };
    let chosen = if fields.text("lasts").is_empty() { USUAL } else { fields.text("lasts") };
    let inner = html! {
        div.narrow {
            (field(&asked_by))
            div.field {
                label for="lasts" { "It lasts" }
                select id="lasts" name="lasts" {
                    @for (seconds, words) in LASTS { option value=(seconds) selected[seconds == chosen] { (words) } }
                }
            }
            div.actions {
                button.primary type="submit" { "Make the link" }
                a.button href=(path) { "Cancel" }
            }
        }
    };
    html! {
        @if let Some(refused) = refused {
            div role="alert" tabindex="-1" autofocus {
                (ui::notice(Tone::Bad, html! { p { strong { "There is no link. " } (ui::sentence(refused)) } }))
            }
        }
        section.card {
            p { "Whoever has the link signs in to this mailbox at the provider, without an account here; another mailbox is refused. Opening it spends nothing: it works until somebody has signed in, or its time is over." }
            (ui::form(signed, &format!("{path}/sign-in-link"), inner))
        }
    }
}

/// The link, once: only a hash of it is stored.
fn made(signed: &Signed, instance: &Value, answer: &Answer) -> Response {
    let until = time::read(answer.body["expiresAt"].as_str()).map(time::exact).unwrap_or_default();
    let body = html! {
        section.card {
            p { "Send this to the owner of the mailbox. It is shown once, and ends at " (until) "." }
            (ui::copied("The link", "link", answer.body["url"].as_str().unwrap_or_default()))
            p.hint { "Treat it as you treat a link that resets a password." }
            div.actions { a.button href={ "/instances/" (instance["id"]) } { "Back to the instance" } }
        }
    };
    page(instance, StatusCode::OK).body(body).show(signed)
}
