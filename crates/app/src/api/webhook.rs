//! What goes out by itself, as the description tells of it: the callback.

use super::answers::callback::Callback;
use super::schemas::shown;
use schemars::SchemaGenerator;
use serde_json::{Value, json};

/// Of OpenAPI's `webhooks`.
pub(super) fn described(schemas: &mut SchemaGenerator) -> Value {
    let schema = shown(schemas.subschema_for::<Callback>());
    let parameters = [
        header(
            "Elements-Webhook-Id",
            true,
            "7M5_8yH4DYh1mrWIQ7lt",
            "`message.eventId`: the same on every attempt, so that what \
            came before can be told.",
        ),
        header(
            "Elements-Webhook-Signature",
            false,
            "sha256=jHdbRx5EZAsOfTwAPJOGkNUzQMVVdu5VJlxcsk+G6jQ=",
            "With a signature \
            key: `sha256=` and the padded Base64 of the HMAC-SHA256 of the exact bytes of the body.",
        ),
        header(
            "webhook-id",
            false,
            "7M5_8yH4DYh1mrWIQ7lt",
            "With a signature key: the id, as Standard Webhooks has it.",
        ),
        header(
            "webhook-timestamp",
            false,
            "1795347601",
            "With a signature key: when the attempt was made, seconds since the \
            Unix epoch.",
        ),
        header(
            "webhook-signature",
            false,
            "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
            "With a signature key: \
            signatures as Standard Webhooks has them, separated by spaces; two for a day after the key was changed.",
        ),
    ];
    json!({
        "events": {
            "post": {
                "operationId": "receiveEvents",
                "summary": "Take events of an instance",
                "description": "Sent to `event.notification.callback.url` of the instance. An attempt waits 30 seconds; what is \
                    not answered by 2xx is sent again, with the same id and the same bytes, after 8, 64, 512, 4096 and 32768 \
                    seconds. No order is promised.",
                "tags": ["events"],
                "security": [],
                "parameters": parameters,
                "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
                "responses": {
                    "2XX": { "description": "Accepted; it is not sent again" },
                    "410": { "description": "Gone: the subscription is suspended at once" },
                    "429": { "description": "Not now; a `Retry-After` is honoured" },
                    "503": { "description": "Not now; a `Retry-After` is honoured" },
                    "default": { "description": "A failed attempt; redirects are not followed" },
                },
            },
        },
    })
}

fn header(name: &str, is_required: bool, example: &str, description: &str) -> Value {
    json!({
        "name": name,
        "in": "header",
        "required": is_required,
        "description": description,
        "schema": { "type": "string" },
        "example": example,
    })
}
