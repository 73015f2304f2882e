//! Real mails from `.eml` files, however malformed.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use mail_parser::{HeaderName, Message, MessageParser};

use super::Mail;

const FILES_MAX: usize = 10_000;
const FILE_BYTES_MAX: u64 = 1 << 20;
const HEADERS_MAX: usize = 100;
const HEADER_CHARS_MAX: usize = 4_000;
const BODY_CHARS_MAX: usize = 64_000;

/// Reads the `.eml` files of a folder, in order of their names.
///
/// A malformed file gives a mail with what could be read of it. At most 10,000 files are read, and of each
/// at most 1 MiB.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn mails_from_dir(path: impl AsRef<Path>) -> io::Result<Vec<Mail>> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(path)?.take(FILES_MAX) {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml")) {
            files.push(file);
        }
    }
    files.sort();
    files.iter().map(|file| read_mail(file)).collect()
}

fn read_mail(file: &Path) -> io::Result<Mail> {
    let mut bytes = Vec::new();
    File::open(file)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(parse_mail(&bytes))
}

fn parse_mail(bytes: &[u8]) -> Mail {
    let Some(message) = MessageParser::default().parse(bytes) else {
        let body = cut(&String::from_utf8_lossy(bytes), BODY_CHARS_MAX);
        return Mail { body, ..Mail::default() };
    };
    let body = message.body_text(0).unwrap_or_default();
    Mail {
        subject: unfold(message.subject().unwrap_or_default()),
        from: addresses(&message, HeaderName::From),
        to: addresses(&message, HeaderName::To),
        body: cut(&body, BODY_CHARS_MAX),
        headers: other_headers(&message),
        // An unreadable date may come out as a time before the epoch or far in the future; both are kept.
        date_us: message.date().and_then(|date| date.to_timestamp().checked_mul(1_000_000)),
    }
}

/// The decoded addresses of a header, or its raw text when there are none to be read.
fn addresses(message: &Message<'_>, name: HeaderName<'static>) -> String {
    let list = message.header(name.clone()).and_then(|value| value.as_address());
    let readable = list.into_iter().flat_map(|list| list.iter()).filter_map(|entry| {
        let address = entry.address()?;
        Some(match entry.name() {
            None => address.to_owned(),
            Some(name) if name.contains([',', '<', '>']) => format!("\"{name}\" <{address}>"),
            Some(name) => format!("{name} <{address}>"),
        })
    });
    let readable = readable.collect::<Vec<_>>().join(", ");
    if readable.is_empty() { unfold(message.header_raw(name).unwrap_or_default()) } else { unfold(&readable) }
}

fn other_headers(message: &Message<'_>) -> Vec<(String, String)> {
    // The last two tell of a body that is decoded here.
    let held = ["subject", "from", "to", "date", "content-type", "content-transfer-encoding"];
    let others = message.headers_raw().filter(|(name, _)| !held.iter().any(|h| name.eq_ignore_ascii_case(h)));
    others.take(HEADERS_MAX).map(|(name, value)| (name.to_owned(), unfold(value))).collect()
}

/// A header on one line, and not too long.
fn unfold(value: &str) -> String {
    cut(&value.lines().map(str::trim).collect::<Vec<_>>().join(" "), HEADER_CHARS_MAX)
}

fn cut(text: &str, chars_max: usize) -> String {
    text.trim().chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_mails() -> Vec<Mail> {
        mails_from_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data")).unwrap()
    }

    #[test]
    fn a_well_formed_mail_is_read() {
        let mail = &test_mails()[1];
        assert_eq!(mail.subject, "Grüße");
        assert_eq!(mail.from, "\"Lövelace, Ada\" <ada@analytical.example>");
        assert_eq!(mail.header("x-folded"), Some("one two"));
        assert_eq!(mail.body, "Hello\r\nthere");
        assert_eq!(mail.date_us, Some(1_795_347_600_000_000));
        assert_eq!(mail.header("x-mailer"), Some("Difference Engine"));
    }

    #[test]
    fn malformed_mails_give_what_can_be_read() {
        let mails = test_mails();
        assert_eq!(mails.len(), 4, "every .eml file and no other");
        assert_eq!(mails[0], Mail::default(), "an empty file");
        assert_eq!(mails[2].subject, "cut off");
        assert_eq!(mails[2].date_us, None);
        assert!(mails[3].raw("x", 0).contains("nonsense"), "{:?}", mails[3]);
    }

    #[test]
    fn sizes_are_limited() {
        let huge = format!("Subject: {}\r\n\r\n{}", "s".repeat(100_000), "b".repeat(200_000));
        let mail = parse_mail(huge.as_bytes());
        assert_eq!(mail.subject.len(), HEADER_CHARS_MAX);
        assert_eq!(mail.body.len(), BODY_CHARS_MAX);
    }
}
