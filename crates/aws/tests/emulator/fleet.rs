//! What counts and lists of a fleet cost: requests to AWS, counted, and read units of what they read.

use crate::budget::size;
use crate::stack::stack_by;
use crate::wire::Wire;
use app::ports::{Accounts as _, Instances as _, NewInstance, Written};
use app::sealing::{DataKey, Lookup, Sealer};
use aws::Stack;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::Body;
use conformance::sample::{at, id, new_instance};
use domain::instance::Account;
use domain::state::ResourceState;
use futures_util::stream::{self, StreamExt as _};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use system::{CallbackAddresses, Egress};
use tower::ServiceExt as _;

/// How many instances there are, unless somebody measures with more.
const INSTANCES_COUNT: u32 = 60;
const INSTANCES_COUNT_VARIABLE: &str = "CARILLON_MEASURED_INSTANCES";
/// What a request reads beside instances: who asks, how often, and the list in its shards.
const BESIDE_COUNT_MAX: usize = 24;

struct FleetStack {
    wire: Wire,
    stack: Stack,
    table: String,
    count: u32,
}

/// An answer, and what it took.
struct Answered {
    body: Value,
    next: Option<String>,
    asked: Vec<String>,
    time: Duration,
}

impl FleetStack {
    async fn start() -> Self {
        #[allow(clippy::disallowed_methods)] // how much is measured, is told to the test alone
        let count = std::env::var(INSTANCES_COUNT_VARIABLE).ok().and_then(|text| text.parse().ok());
        let count = count.unwrap_or(INSTANCES_COUNT);
        let wire = Wire::new();
        let parts = stack_by(&wire, &[]).await;
        let sealer = Arc::new(Sealer::new(&[1; 32], vec![DataKey { id: "1".to_owned(), bytes: [2; 32] }]));
        let http = Arc::new(Egress::new(CallbackAddresses::All));
        let stack = Stack::new(&parts.environment, &parts.clients, http, sealer.clone());
        let user = sealer.lookup_hash(Lookup::User, "fleet");
        let organization = sealer.lookup_hash(Lookup::Organization, "fleet");
        let account = stack.store.add_organization(&organization, &user).await.unwrap();
        let organization_id = account.organization_id;
        let new = (1..=count).map(|number| instance(organization_id, number));
        stream::iter(new)
            .for_each_concurrent(32, async |new| {
                assert_eq!(stack.store.insert_instance(&new).await.unwrap(), Written::Done);
            })
            .await;
        FleetStack { wire, stack, table: parts.environment.table, count }
    }

    async fn get(&self, path: &str) -> Answered {
        self.wire.take();
        let request = http::Request::get(format!("/elements/api-v2{path}"))
            .header("authorization", "User fleet, Organization fleet")
            .body(Body::empty());
        let began = Instant::now();
        let reply = self.stack.app.router().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(reply.status(), 200, "{path}");
        let next = reply.headers().get("elements-next-page-token");
        let next = next.map(|token| token.to_str().unwrap().to_owned());
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        let (asked, time) = (self.wire.take(), began.elapsed());
        Answered { body: serde_json::from_slice(&body).unwrap(), next, asked, time }
    }

    /// All counts, page by page, as the console adds them up.
    async fn counts(&self) -> (u64, Vec<Answered>) {
        let (mut total, mut pages) = (0, Vec::new());
        let mut path = "/instances/counts".to_owned();
        loop {
            let page = self.get(&path).await;
            total += page.body["total"].as_u64().unwrap();
            let next = page.next.clone();
            pages.push(page);
            match next {
                Some(token) => path = format!("/instances/counts?nextPage={token}"),
                None => return (total, pages),
            }
        }
    }

    /// Read units of one instance: its partition, and the question for what waits.
    async fn units(&self) -> usize {
        let query = aws_sdk_dynamodb::Client::new(&self.wire.config()).query().table_name(&self.table);
        let query = query.key_condition_expression("pk = :key");
        let query = query.expression_attribute_values(":key", AttributeValue::S(format!("I#{}", id(1))));
        let rows = query.send().await.unwrap().items.unwrap();
        rows.iter().map(size).sum::<usize>().div_ceil(4096) + 1
    }
}

/// With three resources, and as much configuration as one has.
fn instance(organization_id: u32, number: u32) -> NewInstance {
    let mut new = new_instance(id(number));
    new.instance.account = Account { organization_id, ..new.instance.account };
    new.instance.configuration.insert("note".to_owned(), "x".repeat(1_000));
    let state = |name| ResourceState::new(name, at(0)).with_baseline(json!({ "at": 17 }), at(0));
    new.states = ["messages", "contacts", "events"].map(state).to_vec();
    new.audit.organization_id = organization_id;
    new
}

fn queries(answers: &[Answered]) -> usize {
    answers.iter().flat_map(|one| &one.asked).filter(|asked| *asked == "Query").count()
}

/// Two queries an instance. A fleet of several pages is counted once a minute, and a list of a status that nobody has looks
/// at so many instances and no more.
#[tokio::test(flavor = "multi_thread")]
async fn counts_and_lists_of_a_fleet_are_bounded() {
    let fleet = FleetStack::start().await;
    let count = fleet.count as usize;
    let (total, pages) = fleet.counts().await;
    assert_eq!(total, u64::from(fleet.count));
    assert_eq!(pages.len(), count / 2_000 + 1);
    let asked: usize = pages.iter().map(|page| page.asked.len()).sum();
    let beside = BESIDE_COUNT_MAX * pages.len();
    assert!(queries(&pages) >= 2 * count && asked <= 2 * count + beside, "{asked}");
    let time = |answers: &[Answered]| answers.iter().map(|one| one.time.as_millis()).sum::<u128>();
    let (again_total, again) = fleet.counts().await;
    assert_eq!(again_total, total);
    let asked_again: usize = again.iter().map(|page| page.asked.len()).sum();
    // What took longer is not kept any more: an emulator is slow with thousands.
    if pages.len() > 1 && time(&pages) < 30_000 {
        assert!(asked_again <= beside, "{asked_again}");
    }
    let rare = fleet.get("/instances?pageSize=50&status%5B%5D=suspended").await;
    let read_max = count.min(51 + 510 + 2_000);
    assert!(rare.asked.len() <= 2 * read_max + 3 * BESIDE_COUNT_MAX, "{}", rare.asked.len());
    println!(
        "{count} instances of {} units: counts {} requests, {asked} to AWS, {} ms; again {asked_again}, {} ms; \
         a page of a rare status {} to AWS, {} ms",
        fleet.units().await,
        pages.len(),
        time(&pages),
        time(&again),
        rare.asked.len(),
        rare.time.as_millis(),
    );
}
