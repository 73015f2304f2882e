//! One suite for every registered connector, each against its double, through the whole of Carillon.
//!
//! A case says which ability it is about; a connector that does not have it is passed over, and a double that can't do
//! what its connector claims fails the case. The table of connectors and cases is written to `connectors.md` in the
//! folder for what tests leave behind (`target/tmp`).

mod cases;
mod desk;

use ::connectors::Ability;
use desk::Desk;
use std::fmt::Write as _;
use std::path::Path;

/// Makes a test of each case: with an ability it is for those connectors alone that have it.
macro_rules! suite {
    ($($case:ident $(needs $ability:ident)?),* $(,)?) => {
        $(#[tokio::test]
        async fn $case() {
            let needs: Option<Ability> = [$(Ability::$ability)?].first().copied();
            let mut row = Vec::new();
            for (number, connector) in ::connectors::registry().iter().enumerate() {
                let descriptor = connector.descriptor();
                let is_meant = needs.is_none_or(|ability| descriptor.can(ability));
                if is_meant {
                    cases::$case(Desk::new(descriptor, 9000 + number as u64)).await;
                }
                row.push((descriptor.key, is_meant));
            }
            keep(stringify!($case), &row);
        })*

        const CASES: &[&str] = &[$(stringify!($case)),*];
    };
}

suite!(
    baseline,
    idle_cost,
    creation,
    update,
    deletion,
    burst,
    paging,
    expiry needs Expiry,
    throttling,
    partial_outage needs LoneObjects,
    visibility_lag needs Lag,
    deadline,
    two_pollers,
    drafts needs Drafts,
    hub_reads,
);

/// Writes a case's row, and the table of those that ended well so far.
fn keep(case: &str, row: &[(&str, bool)]) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("connectors");
    std::fs::create_dir_all(&folder).unwrap();
    let mut line = format!("| {case} |");
    for (_, is_meant) in row {
        line.push_str(if *is_meant { " holds |" } else { " – |" });
    }
    std::fs::write(folder.join(case), line).unwrap();
    let mut table = "| case |".to_owned();
    row.iter().for_each(|(key, _)| write!(table, " {key} |").unwrap());
    write!(table, "\n|---|{}", "---|".repeat(row.len())).unwrap();
    for line in CASES.iter().filter_map(|case| std::fs::read_to_string(folder.join(case)).ok()) {
        write!(table, "\n{line}").unwrap();
    }
    std::fs::write(folder.with_extension("md"), table + "\n").unwrap();
}

/// A connector without a double would be passed over by nobody.
#[test]
fn every_connector_has_a_double_that_leads_to_it() {
    let providers = doubles::Providers::new(&doubles::Clock::new(|| 0), 0);
    for connector in ::connectors::registry() {
        let descriptor = connector.descriptor();
        let double = providers.double(descriptor.key);
        let given: Vec<&str> = double.addresses().iter().map(|(variable, _)| *variable).collect();
        let wanted: Vec<&str> = descriptor.endpoints().iter().map(|endpoint| endpoint.variable).collect();
        assert_eq!(given, wanted, "{}", descriptor.key);
    }
    assert_eq!(providers.doubles().len(), ::connectors::registry().len());
}
