//! Made-up mails.

use super::Mail;

const SENDERS: [&str; 6] = [
    "Ada Lovelace <ada@analytical.example>",
    "Billing <billing@utilities.example>",
    "\"Hopper, Grace\" <grace@compilers.example>",
    "José Álvarez <jose@correo.example>",
    "noreply@shop.example",
    "鈴木 <suzuki@mail.example>",
];
const SUBJECTS: [&str; 6] =
    ["Minutes of the meeting", "Invoice", "Re: offer", "Your order has shipped", "Überraschung", "Lunch?"];
const SENTENCES: [&str; 6] = [
    "Please find the details below.",
    "The total is 42.00 EUR.",
    "See you on Thursday.",
    "Grüße aus Köln.",
    "Let me know what you think.",
    "The parcel arrives tomorrow.",
];

impl Mail {
    /// A small mail that looks real and repeats with the seed of `rng`.
    pub fn sample(rng: &mut fastrand::Rng) -> Self {
        let number = rng.u32(1000..10_000);
        let sentence_count = rng.usize(1..5);
        let sentences: Vec<_> = (0..sentence_count).map(|_| pick(rng, &SENTENCES)).collect();
        Self {
            subject: format!("{} {number}", pick(rng, &SUBJECTS)),
            from: pick(rng, &SENDERS).to_owned(),
            to: "You <you@mailbox.example>".to_owned(),
            body: sentences.join("\r\n"),
            headers: vec![("Message-ID".to_owned(), format!("<{:016x}@sample.example>", rng.u64(..)))],
            date_us: None,
        }
    }
}

fn pick(rng: &mut fastrand::Rng, choices: &[&'static str; 6]) -> &'static str {
    choices[rng.usize(..choices.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_repeat_with_the_seed() {
        let draw = |seed| Mail::sample(&mut fastrand::Rng::with_seed(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
