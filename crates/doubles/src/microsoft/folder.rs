//! One folder.

#[derive(Clone, Debug)]
pub(super) struct Folder {
    /// The same with and without immutable ids.
    pub(super) id: String,
    /// A name that stands for the id in addresses; folders a person made have none.
    pub(super) well_known: Option<&'static str>,
    pub(super) display_name: String,
    /// None at the top.
    pub(super) parent: Option<usize>,
    pub(super) is_hidden: bool,
    /// Its index stays taken.
    pub(super) is_deleted: bool,
}

pub(super) const INBOX: usize = 0;
pub(super) const DRAFTS: usize = 1;
pub(super) const SENT_ITEMS: usize = 2;
pub(super) const DELETED_ITEMS: usize = 3;
const WELL_KNOWN: [(&str, &str); 7] = [
    ("inbox", "Inbox"),
    ("drafts", "Drafts"),
    ("sentitems", "Sent Items"),
    ("deleteditems", "Deleted Items"),
    ("junkemail", "Junk Email"),
    ("archive", "Archive"),
    ("outbox", "Outbox"),
];
/// The folders every mailbox has.
pub(super) fn well_known(rng: &mut fastrand::Rng) -> Vec<Folder> {
    let folder = |(name, display_name): &(&'static str, &str)| Folder {
        id: random_id("AQMkAD", rng, 50),
        well_known: Some(name),
        display_name: (*display_name).to_owned(),
        parent: None,
        is_hidden: false,
        is_deleted: false,
    };
    WELL_KNOWN.iter().map(folder).collect()
}

pub(super) fn random_id(prefix: &str, rng: &mut fastrand::Rng, length: usize) -> String {
    let random = (0..length).map(|_| rng.alphanumeric());
    format!("{prefix}{}=", random.collect::<String>())
}

impl Folder {
    /// The well-known name, or the display name of a folder without one.
    pub(super) fn name(&self) -> &str {
        self.well_known.unwrap_or(&self.display_name)
    }
}
