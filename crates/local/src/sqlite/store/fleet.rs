//! What lists and counts of instances are made of: read from short rows, never from documents.

use crate::sqlite::columns::{damaged, from_json, instance_id, time_or_none};
use crate::sqlite::readable::readable;
use app::ports::{FleetPage, FleetRow, Rows, WAITING_COUNT_MAX};
use domain::delivery::SubscriptionStatus;
use domain::health::{Pulses, Vitals};
use domain::ids::InstanceId;
use domain::settings::rhythm;
use rusqlite::types::Type;
use rusqlite::{Connection, Result, Row};

const FLEET: &str =
    "SELECT instance_id, account_id, connector, name, tags, valid, disabled, application_fault,
         events_enabled, interval_min, application, callback, min(waiting, ?3),
         resources_count, unread_count, failures_max, calm_since_us, failing_since_us
     FROM fleet WHERE organization_id = ?1 AND instance_id > ?2 ORDER BY instance_id";

pub(super) fn page(
    conn: &Connection,
    organization_id: u32,
    after: Option<InstanceId>,
    limit: usize,
) -> Result<FleetPage> {
    let after = after.map_or(0, InstanceId::get);
    let mut statement = conn.prepare_cached(FLEET)?;
    let parameters = (organization_id, after, WAITING_COUNT_MAX);
    let Rows { mut rows, unreadable_count } =
        readable((&mut statement, parameters), limit.saturating_add(1), ("fleet", 0), instance)?;
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    Ok(FleetPage { rows, is_cut, unreadable_count })
}

fn instance(row: &Row<'_>) -> Result<FleetRow> {
    let callback = SubscriptionStatus::parse(row.get_ref(11)?.as_str()?);
    let (is_polled, interval_s) =
        rhythm(row.get_ref(8)?.as_str_or_null()?, row.get_ref(9)?.as_str_or_null()?);
    Ok(FleetRow {
        id: instance_id(row.get(0)?),
        account_id: row.get(1)?,
        connector: row.get(2)?,
        name: row.get(3)?,
        tags: from_json(row.get_ref(4)?.as_str()?)?,
        application: row.get(10)?,
        vitals: Vitals {
            is_valid: row.get(5)?,
            is_disabled: row.get(6)?,
            is_polled,
            has_application_error: row.get(7)?,
            interval_s,
            callback: callback.ok_or_else(|| damaged(Type::Text, "not a subscription's status"))?,
            pulses: Pulses {
                count: row.get(13)?,
                unread_count: row.get(14)?,
                failures_max: row.get(15)?,
                calm_since: time_or_none(row.get(16)?)?,
                failing_since: time_or_none(row.get(17)?)?,
            },
        },
        waiting_count: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::FLEET;
    use crate::sqlite::plan;

    #[test]
    fn a_fleet_is_one_walk_along_its_key() {
        assert_eq!(plan(FLEET), ["SEARCH fleet USING PRIMARY KEY (organization_id=? AND instance_id>?)"]);
    }
}
