//! How a test of a callback went, as the interface reports it.

use crate::api::Answer;
use crate::flash::{Flash, Tone};
use crate::ui::{self, capitalized};
use maud::{Markup, html};

/// Nothing where no test was sent: then the form says why.
pub(crate) fn outcome(answer: &Answer) -> Markup {
    if !answer.status.is_success() {
        return html! {};
    }
    let flash = flash(answer);
    html! {
        // Where the keyboard goes on from: the page came anew.
        div tabindex="-1" autofocus role=(if flash.tone == Tone::Good { "status" } else { "alert" }) { (ui::notice(flash.tone, html! { p { (flash.text) } })) }
    }
}

/// The same in a sentence or two.
pub(crate) fn flash(answer: &Answer) -> Flash {
    let took_ms = answer.body["durationMilliseconds"].as_u64().unwrap_or(0);
    let signed = match answer.body["signed"] == true {
        true => "It was signed.",
        false => "It was not signed: there is no signature key.",
    };
    match (answer.body["status"].as_u64(), answer.body["error"].as_str()) {
        (Some(status), _) if answer.body["taken"] == true => {
            Flash::good(format!("The callback took the test event: {status} in {took_ms} ms. {signed}"))
        }
        (Some(status), _) => Flash::bad(format!(
            "The callback answered {status} in {took_ms} ms to the test event; only 2xx takes an event. {signed}"
        )),
        (None, error) => {
            let error = capitalized(error.unwrap_or("nothing more is known"));
            Flash::bad(format!("The callback did not answer to the test event. {error}."))
        }
    }
}
