//! Which call a provider refused, in words for the log: the method and the path, without what names a record, a folder
//! or a person.

use async_trait::async_trait;
use connectors::{Http, HttpError, HttpRequest, HttpResponse, Method};

/// A request that is under way, as it is called if it is refused.
pub(crate) struct ProviderCall {
    method: Method,
    url: String,
}

impl ProviderCall {
    pub(crate) fn of(request: &HttpRequest<'_>) -> Self {
        ProviderCall { method: request.method, url: request.url.clone() }
    }

    /// Notes an answer that is a refusal.
    pub(crate) fn log(&self, connector: &str, instance_id: Option<u32>, status: u16) {
        if status < 400 {
            return;
        }
        let call = named(self.method, &self.url);
        tracing::info!(instance.id = instance_id, connector, call, status, "provider.refused");
    }
}

/// The way to a provider of what asks for no instance.
pub(crate) struct ToldRefusals<'a> {
    pub(crate) http: &'a dyn Http,
    pub(crate) connector: &'static str,
}

#[async_trait]
impl Http for ToldRefusals<'_> {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        let asked = ProviderCall::of(&request);
        let response = self.http.send(request).await?;
        asked.log(self.connector, None, response.status);
        Ok(response)
    }
}

fn named(method: Method, url: &str) -> String {
    let method = match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    let path =
        url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let parts = path.split('/').map(|part| if is_word(part) { part } else { "{id}" });
    format!("{method} /{}", parts.collect::<Vec<_>>().join("/"))
}

/// Words of an interface are letters; also a version (`v1.0`), and Graph's own (`$batch`).
fn is_word(part: &str) -> bool {
    let is_version =
        part.len() <= 5 && part.starts_with('v') && part[1..].chars().all(|c| c.is_ascii_digit() || c == '.');
    let letters = part.strip_prefix('$').unwrap_or(part);
    is_version || (letters.len() <= 24 && letters.chars().all(|c| c.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_without_ids_addresses_and_queries() {
        for (url, call) in [
            (
                "https://p.example/gmail/v1/users/me/messages/18c2f?format=full",
                "GET /gmail/v1/users/me/messages/{id}",
            ),
            ("https://p.example/v1.0/me/messages?$filter=from eq 'a@b.example'", "GET /v1.0/me/messages"),
            ("https://p.example/calendars/ada%40example.com/events", "GET /calendars/{id}/events"),
            ("https://p.example/v1.0/$batch", "GET /v1.0/$batch"),
            ("https://p.example", "GET /"),
            ("https://p.example/AAMkAGI2THVSAAAABBBBCCCCDDDDEEEEFFFF", "GET /{id}"),
        ] {
            assert_eq!(named(Method::Get, url), call);
        }
    }
}
