//! Tells what became of an instance's connection: compares its rows with what was told, and hands the difference over.
//!
//! 1. The instance's row is written with what was told and, pending, what is to be told: one conditional write.
//! 2. Each pending transition becomes a row beside others of its organization, cause and minute, whose letter a delayed
//!    job writes and delivers; to the instance's own callback it goes alone, and so does the answer to who made a link.
//! 3. The row's pending transitions are cleared, as other marks are.
//!
//! Ids follow from the row's version, so that each step can be done again. A death before the first leaves the
//! difference: whoever reads the rows next finds it. One after it leaves the mark.

use crate::account_settings::health_address;
use crate::context::Context;
use crate::ports::{InstanceChange, Job, Mailbox, PortError, Result, SubscriptionChange, Written};
use chrono::{DateTime, Utc};
use domain::health_ledger::{HealthEventId, HealthFact, HealthLedger, Transition};
use domain::health_letter::{HealthLetter, HealthMember, HealthRow, LetterProgress, Recipient, letter_of};
use domain::health_reading::{HealthReading, Reading};
use domain::instance::Instance;
use domain::invalid::text_boolean;
use domain::settings::{CALLBACK_HEALTH, CALLBACK_URL, given};

/// Whether there is something to tell, or to hand over, with what is known of push. Costs no read.
pub(crate) fn has_news(app: &Context, mailbox: &Mailbox, push: &Reading) -> bool {
    !mailbox.instance.health.pending.is_empty() || difference(app, mailbox, push).is_some()
}

fn difference(app: &Context, mailbox: &Mailbox, push: &Reading) -> Option<HealthLedger> {
    let Mailbox { instance, subscription, resources, session, .. } = mailbox;
    if instance.deleted_at.is_some() {
        return None;
    }
    let states = resources.iter().filter(|row| !row.removed).map(|row| &row.state);
    let (since, now) = ((app.config.heartbeat, session.begun_at), app.now());
    HealthReading::of(instance, subscription, states, push.clone(), since, now).next(now)
}

/// Writes what is to be told into the instance's row. The rows as they are by then; a `Conflict` is for the caller, who
/// reads them again.
pub(crate) async fn observe(app: &Context, mailbox: &mut Mailbox, push: &Reading) -> Result<Written> {
    let Some(health) = difference(app, mailbox, push) else { return Ok(Written::Done) };
    let instance = Instance { version: mailbox.instance.version + 1, health, ..mailbox.instance.clone() };
    let change = InstanceChange {
        instance,
        put_states: Vec::new(),
        remove_resources: Vec::new(),
        subscription: SubscriptionChange::Keep,
        session: None,
        audit: None,
        spends: None,
    };
    let written = app.ports.store.change_instance(&change).await?;
    if written == Written::Done {
        for fact in &change.instance.health.pending {
            let (id, transition) = (change.instance.id.get(), fact.transition.text());
            tracing::info!(instance.id = id, transition, "health.changed");
        }
        mailbox.instance = change.instance;
    }
    Ok(written)
}

/// Hands over what waits in the row. Repeatable: each has its id.
pub(crate) async fn hand_over(app: &Context, instance: &Instance) -> Result<()> {
    if instance.health.pending.is_empty() {
        return Ok(());
    }
    let organization_id = instance.account.organization_id;
    let address = health_address(app, organization_id).await?;
    let to_callback = is_told_to_callback(instance);
    for fact in &instance.health.pending {
        let member = member_of(instance, fact);
        if to_callback {
            let letter = HealthLetter::to_callback(&member, app.config.public_url.as_deref(), app.now());
            send(app, letter).await?;
        }
        match (&address, fact.transition) {
            (None, _) => {}
            (Some(_), Transition::Connected) => {
                send(app, HealthLetter::alone(&member, app.config.public_url.as_deref(), app.now())).await?;
            }
            (Some(_), _) => join(app, member).await?,
        }
    }
    Ok(())
}

/// Whether its owner wants to be told by the callback.
fn is_told_to_callback(instance: &Instance) -> bool {
    let items = &instance.configuration;
    given(items, CALLBACK_HEALTH).and_then(text_boolean).unwrap_or(false)
        && given(items, CALLBACK_URL).is_some()
}

fn member_of(instance: &Instance, fact: &HealthFact) -> HealthMember {
    let organization_id = instance.account.organization_id;
    HealthMember {
        organization_id,
        instance: instance.id,
        connector: instance.connector.clone(),
        letter: letter_of(organization_id, &instance.connector, fact).0,
        fact: fact.clone(),
    }
}

/// Adds one to the letter of its cause and minute. Stored first, looked for second: a letter that is not there yet lists
/// it. One that is tells which it holds; what came too late for it has a letter of its own.
async fn join(app: &Context, member: HealthMember) -> Result<()> {
    let store = &app.ports.store;
    let (organization_id, id) = (member.organization_id, member.letter);
    store.insert_health_row(&HealthRow::Member(member.clone())).await?;
    match store.health_row(organization_id, id).await? {
        Some(HealthRow::Letter(letter))
            if letter.body.is_none() && letter.progress == LetterProgress::Pending =>
        {
            // Its job writes it within seconds.
            tell(app, organization_id, None, id, app.now()).await?;
            Err(PortError::new("telling of an instance", "the letter that it may be in is being written"))
        }
        Some(HealthRow::Letter(letter)) if !letter.holds(&member.fact) => {
            let late = HealthLetter::alone(&member, app.config.public_url.as_deref(), app.now());
            send(app, late).await
        }
        Some(_) => Ok(()),
        None => {
            let (_, due_at) = letter_of(organization_id, &member.connector, &member.fact);
            tell(app, organization_id, None, id, due_at).await
        }
    }
}

/// Stores a letter, unless it is there, and enqueues its first attempt.
async fn send(app: &Context, letter: HealthLetter) -> Result<()> {
    let instance = match letter.to {
        Recipient::Organization => None,
        Recipient::Callback(id) => Some(id),
    };
    let (organization_id, id) = (letter.organization_id, letter.id);
    app.ports.store.insert_health_row(&HealthRow::Letter(letter)).await?;
    tell(app, organization_id, instance, id, app.now()).await
}

async fn tell(
    app: &Context,
    organization_id: u32,
    instance: Option<domain::ids::InstanceId>,
    id: HealthEventId,
    due_at: DateTime<Utc>,
) -> Result<()> {
    app.ports.queue.send(&[(Job::Tell { organization_id, instance, id }, due_at)]).await
}
