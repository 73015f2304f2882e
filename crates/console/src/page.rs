//! A whole page: the frame that all share, with what one says in its middle.

use crate::assets;
use crate::signed::Signed;
use crate::ui;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{DOCTYPE, Markup, html};
use url::Url;

/// A place in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Instances,
    Connect,
    Activity,
    Deliveries,
}

impl Section {
    const ALL: [(Section, &'static str, &'static str); 5] = [
        (Section::Overview, "/", "Overview"),
        (Section::Instances, "/instances", "Instances"),
        (Section::Connect, "/connect", "Connect"),
        (Section::Activity, "/activity", "Activity"),
        (Section::Deliveries, "/deliveries", "Deliveries"),
    ];
}

/// A page to be.
#[derive(Clone)]
pub(crate) struct Page {
    title: String,
    section: Option<Section>,
    status: StatusCode,
    body: Markup,
    /// Links to what the page is a part of: address and name, from above.
    crumbs: Vec<(String, String)>,
    /// Beside the heading.
    actions: Markup,
    onward: Option<Url>,
    /// Seconds; see [`Page::refreshed_every`].
    refresh_s: Option<u64>,
}

impl Page {
    /// The title is the heading as well.
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Page {
            title: title.into(),
            section: None,
            status: StatusCode::OK,
            body: Markup::default(),
            crumbs: Vec::new(),
            actions: Markup::default(),
            onward: None,
            refresh_s: None,
        }
    }

    pub(crate) fn section(self, section: Section) -> Self {
        Page { section: Some(section), ..self }
    }

    pub(crate) fn status(self, status: StatusCode) -> Self {
        Page { status, ..self }
    }

    pub(crate) fn body(self, body: Markup) -> Self {
        Page { body, ..self }
    }

    /// A link to what this page is a part of; called more than once, from above to below.
    pub(crate) fn part_of(mut self, path: impl Into<String>, name: impl Into<String>) -> Self {
        self.crumbs.push((path.into(), name.into()));
        self
    }

    /// Buttons and links beside the heading.
    pub(crate) fn actions(self, actions: Markup) -> Self {
        Page { actions, ..self }
    }

    /// The page leads on to another site at once. A redirect would do so after a form only where the policy names each
    /// site on the way, and nobody knows how often a login redirects.
    pub(crate) fn onward(self, to: &Url) -> Self {
        Page { onward: Some(to.clone()), ..self }
    }

    /// Without the script the page is loaded again so often: for a page that waits for something. The script keeps its
    /// parts up to date anyway.
    pub(crate) fn refreshed_every(self, seconds: u64) -> Self {
        Page { refresh_s: Some(seconds), ..self }
    }

    /// For somebody who is signed in.
    pub(crate) fn show(self, signed: &Signed) -> Response {
        let response = self.response(Some(signed));
        signed.without_flash(response)
    }

    /// Public: sign-in and errors.
    pub(crate) fn alone(self) -> Response {
        self.response(None)
    }

    fn response(self, signed: Option<&Signed>) -> Response {
        (self.status, Html(self.markup(signed).into_string())).into_response()
    }

    fn markup(&self, signed: Option<&Signed>) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    @if let Some(to) = &self.onward { meta http-equiv="refresh" content=(format!("0; url={to}")); }
                    @if let Some(seconds) = self.refresh_s { noscript { meta http-equiv="refresh" content=(seconds); } }
                    title { (self.title) " · Carillon" }
                    link rel="icon" href=(assets::ICON.path()) type="image/svg+xml";
                    link rel="stylesheet" href=(assets::STYLE.path());
                    script src=(assets::SCRIPT.path()) defer {}
                }
                body {
                    a.skip href="#main" { "Skip to the content" }
                    (self.header(signed))
                    main #main tabindex="-1" {
                        @if !self.crumbs.is_empty() {
                            nav.crumbs aria-label="Part of" {
                                ol { @for (path, name) in &self.crumbs { li { a href=(path) { (ui::name(name)) } } } }
                            }
                        }
                        div.heading {
                            // A name may bring marks that turn what follows it around.
                            h1 { bdi { (self.title) } }
                            div.actions { (self.actions) }
                        }
                        @if let Some(flash) = signed.and_then(|signed| signed.flash.as_ref()) { (ui::flash(flash)) }
                        (self.body)
                    }
                }
            }
        }
    }

    fn header(&self, signed: Option<&Signed>) -> Markup {
        html! {
            header.top {
                a.brand href="/" { (ui::bell()) span { "Carillon" } }
                @if let Some(signed) = signed {
                    nav aria-label="Main" {
                        ul {
                            @for (section, path, name) in Section::ALL {
                                li {
                                    a href=(path) aria-current=[(self.section == Some(section)).then_some("page")] { (name) }
                                }
                            }
                        }
                    }
                    (ui::form(signed, "/sign-out", html! { button.quiet type="submit" { "Sign out" } }))
                }
            }
        }
    }
}
