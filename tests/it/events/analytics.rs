//! How many events there were.

use super::{TwoLogs, assert_bad, told};
use crate::world::World;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

fn sum(rows: &Value, field: &str) -> u64 {
    rows.as_array().unwrap().iter().map(|row| row[field].as_u64().unwrap()).sum()
}

/// Both ends of an hour count.
#[tokio::test]
async fn an_hour_by_minutes_has_sixty_one_rows() {
    let world = World::new(481);
    let TwoLogs { began_at, .. } = told(&world).await;
    let window = format!(
        "from={}&to={}",
        (began_at - Duration::minutes(30)).format("%Y-%m-%dT%H:%M:%SZ"),
        (began_at + Duration::minutes(30)).format("%Y-%m-%dT%H:%M:%SZ")
    );
    for (interval, rows) in [("&interval=minute", 61), ("", 61), ("&interval=hour", 2), ("&interval=day", 1)]
    {
        let path = format!("/instances/events/analytics?{window}{interval}");
        let counts = world.get(&path).await;
        assert_eq!((counts.as_array().unwrap().len(), sum(&counts, "count")), (rows, 6), "{path}: {counts}");
        let first: DateTime<Utc> = counts[0]["timestamp"].as_str().unwrap().parse().unwrap();
        assert!(first <= began_at - Duration::minutes(30), "{first}");
    }
    let unasked = world.get("/instances/events/analytics").await;
    assert_eq!(
        (unasked.as_array().unwrap().len(), sum(&unasked, "count")),
        (61, 6),
        "the last hour by minutes"
    );
}

#[tokio::test]
async fn each_event_is_counted_in_its_own_minute() {
    let world = World::new(482);
    told(&world).await;
    let counts = world.get("/instances/events/analytics").await;
    let full: Vec<(&str, u64)> = counts
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["timestamp"].as_str().unwrap(), row["count"].as_u64().unwrap()))
        .filter(|(_, count)| *count > 0)
        .collect();
    assert_eq!(full, [("2026-11-22T12:01:00Z", 2), ("2026-11-22T12:02:00Z", 2), ("2026-11-22T12:03:00Z", 2)]);
}

/// What has left the log is counted no more, also where counts are kept.
#[tokio::test]
async fn what_is_forgotten_is_counted_no_more() {
    let world = World::new(485);
    told(&world).await;
    let from = (world.now() - Duration::hours(1)).format("%Y-%m-%dT%H:%M:%SZ");
    let to = world.now().format("%Y-%m-%dT%H:%M:%SZ");
    let path = format!("/instances/events/analytics?from={from}&to={to}");
    assert_eq!(sum(&world.get(&path).await, "count"), 6);
    world.clock.advance(Duration::days(8));
    world.store.retention(world.now(), 1_000).await.unwrap();
    assert_eq!(sum(&world.get(&path).await, "count"), 0);
}

#[tokio::test]
async fn counts_are_told_by_instance_and_by_account() {
    let world = World::new(483);
    let TwoLogs { gmail, outlook, .. } = told(&world).await;
    let by_instance = world.get("/instances/events/analytics/instances?interval=day").await;
    let mut records = by_instance[0]["records"].as_array().unwrap().clone();
    records.sort_by_key(|record| record["instanceId"] != gmail.get());
    let record = |id: u32| json!({ "instanceId": id, "count": 3, "success": 3, "failed": 0 });
    assert_eq!(
        (&by_instance[0]["total"], records),
        (&json!(6), vec![record(gmail.get()), record(outlook.get())])
    );
    let by_account = world.get("/instances/events/analytics/accounts?interval=day&accountIds[]=1").await;
    let expected = json!([{ "accountId": 1, "count": 6, "success": 6, "failed": 0 }]);
    assert_eq!(by_account[0]["records"], expected);
    for path in ["", "/instances", "/accounts"] {
        for nobody in ["0", "2", "x"] {
            let path = format!("/instances/events/analytics{path}?interval=day&accountIds[]={nobody}");
            world.call("GET", &path, &Value::Null).await.assert_refused(403);
        }
    }
}

/// Copies the first notification, within a tenth of a second.
const FILL: &str = "INSERT OR IGNORE INTO notifications (instance_id, sequence, number, event_id, resource,
        created_at_us, progress, attempt, round_start, round_generation, attempts, expires_at_us, organization_id, events_count)
    WITH RECURSIVE copies(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM copies WHERE i < 100100)
    SELECT instance_id, sequence + i, number + i, event_id || i, resource,
        created_at_us, 'delivered', attempt, round_start, round_generation, attempts, expires_at_us, organization_id, 1
    FROM copies CROSS JOIN (SELECT * FROM notifications ORDER BY row_id LIMIT 1)";

#[tokio::test]
async fn what_is_too_much_to_read_is_refused_and_not_told_in_part() {
    let mut world = World::new(486);
    // The copies have no bodies.
    world.check_at_end = false;
    let TwoLogs { began_at, .. } = told(&world).await;
    world.rows().write("fill the log", |tx| tx.execute(FILL, [])).await.unwrap();
    let window = format!("from={}", (began_at - Duration::minutes(5)).format("%Y-%m-%dT%H:%M:%SZ"));
    let refused = ["from", "more than 100000"];
    assert_bad(&world, &format!("/instances/events/analytics/instances?{window}"), &refused).await;
    // By account they are kept, however many.
    let counts = world.get(&format!("/instances/events/analytics?{window}")).await;
    assert!(sum(&counts, "count") > 100_000, "{counts}");
}

#[tokio::test]
async fn what_can_not_be_counted_is_refused() {
    let world = World::new(484);
    for path in [
        "/instances/events/analytics",
        "/instances/events/analytics/instances",
        "/instances/events/analytics/accounts",
    ] {
        let window = "from=2026-11-22T12:00:00Z&to=2026-11-22T11:00:00Z";
        assert_bad(&world, &format!("{path}?{window}"), &["to", "before"]).await;
        assert_bad(&world, &format!("{path}?interval=second"), &["interval", "minute"]).await;
        assert_bad(&world, &format!("{path}?from=2026-01-01T00:00:00Z"), &["interval", "10081"]).await;
    }
}
