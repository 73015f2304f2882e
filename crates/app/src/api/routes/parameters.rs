//! Parameters of queries, as the description lists them.

use crate::api::route::{Parameter, ParameterKind};

const fn parameter(
    name: &'static str,
    kind: ParameterKind,
    example: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { name, kind, is_required: false, description, example }
}

/// Nothing is done without it.
const fn required(
    name: &'static str,
    kind: ParameterKind,
    example: &'static str,
    description: &'static str,
) -> Parameter {
    Parameter { is_required: true, ..parameter(name, kind, example, description) }
}

pub(super) static PAGE_SIZE: Parameter =
    parameter("pageSize", ParameterKind::Number(1, 200), "50", "Records per page; 50 by default.");
pub(super) static LARGE_PAGE_SIZE: Parameter =
    parameter("pageSize", ParameterKind::Number(1, 200), "200", "Records per page; 200 by default.");
pub(super) static NEXT_PAGE: Parameter = parameter(
    "nextPage",
    ParameterKind::Text,
    "",
    "The token of a page, for the next one. It wins over `page`.",
);
pub(super) static RE_AUTHENTICATE: Parameter =
    parameter("reAuthenticate", ParameterKind::Flag, "false", "With `false` a code in the body is not used.");
pub(super) static CONFIRM_MAILBOX: Parameter = parameter(
    "confirmMailbox",
    ParameterKind::Flag,
    "true",
    "With `true` a sign-in to another mailbox changes nothing: it is refused with 409, and `otherMailbox` has what to send \
     so that the mailbox takes the place of the former one.",
);
pub(super) static DRY_RUN: Parameter =
    parameter("dryRun", ParameterKind::Flag, "false", "With `true` it is checked, and nothing is stored.");
pub(super) static TAGS: Parameter =
    parameter("tags[]", ParameterKind::Texts, "Docs", "Only instances that have all these tags.");
pub(super) static SEARCH_TEXT: Parameter = parameter(
    "searchText",
    ParameterKind::Text,
    "sales",
    "Only instances whose name contains this, in any case.",
);
pub(super) static MAILBOX: Parameter = parameter(
    "mailbox",
    ParameterKind::Text,
    "ada@example.com",
    "Only instances of the mailbox with this whole address, in any case.",
);
pub(super) static HEALTH: Parameter = parameter(
    "status[]",
    ParameterKind::Texts,
    "needsSignIn",
    "Only instances that are in one of these states: needsSignIn, disabled, suspended, eventsOff, stopped, failing, \
     backingOff, releasing, starting, healthy.",
);
pub(super) static CONNECTOR: Parameter =
    parameter("connector", ParameterKind::Text, "", "Only instances of this connector, by its key or id.");
pub(super) static NAMED_APPLICATION: Parameter =
    parameter("application", ParameterKind::Text, "", "Only instances that name this stored application.");
pub(super) static WAITING: Parameter = parameter(
    "waiting",
    ParameterKind::Flag,
    "true",
    "Only instances with waiting notifications, or whose callback is suspended or being released though they are enabled.",
);
pub(super) static WITH_HEALTH: Parameter = parameter(
    "withHealth",
    ParameterKind::Flag,
    "true",
    "With `health` of each instance: its status and why, its last and its next poll.",
);
pub(super) static ORDER_INSTANCES: Parameter = parameter(
    "orderBy",
    ParameterKind::OneOf(&["lastSuccess"]),
    "lastSuccess",
    "Least recently read first, for at most 10,000 instances; by id by default.",
);
pub(super) static HYDRATE: Parameter = parameter(
    "hydrate",
    ParameterKind::Flag,
    "true",
    "With the configuration of instances (default: yes), or with notification and subscription of \
     deliveries (default: no).",
);
pub(super) static FROM: Parameter = parameter(
    "from",
    ParameterKind::Text,
    "2026-11-22T11:40:00Z",
    "Nothing before this time: RFC 3339, or milliseconds since the Unix epoch.",
);
pub(super) static TO: Parameter = parameter(
    "to",
    ParameterKind::Text,
    "2026-11-22T12:40:00Z",
    "Nothing from this time on: RFC 3339, or milliseconds since the Unix epoch.",
);
pub(super) static OBJECT_TYPE: Parameter =
    parameter("objectType", ParameterKind::Text, "messages", "Only events of this polled resource.");
pub(super) static OBJECT_ID: Parameter =
    parameter("objectId", ParameterKind::Text, "18c1f0a2b3c4d5e6", "Only events of this object.");
pub(super) static SUBJECT: Parameter = parameter(
    "subject",
    ParameterKind::Text,
    "invoice",
    "Only notifications of a record whose subject, title or name contains this, in any case. No index leads to them: a \
     request reads at most 5,000 of the newest, says in `Elements-Searched-To` how far it came, and its token goes on.",
);
pub(super) static EVENT_TYPE: Parameter = parameter(
    "eventType",
    ParameterKind::OneOf(&["CREATED", "UPDATED", "DELETED"]),
    "CREATED",
    "Only notifications with an event of this type.",
);
pub(super) static STATUS: Parameter = parameter(
    "status",
    ParameterKind::OneOf(&[
        "NEW",
        "RECEIVED",
        "DISPATCHED",
        "CONSUMED",
        "NOTIFIED",
        "created",
        "delivered",
        "retry",
        "queued",
        "dropped",
        "logged",
        "onTheWay",
    ]),
    "NOTIFIED",
    "Only what has this status, as an event or as a delivery; `onTheWay` is `created` and `retry`.",
);
pub(super) static INTERVAL: Parameter = parameter(
    "interval",
    ParameterKind::OneOf(&["minute", "hour", "day"]),
    "hour",
    "Length of a row; minute by default. At most 10,081 rows.",
);
pub(super) static ACCOUNT_IDS: Parameter =
    parameter("accountIds[]", ParameterKind::Texts, "1", "Only these accounts, by their numbers.");
pub(super) static TOPICS: Parameter = required(
    "topics[]",
    ParameterKind::Texts,
    "instance-17-mailbox-events",
    "At most 20; the newest notifications of one after the other, at most 200 or 4 MB in all.",
);
pub(super) static WHERE_DELIVERY: Parameter = parameter(
    "where",
    ParameterKind::Text,
    "channel='webhook' and status='queued'",
    "A condition in CEQL on the fields of the records, `config.url` among them.",
);
pub(super) static WHERE: Parameter = parameter(
    "where",
    ParameterKind::Text,
    "ReceivedDateTime >= '2026-11-22T11:40:00Z'",
    "A condition in CEQL (AND, OR, NOT, parentheses, = != < > <= >=, LIKE, IN, IS NULL), translated to the \
     provider's own filter. What the provider can't do is refused, with the field and the operator.",
);
pub(super) static FIELDS: Parameter = parameter(
    "fields",
    ParameterKind::Text,
    "Id,Subject",
    "Only these fields, separated by commas; dots lead into objects.",
);
pub(super) static ORDER_BY: Parameter = parameter(
    "orderBy",
    ParameterKind::Text,
    "ReceivedDateTime desc",
    "Fields, separated by commas, each with `asc` or `desc` or neither.",
);
pub(super) static PAGE: Parameter = parameter(
    "page",
    ParameterKind::Number(0, 100_000),
    "1",
    "Which page, counted from 1; 0 is the first, too.",
);
pub(super) static HUB_PAGE_SIZE: Parameter = parameter(
    "pageSize",
    ParameterKind::Number(1, 1000),
    "20",
    "Records per page; the default is the resource's. Some resources allow less than 1000.",
);
pub(super) static API_KEY: Parameter = parameter(
    "apiKey",
    ParameterKind::Text,
    "CLIENT_ID",
    "The application's client id; required unless `application` is given.",
);
pub(super) static APPLICATION: Parameter = parameter(
    "application",
    ParameterKind::Text,
    "",
    "The name of a stored application, instead of `apiKey`.",
);
pub(super) static CALLBACK_URL: Parameter = required(
    "callbackUrl",
    ParameterKind::Text,
    "https://app.example/oauth",
    "Where the provider sends the user back, as it is registered there.",
);
pub(super) static SCOPE: Parameter = parameter(
    "scope",
    ParameterKind::Text,
    "mail.read",
    "Scopes, separated by spaces; by default the connector's own.",
);
pub(super) static STATE: Parameter = parameter(
    "state",
    ParameterKind::Text,
    "my-state",
    "Returned with the user; by default the connector's key.",
);
pub(super) static CODE_CHALLENGE: Parameter = parameter(
    "codeChallenge",
    ParameterKind::Text,
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "PKCE: the SHA-256 digest of a verifier, in base64url without padding. The verifier is then \
     `providerData.codeVerifier`, beside the code.",
);
pub(super) static CODE_CHALLENGE_METHOD: Parameter = parameter(
    "codeChallengeMethod",
    ParameterKind::OneOf(&["S256"]),
    "S256",
    "How the challenge was made; there is one way.",
);
pub(super) static STORED_CALLBACK_URL: Parameter = parameter(
    "callbackUrl",
    ParameterKind::Text,
    "https://app.example/oauth",
    "Where the provider sends the user back; the instance's `oauth.callback.url` where it is not given.",
);
