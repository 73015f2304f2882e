//! What the lane does in one step, behind the walk's.

use super::delta::{self, DeltaPage};
use super::deltas::Deltas;
use super::doubts::{Look, Verdict};
use super::errand::Errand;
use super::slot::DeltaStanding;
use super::standing::FolderCounts;
use super::stored::Lane;
use super::sweep::Sweep;
use crate::error::{Error, ErrorKind};
use crate::http::HttpResponse;
use crate::outlook::api::batch::{self, Order, READS_COUNT_MAX, ends_all};
use crate::outlook::normalise::Row;
use crate::outlook::poll::plan::Plan;
use crate::outlook::{api, error};
use crate::{Archive, Call, STEP_CHANGES_MAX};
use chrono::{DateTime, Utc};
use domain::event::{Change, ChangeKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Requests of one step, of twenty reads each: what is left goes on with the next.
const REQUESTS_COUNT_MAX: usize = 8;

/// Reported objects that wait for first rounds at the most: of more, everything in the log is in doubt.
const EARLY_COUNT_MAX: usize = 500;

/// What a step of the lane brought.
#[derive(Default)]
pub(crate) struct LaneStep {
    pub(crate) changes: Vec<Change>,
    /// It has to be stored.
    pub(crate) moved: bool,
    pub(crate) more: bool,
    /// When something is due before the next poll may come.
    pub(crate) again_at: Option<DateTime<Utc>>,
    /// What concerns the whole mailbox and ended it early.
    pub(crate) halted: Option<Error>,
}

/// What the walk of the same step said.
pub(crate) struct WalkNews<'a> {
    pub(crate) changes: &'a [Change],
    /// Ids of records that will be told later.
    pub(crate) failed: Vec<&'a str>,
    /// What was read beside it.
    pub(crate) beside: Option<(Errand, HttpResponse)>,
}

/// One step. The walk has read the mailbox just now, so that a look which misses an object says something.
pub(crate) async fn step(
    call: &Call<'_>,
    archive: &dyn Archive,
    plan: &Plan<'_>,
    deltas: &Deltas,
    lane: &mut Lane,
    walked: WalkNews<'_>,
) -> LaneStep {
    let room = STEP_CHANGES_MAX.saturating_sub(walked.changes.len());
    let now_s = call.now.timestamp();
    lane.note(&walked);
    let mut work = Work {
        call,
        archive,
        plan,
        deltas,
        lane,
        now_s,
        is_stored_anyway: !walked.changes.is_empty(),
        counts: None,
        failed: BTreeSet::new(),
        is_swept: false,
        done: LaneStep::default(),
    };
    if let Some((errand, answer)) = walked.beside {
        work.take(&LaneRead::of(errand), &answer).await;
    }
    for _ in 0..REQUESTS_COUNT_MAX {
        let asked = work.next(room);
        let ends = work.done.halted.is_some() || work.lane.is_to_be_stored();
        if ends || (asked.is_empty() && !work.sweep().await) {
            break;
        }
        work.ask(asked).await;
    }
    work.end(room)
}

/// One read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LaneRead {
    Listing,
    Counts,
    Delta(String),
    /// What is directly below a folder.
    Below(String),
    Look(String),
}

impl LaneRead {
    fn of(errand: Errand) -> Self {
        match errand {
            Errand::Counts => LaneRead::Counts,
            Errand::Delta(folder) => LaneRead::Delta(folder.id),
        }
    }
}

impl Lane {
    /// What the walk reports is known from now on, and points to its folder. It is stored with the walk's position.
    pub(crate) fn note(&mut self, news: &WalkNews<'_>) {
        for change in news.changes {
            self.known.insert(&change.object_id);
            let folder = change.record.get("ParentFolderId").and_then(Value::as_str);
            let has_begun = match folder {
                Some(folder) => {
                    self.folders.point(folder);
                    self.folders.get(folder).is_some_and(DeltaStanding::has_begun)
                }
                None => self.has_begun(),
            };
            if !has_begun {
                self.early.insert(change.object_id.clone());
            }
        }
        for id in &news.failed {
            self.known.insert(id);
        }
        if self.early.len() > EARLY_COUNT_MAX {
            self.early.clear();
            self.sweep = Some(Sweep::whole());
        }
    }

    /// Whether every folder's first round is over.
    fn has_begun(&self) -> bool {
        self.listing.is_none() && self.folders.have_begun()
    }
}

struct Work<'a> {
    call: &'a Call<'a>,
    archive: &'a dyn Archive,
    plan: &'a Plan<'a>,
    deltas: &'a Deltas,
    lane: &'a mut Lane,
    now_s: i64,
    /// The walk reports something: what is read now of the folders that it points to is stored with that, and later by a write
    /// of its own.
    is_stored_anyway: bool,
    /// How much each folder holds, if that was read in this step.
    counts: Option<FolderCounts>,
    /// What could not be read in this step.
    failed: BTreeSet<LaneRead>,
    /// The log can't be read now.
    is_swept: bool,
    done: LaneStep,
}

impl Work<'_> {
    /// What to read next, in one request.
    fn next(&self, room: usize) -> Vec<LaneRead> {
        if self.lane.listing.is_some() {
            let counts = self.deltas.counts.map(|_| LaneRead::Counts);
            return self.open([LaneRead::Listing].into_iter().chain(counts)).collect();
        }
        let looks = self.lane.doubts.due(self.now_s).map(|id| LaneRead::Look(id.to_owned()));
        let room = room.saturating_sub(self.done.changes.len());
        let looks: Vec<LaneRead> = self.open(looks).take(room.min(READS_COUNT_MAX)).collect();
        if !looks.is_empty() || self.lane.doubts.is_full() {
            return looks;
        }
        let descents = self.lane.folders.descents().map(|folder| LaneRead::Below(folder.to_owned()));
        let descents: Vec<LaneRead> = self.open(descents).take(READS_COUNT_MAX).collect();
        if !descents.is_empty() {
            return descents;
        }
        // A count that is refused is not waited for.
        let is_refused = self.failed.contains(&LaneRead::Counts);
        let is_counted = self.counts.is_some() || self.deltas.counts.is_none() || is_refused;
        let counts: Vec<LaneRead> = match is_counted || !self.is_stored_anyway {
            true => Vec::new(),
            false => self.open([LaneRead::Counts].into_iter()).collect(),
        };
        let wanted = self.lane.folders.wanted(is_counted || !counts.is_empty(), self.now_s);
        let deltas = self.open(wanted.map(|folder| LaneRead::Delta(folder.to_owned())));
        let deltas: Vec<LaneRead> = deltas.take(READS_COUNT_MAX - counts.len()).collect();
        match deltas.is_empty() {
            true => deltas,
            false => counts.into_iter().chain(deltas).collect(),
        }
    }

    fn open<'b>(&'b self, asked: impl Iterator<Item = LaneRead> + 'b) -> impl Iterator<Item = LaneRead> + 'b {
        asked.filter(|asked| !self.failed.contains(asked))
    }

    fn path(&self, asked: &LaneRead) -> String {
        match asked {
            LaneRead::Listing => self.lane.listing.clone().map(|(_, path)| path).unwrap_or_default(),
            LaneRead::Counts => self.deltas.counts.unwrap_or_default().to_owned(),
            LaneRead::Delta(folder) => self.lane.folders.path(folder, self.deltas, self.plan, self.now_s),
            LaneRead::Below(folder) => self.lane.folders.path_below(folder, self.deltas),
            LaneRead::Look(id) => self.deltas.look(id),
        }
    }

    /// Takes a page of the event log into doubt, once nothing else is wanted. Whether there was any.
    async fn sweep(&mut self) -> bool {
        let Some(sweep) = self.lane.sweep.clone() else { return false };
        if self.is_swept || self.lane.doubts.is_full() {
            return false;
        }
        let page = match self.lane.read_known(self.archive).await {
            Ok(()) => self.archive.told(sweep.before).await,
            Err(error) => Err(error),
        };
        let Ok(page) = page else {
            // It is read again by a later poll.
            self.is_swept = true;
            return false;
        };
        let found: Vec<&str> = sweep.of(&page.records, &self.lane.known).collect();
        found.into_iter().for_each(|id| self.lane.doubts.add(id));
        self.lane.sweep = page.before.map(|before| sweep.on(before));
        self.done.moved = true;
        true
    }

    async fn ask(&mut self, asked: Vec<LaneRead>) {
        if asked.is_empty() {
            return;
        }
        let paths: Vec<String> = asked.iter().map(|one| self.path(one)).collect();
        // A count that is younger than the delta would hide what left the folder in between.
        let order = match asked.first() {
            Some(LaneRead::Counts) => Order::FirstBefore,
            _ => Order::Any,
        };
        match batch::read(self.call, &paths, order).await {
            Ok(answers) => {
                // What waits for a first read that is refused was not made: it is asked for again, without that one.
                let is_refused = answers.first().is_some_and(|first| first.status != 200);
                let made_count = if order == Order::FirstBefore && is_refused { 1 } else { answers.len() };
                for (asked, answer) in asked.iter().zip(&answers).take(made_count) {
                    self.take(asked, answer).await;
                }
            }
            Err(error) if ends_all(error.kind) => self.done.halted = Some(error),
            Err(_) => self.failed.extend(asked),
        }
    }

    /// Takes one answer in. One that fails alone is read again by a later poll.
    async fn take(&mut self, asked: &LaneRead, answer: &HttpResponse) {
        let read = match answer.status {
            200 => api::read(answer),
            _ => Err(error::classify(answer, self.call.now)),
        };
        let taken = match (asked, read) {
            (_, Err(error)) if ends_all(error.kind) => {
                self.done.halted.get_or_insert(error);
                true
            }
            (LaneRead::Listing, Ok(page)) => self.list(&page),
            (LaneRead::Counts, Ok(page)) => self.count(&page),
            (LaneRead::Delta(folder), Ok(page)) => self.hints(folder, &page).await,
            (LaneRead::Delta(folder), Err(error)) => self.no_delta(folder, error.kind),
            (LaneRead::Below(folder), Ok(page)) => self.descend(folder, &page),
            (LaneRead::Below(folder), Err(error)) => self.no_list_below(folder, error.kind),
            (LaneRead::Look(id), Ok(found)) => {
                self.follow(id, &found);
                self.look(id, None)
            }
            (LaneRead::Look(id), Err(error)) => self.look(id, Some(error.kind)),
            (LaneRead::Listing | LaneRead::Counts, Err(_)) => false,
        };
        if !taken {
            self.failed.insert(asked.clone());
        }
        if !self.lane.early.is_empty() && self.lane.has_begun() {
            std::mem::take(&mut self.lane.early).iter().for_each(|id| self.lane.doubts.add(id));
        }
    }

    /// A list of folders, a page of it, or one.
    fn list(&mut self, page: &Value) -> bool {
        let Some((number, _)) = self.lane.listing else { return false };
        let one = [page.clone()];
        let rows = page.get("value").and_then(Value::as_array).map_or(&one[..], Vec::as_slice);
        for folder in ids(rows) {
            self.lane.folders.add_listed(folder);
        }
        self.done.moved = true;
        self.lane.listing = match self.next_page(page) {
            Some(next) => Some((number, next)),
            None => self.deltas.listing(number + 1),
        };
        true
    }

    fn next_page(&self, page: &Value) -> Option<String> {
        let link = page.get("@odata.nextLink")?.as_str()?;
        delta::below(link, self.call.api_url).map(str::to_owned)
    }

    /// A page of the folders directly below one.
    fn descend(&mut self, folder: &str, page: &Value) -> bool {
        let Some(rows) = page.get("value").and_then(Value::as_array) else { return false };
        let next = self.next_page(page);
        self.lane.folders.descend(folder, &ids(rows).collect::<Vec<_>>(), next);
        self.done.moved = true;
        true
    }

    /// One that is gone has none below it; its delta tells that it is.
    fn no_list_below(&mut self, folder: &str, kind: ErrorKind) -> bool {
        let is_passing = kind == ErrorKind::CursorExpired;
        if !is_passing && !matches!(kind, ErrorKind::NotFound | ErrorKind::Rejected) {
            return false;
        }
        self.lane.folders.end_descent(folder, is_passing);
        self.done.moved = true;
        // What begins anew does so with the next step.
        !is_passing
    }

    /// An object moved into a folder, which may be new; of that one nothing else tells. What leaves it before its first round
    /// is over is in doubt behind that.
    fn follow(&mut self, id: &str, found: &Value) {
        let folder = found.get("parentFolderId").and_then(Value::as_str).filter(|_| self.deltas.is_tree);
        let Some(folder) = folder else { return };
        self.lane.folders.add(folder);
        if self.lane.folders.get(folder).is_some_and(|standing| !standing.has_begun()) {
            self.lane.early.insert(id.to_owned());
        }
    }

    fn count(&mut self, page: &Value) -> bool {
        let Some(counts) = FolderCounts::of_page(page) else { return false };
        self.lane.folders.compare(&counts);
        self.counts = Some(counts);
        // In a baseline it is read once, beside the list.
        self.failed.insert(LaneRead::Counts);
        true
    }

    /// What a page of a delta says: of what a first round shows a deletion is told from now on.
    async fn hints(&mut self, folder: &str, page: &Value) -> bool {
        let Some(page) = DeltaPage::of(page, self.call.api_url) else { return false };
        let has_rows = !page.gone.is_empty() || !page.present.is_empty();
        let is_known = page.gone.is_empty() || self.lane.read_known(self.archive).await.is_ok();
        // Otherwise it is read again.
        if !is_known || !self.lane.doubts.have_room_for(page.gone.len()) {
            return false;
        }
        if self.lane.folders.get(folder).is_some_and(|standing| standing.is_first) {
            for row in page.present {
                let row = Row::new(row.clone(), self.plan.entity, "", 0);
                self.lane.early.remove(row.id());
                // What is one of a series is not reported by itself.
                let kind = row.object.get("type").and_then(Value::as_str);
                let is_part = self.deltas.is_of_window && matches!(kind, Some("occurrence" | "exception"));
                if !is_part && self.plan.conditions.name(&row) {
                    self.lane.known.insert(row.id());
                }
            }
        }
        for id in page.gone {
            if self.lane.known.contains(id) {
                self.lane.doubts.add(id);
                self.done.moved = true;
            }
        }
        let counts = self.counts.as_ref();
        self.done.moved |= self.lane.folders.read(folder, page.onward, has_rows, counts, self.now_s);
        let is_outdated = |standing: &DeltaStanding| standing.is_outdated(self.now_s);
        if self.deltas.is_of_window && self.lane.folders.get(folder).is_some_and(is_outdated) {
            self.lane.folders.expire(folder);
            self.done.moved = true;
        }
        true
    }

    fn no_delta(&mut self, folder: &str, kind: ErrorKind) -> bool {
        match kind {
            ErrorKind::CursorExpired => {
                self.lane.folders.expire(folder);
                self.look_for(folder);
            }
            ErrorKind::NotFound => {
                if self.lane.folders.miss(folder, self.now_s) {
                    self.look_for(folder);
                }
            }
            ErrorKind::Rejected => self.lane.folders.refuse(folder),
            _ => return false,
        }
        self.done.moved = true;
        true
    }

    /// What the log holds of this folder is in doubt; all of it, where it does not say of which folder.
    fn look_for(&mut self, folder: &str) {
        self.lane.sweep = Some(match self.deltas.has_parents {
            true => Sweep::with(self.lane.sweep.take(), folder),
            false => Sweep::whole(),
        });
    }

    /// A look: `failed` says how, where it did.
    fn look(&mut self, id: &str, failed: Option<ErrorKind>) -> bool {
        let look = match failed {
            None | Some(ErrorKind::Rejected) => Look::Present,
            Some(ErrorKind::NotFound) => Look::Missing,
            Some(_) => Look::Unsure,
        };
        match self.lane.doubts.decide(id, look, self.now_s) {
            Verdict::Deleted(missed_at) => {
                self.lane.known.remove(id);
                self.done.changes.push(deleted(id, missed_at));
            }
            Verdict::Stays | Verdict::Open => {}
        }
        self.done.moved |= look != Look::Unsure;
        look != Look::Unsure
    }

    fn end(mut self, room: usize) -> LaneStep {
        if let Some(counts) = self.counts.as_ref().filter(|counts| self.lane.folders.agree(counts)) {
            self.done.moved |= self.lane.counts.replace(counts.digest) != Some(counts.digest);
        }
        let sweeps = self.lane.sweep.is_some() && !self.is_swept;
        let more = self.done.halted.is_none()
            && (!self.next(room).is_empty() || (sweeps && !self.lane.doubts.is_full()));
        let missed = [
            self.lane.doubts.next_due(),
            self.lane.folders.missed_at().map(|at| at + super::doubts::APART_S),
        ];
        let again_at = missed.into_iter().flatten().min().filter(|at| *at > self.now_s);
        LaneStep { more, again_at: again_at.and_then(|at| DateTime::from_timestamp(at, 0)), ..self.done }
    }
}

fn ids(rows: &[Value]) -> impl Iterator<Item = &str> {
    rows.iter().filter_map(|row| row.get("id")?.as_str())
}

/// Told once: with this it is no longer known.
fn deleted(id: &str, missed_at: i64) -> Change {
    Change {
        object_id: id.to_owned(),
        shown_id: None,
        kind: ChangeKind::Deleted,
        version: missed_at.to_string(),
        at: None,
        record: json!({ "Id": id }),
        recheck: true,
        again: false,
    }
}
