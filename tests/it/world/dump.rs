//! The database as one text.

use super::{BUT_PROMISES, World};
use futures_util::FutureExt as _;

impl World {
    /// What the data file would hold, as one text: for looking for what must not be in it.
    pub(crate) fn dump(&self) -> String {
        format!("{}{}", self.dump_beside_audit(), self.dump_of(&["audit"]))
    }

    /// The same without the record of what was changed, which outlives what it speaks of.
    pub(crate) fn dump_beside_audit(&self) -> String {
        self.dump_of(&[
            "instances",
            "sessions",
            "subscriptions",
            "secrets",
            "resources",
            "notifications",
            "jobs",
            "users",
            "bodies",
            "outbox",
            "schedules",
            "dead_jobs",
            "organizations",
            "settings",
            "health_events",
            "events",
        ])
    }

    fn dump_of(&self, tables: &'static [&'static str]) -> String {
        let rows = self.db.read("dump", move |conn| {
            let mut text = String::new();
            for table in tables {
                let rows = if *table == "jobs" { BUT_PROMISES } else { "TRUE" };
                let mut statement = conn.prepare(&format!("SELECT * FROM {table} WHERE {rows}"))?;
                let columns = statement.column_count();
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    for column in 0..columns {
                        text.push_str(&format!(
                            "{:?} ",
                            row.get_ref(column)?
                                .as_bytes_or_null()
                                .ok()
                                .flatten()
                                .map(String::from_utf8_lossy)
                        ));
                    }
                }
            }
            Ok(text)
        });
        rows.now_or_never().unwrap().unwrap()
    }
}
