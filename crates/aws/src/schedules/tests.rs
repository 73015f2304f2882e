use super::*;
use crate::environment;
use crate::script::{Script, StoppedClock};
use serde_json::json;

const NOT_FOUND: (u16, &str) =
    (404, r#"{"__type":"ResourceNotFoundException","Message":"no such schedule"}"#);
const CONFLICT: (u16, &str) = (409, r#"{"__type":"ConflictException","Message":"busy"}"#);
const DONE: (u16, &str) = (200, r#"{"ScheduleArn":"arn"}"#);

fn schedules(script: &Script, clock: &Arc<StoppedClock>) -> Schedules {
    let client = Client::new(&script.config());
    Schedules::new(client, &environment::tests::sample(), clock.clone())
}

fn id() -> InstanceId {
    InstanceId::parse("17").unwrap()
}

async fn put(script: &Script, enabled: bool) -> Result<()> {
    schedules(script, &Arc::default()).put(id(), Timetable::new(id(), 15), enabled).await
}

#[tokio::test]
async fn a_change_is_one_request() {
    let script = Script::new(&[DONE]);
    put(&script, true).await.unwrap();
    let asked = script.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].what, "PUT /schedules/17");
    let body = &asked[0].body;
    assert_eq!(body["GroupName"], "stack");
    assert_eq!(body["ScheduleExpression"], "rate(15 minutes)");
    assert_eq!(body["State"], "ENABLED");
    assert_eq!(body["FlexibleTimeWindow"], json!({ "Mode": "OFF" }));
    assert_eq!(body["Target"]["Input"], r#"{"Poll":17}"#);
    assert_eq!(body["Target"]["Arn"], "arn:aws:lambda:eu-central-1:123456789012:function:stack-poll");
    assert_eq!(body["Target"]["RoleArn"], "arn:aws:iam::123456789012:role/stack-schedules");
    assert_eq!(body["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 2);
    assert_eq!(body["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"], 900);
    let dead_letters = "arn:aws:sqs:eu-central-1:123456789012:stack-dead";
    assert_eq!(body["Target"]["DeadLetterConfig"]["Arn"], dead_letters);
}

#[tokio::test]
async fn a_schedule_starts_at_its_phase() {
    let script = Script::new(&[DONE]);
    put(&script, true).await.unwrap();
    let start = script.asked()[0].body["StartDate"].as_f64().unwrap() as i64;
    let table = Timetable::new(id(), 15);
    assert_eq!(start, table.next_after(StoppedClock::default().now()).timestamp());
    assert_eq!(start % 900, i64::from(table.phase_s));
}

#[tokio::test]
async fn what_is_not_there_is_made() {
    let script = Script::new(&[NOT_FOUND, DONE]);
    put(&script, false).await.unwrap();
    assert_eq!(script.operations(), ["PUT /schedules/17", "POST /schedules/17"]);
    assert_eq!(script.asked()[1].body["State"], "DISABLED");
}

#[tokio::test]
async fn a_conflict_is_tried_again_a_few_times() {
    let script = Script::new(&[CONFLICT, NOT_FOUND, CONFLICT, DONE]);
    put(&script, true).await.unwrap();
    assert_eq!(script.asked().len(), 4, "change; change and make; change");
    let (script, clock) = (Script::new(&[CONFLICT]), Arc::new(StoppedClock::default()));
    let error = schedules(&script, &clock).put(id(), Timetable::new(id(), 15), true).await.unwrap_err();
    assert_eq!(crate::fault::chain(&error), "change a schedule: ConflictException");
    assert_eq!(script.asked().len(), TRIES_COUNT_MAX as usize);
    assert_eq!(clock.waits().len(), TRIES_COUNT_MAX as usize - 1);
}

#[tokio::test]
async fn removing_what_is_not_there_is_fine() {
    let script = Script::new(&[NOT_FOUND]);
    schedules(&script, &Arc::default()).remove(id()).await.unwrap();
    assert!(script.operations()[0].starts_with("DELETE /schedules/17?groupName=stack"));
}

#[tokio::test]
async fn a_job_is_scheduled_once() {
    let script = Script::new(&[DONE, CONFLICT]);
    let schedules = schedules(&script, &Arc::default());
    let due_at = DateTime::from_timestamp_micros(1_795_001_000_000_001).unwrap();
    for _ in 0..2 {
        schedules.once(&Job::Release(id()), due_at, "arn:queue").await.unwrap();
    }
    let asked = script.asked();
    assert_eq!(asked[0].what, "POST /schedules/once-17-release-1795001001");
    assert_eq!(asked[1].what, asked[0].what);
    assert_eq!(asked[0].body["ScheduleExpression"], "at(2026-11-18T11:23:21)");
    assert_eq!(asked[0].body["ActionAfterCompletion"], "DELETE");
    assert_eq!(asked[0].body["Target"]["Arn"], "arn:queue");
    assert_eq!(asked[0].body["Target"]["Input"], r#"{"Release":17}"#);
}

#[tokio::test]
async fn a_listing_leaves_single_jobs_out() {
    let page = r#"{"NextToken":"more","Schedules":[
        {"Name":"17","State":"DISABLED","CreationDate":1795000000.5},
        {"Name":"once-17-poll-1795001001","State":"ENABLED"},
        {"Name":"tick-900-42","State":"ENABLED"}]}"#;
    let script = Script::new(&[(200, page)]);
    let listed = schedules(&script, &Arc::default()).list(Some("from")).await.unwrap();
    let made_at = DateTime::from_timestamp(1_795_000_000, 0);
    assert_eq!(listed.ticks, [Tick::parse("tick-900-42").unwrap()]);
    assert_eq!(listed.own, [ListedSchedule { instance: id(), is_enabled: false, made_at }]);
    assert_eq!(listed.next.as_deref(), Some("more"));
    let asked = &script.operations()[0];
    assert!(asked.contains("ScheduleGroup=stack") && asked.contains("NextToken=from"), "{asked}");
}

#[tokio::test]
async fn a_schedule_is_read_back() {
    let found = r#"{"Name":"17","State":"ENABLED","ScheduleExpression":"rate(15 minutes)"}"#;
    let script = Script::new(&[(200, found), NOT_FOUND]);
    let schedules = schedules(&script, &Arc::default());
    assert_eq!(schedules.find(id()).await.unwrap(), Some((900, true)));
    assert_eq!(schedules.find(id()).await.unwrap(), None);
}

#[tokio::test]
async fn a_tick_is_made_once_and_starts_polls_at_the_end_of_its_window() {
    let script = Script::new(&[DONE, CONFLICT]);
    let (schedules, tick) = (schedules(&script, &Arc::default()), Tick::parse("tick-900-42").unwrap());
    for _ in 0..2 {
        schedules.make_tick(tick).await.unwrap();
    }
    assert_eq!(script.operations(), ["POST /schedules/tick-900-42"; 2]);
    let body = &script.asked()[0].body;
    assert_eq!(body["ScheduleExpression"], "rate(15 minutes)");
    assert_eq!(body["State"], "ENABLED");
    assert_eq!(body["StartDate"].as_f64().unwrap() as i64 % 900, 430);
    assert_eq!(body["Target"]["Arn"], "arn:aws:lambda:eu-central-1:123456789012:function:stack-poll");
    assert_eq!(body["Target"]["Input"], r#"{"Tick":{"interval_s":900,"window":42}}"#);
    assert_eq!(body["Target"]["RetryPolicy"]["MaximumRetryAttempts"], 2);
}

#[tokio::test]
async fn a_schedule_is_turned_off_where_there_is_one() {
    let script = Script::new(&[CONFLICT, DONE, NOT_FOUND]);
    let schedules = schedules(&script, &Arc::default());
    for _ in 0..2 {
        schedules.turn_off(id(), Timetable::new(id(), 15)).await.unwrap();
    }
    assert_eq!(script.operations(), ["PUT /schedules/17"; 3]);
    assert_eq!(script.asked()[1].body["State"], "DISABLED");
}
