//! The description of the interface, OpenAPI 3.1, made from the table of routes and the types of what is answered and
//! read.

use super::answer::{Answered, Paging};
use super::answers::error::ErrorBody;
use super::handled::Handled;
use super::route::{BASE_PATH, CallerKind, Described, Method, Parameter, ParameterKind};
use super::schemas::{INTEGER, Schemas, shown};
use super::webhook;
use crate::context::Context;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::{Extension, Json};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

/// What answers mean that are not what was requested.
const FAILURES: [(u16, &str); 13] = [
    (
        ELSEWHERE,
        "The content is longer than this host answers with: `Location` gives it, within five minutes, without `Authorization`",
    ),
    (400, "The request breaks a rule; the message names the field and the rule, and nothing was changed"),
    (401, "The `Authorization` header is missing, or what it holds is not known"),
    (403, "The caller may not do this, or the instance is disabled"),
    (404, "There is nothing at this address, or nothing that the caller may see"),
    (409, "It conflicts with the present state, or with a change at the same time"),
    (410, "It was there, and is over"),
    (413, "The body is too long, or a content is longer than this host can answer with"),
    (415, "The body is compressed; `Accept-Encoding` says what is taken"),
    (
        TOO_MANY,
        "Too many requests of this organization, or the provider asked for a pause: see `Retry-After`",
    ),
    (500, "Internal error; nothing was lost"),
    (BAD_GATEWAY, "The provider failed or refused; `providerMessage` has its own words"),
    (UNAVAILABLE, "The service can't start, or its data can't be written: nothing was lost, try again"),
];
const ELSEWHERE: u16 = 307;
const TOO_MANY: u16 = 429;
const BAD_GATEWAY: u16 = 502;
/// Any operation may meet it: what answers is not there yet, or can keep nothing.
const UNAVAILABLE: u16 = 503;

/// The whole document. `outside` are routes that are not below the base path.
pub(super) fn document(dialect: &[Described], outside: &[Described]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths = Map::new();
    let all = dialect.iter().map(|route| (BASE_PATH, route)).chain(outside.iter().map(|route| ("", route)));
    for (base, route) in all.filter(|(_, route)| !is_repeated(route)) {
        let path = format!("{base}{}", path_of(route));
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method(route)] = operation(route, &mut schemas);
    }
    let nouns: BTreeSet<&str> =
        dialect.iter().chain(outside).map(|route| tag(route.operation.path)).collect();
    let tag = |noun: &&str| json!({ "name": noun, "description": format!("Everything about {noun}.") });
    let webhooks = webhook::described(&mut schemas.answers);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Carillon",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Connects mailboxes by OAuth, polls them for changes, and delivers signed events to a callback. \
                Speaks the \"elements api-v2\" dialect of Open Connectors.",
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
            "contact": { "name": "Whoever runs this host" },
        },
        "servers": [],
        "security": [{ "caller": [] }],
        "tags": nouns.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas.collected(),
            "headers": headers(),
            "securitySchemes": {
                "caller": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`User <user secret>, Organization <organization secret>`, or \
                        `User <user secret>, Element <instance token>`, or all three; `Session <token>` in the place of both \
                        secrets; for administration `Admin <key>`. \
                        Parts in any order, their first words in any case.",
                },
            },
        },
    })
}

/// Only a `/` behind its path keeps it apart from another route: clients need no call of their own for it.
fn is_repeated(route: &Described) -> bool {
    route.operation.path.ends_with('/')
}

fn method(route: &Described) -> &'static str {
    match route.operation.method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Put => "put",
        Method::Patch => "patch",
        Method::Delete => "delete",
    }
}

/// As OpenAPI writes it: `{*rest}` is a parameter like any other.
fn path_of(route: &Described) -> String {
    route.operation.path.replace("{*", "{")
}

fn operation(route: &Described, schemas: &mut Schemas) -> Value {
    let mut operation = json!({
        "operationId": route.operation.id,
        "summary": route.operation.summary,
        "description": caller(route.caller),
        "tags": [tag(route.operation.path)],
        "parameters": parameters(route),
        "responses": responses(route, schemas),
    });
    if let Some(body) = route.handled.body {
        let schema = shown((body.schema)(&mut schemas.requests));
        operation["requestBody"] =
            json!({ "required": !body.is_optional, "content": { "application/json": { "schema": schema } } });
    }
    if route.caller == CallerKind::Anybody {
        operation["security"] = json!([]);
    }
    operation
}

/// A resource of a mailbox is one also where the hub is not named.
fn tag(path: &str) -> &str {
    match path.trim_start_matches('/').split('/').next().unwrap_or_default() {
        parameter if parameter.starts_with('{') => "hubs",
        noun => noun,
    }
}

fn caller(kind: CallerKind) -> &'static str {
    match kind {
        CallerKind::User => {
            "Called by a user, with the organization's secret, or with an instance's token for that instance alone."
        }
        CallerKind::Organization => "Called by a user with the organization's secret.",
        CallerKind::Element => "Called by a user with an instance's token.",
        CallerKind::Administrator => {
            "Called with the administrator's key, or by a user who sees all of the organization."
        }
        CallerKind::Anybody => "Needs no `Authorization`.",
    }
}

fn parameters(route: &Described) -> Vec<Value> {
    let names = route.operation.path.split(['{', '}']).skip(1).step_by(2);
    let path = names.map(|name| of_path(name.trim_start_matches('*')));
    path.chain(route.parameters.iter().map(|parameter| of_query(parameter))).collect()
}

/// Numbers where the original has numbers. Anything else in their place leads to nothing: 404.
fn of_path(name: &str) -> Value {
    let (is_number, description) = match name {
        "id" => (true, "The number of the instance, account or organization."),
        "user" => (true, "The number of the user."),
        "number" => (true, "The number of the notification, which its callback had as a text."),
        "subscription" => (true, "The number of the subscription."),
        "element" => (false, "The connector, by its key or number."),
        "event" => (false, "The event's id: `message.eventId` of its callback."),
        "item" => (false, "The configuration item, by its key or number."),
        "backfill" => (false, "The backfill's id."),
        "hub" => (false, "The name of the hub; any will do."),
        "resource" => (false, "The resource, as named in the connector's metadata."),
        "object" => (false, "The provider's id of the object."),
        "child" => (false, "What belongs to the object, as `attachments`."),
        "part" => (false, "The provider's id of what belongs to the object."),
        _ => (false, "Anything."),
    };
    let schema = match is_number {
        true => json!({ "type": "integer", "format": INTEGER, "minimum": 1 }),
        false => json!({ "type": "string", "minLength": 1 }),
    };
    json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
}

fn of_query(parameter: &Parameter) -> Value {
    let schema = match parameter.kind {
        ParameterKind::Text => json!({ "type": "string" }),
        ParameterKind::Number(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        ParameterKind::Flag => json!({ "type": "boolean" }),
        ParameterKind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        ParameterKind::OneOf(values) => json!({ "type": "string", "enum": values }),
    };
    let example = match parameter.kind {
        ParameterKind::Number(..) | ParameterKind::Flag => {
            serde_json::from_str(parameter.example).unwrap_or_default()
        }
        ParameterKind::Texts => json!([parameter.example]),
        ParameterKind::Text | ParameterKind::OneOf(_) => parameter.example.into(),
    };
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.is_required,
        "description": parameter.description,
        "schema": schema,
        "example": example,
    })
}

/// The parameter that no index leads to: its lists end where a request has read enough.
const SEARCHED: &str = "subject";

/// What a page comes with.
const PAGE_HEADERS: [&str; 4] = [
    "Elements-Returned-Count",
    "Elements-Total-Count",
    "Elements-Next-Page-Token",
    "Elements-Unreadable-Count",
];

fn responses(route: &Described, schemas: &mut Schemas) -> Value {
    let Handled { status, page, media_type, answer, failure, .. } = &route.handled;
    let mut good = json!({ "description": "It is done", "headers": request_id() });
    if let Some(schema) = answer(&mut schemas.answers) {
        good["content"] = json!({ (*media_type): { "schema": shown(schema) } });
    }
    if *page != Paging::Never {
        for header in PAGE_HEADERS {
            good["headers"][header] = json!({ "$ref": format!("#/components/headers/{header}") });
        }
    }
    if route.parameters.iter().any(|parameter| parameter.name == SEARCHED) {
        let searched_to = "Elements-Searched-To";
        good["headers"][searched_to] = json!({ "$ref": format!("#/components/headers/{searched_to}") });
    }
    if *page == Paging::Sometimes {
        // An answer that is no list has no length.
        good["headers"]["Elements-Returned-Count"] = json!({ "schema": { "type": "integer" } });
    }
    let own = failure(&mut schemas.answers).map(shown);
    let mut responses = BTreeMap::from([(*status, good)]);
    for (status, meaning) in FAILURES.into_iter().filter(|(status, _)| may_fail_with(route, *status)) {
        let error = shown(schemas.answers.subschema_for::<ErrorBody>());
        let schema = match &own {
            Some(own) if [TOO_MANY, BAD_GATEWAY].contains(&status) => json!({ "anyOf": [own, error] }),
            _ => error,
        };
        let mut failure = json!({ "description": meaning, "headers": request_id() });
        if status == ELSEWHERE {
            failure["headers"]["Location"] =
                json!({ "required": true, "schema": { "type": "string", "format": "uri" } });
        } else {
            failure["content"] = json!({ "application/json": { "schema": schema } });
        }
        if status == TOO_MANY {
            failure["headers"]["Retry-After"] = json!({ "$ref": "#/components/headers/Retry-After" });
        }
        responses.insert(status, failure);
    }
    responses.into_iter().map(|(status, response)| (status.to_string(), response)).collect()
}

fn may_fail_with(route: &Described, status: u16) -> bool {
    status == UNAVAILABLE || route.handled.failures.contains(&status) || route.failures.contains(&status)
}

fn request_id() -> Value {
    json!({ "Elements-Request-Id": { "$ref": "#/components/headers/Elements-Request-Id" } })
}

fn headers() -> Value {
    json!({
        "Elements-Request-Id": {
            "description": "Names the request, also in its error and in the audit record.",
            "required": true,
            "schema": { "type": "string" },
        },
        "Elements-Returned-Count": {
            "description": "How many records this page has.",
            "required": true,
            "schema": { "type": "integer" },
        },
        "Elements-Total-Count": {
            "description": "How many records the whole list has; only where that is known.",
            "schema": { "type": "integer" },
        },
        "Elements-Searched-To": {
            "description": "Where a search ended before its page was full, because it had read as much as one request \
                does: everything of this time and later was looked at, and the next page's token goes on from there.",
            "schema": { "type": "string", "format": "date-time" },
        },
        "Elements-Unreadable-Count": {
            "description": "How many rows are not shown, or not counted, because they can't be read: what this list \
                lacks need not be deleted. Absent where there are none. One row may be counted on several pages.",
            "schema": { "type": "integer" },
        },
        "Retry-After": {
            "description": "Seconds to wait, where that is known.",
            "schema": { "type": "integer" },
        },
        "Elements-Next-Page-Token": {
            "description": "Opaque; sent back as `nextPage` it gives the next page. Absent on the last one.",
            "schema": { "type": "string" },
        },
    })
}

/// An OpenAPI document.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Document(pub(super) Value);

impl JsonSchema for Document {
    fn schema_name() -> Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A document of OpenAPI, such as this one.", "type": "object", "additionalProperties": true })
    }
}

/// The document of all routes: the router brings it along, since this one is among them. It is the same for as long as
/// the program runs, and made, or read, when it is first asked for.
#[derive(Clone, Copy)]
pub struct Description(&'static LazyLock<Value>);

impl Description {
    /// Of what makes the document or reads it.
    pub fn of(document: &'static LazyLock<Value>) -> Self {
        Description(document)
    }

    /// The document, made or read by now.
    pub fn document(self) -> &'static Value {
        self.0
    }
}

/// Serves the document, with the address that it was asked for at.
pub(super) async fn serve(
    State(app): State<Arc<Context>>,
    Extension(description): Extension<Description>,
    headers: HeaderMap,
) -> Answered<Json<Document>> {
    let mut document = description.document().clone();
    document["servers"] = json!([{ "url": address(app.config.public_url.as_deref(), &headers) }]);
    Ok(Json(Document(document)))
}

/// Where the host is: as it is configured, or as the request says.
pub(super) fn address(public_url: Option<&str>, headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_host = |host: &&str| {
        host.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
    };
    match (public_url, text("host").filter(is_host)) {
        (Some(url), _) => url.to_owned(),
        (None, Some(host)) => {
            let is_https =
                text("x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
            format!("{}://{host}", if is_https { "https" } else { "http" })
        }
        (None, None) => "/".to_owned(),
    }
}
