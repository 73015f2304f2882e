//! A function's binary as a process, with Lambda's runtime interface and its share of a processor.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use chrono::Utc;
use serde_json::Value;
use std::fs;
use std::path::{Path as FilePath, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A function with so many MB has a whole processor,
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
const PROCESSOR_MB: u64 = 1769;
/// What a share is of, microseconds. Lambda does not say how it deals its own out.
const PERIOD_US: u64 = 20_000;
/// As the template has it.
const TIMEOUT_S: i64 = 75;
const PATIENCE: Duration = Duration::from_secs(120);

/// What one invocation took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    /// From the event to its answer.
    pub(crate) ms: f64,
    /// Of a processor, by the process alone.
    pub(crate) cpu_ms: f64,
}

/// A process of a function, that waits for events.
pub(crate) struct Function {
    process: Child,
    group: Option<PathBuf>,
    events: UnboundedSender<Value>,
    answers: Mutex<UnboundedReceiver<bool>>,
}

struct Runtime {
    events: Mutex<UnboundedReceiver<Value>>,
    asked: UnboundedSender<bool>,
    answers: UnboundedSender<bool>,
}

impl Function {
    /// Starts it. Its share holds from the first event on: Lambda starts functions with more.
    pub(crate) async fn start(
        binary: &FilePath,
        variables: &[(&'static str, String)],
        memory_mb: Option<u64>,
    ) -> Self {
        let (events, taken) = unbounded_channel();
        let (asked, mut asks) = unbounded_channel();
        let (answers, answered) = unbounded_channel();
        let runtime = Arc::new(Runtime { events: Mutex::new(taken), asked, answers });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/{end}", post(end))
            .with_state(runtime);
        tokio::spawn(async { axum::serve(listener, router).await });
        let process = Command::new(binary)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (*name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
        tokio::time::timeout(PATIENCE, asks.recv()).await.expect("it asks for an event");
        let group = memory_mb.map(|memory_mb| share(&process, memory_mb));
        Function { process, group, events, answers: Mutex::new(answered) }
    }

    /// Hands an event in, and waits for the answer.
    pub(crate) async fn invoke(&self, event: Value) -> Took {
        let (began, cpu) = (Instant::now(), self.cpu_ms());
        self.events.send(event).unwrap();
        let answered = tokio::time::timeout(PATIENCE, async { self.answers.lock().await.recv().await });
        assert_eq!(answered.await.expect("it answers"), Some(true), "it failed, or ended");
        Took { ms: began.elapsed().as_secs_f64() * 1000.0, cpu_ms: self.cpu_ms() - cpu }
    }

    /// The most that it held since its start or the last look, MB.
    pub(crate) fn take_peak_mb(&self) -> f64 {
        let status = fs::read_to_string(self.proc().join("status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kb: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        // Forgets the peak: `man proc_pid_clear_refs`.
        fs::write(self.proc().join("clear_refs"), "5").unwrap();
        kb * 1024.0 / 1e6
    }

    fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.process.id()))
    }

    fn cpu_ms(&self) -> f64 {
        let tasks = fs::read_dir(self.proc().join("task")).unwrap();
        let ns_of = |task: fs::DirEntry| {
            let said = fs::read_to_string(task.path().join("schedstat")).ok()?;
            said.split(' ').next()?.parse::<f64>().ok()
        };
        tasks.filter_map(|task| ns_of(task.ok()?)).sum::<f64>() / 1e6
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = self.group.as_ref().map(fs::remove_dir);
    }
}

/// A control group of the first or the second version that has the process, and its share.
fn share(process: &Child, memory_mb: u64) -> PathBuf {
    let quota_us = PERIOD_US * memory_mb / PROCESSOR_MB;
    let name = format!("carillon-{}", process.id());
    let is_first = FilePath::new("/sys/fs/cgroup/cpu").is_dir();
    let group = FilePath::new(if is_first { "/sys/fs/cgroup/cpu" } else { "/sys/fs/cgroup" }).join(name);
    fs::create_dir(&group).expect("a control group can be made, which needs root");
    let write = |file: &str, text: String| fs::write(group.join(file), text).unwrap();
    match is_first {
        true => {
            write("cpu.cfs_period_us", PERIOD_US.to_string());
            write("cpu.cfs_quota_us", quota_us.to_string());
        }
        false => write("cpu.max", format!("{quota_us} {PERIOD_US}")),
    }
    write("cgroup.procs", process.id().to_string());
    group
}

async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    let _ = runtime.asked.send(true);
    let event = runtime.events.lock().await.recv().await;
    #[allow(clippy::disallowed_methods)] // the function lives in real time
    let deadline_ms = Utc::now().timestamp_millis() + TIMEOUT_S * 1000;
    let headers = [
        ("lambda-runtime-aws-request-id", "one".to_owned()),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:000000000000:function:poll".to_owned(),
        ),
    ];
    (headers, event.unwrap_or_default().to_string())
}

async fn end(
    State(runtime): State<Arc<Runtime>>,
    Path((_, end)): Path<(String, String)>,
    _: Bytes,
) -> http::StatusCode {
    let _ = runtime.answers.send(end == "response");
    http::StatusCode::ACCEPTED
}
