//! Bodies of notifications, deflated behind words that nearly all of them have: alone, a body is too short for its own words
//! to come twice.
//!
//! The deflater goes over the words first, and what it makes of them is left out; the inflater is given them as they are,
//! in a block that is not compressed.

use app::ports::{PortError, Result};
use flate2::bufread::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress};
use std::io::Read as _;

/// What was stored is read by these: another text is another attribute. The commonest come last, where they cost least.
const WORDS: &[u8] = concat!(
    r#""threadId":"","labelIds":["IMPORTANT","UNREAD","CATEGORY_UPDATES","CATEGORY_PERSONAL","INBOX"],"#,
    r#""snippet":"","sizeEstimate":1,"historyId":"","internalDate":"1795","#,
    r#""payload":{"mimeType":"multipart/alternative","mimeType":"text/plain","headers":[{"name":"Subject","#,
    r#""value":"Re: "},{"name":"From","value":""},{"name":"To","value":""},{"name":"Cc","value":""},"#,
    r#"{"name":"Date","value":"Sun, 29 Nov 2026 00:00:00 +0000"},{"name":"Message-ID","#,
    r#""value":"<"}]}}]"AAQkADAAMkADAQMkADCQAAABYAAA=","CreatedDateTime":"2026-11-29T12:00:00Z","#,
    r#""LastModifiedDateTime":"2026-11-29T12:00:00Z","ChangeKey":"=","Categories":[],"#,
    r#""ReceivedDateTime":"2026-11-29T12:00:00Z","SentDateTime":"2026-11-29T12:00:00Z","#,
    r#""HasAttachments":false,"InternetMessageId":"<@>","Subject":"Re: ","BodyPreview":"","#,
    r#""Importance":"normal","ParentFolderId":"=","ConversationId":"=","IsRead":true,"IsRead":false,"#,
    r#""IsDraft":false,"WebLink":"https://.office365.com/owa/?ItemID=AAMkAD","#,
    r#""InferenceClassification":"focused","Body":{"ContentType":"html","Content":"","#,
    r#""Sender":{"EmailAddress":{"Name":"","Address":""}},"From":{"EmailAddress":{"Name":"","Address":""}},"#,
    r#""ToRecipients":[{"EmailAddress":{"Name":"","Address":""}}],"CcRecipients":[],"BccRecipients":[],"#,
    r#""ReplyTo":[],"Flag":{"FlagStatus":"notFlagged"}}]"changed-messages":[{"id":"","eventType":"DELETED","#,
    r#""eventType":"UPDATED","hubKey":"documents","hubKey":"crm","hubKey":"messaging","#,
    r#""MonTueWedThuFriSat JanFebMarAprMayJunJulAugSepOctDec{"severity":"medium","#,
    r#""createdDate":"Sun Nov 29 12:00:00 UTC 2026","topic":"instance-1-events","action":"create","id":"1","#,
    r#""message":{"elementKey":"","accountId":1,"eventId":"","companyId":1,"instanceId":1,"instance_id":1,"#,
    r#""instanceName":"","instanceTags":[""],"raw":{"messages":[{"Id":""}],"pollDate":1795,"#,
    r#""objectType":"messages"},"userId":1,"events":[{"id":"","date":"2026-11-29T12:00:00Z","#,
    r#""elementKey":"","pollDate":"2026-11-29T12:00:00Z","eventType":"CREATED","hubKey":"general","#,
    r#""objectId":"","objectType":"messages"}]},"user":"notifications@carillon"}"#
)
.as_bytes();

/// Room that deflating needs beyond what it makes.
const ROOM_BYTES: usize = 1024;

/// Deflates a text behind the words.
pub(super) fn deflate(plain: &str) -> Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut words = Vec::with_capacity(WORDS.len() + ROOM_BYTES);
    compress.compress_vec(WORDS, &mut words, FlushCompress::Sync).map_err(failed)?;
    let mut deflated = Vec::with_capacity(plain.len() + plain.len() / 8 + ROOM_BYTES);
    let ended =
        compress.compress_vec(plain.as_bytes(), &mut deflated, FlushCompress::Finish).map_err(failed)?;
    match ended {
        flate2::Status::StreamEnd => Ok(deflated),
        _ => Err(PortError::new(CONTEXT, "there was no room")),
    }
}

/// What [`deflate`] was given, of at most so many bytes.
pub(super) fn inflate(deflated: &[u8], bytes_max: u64) -> Result<String> {
    let words = stored_block();
    let mut reader = DeflateDecoder::new(words.as_slice().chain(deflated));
    let mut skipped = vec![0; WORDS.len()];
    reader.read_exact(&mut skipped).map_err(failed)?;
    let mut plain = String::new();
    reader.take(bytes_max).read_to_string(&mut plain).map_err(failed)?;
    Ok(plain)
}

const CONTEXT: &str = "compress a body";

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> PortError {
    PortError::new(CONTEXT, error)
}

/// The words as a block that is not compressed and not the last, RFC 1951 3.2.4.
fn stored_block() -> Vec<u8> {
    const { assert!(WORDS.len() <= u16::MAX as usize) };
    let length = WORDS.len() as u16;
    [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), WORDS].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"severity":"medium","createdDate":"Mon Oct 05 14:19:58 UTC 2026","topic":"instance-1850329097-mail-events","action":"create","id":"783564106753068","message":{"elementKey":"mail","accountId":2,"eventId":"FkUt4e8hY6Y5LSd93rkB","companyId":2,"instanceId":1850329097,"instance_id":1850329097,"instanceName":"Sales","instanceTags":["Sales"],"raw":{"messages":[{"id":"1a227ad4be68a677","subject":"Minutes","isRead":false}],"pollDate":1795961998318,"objectType":"messages"},"userId":2,"events":[{"id":"LcYTOfRRx9g8-IjAfxQXLg","date":"2026-10-05T14:19:58Z","elementKey":"mail","pollDate":"2026-10-05T14:19:58Z","eventType":"CREATED","hubKey":"general","objectId":"1a227ad4be68a677","objectType":"messages"}]},"user":"notifications@carillon"}"#;

    #[test]
    fn a_body_takes_a_third_and_comes_back() {
        let deflated = deflate(BODY).unwrap();
        assert!(deflated.len() < BODY.len() * 4 / 10, "{} of {}", deflated.len(), BODY.len());
        assert_eq!(inflate(&deflated, 10_000).unwrap(), BODY);
    }

    #[test]
    fn any_text_comes_back() {
        let mut random = fastrand::Rng::with_seed(1);
        for length in [0, 1, 1_000, 100_000, 3_000_000] {
            let plain: String = (0..length).map(|_| random.alphanumeric()).collect();
            assert_eq!(inflate(&deflate(&plain).unwrap(), 3_000_000).unwrap(), plain);
        }
    }

    #[test]
    fn what_is_not_ours_is_an_error_and_bounded() {
        assert!(inflate(&[255, 1, 2], 100).is_err());
        assert!(inflate(&[], 100).is_err());
        assert_eq!(inflate(&deflate(BODY).unwrap(), 10).unwrap().len(), 10);
    }

    /// What was stored by an earlier version is read: the words are part of the format.
    #[test]
    fn the_words_stay_as_they_are() {
        assert_eq!(&crate::store::key::hex(&domain::ids::hash_of(&[WORDS]))[..16], "b60e6c2c6657d383");
    }
}
