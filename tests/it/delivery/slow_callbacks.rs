//! Callbacks that hang, where polls attempt deliveries themselves: an organization's take a share of the polls, and what is
//! beyond it takes turns in the queue.

use super::{mails, objects};
use crate::world::World;
use app::ports::{Clock, Job, Queue, Result};
use app::{App, FirstAttempts, Ports};
use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use connectors::{Http, HttpError, HttpRequest, HttpResponse, Route};
use domain::ids::InstanceId;
use std::sync::{Arc, Mutex};

/// Time-out of a callback, seconds.
const HANGS_S: u64 = 30;

/// Callbacks answer nothing.
struct Hanging(Arc<dyn Http>, Arc<dyn Clock>);

#[async_trait]
impl Http for Hanging {
    async fn send(&self, request: HttpRequest<'_>) -> std::result::Result<HttpResponse, HttpError> {
        if request.route != Route::Callback {
            return self.0.send(request).await;
        }
        self.1.sleep(std::time::Duration::from_secs(HANGS_S)).await;
        Err(HttpError::Timeout)
    }
}

/// Says whose turn the jobs that are sent have to wait for.
struct Turns(Arc<dyn Queue>, Mutex<Vec<(Job, Option<u32>)>>);

impl Turns {
    fn note(&self, jobs: &[(Job, DateTime<Utc>)], organization_id: Option<u32>) {
        self.1.lock().unwrap().extend(jobs.iter().map(|(job, _)| (*job, organization_id)));
    }

    /// Of jobs that deliver: the number of the attempt, and whose turn it waits for.
    fn take(&self) -> Vec<(u32, Option<u32>)> {
        let all = std::mem::take(&mut *self.1.lock().unwrap());
        let of_attempts = all.into_iter().filter_map(|(job, whose)| match job {
            Job::Deliver(key) => Some((key.attempt, whose)),
            _ => None,
        });
        of_attempts.collect()
    }
}

#[async_trait]
impl Queue for Turns {
    async fn send(&self, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        self.note(jobs, None);
        self.0.send(jobs).await
    }

    async fn send_in_turn(&self, organization_id: u32, jobs: &[(Job, DateTime<Utc>)]) -> Result<()> {
        self.note(jobs, Some(organization_id));
        self.0.send_in_turn(organization_id, jobs).await
    }
}

/// A function of AWS, with what it sends; its callbacks hang, or are as ever.
fn function(world: &World, hang: bool) -> (App, Arc<Turns>) {
    let mut turns = None;
    let app = world.another_process_of(FirstAttempts::AtOnce, |ports| {
        let of = Arc::new(Turns(ports.queue.clone(), Mutex::default()));
        turns = Some(of.clone());
        let http: Arc<dyn Http> = match hang {
            true => Arc::new(Hanging(ports.http.clone(), ports.clock.clone())),
            false => ports.http.clone(),
        };
        Ports { http, queue: of, ..ports }
    });
    (app, turns.unwrap())
}

/// A poll that finds a mail; how long it took.
async fn polled(world: &World, app: &App, id: InstanceId, told: &mut Vec<String>) -> Duration {
    told.extend(mails(world, 1));
    let began_at = world.now();
    app.tick(id, began_at + Duration::seconds(60)).await.unwrap();
    world.now() - began_at
}

/// What the callback got, in order of their names.
fn received(world: &World) -> Vec<String> {
    let mut received: Vec<String> = world.receiver.take().iter().flat_map(objects).collect();
    received.sort_unstable();
    received
}

#[tokio::test]
async fn callbacks_that_hang_take_a_share_of_the_polls_and_then_turns_in_the_queue() {
    let world = World::new(571);
    let id = world.create_gmail().await;
    let (app, turns) = function(&world, true);
    let mut told = Vec::new();
    for _ in 0..2 {
        assert!(
            polled(&world, &app, id, &mut told).await >= Duration::seconds(30),
            "waited for the callback"
        );
        let sent = turns.take();
        assert!(matches!(sent[..], [(2, Some(_))]), "the retry takes turns: {sent:?}");
    }
    for _ in 0..3 {
        assert!(polled(&world, &app, id, &mut told).await < Duration::seconds(5), "the share is used up");
        let sent = turns.take();
        assert!(!sent.is_empty() && sent.iter().all(|(_, whose)| whose.is_some()), "{sent:?}");
        assert!(sent.iter().any(|(attempt, _)| *attempt == 1), "{sent:?}");
    }
    world.clock.advance(Duration::minutes(10));
    let again = polled(&world, &app, id, &mut told).await;
    assert!(again >= Duration::seconds(30), "ten minutes later there is another share");
    world.pass(Duration::hours(1)).await;
    told.sort_unstable();
    assert_eq!(received(&world), told, "and a callback that is back has all of it");
}

#[tokio::test]
async fn a_crowd_for_a_callback_that_answers_takes_its_own_turns() {
    let world = World::new(572);
    let id = world.create_gmail().await;
    let (app, turns) = function(&world, false);
    let mut told = mails(&world, 60);
    app.tick(id, world.now() + Duration::seconds(60)).await.unwrap();
    let sent = turns.take();
    assert!(!sent.is_empty() && sent.iter().all(|one| *one == (1, None)), "{sent:?}");
    world.run_until_idle().await;
    told.sort_unstable();
    assert_eq!(received(&world), told);
}
