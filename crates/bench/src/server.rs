//! The measured process, from outside.

use crate::allocations::Allocated;
use rustix::process::{Pid, Signal, kill_process};
use scenarios::{Client, Outside, RETRY_DELAYS};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

const USER_SECRET: &str = "bench-user-secret-bench";
const ORGANIZATION_SECRET: &str = "bench-organization-secret";
/// Longer than one poll under a profiler takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a process spent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    pub(crate) cpu_ms: f64,
    pub(crate) allocated: Allocated,
    /// Calls that wrote to files.
    pub(crate) write_calls: f64,
    /// Bytes that went to the disk.
    pub(crate) disk_bytes: f64,
}

impl Spent {
    pub(crate) fn since(self, before: Spent) -> Spent {
        Spent {
            cpu_ms: self.cpu_ms - before.cpu_ms,
            allocated: self.allocated.since(before.allocated),
            write_calls: self.write_calls - before.write_calls,
            disk_bytes: self.disk_bytes - before.disk_bytes,
        }
    }

    /// Of several alike.
    pub(crate) fn mean(all: Vec<Spent>) -> Spent {
        let count = all.len();
        let sum = all.into_iter().reduce(|sum, one| Spent {
            cpu_ms: sum.cpu_ms + one.cpu_ms,
            allocated: Allocated {
                count: sum.allocated.count + one.allocated.count,
                bytes: sum.allocated.bytes + one.allocated.bytes,
            },
            write_calls: sum.write_calls + one.write_calls,
            disk_bytes: sum.disk_bytes + one.disk_bytes,
        });
        sum.unwrap_or_default().each_of(count)
    }

    /// What one of so many spent.
    pub(crate) fn each_of(self, count: usize) -> Spent {
        let allocated =
            Allocated { count: self.allocated.count / count, bytes: self.allocated.bytes / count };
        let count = count as f64;
        Spent {
            cpu_ms: self.cpu_ms / count,
            allocated,
            write_calls: self.write_calls / count,
            disk_bytes: self.disk_bytes / count,
        }
    }
}

/// A running process.
pub(crate) struct Server {
    child: Child,
    meter: Meter,
    pub(crate) client: Client,
    pub(crate) start_ms: f64,
}

/// Who knows what it spent.
enum Meter {
    /// The process, which is this program.
    Itself { orders: ChildStdin, answers: Lines<BufReader<ChildStdout>> },
    /// The system alone: no allocations, and time in ticks of the clock.
    System,
}

impl Server {
    pub(crate) async fn start(outside: &Outside, folder: &Path) -> Self {
        Self::of(Command::new(std::env::current_exe().unwrap()), outside, folder).await
    }

    /// The program `carillon`, of any version.
    pub(crate) async fn carillon(mut program: Command, outside: &Outside, folder: &Path) -> Self {
        let began = Instant::now();
        program.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder).envs(variables(outside));
        let mut child = program.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("it starts");
        let base = line.strip_prefix("carillon listening on ").expect("it says where").to_owned();
        let start_ms = began.elapsed().as_secs_f64() * 1000.0;
        let client = Client::new(&base, USER_SECRET, ORGANIZATION_SECRET);
        Server { child, meter: Meter::System, client, start_ms }
    }

    /// Under a program that counts its instructions, and tells at the end.
    pub(crate) async fn counted(mut program: Command, outside: &Outside, folder: &Path) -> Self {
        program.arg(std::env::current_exe().unwrap()).stderr(Stdio::piped());
        Self::of(program, outside, folder).await
    }

    async fn of(mut program: Command, outside: &Outside, folder: &Path) -> Self {
        let began = Instant::now();
        program.arg("--serve").arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = program.spawn().unwrap();
        let (mut orders, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let variables = serde_json::to_string(&variables(outside)).unwrap();
        orders.write_all(format!("{variables}\n").as_bytes()).await.unwrap();
        let mut answers = BufReader::new(answers).lines();
        let base = answers.next_line().await.unwrap().expect("it starts");
        let start_ms = began.elapsed().as_secs_f64() * 1000.0;
        let client = Client::new(&base, USER_SECRET, ORGANIZATION_SECRET);
        Server { child, meter: Meter::Itself { orders, answers }, client, start_ms }
    }

    /// What it spent since its start.
    pub(crate) async fn spent(&mut self) -> Spent {
        let (cpu_ms, allocated) = match &mut self.meter {
            Meter::Itself { orders, answers } => {
                orders.write_all(b"?\n").await.unwrap();
                let line = answers.next_line().await.unwrap().expect("it answers");
                let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
                let allocated = Allocated { count: numbers[1] as usize, bytes: numbers[2] as usize };
                (numbers[0] as f64 / 1e6, allocated)
            }
            Meter::System => (ticks_ms(&self.proc_file("stat")), Allocated::default()),
        };
        let io = self.proc_file("io");
        Spent {
            cpu_ms,
            allocated,
            write_calls: number_after(&io, "syscw:") as f64,
            disk_bytes: number_after(&io, "write_bytes:") as f64,
        }
    }

    /// What it holds in memory now, kB.
    pub(crate) fn memory_kb(&self) -> f64 {
        number_after(&self.proc_file("status"), "VmRSS:") as f64
    }

    fn proc_file(&self, name: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{name}", self.child.id().unwrap())).unwrap_or_default()
    }

    /// Polls until nothing more is to be read.
    pub(crate) async fn poll(&self, instance: u64) {
        assert!(self.is_polled(instance, PATIENCE).await, "instance {instance} is not polled");
    }

    /// The same, and whether it came to its end in time.
    pub(crate) async fn is_polled(&self, instance: u64, patience: Duration) -> bool {
        let (began, path) = (Instant::now(), format!("/instances/{instance}/poll"));
        while began.elapsed() < patience {
            let reply = self.client.try_call("POST", &path, None).await;
            if reply.is_some_and(|reply| reply.status == 200 && reply.body["more"] != true) {
                return true;
            }
        }
        false
    }

    /// Ends it. What it said on standard error, where that is kept.
    pub(crate) async fn stop(mut self) -> String {
        match self.meter {
            Meter::Itself { orders, .. } => drop(orders),
            Meter::System => terminate(&self.child),
        }
        self.child.wait().await.unwrap();
        let mut said = String::new();
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut said).await.unwrap();
        }
        said
    }
}

/// Providers whose mailboxes take as many requests at once as there are.
pub(crate) async fn outside() -> Outside {
    let outside = Outside::start().await;
    outside.providers.google.set_in_flight_max(usize::MAX);
    outside.providers.microsoft.set_in_flight_max(usize::MAX);
    outside
}

fn variables(outside: &Outside) -> BTreeMap<&'static str, String> {
    let ours = [
        ("CARILLON_USER_SECRET", USER_SECRET),
        ("CARILLON_ORGANIZATION_SECRET", ORGANIZATION_SECRET),
        ("CARILLON_RETRY_DELAYS", RETRY_DELAYS),
        ("CARILLON_LOG", "error"),
        // More than any measurement asks in a minute.
        ("CARILLON_REQUESTS_PER_MINUTE", "1000000"),
    ];
    let ours = ours.into_iter().map(|(name, value)| (name, value.to_owned()));
    outside.variables().into_iter().chain(ours).collect()
}

/// As an operator ends it, so that what counts its instructions can tell them.
fn terminate(child: &Child) {
    let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    kill_process(id.expect("it runs"), Signal::TERM).unwrap();
}

/// Time of all threads, of the line that `proc(5)` describes: the fields after the name in brackets, a hundred ticks a second.
fn ticks_ms(stat: &str) -> f64 {
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks = fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    ticks as f64 * 10.0
}

/// 0 where there is none.
fn number_after(text: &str, label: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
