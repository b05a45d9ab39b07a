//! One seed: unrest, calm, and the same again. In unrest everybody acts and everything goes wrong; when it is calm all
//! must come to rest in time.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use kernel::Timestamp;

use crate::chance::Lie;
use crate::figures::Figures;
use crate::invariants::{Verdict, Watch, always, at_rest, restless};
use crate::people::Buyers;
use crate::tasks::Server;
use crate::world::World;

/// Things that happen in one unrest.
const HAPPENINGS: usize = 900;
/// Once all is calm everything has come to its end after that long.
const REST_AFTER: Duration = Duration::from_secs(30 * 60);
/// How far time goes on between two looks while it is calm.
const PACE: Duration = Duration::from_secs(3);
const SERVERS: [Server; 6] = [
    Server::Ticket,
    Server::Booking(0),
    Server::Booking(1),
    Server::Payment,
    Server::Notification,
    Server::MyPage,
];
/// One for each server of booking, one of payment, two of ticket.
const SWEEPS: usize = 5;
/// The one of ticket that lets holds expire.
const EXPIRY: usize = 3;
/// More steps than anything that ends takes at one moment.
const STEPS_MAX: usize = 100_000;

/// What one seed came to.
pub(crate) struct Run {
    pub(crate) figures: Figures,
    pub(crate) verdict: Verdict,
    /// What happened, where it was to be told.
    pub(crate) story: Vec<String>,
}

/// Runs a seed; with `told`, what happens is written down.
pub(crate) fn run(seed: u64, told: bool) -> Run {
    run_with(seed, told, None)
}

/// The same with a fault that nothing is built to survive.
pub(crate) fn run_with(seed: u64, told: bool, lie: Option<Lie>) -> Run {
    let world = World::new(seed, told, lie);
    let mut simulation =
        Simulation { world: &world, watch: Watch::default(), buyers: Buyers::default(), steps: 0 };
    let lived = catch_unwind(AssertUnwindSafe(|| simulation.live()));
    let verdict = lived.unwrap_or_else(|panic| Err(format!("panic: {}", text(&*panic))));
    let figures = Figures::of(&world, simulation.steps);
    Run { figures, verdict, story: world.chance.story() }
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("of something")
}

struct Simulation<'a> {
    world: &'a World,
    watch: Watch,
    buyers: Buyers,
    steps: u64,
}

impl Simulation<'_> {
    fn live(&mut self) -> Verdict {
        let world = self.world;
        world.put_on_sale();
        self.finish()?;
        for _ in 0..1 + world.chance.below(2) {
            world.chance.tell(|| "unrest".to_owned());
            world.chance.set_calm(false);
            for _ in 0..HAPPENINGS {
                self.happen();
                self.look()?;
            }
            world.chance.tell(|| "calm".to_owned());
            world.chance.set_calm(true);
            world.tasks.bring_back();
            self.come_to_rest()?;
        }
        Ok(())
    }

    /// Anything.
    fn happen(&mut self) {
        let (world, chance) = (self.world, &self.world.chance);
        match chance.below(100) {
            0..=57 => {
                if !self.step() {
                    self.pass(Duration::from_secs(2));
                }
            }
            58..=75 => {
                world.deliver();
            }
            76..=82 => self.buyers.act(world),
            83 => world.organize(),
            84..=91 => self.sweep_somewhere(),
            92..=96 => self.pass(Duration::from_secs(5)),
            97 => self.pass(Duration::from_secs(30)),
            // Past the end of what awaits payment, and of leases.
            98 if chance.one_in(3) => {
                self.pass(Duration::from_secs(200));
                // What they let go of counts for their limits again once it is paid all the same.
                if chance.one_in(2) {
                    self.sweep(EXPIRY, 100);
                    self.buyers.take_more(world);
                }
                self.buyers.pay_late(world);
            }
            _ => self.trouble_somebody(),
        }
    }

    fn step(&mut self) -> bool {
        self.steps += 1;
        self.world.step()
    }

    fn pass(&self, most: Duration) {
        self.world.clock.advance(self.world.chance.wait(most));
    }

    /// A server is killed that may be at nothing, or stands still for a while.
    fn trouble_somebody(&self) {
        let (chance, tasks) = (&self.world.chance, &self.world.tasks);
        let Some(server) = chance.pick(&SERVERS) else { return };
        if chance.fault("server killed at leisure", 8) {
            tasks.doom(server);
        } else if chance.fault("server stands still", 4) {
            tasks.freeze(server);
        }
    }

    /// What was written goes on its way, and what must hold does.
    fn look(&mut self) -> Verdict {
        let wrote = self.world.tasks.take_written();
        if wrote.is_empty() {
            return Ok(());
        }
        self.world.relay();
        always(&mut self.watch, self.world, &wrote)
    }

    /// Everything that can be done now is done.
    fn finish(&mut self) -> Verdict {
        for _ in 0..STEPS_MAX {
            let went_on = self.step();
            self.look()?;
            if !went_on && !self.world.deliver() {
                return Ok(());
            }
        }
        Err(format!("liveness: not done after {STEPS_MAX} steps"))
    }

    fn come_to_rest(&mut self) -> Verdict {
        let began: Timestamp = self.world.now();
        loop {
            self.finish()?;
            let Some(what) = restless(self.world) else { break };
            let waited = self.world.now().since(began);
            if waited > REST_AFTER {
                return Err(format!("liveness: not at rest after {waited:?}: {what}"));
            }
            for sweep in 0..SWEEPS {
                self.sweep(sweep, 100);
            }
            self.finish()?;
            self.world.clock.advance(PACE);
        }
        at_rest(&mut self.watch, self.world, &self.buyers)
    }

    fn sweep_somewhere(&self) {
        let limit = 1 + self.world.chance.below(6);
        let sweep = self.world.chance.below(SWEEPS);
        self.sweep(sweep, u32::try_from(limit).unwrap());
    }

    /// One of the sweeps of all servers.
    fn sweep(&self, which: usize, limit: u32) {
        let world = self.world;
        let clients = world.clients.clone();
        let server = match which {
            0 | 1 => Server::Booking(which),
            2 => Server::Payment,
            _ => Server::Ticket,
        };
        if world.tasks.is_away(server) {
            return;
        }
        let (ticketing, paying) = (world.ticketing.clone(), world.paying.clone());
        match which {
            0 | 1 => {
                let bookings = world.booking_server(which);
                world.tasks.spawn(server, async move {
                    match bookings.sweep(limit).await {
                        Ok(sweep) => {
                            sweep.failures.iter().for_each(|it| clients.judge("sweeping", it));
                        }
                        Err(error) => clients.judge("sweeping", &error),
                    }
                });
            }
            2 => world.tasks.spawn(server, async move {
                if let Err(error) = paying.sweep(limit).await {
                    clients.judge("sweeping", &error);
                }
            }),
            EXPIRY => world.tasks.spawn(server, async move {
                match ticketing.expire_holds(limit).await {
                    Ok(sweep) => {
                        let stuck = sweep.stuck.iter();
                        stuck.for_each(|hold| clients.complain(format!("stuck: {hold:?}")));
                    }
                    Err(error) => clients.judge("expiring", &error),
                }
            }),
            _ => world.tasks.spawn(server, async move {
                if let Err(error) = ticketing.finish_retirements(limit).await {
                    clients.judge("ending retirements", &error);
                }
            }),
        }
    }
}
