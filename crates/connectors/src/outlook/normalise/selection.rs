//! Which fields are read, and today's names of yesterday's scopes.

use super::entity::Entity;
use super::field::{Field, Share};
use crate::{REQUESTS_IN_FLIGHT_MAX, STEP_CHANGES_MAX};
use domain::resource::ResourceConfig;

/// Rows of a page with large fields, and at the most when the configuration, or a burst, asks for more.
const LARGE_PAGE_SIZE: usize = 10;
const LARGE_PAGE_SIZE_MAX: usize = 100;
/// Default and maximum rows of a page; the maximum is the API's,
/// <https://learn.microsoft.com/en-us/graph/api/user-list-messages>.
pub(crate) const PAGE_SIZE: usize = 100;
pub(crate) const PAGE_SIZE_MAX: usize = 1000;

/// Rows read again before a place in a second, and of those with large fields.
const AGAIN_COUNT: usize = 50;
const LARGE_AGAIN_COUNT: usize = 5;

/// A page at the most, and one of large fields, which are long texts. One that is longer is asked for in parts.
const PAGE_BYTES_MAX: usize = 6 * 1024 * 1024;
const LARGE_PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The `$select` of a resource, and how many rows of it make a page.
pub(crate) struct Selection {
    select: String,
    is_large: bool,
    configured: Option<usize>,
}

impl Selection {
    /// The url's `fields` or the default ones, and whatever the configuration needs to look at.
    pub(crate) fn new(
        entity: &Entity,
        fields: &[String],
        resource: &ResourceConfig,
        roots: &[String],
    ) -> Result<Self, String> {
        let mut selected: Vec<&'static Field> = Vec::new();
        let mut add = |field: &'static Field| {
            if !selected.iter().any(|known| known.name == field.name) {
                selected.push(field);
            }
        };
        let of = |share| entity.fields.iter().filter(move |field| field.share == share);
        of(Share::Always).for_each(&mut add);
        let configured = [&resource.updated, &resource.created];
        let paths = configured.into_iter().flatten().map(|field| &field.path).chain(&resource.id_field);
        for name in paths.map(|path| path.root()).chain(roots.iter().map(String::as_str)) {
            add(entity.root(name)?);
        }
        if fields.is_empty() {
            of(Share::Usual).for_each(&mut add);
        }
        for name in fields {
            add(entity.root(name)?);
        }
        Ok(Selection {
            select: joined(&selected),
            is_large: selected.iter().any(|field| field.share == Share::Large),
            configured: resource.page_size.and_then(|size| usize::try_from(size).ok()),
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.select
    }

    /// Rows of a first page.
    pub(crate) fn page_size(&self) -> usize {
        match (self.configured, self.is_large) {
            (Some(size), false) => size.clamp(1, PAGE_SIZE_MAX),
            (Some(size), true) => size.clamp(LARGE_PAGE_SIZE, LARGE_PAGE_SIZE_MAX),
            (None, false) => PAGE_SIZE,
            (None, true) => LARGE_PAGE_SIZE,
        }
    }

    /// Rows of a page that has known ones in it: after a burst one page that holds them all, not many.
    pub(crate) fn page_size_beyond(&self, known: usize) -> usize {
        self.page_size_at_least(known + self.page_size().div_ceil(2))
    }

    /// Rows of a page with which a walk goes on, behind so many of its first second: those that are read again, and what a
    /// step takes.
    pub(crate) fn page_size_onward(&self, place: usize) -> usize {
        let taken = if self.is_large { self.page_size() } else { STEP_CHANGES_MAX };
        self.page_size_at_least(place.min(self.rows_again()) + taken)
    }

    /// Rows before a place within a second that are read again: so many may leave the second between two requests without
    /// another look.
    pub(crate) fn rows_again(&self) -> usize {
        if self.is_large { LARGE_AGAIN_COUNT } else { AGAIN_COUNT }
    }

    /// Single records that are read at once: of those that may be long, one.
    pub(crate) fn reads_at_once(&self) -> usize {
        if self.is_large { 1 } else { REQUESTS_IN_FLIGHT_MAX }
    }

    /// A page is held up to three times while it is taken apart, and what has many small parts takes a dozen times its length.
    pub(crate) fn page_bytes_max(&self) -> usize {
        if self.is_large { LARGE_PAGE_BYTES_MAX } else { PAGE_BYTES_MAX }
    }

    /// Rows of a page that must get past many: fewer where each may be long.
    pub(crate) fn page_size_at_least(&self, wanted: usize) -> usize {
        let most = if self.is_large { LARGE_PAGE_SIZE_MAX } else { PAGE_SIZE_MAX };
        wanted.clamp(self.page_size(), most)
    }
}

/// What a client gets that names no fields, as a `$select`.
pub(crate) fn usual(entity: &Entity) -> String {
    let is_usual = |field: &&Field| matches!(field.share, Share::Always | Share::Usual);
    joined(&entity.fields.iter().filter(is_usual).collect::<Vec<_>>())
}

/// What the walk needs of each row, as a `$select`.
pub(crate) fn bare(entity: &Entity) -> String {
    joined(&entity.fields.iter().filter(|field| field.share == Share::Always).collect::<Vec<_>>())
}

fn joined(fields: &[&'static Field]) -> String {
    fields.iter().map(|field| field.name).collect::<Vec<_>>().join(",")
}
