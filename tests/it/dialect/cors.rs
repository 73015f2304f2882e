//! Pages of other origins call the interface where the operator names them, and nowhere else.

use crate::world::{AUTHORIZATION, World};
use tower::ServiceExt as _;

const APP: &str = "https://app.example";

async fn called(world: &World, method: &str, headers: &[(&str, &str)]) -> http::Response<axum::body::Body> {
    let mut request =
        http::Request::builder().method(method).uri("http://carillon.test/elements/api-v2/instances");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.app.router().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap()
}

fn preflight(origin: &str) -> [(&str, &str); 3] {
    [
        ("origin", origin),
        ("access-control-request-method", "PATCH"),
        ("access-control-request-headers", "authorization,content-type"),
    ]
}

#[tokio::test]
async fn a_named_origin_may_call_from_a_browser() {
    let world = World::with_variables(
        551,
        &[("CARILLON_CORS_ORIGINS", "http://localhost:3000, https://app.example/")],
    );
    let response = called(&world, "OPTIONS", &preflight(APP)).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(header("access-control-allow-origin"), APP);
    assert_eq!(header("access-control-allow-headers"), "authorization,content-type");
    assert!(header("access-control-allow-methods").contains("PATCH") && header("vary") == "origin");
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    for (authorization, status) in [(AUTHORIZATION, 200), ("", 401)] {
        let response = called(&world, "GET", &[("origin", APP), ("authorization", authorization)]).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()["access-control-allow-origin"], APP, "errors are readable, too");
        let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
        assert!(exposed.contains("Elements-Request-Id") && exposed.contains("Elements-Next-Page-Token"));
    }
}

#[tokio::test]
async fn nobody_else_may() {
    for named in ["", "https://app.example"] {
        let world = World::with_variables(552, &[("CARILLON_CORS_ORIGINS", named)]);
        let stranger = "https://app.example.net";
        let response = called(&world, "OPTIONS", &preflight(stranger)).await;
        assert_eq!(response.status(), 405);
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        let response = called(&world, "GET", &[("origin", stranger), ("authorization", AUTHORIZATION)]).await;
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key("access-control-allow-origin"));
        // Caches keep the answers for each origin apart.
        assert_eq!(response.headers().contains_key("vary"), !named.is_empty());
    }
}
