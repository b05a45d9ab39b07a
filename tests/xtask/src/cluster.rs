//! `cargo xtask cluster`: the platform as six servers with replicas over PostgreSQL and NATS, for a person to try.

mod report;

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Subcommand;
use serde::{Deserialize, Serialize};
use servers::deployment::{self, CONTEXTS, GATEWAY, Replica};
use servers::process::{end, is_running};
use servers::{Life, Signal, plain_get, running};

use crate::checks::programs;
use crate::tools;
use crate::workspace::{Workspace, run as run_command};

const READY_WITHIN: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
/// Where the README's tour looks for REST.
const TOUR: &str = "127.0.0.1:8080";
const STATE: &str = "cluster.json";
const KEYS: [&str; 2] = ["issuer.key", "service.key"];
const REPLICAS_MAX: i64 = 9;

#[derive(Subcommand)]
pub(crate) enum Cluster {
    /// Builds it, starts it on free loopback ports and prints how to try it.
    Up {
        /// How many of each server.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=REPLICAS_MAX))]
        replicas: u8,
        /// Runs the unoptimized programs, which build faster.
        #[arg(long)]
        debug: bool,
    },
    /// Ends it and removes what it kept.
    Down,
    /// Says what runs where.
    Status,
}

/// What `down` and `status` need to know.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) members: Vec<Member>,
    /// The settings with which `boxoffice` looks at the databases.
    pub(crate) databases: Vec<(String, String)>,
    pub(crate) programs: PathBuf,
    pub(crate) servers: Vec<String>,
    /// The data folder, if this made it.
    made: Option<PathBuf>,
}

/// One process of the platform.
#[derive(Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) serves: String,
    pub(crate) admin: std::net::SocketAddr,
    program: PathBuf,
}

impl Member {
    pub(crate) fn is_running(&self) -> bool {
        is_running(self.pid, &self.program)
    }
}

pub(crate) fn run(workspace: &Workspace, command: &Cluster) -> Result<bool, String> {
    let folder = std::env::temp_dir().join("boxoffice-cluster");
    match command {
        Cluster::Up { replicas, debug } => {
            if let Some(state) = read(&folder)? {
                println!("it is up already");
                return Ok(report::print(&state, &folder));
            }
            let programs = programs(workspace, *debug)?;
            tools::set_up_python(workspace)?;
            servers::install_missing()?;
            let up = up(workspace, &folder, programs, usize::from(*replicas));
            if let Err(problem) = up {
                println!("logs: {}; `cargo xtask cluster down` removes them", folder.display());
                return Err(problem);
            }
            up.map(|state| report::print(&state, &folder))
        }
        Cluster::Down => down(&folder).map(|()| true),
        Cluster::Status => match read(&folder)? {
            Some(state) => Ok(report::print(&state, &folder)),
            None => {
                println!("no cluster is up: `cargo xtask cluster up` starts one");
                Ok(false)
            }
        },
    }
}

fn up(
    workspace: &Workspace,
    folder: &Path,
    programs: PathBuf,
    count: usize,
) -> Result<State, String> {
    fs::create_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let data_dir = workspace.root.join("boxoffice-data");
    let made = (!data_dir.exists()).then(|| data_dir.clone());
    let mut state = State { programs, made, ..State::default() };
    // From the first moment on, `down` finds what there is.
    write(folder, &state)?;

    let postgres = servers::postgres(&folder.join("postgres"), Life::OnItsOwn)?;
    let (nats, monitor) = servers::nats(&folder.join("nats"), Life::OnItsOwn)?;
    state.servers = vec![postgres.url().to_owned(), nats.url().to_owned(), monitor];
    let database = |context: &str| Some(format!("{}/boxoffice_{context}", postgres.url()));
    let provider =
        database("payment_provider").map(|url| ("PROVIDER_DATABASE_URL".to_owned(), url));
    let own = |context: &&str| {
        Some((format!("{}_DATABASE_URL", context.to_uppercase()), database(context)?))
    };
    state.databases = CONTEXTS.iter().filter_map(own).chain(provider).collect();
    let mut replicas =
        deployment::replicas(|_| count, nats.url(), &data_dir.to_string_lossy(), database)?;
    let (_left, _running) = (postgres.leave_running(), nats.leave_running());
    move_to_the_tour(&mut replicas);

    for replica in
        replicas.iter().filter(|replica| replica.number == 1 && replica.server != GATEWAY)
    {
        println!("migrating the database of {}", replica.server);
        run_command(command(&state.programs, replica).arg("migrate"))?;
    }
    for replica in &replicas {
        state.members.push(start(&state.programs, replica, folder)?);
        write(folder, &state)?;
    }
    wait_until_ready(&state)?;
    Ok(state)
}

/// The first gateway is where the README's tour expects it, if nobody else is.
fn move_to_the_tour(replicas: &mut [Replica]) {
    let gateway = replicas.iter_mut().find(|replica| replica.server == GATEWAY);
    let (Some(gateway), Ok(tour)) = (gateway, TOUR.parse()) else { return };
    if TcpListener::bind(TOUR).is_ok() {
        gateway.rest = tour;
        gateway.environment.push(("REST_ADDR".to_owned(), TOUR.to_owned()));
    } else {
        println!("{TOUR} is taken: the gateway is elsewhere");
    }
}

fn command(programs: &Path, replica: &Replica) -> Command {
    let mut command = Command::new(programs.join(replica.program()));
    command.env_clear().envs(replica.environment.iter().cloned());
    // As behind a load balancer, which needs a moment to hear of it.
    command.env("SHUTDOWN_DELAY_MS", "1000").stdin(Stdio::null());
    command
}

fn start(programs: &Path, replica: &Replica, folder: &Path) -> Result<Member, String> {
    let path = folder.join(format!("{}.log", replica.name()));
    let opened = |error| format!("{}: {error}", path.display());
    let log = File::create(&path).map_err(opened)?;
    let errors = log.try_clone().map_err(opened)?;
    let mut command = command(programs, replica);
    let child = command.stdout(log).stderr(errors).process_group(0).spawn();
    let child = child.map_err(|error| format!("{}: {error}", replica.name()))?;
    let gateway = replica.server == GATEWAY;
    Ok(Member {
        name: replica.name(),
        pid: child.id(),
        serves: if gateway { format!("http://{}", replica.rest) } else { replica.grpc.to_string() },
        admin: replica.admin,
        program: programs.join(replica.program()),
    })
}

fn wait_until_ready(state: &State) -> Result<(), String> {
    let patience = Instant::now() + READY_WITHIN;
    for member in &state.members {
        while plain_get::is_ok(member.admin, "/ready").is_err() {
            if !member.is_running() {
                return Err(format!("{} has ended", member.name));
            }
            if Instant::now() > patience {
                return Err(format!("{} is not ready", member.name));
            }
            sleep(PAUSE);
        }
    }
    Ok(())
}

fn down(folder: &Path) -> Result<(), String> {
    if let Some(state) = read(folder)? {
        // From the front to the back, so that none misses what it calls.
        let running = state.members.iter().rev().filter(|member| member.is_running());
        let (gateways, others): (Vec<_>, Vec<_>) =
            running.partition(|member| member.name.starts_with(GATEWAY));
        for members in [gateways, others] {
            let pids: Vec<_> = members.iter().map(|member| member.pid).collect();
            end(&pids, Signal::TERM)?;
        }
        if let Some(made) = state.made.filter(|made| made.exists()) {
            // Only what the servers put there: somebody may have served a platform in one process from it since.
            for key in KEYS {
                let _none = fs::remove_file(made.join(key));
            }
            let _kept = fs::remove_dir(&made);
        }
    }
    running::stop(folder)?;
    println!("no cluster is up");
    Ok(())
}

fn read(folder: &Path) -> Result<Option<State>, String> {
    let file = folder.join(STATE);
    let Ok(text) = fs::read_to_string(&file) else { return Ok(None) };
    let state = serde_json::from_str(&text);
    state.map(Some).map_err(|error| format!("{}: {error}", file.display()))
}

fn write(folder: &Path, state: &State) -> Result<(), String> {
    let text = serde_json::to_string_pretty(state).map_err(|error| error.to_string())?;
    fs::write(folder.join(STATE), text).map_err(|error| format!("{}: {error}", folder.display()))
}
