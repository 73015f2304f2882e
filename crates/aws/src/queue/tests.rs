use super::*;
use crate::environment;
use crate::script::{Script, StoppedClock};
use app::ports::AttemptKey;
use domain::ids::{InstanceId, Sequence};
use domain::push::Hint;
use serde_json::Value;

const TAKEN: (u16, &str) = (200, r#"{"Successful":[],"Failed":[]}"#);

fn queue(script: &Script, clock: &Arc<StoppedClock>) -> SqsQueue {
    let (config, environment) = (script.config(), environment::tests::sample());
    let schedules = Schedules::new(aws_sdk_scheduler::Client::new(&config), &environment, clock.clone());
    SqsQueue::new(Client::new(&config), schedules, &environment, clock.clone())
}

async fn send(script: &Script, jobs: &[(Job, i64)]) -> Result<()> {
    let clock = Arc::new(StoppedClock::default());
    let jobs: Vec<_> =
        jobs.iter().map(|(job, ms)| (*job, clock.now() + TimeDelta::milliseconds(*ms))).collect();
    queue(script, &clock).send(&jobs).await
}

fn id(number: u32) -> InstanceId {
    InstanceId::parse(&number.to_string()).unwrap()
}

fn deliver(sequence: u64) -> Job {
    Job::Deliver(AttemptKey { instance: id(17), sequence: Sequence(sequence), attempt: 1 })
}

fn names(body: &Value) -> &str {
    body["QueueUrl"].as_str().unwrap().rsplit('/').next().unwrap()
}

#[test]
fn waits_are_rounded_up_and_never_negative() {
    let now = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
    let after = |micros| wait(now + TimeDelta::microseconds(micros), now);
    assert_eq!(after(-5_000_000), Wait::Delay(0));
    assert_eq!(after(0), Wait::Delay(0));
    assert_eq!(after(1), Wait::Delay(1));
    assert_eq!(after(1_000_000), Wait::Delay(1));
    assert_eq!(after(1_000_001), Wait::Delay(2));
    assert_eq!(after(899_000_001), Wait::Delay(900));
    assert_eq!(after(900_000_000), Wait::Delay(900));
    assert_eq!(after(900_000_001), Wait::Scheduled);
    assert_eq!(after(901_000_000), Wait::Scheduled);
    assert_eq!(wait(DateTime::<Utc>::MAX_UTC, now), Wait::Scheduled);
}

#[tokio::test]
async fn each_kind_of_job_has_its_queue_and_its_group() {
    let script = Script::new(&[TAKEN]);
    let settle = Job::Settle { instance: id(21), since: DateTime::UNIX_EPOCH };
    let hint = Hint { at: DateTime::UNIX_EPOCH, position: Some(7), looks: 0 };
    let hinted = Job::Hinted { instance: id(22), hint };
    let jobs = [deliver(5), Job::Poll(id(18)), Job::Release(id(19)), Job::Purge(id(20)), settle, hinted];
    send(&script, &jobs.map(|job| (job, 1_500))).await.unwrap();
    let asked = script.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!((names(&asked[0].body), names(&asked[1].body)), ("stack-delivery", "stack-work"));
    let groups = |index: usize| -> Vec<String> {
        let entries = asked[index].body["Entries"].as_array().unwrap();
        entries.iter().map(|entry| entry["MessageGroupId"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (groups(0), groups(1)),
        (vec!["17".into(), "19".into()], ["18", "20", "21", "22"].map(str::to_owned).to_vec())
    );
    let first = &asked[0].body["Entries"][0];
    assert_eq!(first["MessageBody"], r#"{"Deliver":{"instance":17,"sequence":5,"attempt":1}}"#);
    assert_eq!(first["DelaySeconds"], 2);
}

#[tokio::test]
async fn what_takes_turns_is_of_its_organization() {
    let script = Script::new(&[TAKEN]);
    let clock = Arc::new(StoppedClock::default());
    let jobs = [deliver(5), Job::Release(id(19)), Job::Poll(id(18))].map(|job| (job, clock.now()));
    queue(&script, &clock).send_in_turn(7, &jobs).await.unwrap();
    let asked = script.asked();
    let entries = asked.iter().flat_map(|asked| asked.body["Entries"].as_array().unwrap());
    let groups: Vec<&Value> = entries.map(|entry| &entry["MessageGroupId"]).collect();
    assert_eq!(groups, ["of-7"; 3]);
}

#[tokio::test]
async fn messages_go_in_tens() {
    let script = Script::new(&[TAKEN]);
    let jobs: Vec<_> = (0..25).map(|sequence| (deliver(sequence), 0)).collect();
    send(&script, &jobs).await.unwrap();
    let sizes: Vec<usize> =
        script.asked().iter().map(|asked| asked.body["Entries"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [10, 10, 5]);
}

#[tokio::test]
async fn what_is_due_late_is_scheduled_into_its_queue() {
    let script = Script::new(&[(200, r#"{"ScheduleArn":"arn"}"#), TAKEN]);
    send(&script, &[(Job::Poll(id(17)), 901_000), (deliver(5), 900_000)]).await.unwrap();
    let asked = script.asked();
    // The delivery queue comes first.
    assert_eq!(asked[0].what, "SendMessageBatch");
    assert_eq!(asked[0].body["Entries"][0]["DelaySeconds"], 900);
    assert_eq!(asked[1].what, "POST /schedules/once-17-poll-1795000901");
    let work = "arn:aws:sqs:eu-central-1:123456789012:stack-work";
    assert_eq!(asked[1].body["Target"]["Arn"], work);
    assert_eq!(asked.len(), 2, "nothing is sent where nothing is left");
}

#[tokio::test]
async fn only_what_was_refused_is_sent_again() {
    let refused = r#"{"Successful":[],"Failed":[{"Id":"1","Code":"InternalError","SenderFault":false}]}"#;
    let script = Script::new(&[(200, refused), (200, refused), TAKEN]);
    send(&script, &[(deliver(1), 0), (deliver(2), 0), (deliver(3), 0)]).await.unwrap();
    let bodies: Vec<Value> = script.asked().into_iter().map(|asked| asked.body).collect();
    assert_eq!(bodies.len(), 3);
    for body in &bodies[1..] {
        let entries = body["Entries"].as_array().unwrap();
        assert_eq!(entries.len(), 1);
        assert!(entries[0]["MessageBody"].as_str().unwrap().contains(r#""sequence":2"#));
    }
}

#[tokio::test]
async fn tries_are_bounded() {
    let refused = r#"{"Successful":[],"Failed":[{"Id":"0","Code":"InternalError","SenderFault":false}]}"#;
    let (script, clock) = (Script::new(&[(200, refused)]), Arc::new(StoppedClock::default()));
    let error = queue(&script, &clock).send(&[(deliver(1), clock.now())]).await.unwrap_err();
    assert_eq!(crate::fault::chain(&error), "send jobs: InternalError");
    assert_eq!(script.asked().len(), TRIES_COUNT_MAX as usize);
    let waits: Vec<u128> = clock.waits().iter().map(Duration::as_millis).collect();
    assert_eq!(waits, [100, 200, 400]);
    let ours = refused.replace("false", "true");
    let script = Script::new(&[(200, &ours)]);
    assert!(send(&script, &[(deliver(1), 0)]).await.is_err());
    assert_eq!(script.asked().len(), 1, "our own mistake does not go away");
}
