//! Edit an instance without signing in again.

use super::instance::{name, read};
use crate::api::address;
use crate::connecting::{
    Action, Applications, Definition, Filled, FormKind, PostedForm, Problems, View, callback, form,
    trial_in_words, trial_table,
};
use crate::draft;
use crate::failure::Failure;
use crate::flash::Flash;
use crate::form::Posted;
use crate::names::told_otherwise;
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use axum::Router;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::html;
use serde_json::Value;

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/instances/{id}/edit", get(show).post(change))
}

/// An instance and the form of its connector.
struct Edited {
    instance: Value,
    definition: Definition,
    applications: Applications,
}

async fn edited(signed: &Signed, id: &str) -> Result<Edited, Failure> {
    let instance = read(signed, id).await?;
    let key = instance["element"]["key"].as_str().unwrap_or_default();
    let definition = Definition::read(signed, key).await?;
    let applications = Applications::read(signed, &definition).await?;
    Ok(Edited { definition, instance, applications })
}

async fn show(signed: Signed, Path(id): Path<String>) -> Result<Response, Failure> {
    let edited = edited(&signed, &id).await?;
    let stored = Filled::of_instance(&edited.definition, &edited.instance);
    if let Some((draft, fields)) = draft::of(&signed, &address(&["instances", &id, "edit"], &[])) {
        let read = PostedForm::of(&edited.definition, &fields);
        let read = PostedForm { filled: read.filled.with_secrets_of(&stored, &edited.definition), ..read };
        let response = shown(&signed, &id, &edited, &read, &read.problems, None);
        return Ok(signed.kept.forget(&draft, signed.is_https, response));
    }
    let read = PostedForm::unsent(stored);
    Ok(shown(&signed, &id, &edited, &read, &Problems::default(), None))
}

async fn change(Path(id): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let Posted { signed, fields } = posted;
    let edited = edited(&signed, &id).await?;
    let read = PostedForm::of(&edited.definition, &fields);
    if read.is_only_shown() {
        return Ok(shown(&signed, &id, &edited, &read, &read.problems, None));
    }
    let before = Filled::of_instance(&edited.definition, &edited.instance);
    let body = read.filled.change(&before);
    let path = address(&["instances", &id], &[]);
    let is_trial = read.action == Action::Try;
    if !is_trial && body.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(signed.go(&path, Flash::good("Nothing was changed.")));
    }
    let asked = address(&["instances", &id], &[("dryRun", if is_trial { "true" } else { "" })]);
    let answer = signed.api.call(Method::PATCH, &asked, Some(&body)).await;
    match answer.status {
        status if status.is_success() && is_trial => {
            Ok(shown(&signed, &id, &edited, &read, &Problems::default(), Some(&answer.body["resources"])))
        }
        status if status.is_success() => {
            let tried = trial_in_words(&answer.body["trial"]);
            let named = told_otherwise(&read.filled.name, &answer.body);
            Ok(signed.go(&path, Flash::good(format!("Saved.{tried}{named}"))))
        }
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        _ => Ok(shown(&signed, &id, &edited, &read, &Problems::of(&answer), None)),
    }
}

fn shown(
    signed: &Signed,
    id: &str,
    edited: &Edited,
    read: &PostedForm,
    problems: &Problems,
    trial: Option<&Value>,
) -> Response {
    let path = address(&["instances", id], &[]);
    let view = View {
        applications: &edited.applications,
        kind: FormKind::Edit,
        definition: &edited.definition,
        filled: &read.filled,
        problems,
        action: &format!("{path}/edit"),
        callback: &callback(signed),
        keep: None,
        tested: None,
        said: read.said,
        sides: read.sides.as_ref(),
    };
    let body = html! {
        @if let Some(trial) = trial {
            section.card role="status" {
                h2 { "Tried, nothing stored" }
                (trial_table(trial))
            }
        }
        p { "Secrets are shown as " code { "********" } ", which leaves them as they are. " a href={ (path) "/authenticate" } { "Re-Authenticate" } " to sign in at the provider again." }
        (form(signed, &view))
    };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let title = format!("Edit {}", name(&edited.instance));
    let page = Page::new(title).section(Section::Instances).status(status).part_of("/instances", "Instances");
    page.part_of(path, name(&edited.instance)).body(body).show(signed)
}
