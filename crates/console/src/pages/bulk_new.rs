//! One action on many instances: what it needs to know, what it would be about, and its beginning. Nothing is done
//! before somebody saw the number.

use crate::api::{Answer, address};
use crate::bulk::{ACTIONS, Wish, in_words};
use crate::failure::Failure;
use crate::flash::{Flash, Tone};
use crate::form::{Fields, Posted};
use crate::page::{Page, Section};
use crate::shared::Shared;
use crate::signed::Signed;
use crate::ui::{self, Column, Field, field, moment, table};
use axum::Router;
use axum::extract::RawQuery;
use axum::response::Response;
use axum::routing::{get, post};
use http::{Method, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

const REASONS: [Column; 2] = [Column::Text("Nothing is done where"), Column::Number("Instances")];
const RECORDS: [Column; 4] = [
    Column::Text("Resource"),
    Column::Number("Came in"),
    Column::Number("Reported already"),
    Column::Number("To be reported"),
];
/// What is delivered again.
const DELIVERIES: [(&str, &str); 2] =
    [("delivered", "What the receiver took"), ("undelivered", "What it did not take yet")];

pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/bulk/new", get(ask)).route("/bulk", post(begin))
}

async fn ask(signed: Signed, RawQuery(query): RawQuery) -> Result<Response, Failure> {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes()).ok_or(Failure::Unreadable)?;
    let wish = Wish::of(&fields);
    if wish.names_nothing() {
        let back = html! { a.button href=(wish.list()) { "Back to the list" } };
        let body = ui::empty(
            "Nothing is ticked",
            "Tick instances in the list, or choose all that match its filter.",
            back,
        );
        return Ok(page("Choose instances").body(body).show(&signed));
    }
    if wish.lacks_details() {
        return Ok(page(title(&wish)).body(questions(&wish, None)).show(&signed));
    }
    let preview = address(&["instances", "bulk", "preview"], &[]);
    let answer = signed.api.call(Method::POST, &preview, Some(&wish.body())).await;
    Ok(match answer.status {
        StatusCode::UNAUTHORIZED => return Err(Failure::SignIn),
        status if status.is_success() => {
            let records = records(&signed, &wish).await;
            page(title(&wish)).body(html! { (counted(&signed, &wish, &answer.body, &records)) })
        }
        _ => page(title(&wish)).body(questions(&wish, Some(&answer))),
    }
    .show(&signed))
}

fn page(title: &str) -> Page {
    Page::new(title)
        .section(Section::Instances)
        .part_of("/instances", "Instances")
        .part_of("/bulk", "Bulk actions")
}

fn title(wish: &Wish<'_>) -> &'static str {
    ACTIONS
        .iter()
        .find(|(key, _)| *key == wish.action)
        .map_or("An action on many instances", |(_, name)| name)
}

/// What an action has to be told, as a form that only counts.
fn questions(wish: &Wish<'_>, refused: Option<&Answer>) -> Markup {
    html! {
        @if let Some(answer) = refused { (ui::notice(Tone::Bad, html! { p { (ui::sentence(&answer.message())) } })) }
        section.card {
            p { "For " strong { (ui::name(&wish.selected())) } ". Nothing is done yet: the next page counts." }
            form.asks method="get" action="/bulk/new" {
                (wish.selection())
                @if wish.action.is_empty() { (ui::choice("action", "Action", "Choose one", &ACTIONS, "")) }
                @else { input type="hidden" name="action" value=(wish.action); (details(wish)) }
                input type="hidden" name="counted" value="true";
                div.actions {
                    button.primary type="submit" { "Count" }
                    a.button href=(wish.list()) { "Back to the list" }
                }
            }
        }
    }
}

fn details(wish: &Wish<'_>) -> Markup {
    let text = |name: &'static str, label: &'static str| {
        field(&Field {
            value: wish.text(name),
            hint: Some("With commas between them."),
            ..Field::new(name, label)
        })
    };
    let window = html! {
        div.filter-row {
            (moment("from", "From, UTC", wish.text("from")))
            (moment("to", "To, UTC", wish.text("to")))
        }
    };
    html! {
        @match wish.action {
            "tag" => { (text("addTags", "Tags to add")) (text("removeTags", "Tags to remove")) }
            "release" => {
                p { "With a time, only callbacks that something of it waits for. A release always delivers the whole queue of a callback, in order." }
                (window)
            }
            "retry" => {
                p { "What was sent within this time is sent again, with the same ids. What is queued is released instead." }
                (window)
                (ui::choice("deliveries", "Which", "Both", &DELIVERIES, wish.text("deliveries")))
            }
            "backfill" => {
                p { "What came into the mailboxes within this time is listed again. What was reported is not reported twice." }
                (window)
            }
            _ => {}
        }
    }
}

/// How much a backfill of one mailbox would read. Of many the providers are not asked: that takes as long as doing it.
async fn records(signed: &Signed, wish: &Wish<'_>) -> Markup {
    let ("backfill", [id]) = (wish.action, wish.ids.as_slice()) else { return html! {} };
    let path = address(&["instances", id, "backfill", "preview"], &[]);
    let answer = signed.api.call(Method::POST, &path, Some(&wish.window())).await;
    if !answer.status.is_success() {
        return ui::notice(Tone::Bad, html! { p { (ui::sentence(&answer.message())) } });
    }
    let resources = answer.body["resources"].as_object().into_iter().flatten();
    let rows: Vec<Vec<Markup>> = resources.map(|(name, one)| record_row(name, one)).collect();
    html! { (table("What came within this time", &RECORDS, &rows)) }
}

fn record_row(name: &str, one: &Value) -> Vec<Markup> {
    let number = |key: &str| one[key].as_u64().unwrap_or(0);
    let bound = if one["atLeast"] == true { "at least " } else { "" };
    vec![
        html! { code { (name) } @if let Some(why) = one["notRead"].as_str() { p.reason { (ui::sentence(why)) } } },
        html! { (bound) (number("records")) },
        html! { (number("reported")) },
        html! { (bound) (number("records").saturating_sub(number("reported"))) },
    ]
}

/// What it would be about, and the button that does it.
fn counted(signed: &Signed, wish: &Wish<'_>, preview: &Value, records: &Markup) -> Markup {
    let number = |name: &str| preview[name].as_u64().unwrap_or(0);
    let affected = number("affected");
    let reasons: Vec<Vec<Markup>> = preview["reasons"].as_array().into_iter().flatten().map(reason).collect();
    let selected = if number("selected") == 1 {
        "1 instance is"
    } else {
        &format!("{} instances are", number("selected"))
    };
    html! {
        section.card {
            p { "Named by " strong { (ui::name(&wish.selected())) } ": " (selected) " meant, as they are now. Later ones are not." }
            (records)
            @if !reasons.is_empty() { (table("Where nothing is done", &REASONS, &reasons)) }
            @if affected == 0 {
                (ui::notice(Tone::Bad, html! { p { "There is nothing to be done." } }))
                div.actions { a.button href=(wish.list()) { "Back to the list" } }
            } @else {
                @if wish.action == "delete" {
                    p { "Polls end, what waits to be delivered is dropped, and the provider's tokens are removed. This can't be undone; the mailboxes themselves are not touched." }
                }
                (ui::form(signed, "/bulk", html! {
                    (wish.selection())
                    (wish.details())
                    input type="hidden" name="action" value=(wish.action);
                    input type="hidden" name="counted" value="true";
                    input type="hidden" name="expected" value=(affected);
                    div.actions {
                        button type="submit" class=(if wish.action == "delete" { "danger" } else { "primary" }) {
                            (in_words(wish.action, affected))
                        }
                        a.button href=(wish.list()) { "Back to the list" }
                    }
                }))
            }
        }
    }
}

fn reason(one: &Value) -> Vec<Markup> {
    vec![
        html! { (one["reason"].as_str().unwrap_or_default()) },
        html! { (one["count"].as_u64().unwrap_or(0)) },
    ]
}

async fn begin(posted: Posted) -> Result<Response, Failure> {
    let (signed, wish) = (&posted.signed, Wish::of(&posted.fields));
    let mut body = wish.body();
    body["expected"] = posted.fields.text("expected").parse::<u64>().ok().into();
    let answer = signed.api.call(Method::POST, &address(&["instances", "bulk"], &[]), Some(&body)).await;
    match answer.status {
        StatusCode::UNAUTHORIZED => Err(Failure::SignIn),
        status if status.is_success() => {
            let id = answer.body["id"].as_str().unwrap_or_default();
            let flash =
                Flash::good("Begun. It goes on without this page, which can be left and found again.");
            Ok(signed.go(&address(&["bulk", id], &[]), flash))
        }
        _ => Ok(page(title(&wish)).body(questions(&wish, Some(&answer))).show(signed)),
    }
}
