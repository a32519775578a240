//! The weather of a run: which faults there are in it, and how often. Most runs have a few kinds of trouble and not all,
//! so that each kind is also met alone; some have none, for the figures of a visit without faults.

use transaction::{Event, Order};

use super::dice::Dice;
use super::disk::{self, Plan};
use super::world::World;
use crate::config::{Config, PinPad, Retain, ReturnOrder};

/// Every number is in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Weather {
    /// The process is killed.
    pub(super) kills: bool,
    /// Reads, writes and syncs fail, or the process dies in a write; of processes, and of every fifth visit.
    pub(super) disk: u32,
    /// An order to the card goes wrong.
    pub(super) card: u32,
    /// The card unit is lost for a while; of visits.
    pub(super) unit: u32,
    /// A receipt, or the printer, goes wrong.
    pub(super) printer: u32,
    /// An exchange with the host goes wrong.
    pub(super) host: u32,
    /// Nights in which the host decides nothing; of visits.
    pub(super) nights: u32,
    /// The host finds reasons.
    pub(super) rejections: bool,
    /// Customers do what nobody asked for; of screens.
    pub(super) whims: u32,
    /// Customers that cannot be served: cards of other kinds, locked, worn out; of people.
    pub(super) odd_cards: u32,
    /// The operator and the service manager want something; of visits.
    pub(super) orders: u32,
    /// The wall clock jumps; of visits.
    pub(super) clock: u32,
    /// The log key does not sign.
    pub(super) log_key: u32,
    /// The journal is damaged while nobody looks; of restarts.
    pub(super) damage: u32,
}

impl Weather {
    /// The weather of a run.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        if dice.permille(120) {
            return Self::default();
        }
        let mut often = |light: u32, heavy: u32| dice.weighted(&[(3, 0), (4, light), (2, heavy)]);
        Self {
            kills: often(1, 1) > 0,
            disk: often(60, 250),
            card: often(10, 60),
            unit: often(30, 150),
            printer: often(50, 250),
            host: often(30, 200),
            nights: often(3, 8),
            rejections: often(1, 1) > 0,
            whims: often(40, 150),
            odd_cards: often(100, 400),
            orders: often(20, 100),
            clock: often(10, 80),
            log_key: often(20, 500),
            damage: often(5, 150),
        }
    }

    /// No fault at all, and customers who do what they are asked.
    pub(super) fn is_fair(&self) -> bool {
        *self == Self::default()
    }

    /// What the bank has configured in this run.
    pub(super) fn configure(dice: &mut Dice, config: &mut Config) {
        config.visit.return_order = dice.pick(&[ReturnOrder::ReceiptThenCard, ReturnOrder::CardThenReceipt]);
        if dice.permille(300) {
            let after_reminders = dice.pick(&[1, 2, 3]);
            config.retain = Some(Retain { after_reminders, call: "03-0000-0000".to_owned() });
        }
        config.limits.time_extensions_max = dice.pick(&[1, 2, 10]);
        if dice.permille(300) {
            config.pin_pad = PinPad::Reader {};
        }
        config.limits.outbox_entries_max = dice.pick(&[3, 10, 100]);
        config.limits.log_entries_per_checkpoint_max = dice.pick(&[32, 256]);
        config.limits.device_failures_max = dice.pick(&[1, 2, 5]);
        config.limits.evidence_keep_days = dice.pick(&[1, 90]);
        if dice.permille(150) {
            // The second hour of the run.
            let closed = "yearly = [{ from = \"11-21 10:00\", to = \"11-21 11:00\" }]";
            config.closed = toml::from_str(closed).unwrap();
        }
    }
}

impl World {
    /// True so many times in a thousand.
    pub(super) fn strikes(&mut self, permille: u32) -> bool {
        permille > 0 && self.dice.permille(permille)
    }

    /// What will go wrong around a visit that begins now.
    pub(super) fn clouds(&mut self) {
        if self.strikes(self.weather.unit) {
            let (ms, long) = (self.dice.between(0, 90_000), self.dice.pick(&[800, 6_000, 70_000]));
            self.after(ms, move |world| world.lose_unit(long));
        }
        if self.strikes(self.weather.printer) {
            let (ms, long) = (self.dice.between(0, 60_000), self.dice.between(10_000, 300_000));
            self.after(ms, move |world| world.printer_fails(long));
        }
        if self.strikes(self.weather.clock) {
            let ms = self.dice.between(0, 60_000);
            let off = self.dice.pick(&[-3_600_000, -45_000, -2_000, 2_000, 45_000, 3_600_000]);
            self.after(ms, move |world| world.set_clock_off(off));
            // Somebody, or the network's time, puts it right.
            let right = ms + self.dice.between(30_000, 3_600_000);
            self.after(right, |world| world.set_clock_off(0));
        }
        if self.strikes(self.weather.orders) {
            let ms = self.dice.between(0, 90_000);
            let wish = self.dice.below(8);
            self.after(ms, move |world| world.order(wish));
        }
        if self.dice.permille(200) {
            let plan = self.disk_plan();
            disk::plan_next(plan);
        }
        if self.strikes(self.weather.nights) {
            let ms = self.dice.between(0, 90_000);
            self.after(ms, World::night);
        }
        if self.weather.rejections && self.dice.permille(15) {
            let ms = self.dice.between(0, 60_000);
            self.after(ms, |world| world.host.terms = 1 - world.host.terms);
        }
    }

    /// How the disk will fail, if it does.
    pub(super) fn disk_plan(&mut self) -> Plan {
        if !self.strikes(self.weather.disk) {
            return Plan::Fine;
        }
        let most = self.dice.pick(&[30, 200]);
        let count = u32::try_from(self.dice.between(0, most)).unwrap();
        self.dice.pick(&[
            Plan::ReadFails(count),
            Plan::WriteFails(count),
            Plan::SyncFails(count / 6),
            Plan::Dies(count),
        ])
    }

    /// What the bank wants of this machine.
    fn order(&mut self, wish: u64) {
        let order = match wish {
            0 | 1 => Order::StopAfterVisit,
            2..=4 => Order::StopNow,
            5 => Order::Resume,
            _ => return self.terminate(),
        };
        self.event(Event::Order(order));
    }

    /// Somebody looks at a machine that does not serve, and lets it serve again.
    pub(super) fn resume_later(&mut self) {
        let ms = self.dice.between(20_000, 400_000);
        self.after_here(ms, |world| world.event(Event::Order(Order::Resume)));
    }

    /// From now on for more than a day the host decides nothing, and nobody comes.
    fn night(&mut self) {
        self.host.night = true;
        let ms = self.dice.between(3_600_000, 28 * 3_600_000);
        self.lobby.closed_until = self.now() + std::time::Duration::from_millis(ms);
        self.after(ms, |world| world.host.night = false);
    }

    /// From here on nothing goes wrong any more, and what is wrong is put right.
    pub(super) fn clear_up(&mut self) {
        self.weather = Weather::default();
        self.host.night = false;
        self.lobby.closed_until = std::time::Duration::ZERO;
        self.set_clock_off(0);
        self.unit_comes_back();
        self.printer_works();
    }
}
