//! The consent page: at once for a named account, else a page to choose from.

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
        Err(fault) => return page(400, desk.name, &format!("<p>Error 400: {}</p>", escape(&fault))),
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

fn choices(desk: &Desk<'_>, call: &Call) -> Reply {
    let link = |name: &str, value: &str, text: &str| {
        let others = call.query().iter().filter(|(key, _)| key != "login_hint" && key != "deny");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(others).append_pair(name, value);
        let href = format!("{}?{}", call.uri.path(), query.finish());
        format!("<li><a href=\"{}\">{}</a></li>\n", escape(&href), escape(text))
    };
    let accounts: String = desk.accounts.iter().map(|account| link("login_hint", account, account)).collect();
    let deny = link("deny", "1", "Deny");
    page(200, desk.name, &format!("<p>Choose an account</p>\n<ul>\n{accounts}{deny}</ul>"))
}

fn page(status: u16, name: &str, content: &str) -> Reply {
    let head = format!("<!doctype html>\n<html><head><title>{name} stand-in</title></head>");
    Reply::html(status, format!("{head}\n<body><h1>{name} stand-in</h1>\n{content}\n</body></html>\n"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
