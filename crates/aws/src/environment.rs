//! What the environment says: read once, checked, and handed down.

use app::{Config, Downloads, FirstAttempts, Mistake, Rings, Variables};
use chrono::Duration;
use std::cell::RefCell;
use std::collections::HashMap;

/// Everything that the stack passes to its functions, and to `carillon admin`.
#[derive(Debug, Clone)]
pub struct Environment {
    /// `CARILLON_TABLE`.
    pub table: String,
    /// `CARILLON_DELIVERY_QUEUE_URL`: jobs for the function `deliver`.
    pub delivery_queue: QueueAddress,
    /// `CARILLON_WORK_QUEUE_URL`: jobs for the function `poll`.
    pub work_queue: QueueAddress,
    /// `CARILLON_DEAD_LETTER_QUEUE_URL`: what could not be done, of queues and schedules.
    pub dead_letter_queue: QueueAddress,
    /// `CARILLON_SCHEDULE_GROUP`.
    pub schedule_group: String,
    /// `CARILLON_SCHEDULE_ROLE_ARN`: what schedules act as.
    pub schedule_role_arn: String,
    /// `CARILLON_POLL_FUNCTION_ARN`: what schedules start.
    pub poll_function_arn: String,
    /// `CARILLON_SECRET_PREFIX`: an instance's secret is called this and its id.
    pub secret_prefix: String,
    /// `CARILLON_DATA_KEY_SECRET`.
    pub data_key_secret: String,
    /// `CARILLON_FIRST_ORGANIZATION_SECRET`.
    pub first_organization_secret: String,
    /// `CARILLON_FIRST_USER_SECRET`.
    pub first_user_secret: String,
    /// `CARILLON_SECRET_STORAGE`.
    pub secret_storage: SecretStorage,
    /// `CARILLON_EVENT_BUS`.
    pub event_bus: String,
    /// `CARILLON_MAILBOXES_PER_TICK`: mailboxes that one invocation polls; with 1, the default, each has its own schedule.
    pub mailboxes_per_tick: u32,
    /// `CARILLON_ALLOW_LOCAL_CALLBACKS`: callbacks to private, loopback and link-local addresses. Default false here.
    pub allow_local_callbacks: bool,
    /// `CARILLON_LOG`: level and filter of the log. Default `info`.
    pub log: String,
    /// The stack's region, which its addresses say.
    pub region: String,
    /// `AWS_ENDPOINT_URL`: a stand-in for all services of AWS. Default none.
    pub endpoint_url: Option<String>,
    /// `CARILLON_ADMIN_KEY_SECRET`: the secret whose text is the administrator's key. Default none.
    pub admin_key_secret: Option<String>,
    /// What means the same on every host.
    pub app: Config,
    app_variables: ShieldedVariables,
}

/// Variables as they were given. `Debug` shows none.
#[derive(Clone)]
struct ShieldedVariables(HashMap<String, String>);

impl std::fmt::Debug for ShieldedVariables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ShieldedVariables").finish_non_exhaustive()
    }
}

/// An idle poll writes so seldom, minutes: at ten, a quarter of what idle polls cost would be these writes.
const HEARTBEAT_MIN: i64 = 60;

/// Mailboxes of one invocation: ten times as many as it polls at once. Where each takes a second, all still get their turn.
const MAILBOXES_PER_TICK_MAX: u32 = 100;

/// An answer at the most, bytes: Lambda takes 6 MB, in base64,
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>.
const ANSWER_BYTES_MAX: usize = 4_500_000;

/// Where the function `download` is called. Default none: what is longer than an answer can't be had.
const DOWNLOAD_URL: &str = "CARILLON_DOWNLOAD_URL";

/// The variable that has the administrator's key itself, where a host has it in its environment.
const ADMIN_KEY: &str = "CARILLON_ADMIN_KEY";

/// Where instances' secrets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretStorage {
    /// One secret for each instance in Secrets Manager.
    SecretsManager,
    /// In the table, sealed under the data key.
    Sealed,
}

/// A queue by both its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueAddress {
    /// What messages are sent to.
    pub url: String,
    /// What permissions and schedules name it by.
    pub arn: String,
}

impl QueueAddress {
    /// The queue's name, which ends its address.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or_default()
    }
}

impl Environment {
    /// Where the stack's own metrics are: by its name, which begins that of its function.
    pub fn metrics_namespace(&self) -> String {
        let function = self.poll_function_arn.rsplit(':').next().unwrap_or_default();
        format!("Carillon/{}", function.strip_suffix("-poll").unwrap_or(function))
    }

    /// Reads and checks all variables.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Mistake> {
        let variables = Variables(&variable);
        let poll_function_arn = variables.required("CARILLON_POLL_FUNCTION_ARN")?;
        let home = Home::of(&poll_function_arn)
            .ok_or_else(|| Mistake::new("CARILLON_POLL_FUNCTION_ARN", "must be the ARN of a function"))?;
        let queue = |name| home.queue(name, &variables.required(name)?);
        let app_variables = RefCell::new(HashMap::new());
        let noted = |name: &str| {
            let value = variable(name)?;
            app_variables.borrow_mut().insert(name.to_owned(), value.clone());
            Some(value)
        };
        let app = app_config(&Variables(&noted))?;
        Ok(Environment {
            table: named(&variables, "CARILLON_TABLE", 255, "-_.")?,
            delivery_queue: queue("CARILLON_DELIVERY_QUEUE_URL")?,
            work_queue: queue("CARILLON_WORK_QUEUE_URL")?,
            dead_letter_queue: queue("CARILLON_DEAD_LETTER_QUEUE_URL")?,
            schedule_group: named(&variables, "CARILLON_SCHEDULE_GROUP", 64, "-_.")?,
            schedule_role_arn: role(&variables, "CARILLON_SCHEDULE_ROLE_ARN")?,
            secret_prefix: named(&variables, "CARILLON_SECRET_PREFIX", 480, "/_+=.@-")?,
            data_key_secret: named(&variables, "CARILLON_DATA_KEY_SECRET", 2048, "/_+=.@-:")?,
            first_organization_secret: named(
                &variables,
                "CARILLON_FIRST_ORGANIZATION_SECRET",
                2048,
                "/_+=.@-:",
            )?,
            first_user_secret: named(&variables, "CARILLON_FIRST_USER_SECRET", 2048, "/_+=.@-:")?,
            secret_storage: secret_storage(&variables)?,
            event_bus: named(&variables, "CARILLON_EVENT_BUS", 256, "/_.-")?,
            mailboxes_per_tick: mailboxes_per_tick(&variables)?,
            allow_local_callbacks: variables.switch("CARILLON_ALLOW_LOCAL_CALLBACKS", false)?,
            log: variables.given("CARILLON_LOG").unwrap_or_else(|| "info".to_owned()),
            region: home.region.to_owned(),
            endpoint_url: variables.given("AWS_ENDPOINT_URL"),
            admin_key_secret: admin_key_secret(&variables)?,
            app,
            app_variables: ShieldedVariables(app_variables.take()),
            poll_function_arn: poll_function_arn.clone(),
        })
    }

    /// What means the same on every host, with this administrator's key: it is not in the environment here, which
    /// whoever may look at a function sees.
    pub fn app_with_admin_key(&self, key: &str) -> Result<Config, Mistake> {
        let variable = |name: &str| match name == ADMIN_KEY {
            true => Some(key.to_owned()),
            false => self.app_variables.0.get(name).cloned(),
        };
        app_config(&Variables(&variable))
    }
}

/// What means the same on every host; and nothing pulls here, where no process waits.
fn app_config(variables: &Variables<'_>) -> Result<Config, Mistake> {
    let longer_at = variables.given(DOWNLOAD_URL).map(|url| url.trim_end_matches('/').to_owned());
    if longer_at.as_ref().is_some_and(|url| !url.starts_with("https://")) {
        return Err(Mistake::new(DOWNLOAD_URL, "must begin with https://"));
    }
    let downloads = Downloads::Held { bytes_max: ANSWER_BYTES_MAX, longer_at };
    let heartbeat = Duration::minutes(HEARTBEAT_MIN);
    let (first_attempts, rings) = (FirstAttempts::AtOnce, Rings::WhileNoting);
    let config = Config::read(variables)?;
    Ok(Config {
        pulls: false,
        holds_wrong_secrets: false,
        downloads,
        first_attempts,
        rings,
        heartbeat,
        ..config
    })
}

/// Where the stack is.
struct Home<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
}

impl<'a> Home<'a> {
    fn of(function_arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = function_arn.splitn(7, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "lambda", region, account, "function", name]
                if [partition, region, account, name].iter().all(|part| !part.is_empty()) =>
            {
                Some(Home { partition, region, account })
            }
            _ => None,
        }
    }

    fn queue(&self, variable: &'static str, url: &str) -> Result<QueueAddress, Mistake> {
        let refused = || Mistake::new(variable, "must be the address of a standard queue");
        let rest =
            url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(refused)?;
        let name = rest.split_once('/').and_then(|(_, path)| path.rsplit('/').next()).unwrap_or_default();
        if !is_name(name, 80, "-_") {
            return Err(refused());
        }
        let Home { partition, region, account } = self;
        Ok(QueueAddress {
            url: url.to_owned(),
            arn: format!("arn:{partition}:sqs:{region}:{account}:{name}"),
        })
    }
}

fn is_name(text: &str, length_max: usize, marks: &str) -> bool {
    (1..=length_max).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c))
}

fn named(
    variables: &Variables<'_>,
    name: &'static str,
    length_max: usize,
    marks: &str,
) -> Result<String, Mistake> {
    let value = variables.required(name)?;
    match is_name(&value, length_max, marks) {
        true => Ok(value),
        false => {
            let rule = format!("must have at most {length_max} characters: letters, digits and {marks}");
            Err(Mistake::new(name, rule))
        }
    }
}

fn role(variables: &Variables<'_>, name: &'static str) -> Result<String, Mistake> {
    let value = variables.required(name)?;
    match value.starts_with("arn:") && value.contains(":role/") {
        true => Ok(value),
        false => Err(Mistake::new(name, "must be the ARN of a role")),
    }
}

fn secret_storage(variables: &Variables<'_>) -> Result<SecretStorage, Mistake> {
    match variables.given("CARILLON_SECRET_STORAGE").as_deref() {
        None | Some("secrets-manager") => Ok(SecretStorage::SecretsManager),
        Some("sealed") => Ok(SecretStorage::Sealed),
        Some(_) => Err(Mistake::new("CARILLON_SECRET_STORAGE", "must be secrets-manager or sealed")),
    }
}

fn mailboxes_per_tick(variables: &Variables<'_>) -> Result<u32, Mistake> {
    let name = "CARILLON_MAILBOXES_PER_TICK";
    let given = variables.given(name).map_or(Some(1), |text| text.parse().ok());
    given
        .filter(|count| (1..=MAILBOXES_PER_TICK_MAX).contains(count))
        .ok_or_else(|| Mistake::new(name, format!("must be a number from 1 to {MAILBOXES_PER_TICK_MAX}")))
}

fn admin_key_secret(variables: &Variables<'_>) -> Result<Option<String>, Mistake> {
    let name = "CARILLON_ADMIN_KEY_SECRET";
    variables.given(name).map(|_| named(variables, name, 2048, "/_+=.@-:")).transpose()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const GIVEN: [(&str, &str); 14] = [
        ("CARILLON_TABLE", "stack-table"),
        ("CARILLON_DELIVERY_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/stack-delivery"),
        ("CARILLON_WORK_QUEUE_URL", "http://127.0.0.1:4566/123456789012/stack-work"),
        ("CARILLON_DEAD_LETTER_QUEUE_URL", "https://sqs.eu-central-1.amazonaws.com/123456789012/stack-dead"),
        ("CARILLON_SCHEDULE_GROUP", "stack"),
        ("CARILLON_SCHEDULE_ROLE_ARN", "arn:aws:iam::123456789012:role/stack-schedules"),
        ("CARILLON_POLL_FUNCTION_ARN", "arn:aws:lambda:eu-central-1:123456789012:function:stack-poll"),
        ("CARILLON_SECRET_PREFIX", "stack/instance/"),
        ("CARILLON_DATA_KEY_SECRET", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf"),
        ("CARILLON_FIRST_ORGANIZATION_SECRET", "first-organization"),
        ("CARILLON_FIRST_USER_SECRET", "first-user"),
        ("CARILLON_SECRET_STORAGE", "sealed"),
        ("CARILLON_EVENT_BUS", "stack-events"),
        ("CARILLON_RETENTION_DAYS", "30"),
    ];

    fn read(changed: &[(&str, &str)]) -> Result<Environment, Mistake> {
        Environment::read(|name| {
            let found = changed.iter().chain(&GIVEN).find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// An environment for tests of others.
    pub(crate) fn sample() -> Environment {
        read(&[]).unwrap()
    }

    #[test]
    fn everything_is_read() {
        let environment = sample();
        assert_eq!(environment.region, "eu-central-1");
        assert_eq!(environment.metrics_namespace(), "Carillon/stack");
        assert_eq!(environment.work_queue.arn, "arn:aws:sqs:eu-central-1:123456789012:stack-work");
        assert_eq!(environment.work_queue.name(), "stack-work");
        assert_eq!(environment.secret_storage, SecretStorage::Sealed);
        assert_eq!(environment.app.retention, chrono::Duration::days(30));
        assert!(!environment.allow_local_callbacks);
        assert_eq!(environment.log, "info");
        assert_eq!(environment.secret_prefix, "stack/instance/");
        assert_eq!(environment.mailboxes_per_tick, 1);
        assert_eq!(read(&[("CARILLON_MAILBOXES_PER_TICK", "25")]).unwrap().mailboxes_per_tick, 25);
        let downloads = |longer_at| Downloads::Held { bytes_max: ANSWER_BYTES_MAX, longer_at };
        assert_eq!(environment.app.downloads, downloads(None));
        let environment = read(&[("CARILLON_DOWNLOAD_URL", "https://id.lambda-url.test/")]).unwrap();
        assert_eq!(environment.app.downloads, downloads(Some("https://id.lambda-url.test".to_owned())));
    }

    #[test]
    fn an_administrators_key_changes_nothing_else() {
        assert_eq!(sample().admin_key_secret, None);
        let environment = read(&[("CARILLON_ADMIN_KEY_SECRET", "admin")]).unwrap();
        assert_eq!(environment.admin_key_secret.as_deref(), Some("admin"));
        let key = "a-key-of-many-characters-more-than-any-rule-asks-for";
        let app = environment.app_with_admin_key(key).unwrap();
        assert_eq!(app.retention, environment.app.retention);
        assert!(!app.pulls && !environment.app.pulls, "no process waits");
        assert!(!format!("{environment:?}{app:?}").contains(key));
    }

    #[test]
    fn a_mistake_names_its_variable_and_the_rule() {
        let error = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        assert_eq!(error("CARILLON_TABLE", ""), "CARILLON_TABLE must be set");
        assert!(
            error("CARILLON_WORK_QUEUE_URL", "stack-work").starts_with("CARILLON_WORK_QUEUE_URL must be")
        );
        assert!(error("CARILLON_WORK_QUEUE_URL", "https://sqs/1/a.fifo").contains("standard queue"));
        assert!(error("CARILLON_POLL_FUNCTION_ARN", "poll").contains("ARN of a function"));
        assert!(error("CARILLON_SCHEDULE_ROLE_ARN", "role").contains("ARN of a role"));
        assert!(error("CARILLON_SCHEDULE_GROUP", "a b").contains("at most 64 characters"));
        for count in ["0", "101", "many"] {
            assert!(error("CARILLON_MAILBOXES_PER_TICK", count).contains("from 1 to 100"));
        }
        assert!(error("CARILLON_SECRET_STORAGE", "none").contains("secrets-manager or sealed"));
        assert!(error("CARILLON_ALLOW_LOCAL_CALLBACKS", "perhaps").contains("true or false"));
        assert!(error("CARILLON_DOWNLOAD_URL", "id.lambda-url.test").contains("https://"));
        assert!(error("CARILLON_RETENTION_DAYS", "-1").contains("CARILLON_RETENTION_DAYS"));
    }
}
