//! The consent page: at once for a named account, else a login like a provider's: choose an account, consent or refuse.
//! It is marked as a stand-in, and has no brand.

use super::{Consent, Grants};
use crate::call::Call;
use crate::reply::Reply;

/// Who can consent, and how.
pub(crate) struct Desk<'a> {
    pub(crate) name: &'static str,
    pub(crate) accounts: Vec<String>,
    pub(crate) grants: &'a mut Grants,
    pub(crate) now_us: i64,
    pub(crate) rng: &'a mut fastrand::Rng,
    /// Whether this call, for this account, brings a refresh token.
    pub(crate) offline: fn(&Call, &Grants, &str) -> bool,
}

/// Answers a visit to the consent page.
pub(crate) fn authorize(desk: Desk<'_>, call: &Call) -> Reply {
    let redirect_uri = match check(&desk, call) {
        Ok(redirect_uri) => redirect_uri,
        Err(fault) => return page(400, desk.name, &refused(desk.name, &fault)),
    };
    if call.param("deny").is_some() {
        let query = [("error", "access_denied"), ("error_description", "The user denied the request.")];
        return send_back(redirect_uri, call, &query);
    }
    let hint = call.param("login_hint").unwrap_or_default();
    match desk.accounts.iter().find(|account| account.eq_ignore_ascii_case(hint)).cloned() {
        Some(account) => consent(desk, call, redirect_uri, account),
        None => choices(&desk, call),
    }
}

fn check(desk: &Desk<'_>, call: &Call) -> Result<url::Url, String> {
    let required = |name: &str| call.param(name).ok_or_else(|| format!("invalid_request, missing {name}"));
    if !desk.grants.knows_client(required("client_id")?) {
        return Err("invalid_client, the client was not found".to_owned());
    }
    if required("response_type")? != "code" {
        return Err("unsupported_response_type".to_owned());
    }
    required("scope")?;
    if call.param("code_challenge_method").is_some_and(|method| method != "S256") {
        return Err("invalid_request, code_challenge_method".to_owned());
    }
    let redirect_uri = required("redirect_uri")?;
    redirect_uri.parse().map_err(|_| "redirect_uri_mismatch".to_owned())
}

/// What is wrong with an application's request, as a provider says it to whoever was sent here.
fn refused(name: &str, fault: &str) -> String {
    let fault = escape(fault);
    format!(
        "<h1>{name} refuses this sign-in</h1>\n<p>Error 400: {fault}</p>\n<p>Go back, and mend what the application sends.</p>"
    )
}

fn consent(desk: Desk<'_>, call: &Call, redirect_uri: url::Url, account: String) -> Reply {
    let scope = call.param("scope").unwrap_or_default().to_owned();
    let offline = (desk.offline)(call, desk.grants, &account);
    let given = call.param("redirect_uri").map(str::to_owned);
    let challenge = call.param("code_challenge").map(str::to_owned);
    let consent = Consent { account, scope, offline };
    let code = desk.grants.new_code(consent, given, challenge, desk.now_us, desk.rng);
    send_back(redirect_uri, call, &[("code", &code)])
}

fn send_back(mut redirect_uri: url::Url, call: &Call, query: &[(&str, &str)]) -> Reply {
    let mut pairs = redirect_uri.query_pairs_mut();
    pairs.extend_pairs(query);
    if let Some(state) = call.param("state") {
        pairs.append_pair("state", state);
    }
    drop(pairs);
    Reply::redirect(redirect_uri.into())
}

/// First who signs in, then whether they consent to what is asked for.
fn choices(desk: &Desk<'_>, call: &Call) -> Reply {
    let chosen = call.param("as").unwrap_or_default();
    match desk.accounts.iter().find(|account| account.as_str() == chosen) {
        Some(account) => page(200, desk.name, &consents(desk, call, account)),
        None => page(200, desk.name, &accounts(desk, call)),
    }
}

fn accounts(desk: &Desk<'_>, call: &Call) -> String {
    let account = |account: &String| {
        let letter = escape(&account.chars().take(1).collect::<String>().to_uppercase());
        let href = link_with(call, &[("as", account)]);
        let account = escape(account);
        format!(
            "<li><a class=\"account\" href=\"{href}\"><span class=\"face\" aria-hidden=\"true\">{letter}</span>{account}</a></li>\n"
        )
    };
    let accounts: String = desk.accounts.iter().map(account).collect();
    let deny = link_with(call, &[("deny", "1")]);
    format!(
        "<h1>Choose an account</h1>\n<p>to go on to <strong>{}</strong></p>\n<ul>\n{accounts}</ul>\n\
         <p><a href=\"{deny}\">Cancel</a></p>",
        escape(&site(call))
    )
}

fn consents(desk: &Desk<'_>, call: &Call, account: &str) -> String {
    let scopes = call.param("scope").unwrap_or_default().split_whitespace();
    let scopes: String = scopes.map(|scope| format!("<li><code>{}</code></li>\n", escape(scope))).collect();
    let (allow, deny) = (link_with(call, &[("login_hint", account)]), link_with(call, &[("deny", "1")]));
    let others = link_with(call, &[]);
    format!(
        "<h1>{site} wants to use your {name} account</h1>\n\
         <p class=\"who\">{account} <a href=\"{others}\">Use another account</a></p>\n<p>It asks for</p>\n\
         <ul class=\"scopes\">\n{scopes}</ul>\n\
         <div class=\"actions\"><a href=\"{deny}\">Refuse</a><a class=\"primary\" href=\"{allow}\">Allow</a></div>",
        site = escape(&site(call)),
        name = desk.name,
        account = escape(account),
    )
}

/// Who asks, as far as the address to come back to says.
fn site(call: &Call) -> String {
    let back = call.param("redirect_uri").and_then(|uri| uri.parse::<url::Url>().ok());
    back.and_then(|uri| uri.host_str().map(str::to_owned)).unwrap_or_default()
}

/// This page with something decided on it.
fn link_with(call: &Call, decided: &[(&str, &str)]) -> String {
    let others = call.query().iter().filter(|(key, _)| !["login_hint", "deny", "as"].contains(&key.as_str()));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(others).extend_pairs(decided);
    escape(&format!("{}?{}", call.uri.path(), query.finish()))
}

/// Calm, in both schemes, and nobody's brand.
const STYLE: &str = "
:root { color-scheme: light dark; --paper: #eceef3; --sheet: #fff; --ink: #1e2330; --soft: #545b6b; --line: #d4d8e2; --accent: #2f4fa8; --on-accent: #fff; --mark: #fff3d6; --on-mark: #5a3d00; }
@media (prefers-color-scheme: dark) { :root { --paper: #13161d; --sheet: #1c212b; --ink: #e7eaf1; --soft: #a9b1c1; --line: #353c4a; --accent: #9db6ff; --on-accent: #101a36; --mark: #3a2f14; --on-mark: #f3d591; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
.mark { margin: 0; padding: .6rem 1rem; text-align: center; background: var(--mark); color: var(--on-mark); font-size: .875rem; }
main { max-width: 27rem; margin: 8vh auto 2rem; padding: 2rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 .25rem; font-size: 1.375rem; line-height: 1.25; }
p { margin: 0 0 1rem; color: var(--soft); }
ul { margin: 0 0 1.25rem; padding: 0; list-style: none; }
li { border-top: 1px solid var(--line); }
li:last-child { border-bottom: 1px solid var(--line); }
a { color: var(--accent); }
.account { display: flex; gap: .75rem; align-items: center; padding: .75rem .25rem; color: inherit; text-decoration: none; }
.account:hover { background: var(--paper); }
.face { display: grid; place-items: center; width: 2rem; height: 2rem; border-radius: 50%; background: var(--accent); color: var(--on-accent); }
.who a { margin-left: .5rem; }
.scopes li { padding: .5rem .25rem; font-size: .875rem; }
.actions { display: flex; justify-content: flex-end; gap: 1rem; align-items: center; }
.primary { padding: .5rem 1.25rem; border-radius: .5rem; background: var(--accent); color: var(--on-accent); text-decoration: none; }
@media (max-width: 30rem) { main { margin: 0; border: 0; border-radius: 0; min-height: 80vh; } }
";

fn page(status: u16, name: &str, content: &str) -> Reply {
    Reply::html(
        status,
        format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{name} stand-in</title><style>{STYLE}</style></head>\n<body>\
             <header class=\"mark\">A stand-in for the login of <strong>{name}</strong>: nothing here reaches {name}, and no password is asked for.</header>\n\
             <main>\n{content}\n</main></body></html>\n"
        ),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
