//! An answer as API Gateway takes it: in one piece, and as a text or in base64. The library's own way knows the texts of all
//! encodings by their tables; ours are UTF-8.

use axum::body::to_bytes;
use axum::response::Response;
use lambda_http::{Body, IntoResponse};
use std::future::ready;
use std::pin::Pin;

/// Lambda takes no longer ones, bytes.
const BODY_BYTES_MAX: usize = 6 << 20;

/// An answer with its body.
pub(super) struct Whole(lambda_http::Response<Body>);

impl Whole {
    /// # Errors
    /// The body is too long, or ends early.
    pub(super) async fn of(response: Response) -> Result<Self, lambda_http::Error> {
        let (head, body) = response.into_parts();
        let bytes = to_bytes(body, BODY_BYTES_MAX).await?;
        let body =
            String::from_utf8(bytes.into()).map_or_else(|error| Body::Binary(error.into_bytes()), Body::Text);
        Ok(Whole(lambda_http::Response::from_parts(head, body)))
    }
}

impl IntoResponse for Whole {
    fn into_response(self) -> Pin<Box<dyn Future<Output = lambda_http::Response<Body>> + Send>> {
        Box::pin(ready(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body as Sent;

    async fn body(bytes: Vec<u8>) -> Result<Body, lambda_http::Error> {
        Whole::of(Response::new(Sent::from(bytes))).await.map(|whole| whole.0.into_body())
    }

    #[tokio::test]
    async fn what_is_no_text_is_binary() {
        assert_eq!(body("Grüße".into()).await.unwrap(), Body::Text("Grüße".to_owned()));
        assert_eq!(body(Vec::new()).await.unwrap(), Body::Text(String::new()));
        let packed = vec![0x1f, 0x8b, 8];
        assert_eq!(body(packed.clone()).await.unwrap(), Body::Binary(packed));
    }

    #[tokio::test]
    async fn what_is_too_long_fails() {
        assert!(body(vec![b' '; BODY_BYTES_MAX]).await.is_ok());
        assert!(body(vec![b' '; BODY_BYTES_MAX + 1]).await.is_err());
    }

    #[tokio::test]
    async fn the_head_stays() {
        let response = Response::builder().status(404).header("a", "1").header("a", "2");
        let whole = Whole::of(response.body(Sent::empty()).unwrap()).await.unwrap().into_response().await;
        assert_eq!(whole.status(), 404);
        assert_eq!(whole.headers().get_all("a").iter().collect::<Vec<_>>(), ["1", "2"]);
    }
}
