//! REST through our gateway, which makes gRPC of it, against nginx, which passes HTTP on as it is: as a plain proxy, and
//! over connections that it keeps. The server behind each answers at once with the same letter.

use std::path::Path;

use boxoffice::http::HttpClient;
use servers::{Life, Onward, Scratch, Server, free_address};
use testkit::{binary, eventually};
use tokio::process::{Child, Command};
use tokio::task::block_in_place;
use tokio::time::sleep_until;

use super::answered::Window;
use super::booking::WARM_UP;
use super::callers::calls;
use crate::figures::{GATEWAY_AGAINST_GO, GATEWAY_AGAINST_NGINX};
use crate::measurement::Measurement;
use crate::plan::Plan;
use crate::processor::Watch;
use crate::ratios::{Comparison, alternated};
use crate::report::Found;
use crate::stand_in::{INBOX_PATH, StandIn, Standing};

const CALLERS: u16 = 64;

/// Who stands in front. Killed when dropped.
enum Front {
    Nginx(Server),
    Gateway { child: Child, rest: String },
}

/// What REST goes through.
#[derive(Debug, Clone, Copy)]
enum Through {
    Nginx(Onward),
    Gateway,
}

/// Measures pairs.
pub(crate) async fn compare(plan: &Plan) -> Found {
    let callers = plan.callers.unwrap_or(CALLERS);
    let measured = async |through: &Through| measure(*through, callers, plan).await;
    let mut found = Found::default();
    for (baseline, onward) in [("nginx", Onward::Plain), ("nginx that keeps", Onward::Kept)] {
        let sides = [(baseline, &Through::Nginx(onward)), ("gateway", &Through::Gateway)];
        let comparison = Comparison {
            name: "REST through".to_owned(),
            callers,
            baseline,
            ours: "gateway",
            pairs: alternated(plan.rounds(), sides, measured).await,
        };
        let claim = comparison.claim(GATEWAY_AGAINST_NGINX, |measured| measured.per_second);
        found.claims.push(match onward {
            Onward::Plain => claim,
            Onward::Kept => {
                claim.under("nginx keeps its connections").unjudged("not a plain proxy")
            }
        });
        found.comparisons.push(comparison);
    }
    found.leave_out([GATEWAY_AGAINST_GO], "grpc-gateway is none of this repository's tools");
    found
}

async fn measure(through: Through, callers: u16, plan: &Plan) -> Measurement {
    let scratch = Scratch::fresh("front").unwrap_or_else(|error| panic!("{error}"));
    let behind = match through {
        Through::Nginx(_) => StandIn::Json,
        Through::Gateway => StandIn::Full,
    };
    let server = Standing::start(behind).await;
    let token = server.token().await;
    let front = match through {
        Through::Nginx(onward) => {
            let folder = scratch.path().join("nginx");
            let nginx = block_in_place(|| {
                servers::nginx(&folder, server.address, onward, Life::WithStarter)
            });
            Front::Nginx(nginx.unwrap_or_else(|error| panic!("{error}")))
        }
        Through::Gateway => gateway(&server, scratch.path()).await,
    };
    let http = HttpClient::new(front.url());
    let window = Window::after(WARM_UP, plan.time());
    let calling = calls(callers, window, move |_| {
        let (http, token) = (http.clone(), token.clone());
        async move {
            let answer = http.get(INBOX_PATH).token(&token).send().await;
            answer.is_ok_and(|answer| answer.json.pointer("/notifications/0/subject").is_some())
        }
    });
    let watching = async {
        sleep_until(window.from).await;
        let watch = Watch::begin(server.process().into_iter().chain(front.process()).collect());
        sleep_until(window.until).await;
        watch.end()
    };
    let ((waits, failed), used) = tokio::join!(calling, watching);
    Measurement::of(waits, failed, window.time(), &used)
}

/// Our gateway before a stand-in for all that it calls.
async fn gateway(behind: &Standing, folder: &Path) -> Front {
    let [rest, grpc, admin] = [(); 3].map(|()| free_address().unwrap_or_else(|e| panic!("{e}")));
    let mut command = Command::new(binary("boxoffice-gateway"));
    command.env_clear().env("DATA_DIR", folder).env("LOG_LEVEL", "warn");
    command.env("REST_ADDR", rest.to_string()).env("GRPC_ADDR", grpc.to_string());
    command.env("ADMIN_ADDR", admin.to_string());
    for context in ["TICKET", "BOOKING", "PAYMENT", "NOTIFICATION", "MYPAGE"] {
        command.env(format!("{context}_ENDPOINT"), format!("http://{}", behind.address));
    }
    let child = command.kill_on_drop(true).spawn().unwrap_or_else(|error| panic!("{error}"));
    eventually("the gateway", || async {
        let ready = HttpClient::new(format!("http://{admin}")).get("/ready").send().await;
        let ready = ready.map_err(|error| error.to_string())?.status;
        if ready.is_success() { Ok(()) } else { Err(ready.to_string()) }
    })
    .await;
    Front::Gateway { child, rest: format!("http://{rest}") }
}

impl Front {
    fn url(&self) -> String {
        match self {
            Self::Nginx(nginx) => nginx.url().to_owned(),
            Self::Gateway { rest, .. } => rest.clone(),
        }
    }

    fn process(&self) -> Option<(String, u32)> {
        let pid = match self {
            Self::Nginx(nginx) => nginx.pid(),
            Self::Gateway { child, .. } => child.id(),
        };
        pid.map(|pid| ("front".to_owned(), pid))
    }
}
