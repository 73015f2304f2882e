//! `carillon serve` as a process, with the doubles around it.

use async_trait::async_trait;
use scenarios::{Client, Outside, PUBLIC_URL, Platform, RETRY_DELAYS};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

pub(crate) const USER_SECRET: &str = "process-user-secret";
pub(crate) const ORGANIZATION_SECRET: &str = "process-organization-secret";
const ADMIN_KEY: &str = "process-admin-key-process-admin-key-process-admin-key";
/// Longer than a start or an end takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running `carillon serve`.
pub(crate) struct Process {
    child: Child,
    address: String,
    pub(crate) client: Client,
}

impl Process {
    fn command(outside: &Outside, folder: &Path, retry_delays: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carillon"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
        Self::with_variables(command, outside, retry_delays)
    }

    fn with_variables(mut command: Command, outside: &Outside, retry_delays: &str) -> Command {
        command.envs(outside.variables());
        command.envs([
            ("CARILLON_USER_SECRET", USER_SECRET),
            ("CARILLON_ORGANIZATION_SECRET", ORGANIZATION_SECRET),
            ("CARILLON_ADMIN_KEY", ADMIN_KEY),
            ("CARILLON_RETRY_DELAYS", retry_delays),
            ("CARILLON_LOG", "error"),
            // More than any test or measurement asks in a minute.
            ("CARILLON_REQUESTS_PER_MINUTE", "1000000"),
        ]);
        command.stdout(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub(crate) async fn start(outside: &Outside, folder: &Path, retry_delays: &str) -> Self {
        Self::spawned(Self::command(outside, folder, retry_delays)).await
    }

    /// With all that it logs in a file.
    pub(crate) async fn start_logged(outside: &Outside, folder: &Path, log: &Path) -> Self {
        Self::start_logged_with(outside, folder, log, &[]).await
    }

    /// The same with more variables.
    pub(crate) async fn start_logged_with(
        outside: &Outside,
        folder: &Path,
        log: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::start_logged_at("info", outside, (folder, log), variables).await
    }

    /// With what it logs at this level in a file.
    pub(crate) async fn start_logged_at(
        level: &str,
        outside: &Outside,
        (folder, log): (&Path, &Path),
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Self::command(outside, folder, RETRY_DELAYS);
        command.envs(variables.iter().copied());
        command.env("CARILLON_LOG", level).stderr(std::fs::File::create(log).unwrap());
        Self::spawned(command).await
    }

    /// With so many descriptors and no more.
    pub(crate) async fn start_limited(
        outside: &Outside,
        folder: &Path,
        retry_delays: &str,
        descriptors: u32,
    ) -> Self {
        let mut command = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_carillon");
        let script =
            format!("ulimit -n {descriptors} && exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\"");
        command.args(["-c", &script, program]).arg(folder);
        Self::spawned(Self::with_variables(command, outside, retry_delays)).await
    }

    async fn spawned(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        let base = line.strip_prefix("carillon listening on ").unwrap();
        let address = base.trim_start_matches("http://").to_owned();
        Process { child, address, client: Client::new(base, USER_SECRET, ORGANIZATION_SECRET) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it says that may not write a byte into any file.
    pub(crate) async fn refuses_without_room(outside: &Outside, folder: &Path) -> String {
        let mut command = Command::new("sh");
        let script = "ulimit -f 0 && exec \"$0\" serve --listen 127.0.0.1:0 --data \"$1\"";
        command.args(["-c", script, env!("CARGO_BIN_EXE_carillon")]).arg(folder);
        Self::said_by(Self::with_variables(command, outside, RETRY_DELAYS)).await
    }

    /// Files of the process may not grow beyond this, as on a full disk; `None`: as large as they like.
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let id = rustix::process::Pid::from_raw(self.id().try_into().unwrap()).unwrap();
        let limit = rustix::process::Rlimit { current: bytes, maximum: None };
        rustix::process::prlimit(Some(id), rustix::process::Resource::Fsize, limit).unwrap();
    }

    /// What a second process on the same folder says.
    pub(crate) async fn refuses(outside: &Outside, folder: &Path) -> String {
        Self::said_by(Self::command(outside, folder, RETRY_DELAYS)).await
    }

    async fn said_by(mut command: Command) -> String {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        assert!(!status.success());
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
        said
    }

    /// The process's id, for those who look at what it costs.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// As `kill -9`.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// As `kill`: it must end by itself, with 0, within its ten seconds.
    pub(crate) async fn terminate(mut self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        let status = tokio::time::timeout(Duration::from_secs(15), self.child.wait()).await.unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
    }

    /// Polls until nothing more is to be read; a process that is being killed just does not answer.
    pub(crate) async fn poll_until_read(&self, instance: u64) {
        let began = std::time::Instant::now();
        let path = format!("/instances/{instance}/poll");
        while began.elapsed() < PATIENCE {
            match self.client.try_call("POST", &path, None).await {
                Some(reply) if reply.status == 200 && reply.body["more"] != true => return,
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// One process with a folder of its own.
pub(crate) struct OneProcess {
    outside: Outside,
    process: Process,
    folder: TempDir,
}

pub(crate) async fn platform() -> OneProcess {
    platform_with(&[]).await
}

/// With these variables beside those that every one has.
pub(crate) async fn platform_with(variables: &[(&str, &str)]) -> OneProcess {
    let outside = Outside::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Process::command(&outside, folder.path(), RETRY_DELAYS);
    command.env("CARILLON_PUBLIC_URL", PUBLIC_URL).envs(variables.iter().copied());
    let process = Process::spawned(command).await;
    outside.lead_to(&format!("http://{}", process.address()));
    OneProcess { outside, process, folder }
}

impl OneProcess {
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }
}

#[async_trait(?Send)]
impl Platform for OneProcess {
    fn outside(&self) -> &Outside {
        &self.outside
    }

    fn client(&self) -> &Client {
        &self.process.client
    }

    fn admin_key(&self) -> &str {
        ADMIN_KEY
    }

    async fn start_twice(&self, instance: u64) {
        tokio::join!(self.process.client.poll(instance), self.process.client.poll(instance));
    }

    async fn leftovers(&self, instance: u64) -> Vec<String> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database =
            rusqlite::Connection::open_with_flags(self.folder.path().join("carillon.db"), flags).unwrap();
        // Whatever table says whose its rows are; a promised job, which is a number, comes two minutes later.
        let named = "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c
             WHERE c.name = 'instance_id' AND m.name <> 'jobs'";
        let mut named = database.prepare(named).unwrap();
        let tables = named.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let tables: Vec<String> = tables.map(Result::unwrap).collect();
        assert!(tables.len() > 10, "{tables:?}");
        let is_there = |table: &String| {
            let query = format!("SELECT count(*) FROM {table} WHERE instance_id = ?1");
            database.query_row(&query, [instance], |row| row.get::<_, u64>(0)).unwrap() > 0
        };
        tables.into_iter().filter(is_there).collect()
    }
}
