//! Contents that are far larger than what the process may hold of them.

use crate::process::Process;
use scenarios::{Callback, Mailbox, Outside, RETRY_DELAYS, body};

/// The largest attachment that Graph takes, and the largest message of Gmail, bytes.
const OUTLOOK_BYTES: usize = 150_000_000;
const GMAIL_BYTES: usize = 50_000_000;
/// What a download may take beside what the process had.
const MORE_BYTES_MAX: usize = 20_000_000;

/// The most memory that the process had since it was asked last; nothing where the system does not tell.
fn peak_bytes(process: &Process) -> Option<usize> {
    let folder = format!("/proc/{}", process.id());
    let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    std::fs::write(format!("{folder}/clear_refs"), "5").ok()?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<usize>().ok()? * 1024)
}

/// One mailbox's first file, whose owner calls its id by that key.
async fn assert_passes(
    process: &Process,
    outside: &Outside,
    (mailbox, message): (&Mailbox, &str),
    key: &str,
    bytes: usize,
) {
    let callback = Callback::new(outside, mailbox.connector());
    let instance = process.client.create(&body(mailbox, &callback)).await;
    let own = process.client.of(&instance);
    let path = format!("/hubs/general/messages/{message}/attachments");
    let file = own.get(&path).await[0][key].as_str().unwrap().to_owned();
    let before = present_bytes(process);
    let read = own.download(&format!("{path}/{file}/content")).await;
    assert!(read.bytes == doubles::content_of(bytes), "{}: other bytes", mailbox.connector());
    if let (Some(before), Some(peak)) = (before, peak_bytes(process)) {
        let more = peak.saturating_sub(before);
        assert!(more <= MORE_BYTES_MAX, "{}: {more} bytes more", mailbox.connector());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_attachment_passes_through_in_little_memory() {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&outside, folder.path(), RETRY_DELAYS).await;
    let gmail = Mailbox::gmail(&outside, "large");
    let message = gmail.deliver().object;
    let google = &outside.providers.google;
    google.attach(gmail.address(), &message, "film.mp4", "video/mp4", GMAIL_BYTES);
    assert_passes(&process, &outside, (&gmail, &message), "id", GMAIL_BYTES).await;
    let outlook = Mailbox::outlook(&outside, "large");
    let file = doubles::Attachment {
        name: "film.mp4".to_owned(),
        content_type: "video/mp4".to_owned(),
        size_bytes: OUTLOOK_BYTES as u64,
        is_inline: false,
        kind: doubles::AttachmentKind::File,
    };
    let message = outside.providers.microsoft.deliver_with(outlook.address(), outlook.mail(), vec![file]);
    assert_passes(&process, &outside, (&outlook, &message), "Id", OUTLOOK_BYTES).await;
    process.terminate().await;
}

/// What it has now, from which the peak is counted.
fn present_bytes(process: &Process) -> Option<usize> {
    peak_bytes(process)?;
    peak_bytes(process)
}
