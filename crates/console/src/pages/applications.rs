//! Stored OAuth applications: which there are, another one, a new secret, and removal.

use super::instance::name;
use crate::api::{Answer, address};
use crate::connecting::Problems;
use crate::failure::Failure;
use crate::flash::{Flash, Tone};
use crate::form::{Fields, Posted};
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::time::{self, relative_or};
use crate::ui::{self, Column, Field, Keyed, field, keyed_table};
use axum::Router;
use axum::extract::{Path, RawQuery};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde_json::{Value, json};

/// Applications of one page: with the form below them no more than a phone's 5,000 px.
const PAGE_SIZE: &str = "40";
/// Of the instances that name an application so many are shown.
const NAMED_COUNT_MAX: usize = 20;
/// The same for the interface.
const SHOWN_COUNT: &str = "20";
/// Pages that are looked through for them.
const PAGES_COUNT_MAX: usize = 20;

/// What an application has, with the labels of its fields.
const FIELDS: [(&str, &str); 5] = [
    ("name", "Name"),
    ("connector", "Connector"),
    ("apiKey", "API Key"),
    ("apiSecret", "API Secret"),
    ("tenant", "Tenant"),
];
const COLUMNS: [Column; 5] = [
    Column::Text("Name"),
    Column::Plain("Connector"),
    Column::Plain("Client id"),
    Column::Text("Last changed"),
    Column::Number("Instances"),
];

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/applications", get(list).post(add))
        .route("/applications/{name}", get(one).post(change))
        .route("/applications/{name}/delete", post(delete))
}

async fn list(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let query = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    shown(&signed, &query, None).await
}

/// The list with the form of another one, which says what was refused.
async fn shown(signed: &Signed, fields: &Fields, refused: Option<&Answer>) -> Result<Response, Failure> {
    let next = fields.text("next");
    let path = address(&["applications"], &[("pageSize", PAGE_SIZE), ("nextPage", next)]);
    let (list, elements) = tokio::join!(signed.api.get(&path), signed.api.get("/elements"));
    let (list, elements) = (list?, elements?);
    let rows: Vec<Keyed> = list.rows().iter().map(|one| row(signed, one)).collect();
    let on = list.next_page().map(|next| address(&["applications"], &[("next", next)]));
    let body = html! {
        p.lead { "An application is what mailboxes sign in with at their provider. It is stored once, and instances name it." }
        @if rows.is_empty() {
            (ui::empty("No application is stored", "The form of a connection stores one; here is another way.", html! {}))
        } @else {
            (keyed_table("Applications, by name", &COLUMNS, &rows))
            (ui::pages((!next.is_empty()).then_some("/applications"), on.as_deref()))
        }
        (ui::lacking(list.unreadable_count()))
        (another(signed, elements.rows(), fields, refused))
    };
    let status = refused.map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let page = Page::new("Applications").section(Section::Connect).status(status);
    Ok(page.part_of("/connect", "Connect a mailbox").body(body).show(signed))
}

fn row(signed: &Signed, one: &Value) -> Keyed {
    let text = |field: &str| one[field].as_str().unwrap_or_default();
    let changed_at = time::read(one["updatedDate"].as_str());
    let cells = vec![
        html! { a.name href=(address(&["applications", text("name")], &[])) { (text("name")) } },
        html! { code { (text("connector")) } },
        html! { code { (text("apiKey")) } @if let Some(tenant) = one["tenant"].as_str() { p.reason { "Tenant " (tenant) } } },
        relative_or(changed_at, signed.now, ""),
        count(one),
    ];
    Keyed { key: text("name").to_owned(), cells }
}

/// How many name it, and which.
fn count(one: &Value) -> Markup {
    let (name, count) =
        (one["name"].as_str().unwrap_or_default(), one["instancesCount"].as_u64().unwrap_or(0));
    html! {
        @if count == 0 { span.muted { "0" } }
        @else { a href=(address(&["instances"], &[("application", name)])) { (count) } }
    }
}

fn another(signed: &Signed, elements: &[Value], fields: &Fields, refused: Option<&Answer>) -> Markup {
    let connectors: Vec<(&str, &str)> =
        elements.iter().filter_map(|one| Some((one["key"].as_str()?, one["name"].as_str()?))).collect();
    let problems = refused.map_or(Problems::none(), Problems::of);
    let about = |name: &str| problems.about(name);
    let form = html! {
        (refusal(&problems))
        (field(&Field { value: fields.text("name"), error: about("name").as_deref(), hint: Some("What instances name it by: letters, digits, `-`, `_` and `.`, at most 64"), required: true, ..Field::new("name", "Name") }))
        (connector_choice(&connectors, fields.text("connector"), about("connector").as_deref()))
        (field(&Field { value: fields.text("apiKey"), error: about("apiKey").as_deref(), hint: Some("The client id that the provider gave."), required: true, ..Field::new("apiKey", "API Key") }))
        (field(&Field { kind: "password", error: about("apiSecret").as_deref(), autocomplete: "new-password", hint: Some("The client secret. It is stored sealed, and shown to nobody again."), required: true, ..Field::new("apiSecret", "API Secret") }))
        (field(&Field { value: fields.text("tenant"), error: about("tenant").as_deref(), hint: Some("Only for an application of a single tenant: its id or domain name."), ..Field::new("tenant", "Tenant") }))
        div.actions { button.primary type="submit" { "Store it" } }
    };
    html! {
        section.card.narrow-form { h2 { "Another application" } (ui::form(signed, "/applications", form)) }
    }
}

fn connector_choice(connectors: &[(&str, &str)], chosen: &str, error: Option<&str>) -> Markup {
    html! {
        div.field {
            label for="connector" { "Connector" }
            @if let Some(error) = error { p.error #connector-error { (ui::sentence(error)) } }
            select #connector name="connector" required aria-describedby=[error.map(|_| "connector-error")] aria-invalid=[error.map(|_| "true")] {
                option value="" { "Choose one" }
                @for (key, label) in connectors { option value=(key) selected[*key == chosen] { (label) } }
            }
        }
    }
}

/// What is wrong, before the form: what no field shows, and where to look.
fn refusal(problems: &Problems) -> Markup {
    let keys = FIELDS.map(|(key, _)| key);
    let wrong: Vec<_> = FIELDS.iter().filter(|(key, _)| problems.about(key).is_some()).collect();
    html! {
        @if !problems.is_empty() {
            div role="alert" tabindex="-1" autofocus {
                (ui::notice(Tone::Bad, html! {
                    p { strong { "Nothing was stored." } }
                    @for text in problems.beside(&keys) { p { (ui::sentence(&text)) } }
                    @if !wrong.is_empty() {
                        p { "Look at: " @for (index, (id, label)) in wrong.iter().enumerate() { @if index > 0 { ", " } a href={ "#" (id) } { (label) } } }
                    }
                }))
            }
        }
    }
}

/// What of a form goes to the interface: empty fields say nothing.
fn given(fields: &Fields, names: &[&str]) -> Value {
    let pairs =
        names.iter().map(|name| (*name, fields.text(name).trim())).filter(|(_, text)| !text.is_empty());
    pairs.map(|(name, text)| (name.to_owned(), Value::from(text))).collect::<serde_json::Map<_, _>>().into()
}

async fn add(posted: Posted) -> Result<Response, Failure> {
    let Posted { signed, fields } = posted;
    let body = given(&fields, &FIELDS.map(|(key, _)| key));
    let answer = signed.api.call(Method::POST, "/applications", Some(&body)).await;
    match answer.status {
        status if status.is_success() => {
            let name = answer.body["name"].as_str().unwrap_or_default();
            Ok(signed.go("/applications", Flash::good(format!("{name} is stored."))))
        }
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        _ => shown(&signed, &fields, Some(&answer)).await,
    }
}

async fn one(signed: Signed, Path(name): Path<String>) -> Result<Response, Failure> {
    alone(&signed, &name, None).await
}

async fn alone(signed: &Signed, name: &str, refused: Option<&Answer>) -> Result<Response, Failure> {
    let path = address(&["applications", name], &[]);
    let stored = signed.api.get(&path).await?.body;
    let count = stored["instancesCount"].as_u64().unwrap_or(0);
    let named_by = if count > 0 { naming(signed, name).await? } else { Vec::new() };
    let text = |field: &str| stored[field].as_str().unwrap_or_default();
    let problems = refused.map_or(Problems::none(), Problems::of);
    let rotation = html! {
        (refusal(&problems))
        (field(&Field { kind: "password", error: problems.about("apiSecret").as_deref(), autocomplete: "new-password", hint: Some("For all instances that name it. Running processes take it the next time that the provider refuses the former one."), required: true, ..Field::new("apiSecret", "New API Secret") }))
        div.actions { button.primary type="submit" { "Replace the secret" } }
    };
    let body = html! {
        (ui::card("What it is", html! {
            dl.facts {
                div { dt { "Connector" } dd { code { (text("connector")) } } }
                div.wide { dt { "Client id" } dd { code { (text("apiKey")) } } }
                @if let Some(tenant) = stored["tenant"].as_str() { div { dt { "Tenant" } dd { (tenant) } } }
                div { dt { "Stored" } dd { (relative_or(time::read(stored["createdDate"].as_str()), signed.now, "")) } }
                div { dt { "Last changed" } dd { (relative_or(time::read(stored["updatedDate"].as_str()), signed.now, "")) } }
            }
        }))
        section.card.narrow-form { h2 { "Rotate the secret" } (ui::form(signed, &path, rotation)) }
        (ui::card("Remove it", removal(signed, (name, &path), count, &named_by)))
    };
    let status = refused.map_or(StatusCode::OK, |_| StatusCode::UNPROCESSABLE_ENTITY);
    let page =
        Page::new(name).section(Section::Connect).status(status).part_of("/connect", "Connect a mailbox");
    Ok(page.part_of("/applications", "Applications").body(body).show(signed))
}

fn removal(signed: &Signed, (application, path): (&str, &str), count: u64, named_by: &[Value]) -> Markup {
    html! {
        @if count == 0 {
            p { "No instance names it." }
            (ui::form(signed, &format!("{path}/delete"), html! { div.actions { button.danger type="submit" { "Delete the application" } } }))
        } @else {
            p {
                @if count == 1 { "An instance names it" } @else { (count) " instances name it" }
                ", and can't sign in without it. It can be deleted when none does."
            }
            ul.named {
                @for one in named_by.iter().take(NAMED_COUNT_MAX) {
                    li { a href=(address(&["instances", &one["id"].to_string()], &[])) { (ui::name(name(one))) } }
                }
            }
            @if (named_by.len().min(NAMED_COUNT_MAX) as u64) < count {
                p.muted {
                    (named_by.len().min(NAMED_COUNT_MAX)) " of " (count) " are shown. "
                    a href=(address(&["instances"], &[("application", application)])) { "Show all in the list" }
                }
            }
        }
    }
}

/// Some of the instances that name it. A host that reads a few hundred at once answers in pages, which may be empty.
async fn naming(signed: &Signed, application: &str) -> Result<Vec<Value>, Failure> {
    let (mut found, mut next) = (Vec::new(), String::new());
    for _ in 0..PAGES_COUNT_MAX {
        let query = [("application", application), ("pageSize", SHOWN_COUNT), ("nextPage", &next)];
        let page = signed.api.get(&address(&["instances"], &query)).await?;
        found.extend(page.rows().iter().cloned());
        next = page.next_page().unwrap_or_default().to_owned();
        if next.is_empty() || found.len() >= NAMED_COUNT_MAX {
            break;
        }
    }
    Ok(found)
}

async fn change(Path(name): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let Posted { signed, fields } = posted;
    let body = json!({ "apiSecret": fields.text("apiSecret") });
    let path = address(&["applications", &name], &[]);
    let answer = signed.api.call(Method::PATCH, &path, Some(&body)).await;
    match answer.status {
        status if status.is_success() => Ok(signed.go(&path, Flash::good("The secret was replaced."))),
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        StatusCode::NOT_FOUND => Err(Failure::Refused(Box::new(answer))),
        _ => alone(&signed, &name, Some(&answer)).await,
    }
}

async fn delete(Path(name): Path<String>, posted: Posted) -> Result<Response, Failure> {
    let signed = posted.signed;
    let path = address(&["applications", &name], &[]);
    let answer = signed.api.call(Method::DELETE, &path, None).await;
    match answer.status {
        status if status.is_success() => {
            Ok(signed.go("/applications", Flash::good(format!("{name} is deleted."))))
        }
        // An instance may have come to name it meanwhile: the page says which.
        StatusCode::CONFLICT | StatusCode::FORBIDDEN => Ok(signed.go(&path, Flash::bad(answer.message()))),
        _ => Err(answer.ok().map_or_else(Failure::from, |_| Failure::Unreadable)),
    }
}
