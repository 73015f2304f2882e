//! Pictures.

use maud::{Markup, html};

/// The mark of the product.
pub(crate) fn bell() -> Markup {
    html! {
        svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false" {
            path fill="currentColor" d="M12 2a2 2 0 0 0-2 2v.5A6.5 6.5 0 0 0 5.5 11c0 4-1 5.5-2.5 7h18c-1.5-1.5-2.5-3-2.5-7A6.5 6.5 0 0 0 14 4.5V4a2 2 0 0 0-2-2Zm-2.5 17.5a2.5 2.5 0 0 0 5 0Z" {}
        }
    }
}
