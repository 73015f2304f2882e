//! Files that pages load: in the program, under names that change with their content.

use crate::failure::Failure;
use crate::shared::Shared;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// Digits of the content's digest in a name: enough to differ.
const DIGEST_BYTES: usize = 8;
/// A year: another content has another name.
const FOREVER: &str = "public, max-age=31536000, immutable";

pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "console.css",
        "text/css; charset=utf-8",
        concat!(
            include_str!("../assets/console.css"),
            "\n",
            include_str!("../assets/connect.css"),
            "\n",
            include_str!("../assets/activity.css")
        ),
    )
});
pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new(
        "console.js",
        "text/javascript; charset=utf-8",
        concat!(include_str!("../assets/console.js"), "\n", include_str!("../assets/connect.js")),
    )
});
pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("bell.svg", "image/svg+xml", include_str!("../assets/bell.svg")));

pub(crate) struct Asset {
    name: String,
    kind: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(name: &str, kind: &'static str, content: &'static str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
        let mut name = format!("{name}.");
        for byte in &digest.as_ref()[..DIGEST_BYTES] {
            let _ = write!(name, "{byte:02x}");
        }
        Asset { name, kind, content }
    }

    pub(crate) fn path(&self) -> String {
        format!("/console/assets/{}", self.name)
    }
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/console/assets/{name}", get(serve))
}

async fn serve(Path(name): Path<String>) -> Response {
    let all = [&STYLE, &SCRIPT, &ICON];
    let Some(asset) = all.into_iter().find(|asset| asset.name == name) else {
        return Failure::NotFound.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(FOREVER)),
    ];
    (headers, asset.content).into_response()
}
