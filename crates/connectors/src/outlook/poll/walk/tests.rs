//! Steps as tables: what is known, what comes, what is told, and where the next step begins.
//!
//! Rows are `id change-key modified [came] [draft]`, times are seconds after the watermark.

use super::*;
use crate::outlook::cursor::clocks::clocks;
use crate::outlook::poll::pages::Narrowed;
use domain::resource::ResourceConfig;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

/// The watermark: Sunday, 22 November 2026, 12:00:00 UTC.
const W: i64 = 1_795_348_800;
/// The time of every answer, seconds after the watermark.
const NOW_S: i64 = 60;

fn object(row: &str) -> Value {
    let words: Vec<&str> = row.split(' ').collect();
    let at = |second: &str| crate::outlook::api::instant(W + second.parse::<i64>().unwrap());
    let came = words.get(3).copied().unwrap_or(words[2]);
    json!({
        "id": words[0], "changeKey": words[1], "lastModifiedDateTime": at(words[2]),
        "receivedDateTime": at(came), "createdDateTime": at(came), "isDraft": words.contains(&"draft"),
    })
}

fn resource(entry: &Value) -> ResourceConfig {
    ResourceConfig::parse("messages", entry).unwrap()
}

/// A page that came now, which is the last one or not.
struct WalkPage<'a> {
    rows: &'a [&'a str],
    is_last: bool,
    narrowed: Option<Narrowed>,
}

fn page<'a>(rows: &'a [&'a str]) -> WalkPage<'a> {
    WalkPage { rows, is_last: true, narrowed: None }
}

struct Walker {
    resource: ResourceConfig,
    cursor: Cursor,
    shown: Vec<String>,
}

impl Walker {
    fn new() -> Self {
        Self::configured(&json!({ "url": "/messages" }))
    }

    fn configured(entry: &Value) -> Self {
        Walker { resource: resource(entry), cursor: Cursor::at(W, 120), shown: Vec::new() }
    }

    /// Takes what the list answers, without what is known up to the first news, as a real step does.
    fn take(&mut self, page: WalkPage<'_>) -> &mut Self {
        let plan = Plan::of(&self.resource, instant(W), instant(W)).unwrap();
        let objects = page.rows.iter().map(|row| object(row)).collect();
        let rows = Row::of_page(objects, plan.entity, plan.ordered_by, self.cursor.from(120).second);
        let begins = Spot::begin(self.cursor.from(120).second);
        let hole = page.narrowed.as_ref().and_then(|narrowed| narrowed.hole);
        let reached = hole.map_or_else(|| begins.after(&rows), |hole| Spot::begin(hole + 1));
        let known = self.cursor.memory.index();
        let has_news = rows.iter().any(|row| !known.knows(&row.seen(&plan.conditions)));
        let found = RowsRead {
            rows,
            begins,
            reached,
            is_last: page.is_last,
            clocks: clocks(Some(W + NOW_S), W + NOW_S),
            halted: None,
            narrowed: page.narrowed,
        };
        let walked = match has_news {
            true => taken(&plan, &self.cursor, known, found, W + NOW_S),
            false => finished(&plan, &self.cursor, found.clocks),
        };
        let mut told: Vec<String> = walked.changes.iter().map(shown).collect();
        told.extend(walked.failed.iter().map(|one| format!("LATER {}", one.object_id)));
        told.extend(walked.gap.map(|(from, _)| format!("GAP {}", from.timestamp() - W)));
        let walk = walked.cursor.walk.map_or(String::new(), |walk| format!(", walk {}", walk.position - W));
        self.shown.push(format!("[{}] {}{walk}", told.join(", "), walked.cursor.watermark - W));
        self.cursor = walked.cursor;
        self
    }

    #[track_caller]
    fn check(&mut self, expect: Expect) -> &mut Self {
        expect.assert_eq(&std::mem::take(&mut self.shown).join("\n"));
        self
    }
}

fn shown(change: &Change) -> String {
    let doubt = if change.recheck { "?" } else { "" };
    format!("{}{doubt} {}", change.kind.wire(), change.object_id)
}

/// A watermark that stood where the list ends would be passed by whatever is shown late.
#[test]
fn what_is_seen_in_the_overlap_is_told_once() {
    Walker::new()
        .take(page(&["a 1 10", "b 1 20"]))
        .take(page(&["a 1 10", "late 1 15", "b 1 20"]))
        .take(page(&["a 1 10", "late 1 15", "b 1 20"]))
        .check(expect![[r#"
            [CREATED a, CREATED b] 20
            [CREATED late] 20
            [] 20"#]]);
}

/// With the second as the bound, rows of the same second are on both pages; with the one behind it, they are on none.
#[test]
fn a_second_that_two_pages_share_is_told_once() {
    Walker::new()
        .take(WalkPage { is_last: false, ..page(&["a 1 10", "b 1 10"]) })
        .take(page(&["a 1 10", "b 1 10", "c 1 10", "d 1 11"]))
        .check(expect![[r#"
            [CREATED a, CREATED b] 0, walk 10
            [CREATED? c, CREATED? d] 11"#]]);
}

/// A state is known, not a message: the third state is told though the second was.
#[test]
fn a_message_that_changes_there_and_back_is_told_each_time() {
    Walker::new()
        .take(page(&["a 1 10"]))
        .take(page(&["a 2 20 10"]))
        .take(page(&["a 3 30 10"]))
        .take(page(&["a 3 30 10"]))
        .check(expect![[r#"
            [CREATED a] 10
            [UPDATED a] 20
            [UPDATED a] 30
            [] 30"#]]);
}

/// The draft was seen and not told: if that counted, the mail that was sent would be an update of nothing.
#[test]
fn a_draft_that_is_sent_is_new() {
    Walker::new()
        .take(page(&["a 1 10 10 draft"]))
        .take(page(&["a 2 20 20"]))
        .take(page(&["a 3 30 20"]))
        .check(expect![[r#"
            [] 10
            [CREATED a] 20
            [UPDATED a] 30"#]]);
}

/// What came before the walk is old, whenever it is shown; what a tolerance makes new, the log decides.
#[test]
fn old_mail_that_appears_is_no_news_but_for_the_tolerance() {
    let rows = ["old 1 10 -100000", "edge 1 10 -120", "beyond 1 10 -121"];
    Walker::new().take(page(&rows)).check(expect!["[UPDATED old, CREATED edge, UPDATED beyond] 10"]);
    Walker::configured(&json!({ "url": "/messages", "createdCheckTolerance": 200 }))
        .take(page(&rows))
        .check(expect!["[UPDATED old, CREATED edge, CREATED? beyond] 10"]);
}

/// A walk of several steps keeps less than it read, so from the second step on the log has the say.
#[test]
fn a_walk_goes_on_from_its_last_second_and_ends_at_its_own_clock() {
    Walker::new()
        .take(WalkPage { is_last: false, ..page(&["a 1 10", "b 1 40"]) })
        .take(WalkPage { is_last: false, ..page(&["b 1 40", "c 1 50"]) })
        .take(page(&["c 1 50"]))
        .check(expect![[r#"
            [CREATED a, CREATED b] 0, walk 40
            [CREATED? c] 0, walk 50
            [] 50"#]]);
}

/// A rule that stamps messages ahead, or a date of the year 9999, is told and moves nothing: what comes behind it with the
/// right time is still to be read.
#[test]
fn a_time_ahead_of_the_clock_does_not_move_the_position_past_it() {
    let far = format!("far 1 {}", 253_402_300_799 - W);
    Walker::new()
        .take(page(&["soon 1 62", &far]))
        .take(page(&["new 1 61", "soon 1 62", &far]))
        .take(page(&["new 1 61", "soon 1 62", &far]))
        .check(expect![[r#"
            [CREATED soon, CREATED far] 60
            [CREATED new] 60
            [] 60"#]]);
}

/// A row that nobody can tell apart is told as left out, once; the position goes past it.
#[test]
fn a_row_without_an_id_is_left_out_and_told_once() {
    let mut walker = Walker::new();
    walker.take(page(&["a 1 10", " 1 20", "b 1 30"])).take(page(&["a 1 10", " 1 20", "b 1 30"]));
    walker.check(expect![[r#"
        [CREATED a, CREATED b, GAP 20] 30
        [] 30"#]]);
}

/// What fails is told as a gap, what has no content is read again by its id, and the second that failed is remembered with
/// what was told of it.
#[test]
fn a_second_with_something_unreadable_is_gone_round() {
    let mut walker = Walker::new();
    let narrowed = Narrowed { hole: Some(W + 20), is_left_out: true, bare: vec![1] };
    walker.take(WalkPage { is_last: false, narrowed: Some(narrowed), ..page(&["a 1 20", "bare 1 20"]) });
    assert_eq!(walker.cursor.holes.seconds(), [W + 20]);
    assert!(walker.cursor.walk.is_some_and(|walk| walk.is_careful));
    walker.take(page(&["c 1 40"])).check(expect![[r#"
        [CREATED a, LATER bare, GAP 20] 0, walk 21
        [CREATED? c] 40"#]]);
    assert_eq!(walker.cursor.holes.seconds(), [W + 20], "the overlap still covers it");
}
