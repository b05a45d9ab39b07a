//! The figures to reach, each with the floor that a run must not fall below and the goal that is to be claimed.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::ratios::{ROUNDS_MIN, Spread};

/// A number of one scenario, and what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// As the design numbers it; none where it is a requirement's own.
    pub(crate) id: &'static str,
    pub(crate) scenario: &'static str,
    pub(crate) what: &'static str,
    better: Better,
    floor: f64,
    goal: f64,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Better {
    More,
    Less,
}

/// What a number is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Verdict {
    /// There is no number, and a number that is missing is no good one.
    NotMeasured,
    /// A number that tells how it goes and is no figure, and why.
    NotJudged(&'static str),
    BelowFloor,
    AboveFloor,
    GoalReached,
}

/// A figure and what it came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Claim {
    pub(crate) figure: Figure,
    pub(crate) found: Spread,
    pub(crate) verdict: Verdict,
    /// What the figure's own words do not say of how it was measured.
    pub(crate) conditions: Vec<String>,
}

/// One row for each: what scenarios call it, then its fields.
macro_rules! figures {
    ($($name:ident = $id:literal $scenario:literal $what:literal $better:ident $floor:literal $goal:literal;)+) => {
        $(pub(crate) const $name: Figure = Figure {
            id: $id,
            scenario: $scenario,
            what: $what,
            better: Better::$better,
            floor: $floor,
            goal: $goal,
        };)+
        const ALL: &[Figure] = &[$($name),+];
    };
}

figures! {
    // name                =  id    scenario         what                                             better floor   goal
    HOT_HOLD_256           = "G1"  "hot-hold"       "batched / row lock, 256 callers"                 More   20.0    40.0;
    HOT_HOLD_1024          = "G1"  "hot-hold"       "batched / row lock, 1,024 callers"               More   20.0    50.0;
    HOT_HOLD_LIMIT         = "G2"  "hot-hold-limit" "batched / pgbench with 256 a transaction"        More   0.45    0.75;
    HOT_HOLD_TAIL          = "G3"  "hot-hold"       "p99 batched / row lock, 256 callers"             Less   0.15    0.05;
    HOT_HOLD_ALONE         = "G4"  "hot-hold"       "batched / row lock, one caller"                  More   0.95    1.2;
    BOOKING_256            = "G5"  "booking"        "batched / single, 256 callers"                   More   7.0     12.0;
    BOOKING_1024           = "G5"  "booking"        "batched / single, 1,024 callers"                 More   12.0    20.0;
    SPREAD_HOLD            = "G6"  "spread-hold"    "10,000 tickets in the server, 256 callers"       More   4.0     8.0;
    SPREAD_BOOKING         = "G6"  "booking"        "10,000 tickets on the whole path, 256 callers"   More   4.0     8.0;
    REPLICAS               = "G7"  "replicas"       "two replicas / one, one hot ticket"              More   0.6     0.9;
    OVERLOAD_GOODPUT       = "G8"  "overload"       "goodput at twice the capacity / peak"            More   0.7     0.9;
    OVERLOAD_TAIL          = "G8"  "overload"       "p99 of what was accepted then, ms"               Less   500.0   250.0;
    FLOOD_GOODPUT          = "–"   "overload"       "goodput in a minute of three times the capacity / peak" More 0.8   0.9;
    FLOOD_REFUSALS         = "–"   "overload"       "p99 of refusals then, ms"                        Less   50.0    50.0;
    FLOOD_FELT             = "–"   "overload"       "how long it was felt afterwards, s"              Less   5.0     1.0;
    RELAY_BATCHES          = "G9"  "relay"          "atomic batches / one by one"                     More   15.0    40.0;
    RELAY_KEEPS_UP         = "G9"  "relay"          "relay rate / messages of bookings"               More   1.0     2.0;
    GATEWAY_AGAINST_GO     = "G10" "gateway"        "REST requests/s / grpc-gateway's, 64 callers"    More   1.5     2.0;
    GATEWAY_AGAINST_NGINX  = "G10" "gateway"        "REST requests/s / nginx's as a plain proxy"      More   0.6     0.8;
    HOP                    = "G11" "hop"            "server CPU of one hop / of bare tonic"           Less   2.0     1.5;
    PORTABLE_BATCH         = "G12" "orm"            "portable batch / raw statements, 256 a batch"    More   0.45    0.8;
    HOT_HOLD_SQLITE        = "G13" "hot-hold"       "SQLite, batched / not, 256 callers"              More   7.0     12.0;
    HOT_HOLD_MARIADB       = "G13" "hot-hold"       "MariaDB, batched / row lock, 256 callers"        More   12.0    30.0;
    MEMORY_IDLE            = "G14" "footprint"      "memory of a server that rests, MiB"              Less   25.0    12.0;
    MEMORY_AFTER           = "G14" "footprint"      "memory of a server after 1,024 callers, MiB"     Less   64.0    32.0;
    READY_AFTER            = "G14" "footprint"      "from exec to ready, ms"                          Less   300.0   100.0;
    FAN_OUT                = "G16" "fan-out"        "whole path with all consumers / without"         More   0.6     0.8;
    READS_BY_KEY           = "G17" "reads"          "reads by key over gRPC / bare tonic"             More   0.4     0.5;
    SEARCH_TAIL            = "G17" "reads"          "p99 of search with bookings / without"           Less   2.0     1.5;
    SEEN_AFTER             = "G18" "fan-out"        "p99 from commit to my page and inbox, ms"        Less   2000.0  500.0;
    GROWN                  = "G19" "grow"           "whole path with bookings of the past / without"   More   0.6     0.8;
    SOLD_OUT_TAIL          = "–"   "sell-out"       "p99 of 1,900 sold-out answers at once, ms"       Less   500.0   500.0;
    FAIRNESS               = "–"   "fairness"       "p99 of other tickets beside a hot sale / alone"  Less   2.0     2.0;
    CROWD_TAIL             = "–"   "crowd"          "p99 from first try to sold out, 2,000 for 100 at rest, ms" Less   500.0   500.0;
    PAY_LATER              = "X02" "pay-later"      "answers to go by, breaker / without, 255 callers" More  1.0     10.0;
    READS_BESIDE_A_SLOW_PROVIDER = "N03" "pay-later" "p99 of reads beside a slow provider / alone"    Less   2.0     1.2;
    MEMORY_GROWTH          = "–"   "memory"         "last third of the time / second, worst server"   Less   1.1     1.1;
}

impl Figure {
    /// What it came to.
    pub(crate) fn claimed(self, found: Spread) -> Claim {
        let verdict = self.verdict(found, !cfg!(debug_assertions));
        Claim { figure: self, found, verdict, conditions: Vec::new() }
    }

    /// What does not count is told as such, whatever it came to.
    fn verdict(&self, found: Spread, is_optimized: bool) -> Verdict {
        let reaches = |bound: f64| match self.better {
            Better::More => found.median >= bound,
            Better::Less => found.median <= bound,
        };
        if !found.median.is_finite() {
            Verdict::NotMeasured
        } else if !is_optimized {
            Verdict::NotJudged("unoptimized programs")
        } else if found.rounds == 1 {
            Verdict::NotJudged("single run")
        } else if found.rounds < usize::from(ROUNDS_MIN) {
            Verdict::NotJudged("too few runs")
        } else if reaches(self.goal) {
            Verdict::GoalReached
        } else if reaches(self.floor) {
            Verdict::AboveFloor
        } else {
            Verdict::BelowFloor
        }
    }
}

impl Claim {
    /// Tells how it was measured.
    pub(crate) fn under(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// What was measured otherwise than the figure says is told and not judged.
    pub(crate) fn unjudged(mut self, why: &'static str) -> Self {
        if self.verdict != Verdict::NotMeasured {
            self.verdict = Verdict::NotJudged(why);
        }
        self
    }
}

impl Verdict {
    /// Whether a run with it has failed.
    pub(crate) const fn fails(self) -> bool {
        match self {
            Self::NotMeasured | Self::BelowFloor => true,
            Self::NotJudged(_) | Self::AboveFloor | Self::GoalReached => false,
        }
    }
}

/// The figures of a scenario.
pub(crate) fn of(scenario: &str) -> impl Iterator<Item = &'static Figure> {
    ALL.iter().filter(move |figure| figure.scenario == scenario)
}

impl Display for Claim {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { figure, found, verdict, conditions } = self;
        let Figure { id, scenario, what, floor, goal, .. } = figure;
        let Spread { median, lowest, highest, rounds } = found;
        write!(
            f,
            "{id:<3} {scenario:<14} {what:<50} {floor:>8} {goal:>8} {median:>9.2}  {verdict:<12}"
        )?;
        if *verdict != Verdict::NotMeasured {
            write!(f, " {lowest:.2} to {highest:.2} in {rounds}")?;
        }
        conditions.iter().try_for_each(|condition| write!(f, "; {condition}"))
    }
}

impl Display for Verdict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMeasured => f.pad("NOT MEASURED"),
            Self::NotJudged(why) => f.pad(&format!("{why}: not judged")),
            Self::BelowFloor => f.pad("BELOW FLOOR"),
            Self::AboveFloor => f.pad("above floor"),
            Self::GoalReached => f.pad("goal reached"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thrice(number: f64) -> Spread {
        Spread::of([number; 3])
    }

    #[test]
    fn a_figure_is_judged_in_its_own_direction() {
        let verdicts =
            |figure: Figure, found: [f64; 3]| found.map(|one| figure.verdict(thrice(one), true));
        let all = [Verdict::BelowFloor, Verdict::AboveFloor, Verdict::GoalReached];
        assert_eq!(verdicts(HOT_HOLD_256, [19.9, 20.0, 40.0]), all);
        assert_eq!(verdicts(HOT_HOLD_TAIL, [0.2, 0.15, 0.05]), all);
    }

    #[test]
    fn what_is_no_number_was_not_measured_and_fails() {
        let nothing =
            [Spread::of([]), thrice(f64::NAN), thrice(f64::INFINITY), Spread::of([f64::NAN])];
        for found in nothing {
            for is_optimized in [true, false] {
                let verdict = HOT_HOLD_256.verdict(found, is_optimized);
                assert_eq!((verdict, verdict.fails()), (Verdict::NotMeasured, true), "{found:?}");
            }
            let claim = HOT_HOLD_256.claimed(found).unjudged("quick look");
            assert_eq!(claim.verdict, Verdict::NotMeasured, "{found:?}");
        }
    }

    #[test]
    fn fewer_than_three_rounds_and_unoptimized_programs_are_not_judged() {
        for number in [0.1, 20.0, 400.0] {
            let verdict = |rounds: usize, is_optimized| {
                HOT_HOLD_256.verdict(Spread::of(vec![number; rounds]), is_optimized)
            };
            let told = [verdict(1, true), verdict(2, true), verdict(3, false)];
            let why = ["single run", "too few runs", "unoptimized programs"];
            assert_eq!(told, why.map(Verdict::NotJudged), "{number}");
            assert!(!told.iter().any(|verdict| verdict.fails()));
        }
        assert_eq!(Verdict::NotJudged("single run").to_string(), "single run: not judged");
    }

    #[test]
    fn no_goal_is_easier_than_its_floor() {
        for figure in ALL {
            let verdict = |number| figure.verdict(thrice(number), true);
            assert_eq!(verdict(figure.goal), Verdict::GoalReached, "{figure:?}");
            assert_ne!(verdict(figure.floor), Verdict::BelowFloor, "{figure:?}");
            let order = figure.floor.total_cmp(&figure.goal);
            assert!(order.is_eq() || (order.is_lt() == (figure.better == Better::More)));
        }
    }
}
