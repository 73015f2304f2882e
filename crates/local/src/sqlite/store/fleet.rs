//! What lists and counts of instances are made of: read from short rows, never from documents.

use crate::sqlite::columns::{damaged, from_json, instance_id};
use app::ports::{FleetPage, FleetRow, WAITING_COUNT_MAX};
use chrono::{DateTime, Utc};
use domain::delivery::SubscriptionStatus;
use domain::health::{Pulse, Vitals};
use domain::ids::InstanceId;
use domain::settings::rhythm;
use rusqlite::types::Type;
use rusqlite::{Connection, Result, Row};

/// One row a resource, an instance's together.
const FLEET: &str = "SELECT i.instance_id, i.account_id, i.connector, i.name, i.tags, i.valid, i.disabled,
         i.application_fault, i.events_enabled, i.interval_min, s.status, i.waiting, p.resource, p.failures,
         p.last_success
     FROM (SELECT *, (SELECT count(*) FROM (SELECT 1 FROM notifications n INDEXED BY notifications_pending
                      WHERE n.instance_id = fleet.instance_id AND n.progress = 'pending' LIMIT ?4)) AS waiting
           FROM fleet WHERE organization_id = ?1 AND instance_id > ?2 ORDER BY instance_id LIMIT ?3) i
     LEFT JOIN subscriptions s ON s.instance_id = i.instance_id
     LEFT JOIN pulses p ON p.instance_id = i.instance_id";

pub(super) fn page(
    conn: &Connection,
    organization_id: u32,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<FleetPage> {
    let mut query = conn.prepare_cached(FLEET)?;
    let mut found = query.query((
        organization_id,
        after.map_or(0, InstanceId::get),
        limit.saturating_add(1),
        WAITING_COUNT_MAX,
    ))?;
    let mut rows: Vec<FleetRow> = Vec::new();
    while let Some(row) = found.next()? {
        let id = instance_id(row.get(0)?);
        if rows.last().is_none_or(|last| last.id != id) {
            rows.push(instance(id, row)?);
        }
        if let (Some(last), Some(pulse)) = (rows.last_mut(), pulse(row)?) {
            last.vitals.pulses.push(pulse);
        }
    }
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    Ok(FleetPage { rows, is_cut })
}

fn instance(id: InstanceId, row: &Row<'_>) -> Result<FleetRow> {
    let status = row.get_ref(10)?.as_str_or_null()?.map(|text| {
        SubscriptionStatus::parse(text).ok_or_else(|| damaged(Type::Text, "not a subscription's status"))
    });
    let (is_polled, interval_s) =
        rhythm(row.get_ref(8)?.as_str_or_null()?, row.get_ref(9)?.as_str_or_null()?);
    Ok(FleetRow {
        id,
        account_id: row.get(1)?,
        connector: row.get(2)?,
        name: row.get(3)?,
        tags: from_json(row.get_ref(4)?.as_str()?)?,
        vitals: Vitals {
            is_valid: row.get(5)?,
            is_disabled: row.get(6)?,
            is_polled,
            has_application_error: row.get(7)?,
            interval_s,
            callback: status.transpose()?.unwrap_or_default(),
            pulses: Vec::new(),
        },
        waiting_count: row.get(11)?,
    })
}

/// Nothing where the instance has no resource.
fn pulse(row: &Row<'_>) -> Result<Option<Pulse>> {
    let Some(resource) = row.get::<_, Option<String>>(12)? else { return Ok(None) };
    let success = row.get_ref(14)?.as_str_or_null()?;
    let success: Option<DateTime<Utc>> = success.map(str::parse).transpose().map_err(|error| {
        let error: chrono::ParseError = error;
        damaged(Type::Text, error)
    })?;
    Ok(Some(Pulse { resource, failures: row.get(13)?, last_success_at: success }))
}

#[cfg(test)]
mod tests {
    use super::FLEET;
    use crate::sqlite::plan;

    #[test]
    fn a_fleet_is_read_along_its_keys() {
        let steps = plan(FLEET);
        let counted = steps.iter().find(|step| step.contains("SEARCH n"));
        assert!(
            counted.is_some_and(|step| step.contains("COVERING INDEX notifications_pending")),
            "{steps:?}"
        );
        assert_eq!(
            steps[1], "SEARCH fleet USING PRIMARY KEY (organization_id=? AND instance_id>?)",
            "{steps:?}"
        );
        let rest = steps[2..].join("; ");
        assert!(!rest.contains("SCAN p") && !rest.contains("SCAN s"), "{rest}");
        assert!(!rest.contains("TEMP B-TREE"), "no sorting: {rest}");
    }
}
