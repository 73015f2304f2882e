//! Which instances a caller sees.

use crate::context::Context;
use crate::ports::Result;
use crate::unreadable::PassedOver;
use domain::ids::InstanceId;
use domain::instance::{Account, Instance};
use std::collections::HashMap;

/// What a caller sees: what their account does, or of that one instance alone.
#[derive(Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) account: &'a Account,
    pub(crate) only: Option<&'a Instance>,
}

impl Sight<'_> {
    pub(crate) fn sees(&self, instance: &Instance) -> bool {
        is_seen_by(self.account, instance) && self.only.is_none_or(|own| own.id == instance.id)
    }

    /// The instance of this id, if the caller sees it.
    pub(crate) async fn instance(&self, app: &Context, id: InstanceId) -> Result<Option<Instance>> {
        let instance = app.ports.store.instance(id).await?;
        Ok(instance.filter(|instance| self.sees(instance)))
    }
}

/// Whether an account sees an instance; a deleted one is visible to none.
pub(crate) fn is_seen_by(account: &Account, instance: &Instance) -> bool {
    instance.deleted_at.is_none() && account.sees(&instance.account)
}

/// The accounts of instances that the caller sees, each asked for once.
pub(crate) struct SeenAccounts<'a> {
    app: &'a Context,
    sight: Sight<'a>,
    known: HashMap<InstanceId, Option<u32>>,
    /// Those whose row can't be read: of them nothing is seen.
    pub(crate) passed: PassedOver,
}

impl<'a> SeenAccounts<'a> {
    pub(crate) fn of(app: &'a Context, sight: Sight<'a>) -> Self {
        SeenAccounts { app, sight, known: HashMap::new(), passed: PassedOver::default() }
    }

    /// The account of this instance, if the caller sees it.
    pub(crate) async fn get(&mut self, id: InstanceId) -> Result<Option<u32>> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known);
        }
        let instance = self.passed.readable(self.sight.instance(self.app, id).await)?.flatten();
        let account = instance.map(|one| one.account.account_id);
        self.known.insert(id, account);
        Ok(account)
    }
}
