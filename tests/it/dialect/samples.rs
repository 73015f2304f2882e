//! The bodies of the documentation of the two connectors, as they are printed: a client pastes one, fills in
//! what is left open, and creates an instance.

/// Outlook, the body. It has a line break inside the url, and fields left empty to be filled in.
pub(super) const OUTLOOK_BODY: &str = r#"{
  "element":{
    "key":"outlookemail"
  },
  "providerData":{
    "code": ""
  },
  "configuration":{
    "oauth.api.key": "",
    "oauth.api.secret": "",
    "oauth.callback.url": "",
    "event.vendor.type": "polling",
    "event.notification.enabled": true,
    "event.notification.callback.url": "http://mycoolapp.com",
    "event.poller.refresh_interval": "",
    "event.poller.configuration":{
      "messages": {
        "url": "/hubs/general/messages?where=LastModifiedDateTime>=
'${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
        "idField": "Id",
        "datesConfiguration": {
          "updatedAtField": "LastModifiedDateTime",
          "updatedAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
          "updatedAtTimezone": "GMT",
          "createdAtField": "ReceivedDateTime",
          "createdAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
          "createdAtTimezone": "GMT"
        }
      }
    }
  },
  "tags":[
    ""
  ],
  "name":""
}"#;

/// Outlook, the call.
pub(super) const OUTLOOK_CURL: &str = r#"{
"element": {
  "key": "outlookemail"
},
"providerData":{
  "code": ""
},
"configuration": {
  "oauth.api.key": "Rand0MAP1-key",
  "oauth.api.secret": "fak3AP1-s3Cr3t",
  "oauth.callback.url": "https://mycoolapp.com",
  "event.notification.enabled": true,
  "event.vendor.type": "polling",
  "event.notification.callback.url": "https://api.openconnectors.us2.ext.hana.ondemand.com/elements/api-v2/events/",
  "event.poller.refresh_interval": "15",
  "event.poller.configuration":{
    "messages": {
      "url": "/hubs/general/messages?where=LastModifiedDateTime>='${gmtDate:yyyy-MM-dd'T'HH:mm:ss'Z'}'",
      "idField": "Id",
      "datesConfiguration": {
        "updatedAtField": "LastModifiedDateTime",
        "updatedAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        "updatedAtTimezone": "GMT",
        "createdAtField": "ReceivedDateTime",
        "createdAtFormat": "yyyy-MM-dd'T'HH:mm:ss'Z'",
        "createdAtTimezone": "GMT"
      }
    }
  }
},
"tags": [
  "Docs"
],
"name": "API Instance with Polling"
}"#;

/// Gmail, the body: a resource with a leading slash, and a url in the singular.
pub(super) const GMAIL_BODY: &str = r#"{
      "element":{
        "key":"gmail"
      },
      "providerData":{
        "code": "<AUTHORIZATION_GRANT_CODE>"
      },
      "configuration":{
        "oauth.api.key": "<Google app Client ID>",
        "oauth.api.secret": "<Google app Client secret>",
        "oauth.callback.url": "<Google app Authorized redirect URI>",
        "event.notification.enabled": true,
        "event.notification.callback.url": "http://mycoolapp.com",
        "event.poller.refresh_interval": "<minutes>",
        "event.poller.configuration":{
          "/changed-messages": {
            "url": "/hubs/general/changed-message",
            "idField": "id"
          }
        }
      },
      "tags":[
        "<Add_Your_Tag>"
      ],
      "name":"<INSTANCE_NAME>"
    }"#;

/// Gmail, the call.
pub(super) const GMAIL_CURL: &str = r#"{
"element": {
  "key": "gmail"
},
"providerData":{
  "code": "<AUTHORIZATION_GRANT_CODE>"
},
"configuration": {
    "oauth.api.key": "xxxxxxxxxxxxxxxxxx",
    "oauth.api.secret": "xxxxxxxxxxxxxxxxxxxxxxxx",
    "oauth.callback.url":"https://auth.mycoolapp.com/oauth",
    "event.notification.enabled": true,
      "event.notification.callback.url": "https://cloud-element.com/elements/api-v2/events/page.elementKey/",
    "event.poller.refresh_interval": "15",
    "event.poller.configuration":{
      "changed-messages": {
        "url": "/hubs/general/changed-messages",
        "idField": "id"
      }
    }
  },
  "tags": [
    "Docs"
  ],
  "name": "API Instance with Polling"
}"#;

/// Fills in what a sample leaves open, and nothing else.
pub(super) fn filled(sample: &str, code: &str) -> String {
    let open = [
        (r#""code": """#, format!(r#""code": "{code}""#)),
        ("<AUTHORIZATION_GRANT_CODE>", code.to_owned()),
        (r#""oauth.api.key": """#, format!(r#""oauth.api.key": "{}""#, doubles::CLIENT_ID)),
        ("<Google app Client ID>", doubles::CLIENT_ID.to_owned()),
        (r#""oauth.api.secret": """#, format!(r#""oauth.api.secret": "{}""#, doubles::CLIENT_SECRET)),
        ("<Google app Client secret>", doubles::CLIENT_SECRET.to_owned()),
        (r#""oauth.callback.url": """#, r#""oauth.callback.url": "https://app.example/oauth""#.to_owned()),
        ("<Google app Authorized redirect URI>", "https://app.example/oauth".to_owned()),
        (r#""event.poller.refresh_interval": """#, r#""event.poller.refresh_interval": "15""#.to_owned()),
        ("<minutes>", "15".to_owned()),
        ("\"tags\":[\n    \"\"", "\"tags\":[\n    \"Docs\"".to_owned()),
        ("<Add_Your_Tag>", "Docs".to_owned()),
        (r#""name":"""#, r#""name":"API Instance with Polling""#.to_owned()),
        ("<INSTANCE_NAME>", "API Instance with Polling".to_owned()),
    ];
    open.iter().fold(sample.to_owned(), |text, (blank, value)| text.replace(blank, value))
}
