//! Reading the head of a callback's answer. The status line decides; what is odd behind it does no harm.

use std::fmt::Write as _;

/// Of a head, and of the interim answers before it, this much is looked at, bytes; a status is near the beginning.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// What was made of the bytes so far.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum HeadProgress {
    /// More is needed.
    More,
    /// The head in the form that every client understands, and how many bytes it took the place of.
    Head(String, usize),
    /// It does not begin with a status line.
    NotHttp,
}

/// Reads a head. `is_end`: nothing more will come.
pub(super) fn read(seen: &[u8], is_end: bool) -> HeadProgress {
    let is_cut = is_end || seen.len() >= HEAD_BYTES_MAX;
    let mut rest = seen;
    while let Some(status) = status_line(&mut rest, is_cut) {
        let Some(status) = status else { return HeadProgress::NotHttp };
        let mut head = Head { status, ..Head::default() };
        let is_whole = loop {
            match line(&mut rest) {
                Some([]) => break true,
                Some(line) => head.take(line),
                None => break false,
            }
        };
        if !is_whole && !is_cut {
            return HeadProgress::More;
        }
        // Interim answers are none; 101 would be one to a question that nobody asked.
        if is_whole && (100..200).contains(&status.code) && status.code != 101 {
            continue;
        }
        return match is_whole {
            true => HeadProgress::Head(head.text(), seen.len() - rest.len()),
            false => HeadProgress::Head(head.cut().text(), seen.len()),
        };
    }
    if seen.len() >= HEAD_BYTES_MAX { HeadProgress::NotHttp } else { HeadProgress::More }
}

#[derive(Debug, Clone, Copy, Default)]
struct Status {
    code: u16,
    is_1_1: bool,
}

/// The status line, behind the empty lines that some send first; the outer `None` while there is none.
fn status_line(rest: &mut &[u8], is_cut: bool) -> Option<Option<Status>> {
    loop {
        match line(rest) {
            Some([]) => {}
            Some(line) => return Some(status_of(line)),
            None if is_cut && !rest.is_empty() => return Some(status_of(std::mem::take(rest))),
            None => return None,
        }
    }
}

/// `HTTP/1.1 200 OK`, in any case, of any 1.x, with or without a reason.
fn status_of(line: &[u8]) -> Option<Status> {
    let (protocol, rest) = line.split_at_checked("HTTP/1.1".len())?;
    if !protocol[..7].eq_ignore_ascii_case(b"HTTP/1.") || !protocol[7].is_ascii_digit() {
        return None;
    }
    let rest = rest.strip_prefix(b" ")?.trim_ascii_start();
    let (digits, reason) = rest.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let ends_here = reason.first().is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (ends_here && (100..1000).contains(&code)).then_some(Status { code, is_1_1: protocol[7] != b'0' })
}

/// The next line that has its end, without it.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

/// What counts of a head.
#[derive(Debug, Default)]
struct Head {
    status: Status,
    retry_after: Option<String>,
    lengths: Vec<u64>,
    is_chunked: bool,
    /// The connection ends with the answer: it says so, or something in the head was odd, so that nobody knows where
    /// the next one would begin.
    closes: bool,
    is_cut: bool,
}

impl Head {
    fn take(&mut self, line: &[u8]) {
        let Some((name, value)) = field(line) else {
            self.closes = true;
            return;
        };
        match name.to_ascii_lowercase().as_str() {
            "retry-after" if self.retry_after.is_none() => self.retry_after = Some(value.to_owned()),
            "content-length" => match value.parse() {
                Ok(length) if !self.lengths.contains(&length) => self.lengths.push(length),
                Ok(_) => {}
                Err(_) => self.closes = true,
            },
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => self.is_chunked = true,
            "transfer-encoding" => self.closes = true,
            "connection" if value.to_ascii_lowercase().contains("close") => self.closes = true,
            _ => {}
        }
    }

    /// The same, of which only the status is to be trusted.
    fn cut(self) -> Self {
        Head { is_cut: true, ..self }
    }

    fn text(&self) -> String {
        let has_length = self.lengths.len() == 1;
        let is_chunked = self.is_chunked && self.status.is_1_1 && !self.is_cut;
        let has_end = is_chunked != has_length || matches!(self.status.code, 204 | 304);
        let mut text = format!("HTTP/1.1 {}\r\n", self.status.code);
        if let Some(value) = &self.retry_after {
            let _ = write!(text, "retry-after: {value}\r\n");
        }
        if self.is_cut {
            text.push_str("content-length: 0\r\n");
        } else if is_chunked {
            text.push_str("transfer-encoding: chunked\r\n");
        } else if let [length] = self.lengths[..] {
            let _ = write!(text, "content-length: {length}\r\n");
        }
        if self.closes || self.is_cut || !self.status.is_1_1 || !has_end {
            text.push_str("connection: close\r\n");
        }
        text.push_str("\r\n");
        text
    }
}

/// A header's name and value, if it is one without any oddity.
fn field(line: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let is_value = |c: char| c == '\t' || !c.is_control();
    let is_one = !name.is_empty() && name.chars().all(is_name) && value.chars().all(is_value);
    is_one.then_some((name, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is made of a whole answer.
    fn of(answer: &str) -> String {
        match read(answer.as_bytes(), true) {
            HeadProgress::Head(head, _) => head,
            other => panic!("{answer:?} gives {other:?}"),
        }
    }

    #[test]
    fn a_plain_head_keeps_its_length_and_its_connection() {
        let plain = "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\nRetry-After: 7\r\n\r\nok";
        let head = "HTTP/1.1 200\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n".to_owned();
        assert_eq!(read(plain.as_bytes(), false), HeadProgress::Head(head, plain.len() - 2));
        let chunked = of("HTTP/1.1 202 \r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n");
        assert_eq!(chunked, "HTTP/1.1 202\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(of("HTTP/1.1 204 No Content\r\n\r\n"), "HTTP/1.1 204\r\n\r\n");
        let closing = "HTTP/1.1 200\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_eq!(of("HTTP/1.1 200\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n"), closing);
        assert_eq!(of("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n"), closing);
    }

    #[test]
    fn an_odd_line_is_left_out_and_ends_the_connection() {
        let closing = "HTTP/1.1 200\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        for odd in [
            "PHP Warning: something on line 0",
            "no colon",
            "X-Long: a\r\n b",
            "Content-Type : text/plain",
            ": no name",
            "Two words: x",
            "X-Control: a\u{1}b",
            "X-Content-Length: 3\r\nContent-Length: ",
        ] {
            assert_eq!(of(&format!("HTTP/1.1 200 OK\r\n{odd}\r\nContent-Length: 0\r\n\r\n")), closing);
        }
        let two = of("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc");
        assert_eq!(two, "HTTP/1.1 200\r\nconnection: close\r\n\r\n");
    }

    #[test]
    fn many_long_and_unfinished_heads_have_their_status() {
        let many: String = (0..5_000).map(|n| format!("X-H{n}: v\r\n")).collect();
        let cut = "HTTP/1.1 201\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        for behind in ["X-Long: ".to_owned() + &"a".repeat(1_000_000), many, "X: y".to_owned(), String::new()]
        {
            assert_eq!(of(&format!("HTTP/1.1 201 Created\r\n{behind}")), cut);
        }
        assert_eq!(of("HTTP/1.1 201"), cut);
        assert_eq!(read(b"HTTP/1.1 201 Created\r\nX: y\r\n", false), HeadProgress::More);
        assert_eq!(read(b"HTTP/1.1 201", false), HeadProgress::More);
    }

    #[test]
    fn status_lines_of_the_field() {
        let code = |line: &str| status_of(line.as_bytes()).map(|status| status.code);
        for (line, expected) in [
            ("HTTP/1.1 200 OK", Some(200)),
            ("HTTP/1.1 200", Some(200)),
            ("http/1.1 200 ok", Some(200)),
            ("HTTP/1.2 200 OK", Some(200)),
            ("HTTP/1.1  503 No", Some(503)),
            ("HTTP/1.1 2000 OK", None),
            ("HTTP/1.1 20 OK", None),
            ("HTTP/2 200", None),
            ("HTTP/1.1 +20 OK", None),
            ("220 mail.example ESMTP", None),
            ("<html>", None),
        ] {
            assert_eq!(code(line), expected, "{line}");
        }
    }

    #[test]
    fn interim_answers_are_passed_by_and_what_is_no_answer_is_told() {
        let interim = "HTTP/1.1 100 Continue\r\n\r\n";
        assert_eq!(read(interim.as_bytes(), false), HeadProgress::More);
        assert_eq!(of(&format!("\r\n{interim}HTTP/1.1 204 x\r\n\r\n")), "HTTP/1.1 204\r\n\r\n");
        assert_eq!(read(b"", true), HeadProgress::More);
        assert_eq!(read(b"220 mail.example\r\n", false), HeadProgress::NotHttp);
        assert_eq!(read(&b"x".repeat(HEAD_BYTES_MAX), false), HeadProgress::NotHttp);
    }
}
