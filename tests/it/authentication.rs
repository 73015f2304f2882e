//! Mailboxes that nobody signs in to: connectors whose application has a grant, or a key.

use crate::world::{World, gmail_body};
use app::App;
use async_trait::async_trait;
use connectors::hub::{Answer, Query, ReadError, Records};
use connectors::{
    Authentication, Baseline, Call, ClientCredentials, Connector, Descriptor, Endpoint, Error, ErrorKind,
    Http, HttpError, HttpRequest, HttpResponse, Past, Polling, Resource, Step,
};
use domain::event::{Change, ChangeKind};
use domain::invalid::Invalid;
use domain::resource::ResourceConfig;
use serde_json::{Value, json};
use std::sync::Arc;

const fn descriptor(key: &'static str, authentication: Authentication) -> Descriptor {
    Descriptor {
        id: 1,
        key,
        name: "Letters",
        description: "",
        hub: "general",
        protocol_type: "http",
        odata: false,
        api: Endpoint { variable: "CARILLON_LETTERS_API_URL", default: "https://letters.example" },
        authentication,
        push: &[],
        resources: &[Resource {
            name: "letters",
            aliases: &[],
            polling: Polling::Changes,
            poller: r#"{"url":"/hubs/general/letters","idField":"id"}"#,
            scopes: &[],
        }],
        abilities: &[],
        readme: "",
    }
}

static KEYED: Descriptor = descriptor("keyed", Authentication::Key);
static GRANTED: Descriptor = descriptor(
    "granted",
    Authentication::ClientCredentials(ClientCredentials {
        token: Endpoint { variable: "CARILLON_LETTERS_TOKEN_URL", default: "https://letters.example/token" },
        scopes: "letters.read",
    }),
);

/// Tells a letter with each poll, to whoever shows the credential.
struct Letters {
    descriptor: &'static Descriptor,
    credential: &'static str,
}

impl Letters {
    fn let_in(&self, call: &Call<'_>) -> Result<(), Error> {
        match call.credential == self.credential {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Unauthorized, "another credential")),
        }
    }
}

#[async_trait]
impl Connector for Letters {
    fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    fn check(&self, _resource: &ResourceConfig) -> Result<(), Invalid> {
        Ok(())
    }

    async fn baseline(&self, call: &Call<'_>, _resource: &ResourceConfig) -> Result<Baseline, Error> {
        self.let_in(call)?;
        Ok(Baseline { cursor: json!(0), identity: None, address: None })
    }

    async fn poll(
        &self,
        call: &Call<'_>,
        _resource: &ResourceConfig,
        cursor: &Value,
        _past: &Past,
    ) -> Result<Step, Error> {
        self.let_in(call)?;
        let number = cursor.as_u64().unwrap() + 1;
        let change = Change {
            object_id: format!("letter-{number}"),
            shown_id: None,
            kind: ChangeKind::Created,
            version: String::new(),
            at: None,
            record: json!({ "id": format!("letter-{number}") }),
            recheck: false,
            again: false,
        };
        Ok(Step { changes: vec![change], cursor: json!(number), moved: true, ..Step::nothing() })
    }

    async fn read(&self, call: &Call<'_>, _query: &Query) -> Result<Answer, ReadError> {
        self.let_in(call)?;
        Ok(Answer::Many(Records::default()))
    }
}

/// Grants a token to an application that shows its id and secret.
struct Grants(Arc<dyn Http>);

#[async_trait]
impl Http for Grants {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        if request.url != "https://letters.example/token" {
            return self.0.send(request).await;
        }
        let form = String::from_utf8(request.body.to_vec()).unwrap();
        assert!(form.starts_with("grant_type=client_credentials&client_id="), "another grant");
        assert!(form.ends_with("&scope=letters.read"), "other scopes");
        let body = r#"{"access_token":"granted","expires_in":3600}"#;
        Ok(HttpResponse { status: 200, headers: http::HeaderMap::new(), body: body.into() })
    }
}

fn process(world: &World) -> App {
    world.another_process_with(
        vec![
            Arc::new(Letters { descriptor: &KEYED, credential: doubles::CLIENT_ID }),
            Arc::new(Letters { descriptor: &GRANTED, credential: "granted" }),
        ],
        |ports| app::Ports { http: Arc::new(Grants(ports.http.clone())), ..ports },
    )
}

#[tokio::test]
async fn a_mailbox_is_connected_by_a_key_or_by_the_applications_own_grant_and_nobody_signs_in() {
    let mut world = World::new(7101);
    world.app = process(&world);
    for key in ["keyed", "granted"] {
        let mut body = gmail_body("unused");
        body["element"]["key"] = key.into();
        body.as_object_mut().unwrap().remove("providerData");
        body["configuration"].as_object_mut().unwrap().remove("event.poller.configuration");
        if key == "keyed" {
            body["configuration"].as_object_mut().unwrap().remove("oauth.api.secret");
        }
        let id = world.create(&body).await;
        world.poll(id).await;
        assert_eq!(world.arrived(), [("CREATED".to_owned(), "letter-1".to_owned())], "{key}");
        world.clock.advance(chrono::Duration::hours(3));
        world.poll(id).await;
        assert!(!world.arrived().is_empty(), "{key}: no token after the first one ended");
    }
}

#[tokio::test]
async fn a_connector_without_a_sign_in_says_so() {
    let mut world = World::new(7102);
    world.app = process(&world);
    let keyed = world.get("/elements/keyed/metadata").await;
    assert_eq!(keyed["authentication"]["type"], "apiKey");
    assert_eq!(world.get("/elements/granted/metadata").await["authentication"]["type"], "oauth2");
    let refused = world.call("GET", "/elements/keyed/oauth/url?apiKey=k", &Value::Null).await;
    refused.assert_refused(400);
    let form = world.get("/elements/keyed/configuration").await;
    let required = form.as_array().unwrap().iter().filter(|item| item["required"] == true);
    let required: Vec<&str> = required.map(|item| item["key"].as_str().unwrap()).collect();
    assert!(required.contains(&"oauth.api.key"));
    assert!(!required.contains(&"oauth.api.secret") && !required.contains(&"oauth.callback.url"));
}
