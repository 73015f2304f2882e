//! A scripted way out, for the connectors' tests.

use crate::{Http, HttpError, HttpRequest, HttpResponse};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::Mutex;

/// Answers in order, whatever is asked; notes what was asked.
pub(crate) struct Script {
    answers: Mutex<VecDeque<(u16, String)>>,
    asked: Mutex<Vec<String>>,
    /// Headers that every request must have.
    required: &'static [(&'static str, &'static str)],
    /// The `Date` of every answer, where it has one.
    date: Option<&'static str>,
}

impl Script {
    pub(crate) fn new(
        answers: &[(u16, &str)],
        required: &'static [(&'static str, &'static str)],
        date: Option<&'static str>,
    ) -> Self {
        let answers = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        Script { answers: Mutex::new(answers), asked: Mutex::default(), required, date }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Http for Script {
    async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse, HttpError> {
        for header in self.required {
            let mut sent = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
            assert!(sent.any(|one| one == *header), "{header:?} is missing");
        }
        self.asked.lock().unwrap().push(request.url);
        let (status, body) = self.answers.lock().unwrap().pop_front().ok_or(HttpError::Timeout)?;
        if body.len() > request.answer_bytes_max {
            return Err(HttpError::TooLong(request.answer_bytes_max));
        }
        let mut headers = http::HeaderMap::new();
        if let Some(date) = self.date {
            headers.insert("date", http::HeaderValue::from_static(date));
        }
        Ok(HttpResponse { status, headers, body: body.into() })
    }
}

/// Runs what never really waits.
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    for _ in 0..1000 {
        if let std::task::Poll::Ready(done) = future.as_mut().poll(&mut context) {
            return done;
        }
    }
    panic!("it waits for something");
}
