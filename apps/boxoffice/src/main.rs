//! The whole platform as one program.

use std::io::Write;
use std::process::ExitCode;

use boxoffice::demo::Cast;
use boxoffice::http::HttpClient;
use boxoffice::{
    Addresses, AuditArguments, DatabaseArguments, DeadLetterCommand, RefundCommand,
    ReplayArguments, SagaCommand, TokenArguments, demo, start,
};
use clap::{Parser, Subcommand};
use runtime::{
    Bearer, Issuer, Process, Settings, StartError, TlsSettings, init_telemetry, read, run,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A ticket-booking platform: tickets, bookings, payments, notifications, my page.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = false)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

/// Commands whose exit code 1 says that they found something.
const OPERATORS: [&str; 5] = ["audit", "replay", "dead-letters", "refunds", "sagas"];
/// Their exit code when they could not do their work, wrong arguments included.
const NOT_DONE: u8 = 2;

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the platform (the default)
    Serve,
    /// Tell the whole story, against a running platform or a temporary one
    Demo,
    /// Print a token of the development issuer
    Token(TokenArguments),
    /// Make my page's view equal to the bookings and payments there are, while all servers run
    ///
    /// Rows are made, replaced and removed one by one; the sources are only read. It may be stopped and run again at
    /// any time. Exit code 1: some bookings could not be read, each named on a line, and all others were done.
    RebuildView(DatabaseArguments),
    /// Check the invariants over the databases, whether the platform runs or not
    ///
    /// Reads only, on any engines, unless --repair --apply is given. Exit code 0: clean; 1: violated, repaired or not,
    /// each violation on a line with the check's name and the id of what violates it; 2: could not check or repair,
    /// wrong arguments included.
    Audit(AuditArguments),
    /// Tell again what the contexts have told since some moment, after the message stream was lost
    ///
    /// The servers' relays publish it once more as soon as they run, and whoever has handled a message passes over
    /// it. Messages are kept for 7 days. Exit code 0: asked for; 2: could not ask.
    Replay(ReplayArguments),
    /// List messages that a consumer could not handle or the bus refused, and have them tried again
    #[command(subcommand)]
    DeadLetters(DeadLetterCommand),
    /// List refunds whose money is not back, have the provider asked again, or say that the money is back
    #[command(subcommand)]
    Refunds(RefundCommand),
    /// List bookings that are not at rest, have them go on at once, or cancel them
    #[command(subcommand)]
    Sagas(SagaCommand),
    /// Bring the databases to this version's schema and end
    Migrate,
}

fn main() -> ExitCode {
    let read = match read::<CommandLine>() {
        Err(error) if std::env::args().any(|word| OPERATORS.contains(&word.as_str())) => {
            return not_done(error);
        }
        read => read,
    };
    run(read, async |command_line| {
        let settings = command_line.settings;
        match command_line.command.unwrap_or(Command::Serve) {
            Command::Serve => serve(settings).await,
            Command::Demo => Box::pin(tell(settings)).await,
            Command::Token(arguments) => {
                let token = arguments.mint(&settings)?;
                say(&token);
                Ok(ExitCode::SUCCESS)
            }
            Command::Audit(arguments) => {
                Ok(boxoffice::audit(&settings, &arguments, &mut say).await)
            }
            Command::Replay(arguments) => {
                let replayed = boxoffice::replay(&settings, &arguments, &mut say).await;
                Ok(replayed.map_or_else(not_done, |()| ExitCode::SUCCESS))
            }
            Command::DeadLetters(command) => {
                let done = boxoffice::dead_letters(&settings, &command, &mut say).await;
                Ok(done.unwrap_or_else(not_done))
            }
            Command::Refunds(command) => {
                let done = boxoffice::refunds(&settings, &command, &mut say).await;
                Ok(done.unwrap_or_else(not_done))
            }
            Command::Sagas(command) => {
                let done = boxoffice::sagas(&settings, &command, &mut say).await;
                Ok(done.unwrap_or_else(not_done))
            }
            Command::RebuildView(databases) => {
                boxoffice::rebuild_view(&settings, &databases, &mut say).await
            }
            Command::Migrate => {
                boxoffice::migrate(&settings).await?;
                say("every database has this version's schema");
                Ok(ExitCode::SUCCESS)
            }
        }
    })
}

fn not_done(error: StartError) -> ExitCode {
    let _failure = error.report();
    ExitCode::from(NOT_DONE)
}

async fn serve(settings: Settings) -> Result<ExitCode, StartError> {
    init_telemetry(&settings, "boxoffice")?;
    let mut process = Process::begin(settings).await?;
    let addresses = start(&mut process).await?;
    say(&greeting(&addresses, process.certificates.serve_tls()));
    process.run().await
}

fn greeting(Addresses { rest, grpc, admin }: &Addresses, tls: bool) -> String {
    let http = if tls { "https" } else { "http" };
    let plaintext = if tls { "" } else { " -plaintext" };
    let program = std::env::args().next().unwrap_or_else(|| "boxoffice".to_owned());
    format!(
        "Boxoffice serves\n  REST   {http}://{rest}    (gRPC and gRPC-Web too; OpenAPI at /openapi.json, to read at /docs)\n  gRPC   {grpc}    (reflection, \
         health)\n  admin  {http}://{admin}    (/live, /ready, /metrics)\n\nTry, in another terminal:\n  {program} demo\n  \
         {program} token --role buyer --sub alice\n  curl {http}://{rest}/v1/tickets\n  grpcurl{plaintext} {grpc} list"
    )
}

/// Tells the story against the platform at `REST_ADDR`, or a temporary one where none answers.
async fn tell(settings: Settings) -> Result<ExitCode, StartError> {
    let http = client(&settings)?;
    if http.get("/openapi.json").send().await.is_ok_and(|answer| answer.status.is_success()) {
        say(&format!("Against the platform at {}.", http.base()));
        return story(&http, &settings).await;
    }
    let folder = std::env::temp_dir().join(format!("boxoffice-demo-{}", std::process::id()));
    // The story is not told on the real platform's databases and bus.
    let mut settings =
        Settings { data_dir: folder.clone(), database_url: None, nats_url: None, ..settings };
    settings.tls = TlsSettings::default();
    for address in [&mut settings.rest_addr, &mut settings.grpc_addr, &mut settings.admin_addr] {
        address.set_port(0);
    }
    let mut process = Process::begin(settings.clone()).await?;
    let addresses = start(&mut process).await?;
    say(&format!("No platform at work: a temporary one serves http://{}.", addresses.rest));
    let (stop, abandon) = Default::default();
    let running = process.run_until(tokio_util::sync::CancellationToken::clone(&stop), abandon);
    let http = HttpClient::new(format!("http://{}", addresses.rest));
    let told = async {
        let told = story(&http, &settings).await;
        stop.cancel();
        told
    };
    let (told, _stopped) = tokio::join!(told, running);
    let removed = std::fs::remove_dir_all(&folder);
    removed.map_err(|cause| StartError::File { name: "DATA_DIR", path: folder, cause })?;
    told
}

/// For the platform of these settings, over TLS where its ports speak it.
fn client(settings: &Settings) -> Result<HttpClient, StartError> {
    if settings.tls.tls_cert_file.is_none() {
        return Ok(HttpClient::new(format!("http://{}", settings.rest_addr)));
    }
    let needed = |problem: String| StartError::Setting { name: "TLS_CA_FILE", problem };
    let tls = settings.tls.load()?.client();
    let tls =
        tls.ok_or_else(|| needed("is needed: whom to believe in calls over TLS".to_owned()))?;
    let config = tls.borrow().http_config().map_err(|error| needed(error.to_string()))?;
    Ok(HttpClient::over_tls(format!("https://{}", settings.rest_addr), config))
}

async fn story(http: &HttpClient, settings: &Settings) -> Result<ExitCode, StartError> {
    let issuer = Issuer::development(settings)?;
    let token = |role: &str, subject: &str, organizer_id: Option<String>| {
        let bearer = Bearer {
            subject: subject.to_owned(),
            roles: vec![role.to_owned()],
            organizer_id,
            locale: None,
        };
        issuer.mint(&bearer, std::time::Duration::from_secs(600))
    };
    let cast = Cast {
        organizer: token("organizer", "acme", Some("acme".to_owned()))?,
        alice: token("buyer", "alice", None)?,
        bob: token("buyer", "bob", None)?,
    };
    match demo::tell(http, &cast, &mut say).await {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(StartError::Other(format!("the story ends early: {error}"))),
    }
}

fn say(line: &str) {
    // A reader that has gone does not end the work.
    let _ = writeln!(std::io::stdout(), "{line}");
}

impl AsRef<Settings> for CommandLine {
    fn as_ref(&self) -> &Settings {
        &self.settings
    }
}
