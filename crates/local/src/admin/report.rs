//! What an operator reads: words, or JSON lines.

use crate::host::{link_line, link_url};
use crate::sqlite::BackedUp;
use app::SignedIn;
use app::admin::{Admitted, Checked, FindingReport, Outcome};
use app::ports::{Depth, Organization, Redriven, User};
use chrono::SecondsFormat;
use domain::envelope::iso_seconds;
use serde::Serialize;
use serde_json::json;
use std::path::Path;

/// Shows a line.
pub type Say = fn(&str) -> anyhow::Result<()>;

/// How to show things.
#[derive(Clone, Copy)]
pub(super) struct Report {
    pub(super) say: Say,
    pub(super) json: bool,
}

impl Report {
    /// A new user's secrets; they can't be shown again.
    pub(super) fn admitted(self, admitted: &Admitted) -> anyhow::Result<()> {
        let account = &admitted.account;
        if self.json {
            return self.line(&json!({
                "organizationId": account.organization_id,
                "accountId": account.account_id,
                "userId": account.user_id,
                "organizationSecret": admitted.organization_secret,
                "userSecret": admitted.user_secret,
            }));
        }
        (self.say)(&format!("organization {}, user {}", account.organization_id, account.user_id))?;
        show_secrets(admitted, self.say)
    }

    pub(super) fn organization(self, organization: &Organization) -> anyhow::Result<()> {
        if self.json {
            return self.line(organization);
        }
        (self.say)(&format!("organization {}: {} users", organization.id, organization.users_count))
    }

    pub(super) fn user(self, user: &User) -> anyhow::Result<()> {
        let account = &user.account;
        if self.json {
            return self.line(&json!({
                "organizationId": account.organization_id,
                "accountId": account.account_id,
                "userId": account.user_id,
                "seesOwnOnly": account.sees_own_only,
                "createdAt": user.created_at,
            }));
        }
        let sees = if account.sees_own_only { "sees their own" } else { "sees all" };
        (self.say)(&format!("organization {}: user {}, {sees}", account.organization_id, account.user_id))
    }

    /// An organization's new secret; it can't be shown again.
    pub(super) fn organization_secret(self, organization_id: u32, secret: &str) -> anyhow::Result<()> {
        if self.json {
            let line = json!({ "organizationId": organization_id, "organizationSecret": secret });
            return self.line(&line);
        }
        (self.say)(&format!("organization {organization_id}: the former secret is no longer valid"))?;
        (self.say)("This secret is shown once and stored only as a hash:")?;
        (self.say)(&format!("  organization secret  {secret}"))
    }

    /// A user's new secret; it can't be shown again.
    pub(super) fn user_secret(self, organization_id: u32, user_id: u32, secret: &str) -> anyhow::Result<()> {
        if self.json {
            let (organization, user) = (organization_id, user_id);
            return self
                .line(&json!({ "organizationId": organization, "userId": user, "userSecret": secret }));
        }
        (self.say)(&format!(
            "organization {organization_id}, user {user_id}: the former secret is no longer valid"
        ))?;
        (self.say)("This secret is shown once and stored only as a hash:")?;
        (self.say)(&format!("  user secret          {secret}"))
    }

    /// A link that signs in once.
    pub(super) fn sign_in_link(self, console_url: &str, link: &SignedIn) -> anyhow::Result<()> {
        if self.json {
            let url = link_url(console_url, link);
            return self.line(&json!({ "url": url, "expiresDate": iso_seconds(link.expires_at) }));
        }
        (self.say)(&link_line(console_url, link))
    }

    pub(super) fn removed(self, organization_id: u32, user_id: u32) -> anyhow::Result<()> {
        if self.json {
            return self.line(&json!({ "organizationId": organization_id, "userId": user_id }));
        }
        (self.say)(&format!("organization {organization_id}: user {user_id} is removed"))
    }

    pub(super) fn backed_up(self, file: &Path, backed_up: BackedUp) -> anyhow::Result<()> {
        let BackedUp { bytes, format } = backed_up;
        if self.json {
            return self.line(&json!({ "file": file, "bytes": bytes, "format": format }));
        }
        (self.say)(&format!("{}: {bytes} bytes, format {format}; the key file is not in it", file.display()))
    }

    pub(super) fn depths(self, depths: &[Depth]) -> anyhow::Result<()> {
        if self.json {
            return depths.iter().try_for_each(|depth| self.line(depth));
        }
        (self.say)(&format!("{:<24} {:>8} {:>8} {:>9}  oldest", "queue", "waiting", "delayed", "under way"))?;
        for depth in depths {
            let under_way = depth.under_way_count.map_or_else(|| "-".to_owned(), |count| count.to_string());
            let oldest = depth.oldest_at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true));
            (self.say)(&format!(
                "{:<24} {:>8} {:>8} {under_way:>9}  {}",
                depth.queue,
                depth.waiting_count,
                depth.delayed_count,
                oldest.as_deref().unwrap_or("-"),
            ))?;
        }
        Ok(())
    }

    pub(super) fn redriven(self, redriven: Redriven) -> anyhow::Result<()> {
        if self.json {
            return self.line(&redriven);
        }
        let more = if redriven.is_more { "; there are more" } else { "" };
        let Redriven { sent_count, unreadable_count, .. } = redriven;
        (self.say)(&format!("{sent_count} sent again, {unreadable_count} unreadable and left{more}"))
    }

    pub(super) fn found(self, found: &FindingReport) -> anyhow::Result<()> {
        if self.json {
            return self.line(found);
        }
        let outcome = match found.outcome {
            Outcome::Shown => "",
            Outcome::Mended => " (mended)",
            Outcome::MayBeUnderWay => " (may be under way: left alone)",
            Outcome::Failed => " (could not be mended: see the log)",
        };
        (self.say)(&format!("instance {}: {}{outcome}", found.instance, found.finding))
    }

    pub(super) fn checked(self, checked: &Checked) -> anyhow::Result<()> {
        if self.json {
            return self.line(checked);
        }
        (self.say)(&format!(
            "looked at {} instances, {} schedules, {} secrets",
            checked.instances_count, checked.schedules_count, checked.secrets_count
        ))?;
        (self.say)(&format!(
            "to mend: {}, mended: {}, may be under way: {}, to look into: {}",
            checked.left_count, checked.mended_count, checked.may_be_under_way_count, checked.notes_count
        ))?;
        match checked.left_count {
            0 => Ok(()),
            _ => (self.say)("`--mend` mends what is to mend"),
        }
    }

    pub(super) fn line(self, value: &impl Serialize) -> anyhow::Result<()> {
        (self.say)(&serde_json::to_string(value)?)
    }
}

/// Shows secrets that were just made.
pub fn show_secrets(admitted: &Admitted, say: Say) -> anyhow::Result<()> {
    say("These secrets are shown once and stored only as hashes:")?;
    if let Some(organization) = &admitted.organization_secret {
        say(&format!("  organization secret  {organization}"))?;
    }
    say(&format!("  user secret          {}", admitted.user_secret))?;
    let elsewhere = match &admitted.organization_secret {
        Some(_) => "",
        None => ", Organization and the organization's secret",
    };
    say(&format!("  Authorization: {}{elsewhere}", admitted.authorization()))
}
