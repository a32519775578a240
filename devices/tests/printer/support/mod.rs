//! What the tests of printers share: receipts, and a driver at a simulator.

pub(crate) mod fake;

use std::time::{Duration, Instant};

use devices::port::{Fault, Printed, Printer, PrinterStatus};
use devices::printer::serial::{Limits, SerialPrinter};
use devices::printer::{DateStyle, HelpLine, Profile, Receipt, Row, StatusPage, Value, Variant};
use emulator::printer::{Family, Model, PrinterLever, Setup, Sheet, Simulator};

/// Short enough for tests, long enough for a busy machine.
pub(crate) const LIMITS: Limits = Limits {
    answer_ms_max: 400,
    wake_ms_max: 1_200,
    stall_ms_max: 1_500,
    confirm_ms_max: 1_500,
    poll_ms: 50,
    back_off_ms_first: 50,
    back_off_ms_max: 200,
    take_ms_max: 60_000,
};

/// Everything that is waited for comes within this.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn receipt(variant: Variant) -> Receipt {
    let row = |label: &str, value: Value| Row { label: label.to_owned(), value };
    let at = jiff::civil::date(2026, 11, 21).at(18, 5, 9, 0);
    Receipt {
        banner: Some("【試験用】申込みではありません".to_owned()),
        title: "マイナンバーカードの健康保険証利用の申込み".to_owned(),
        subtitle: "ご利用明細票".to_owned(),
        result: "申込みが完了しました".to_owned(),
        explanation: vec!["申込みを受け付けました。使えるまでに少々お時間をいただきます。".to_owned()],
        rows: vec![
            row("日時", Value::moment(at, DateStyle::Japanese)),
            row("設置場所", Value::place("ベイサイド店 1号機").unwrap()),
            row("端末番号", Value::terminal("T0001").unwrap()),
            row("受付番号", Value::acceptance("A-0000123456").unwrap()),
            row("照会番号", Value::reference([0x5e; 16])),
        ],
        notices_heading: "ご確認ください".to_owned(),
        notices: vec!["受診されるときは、マイナンバーカードを忘れずにお持ちください。".to_owned()],
        helpline: HelpLine {
            heading: "お問い合わせ".to_owned(),
            number: "0120-95-0178".to_owned(),
            lines: vec!["平日：9時30分～20時00分（年末年始を除く）".to_owned()],
        },
        status_page: Some(StatusPage::new("マイナポータル（公開ページ）", "https://myna.go.jp/").unwrap()),
        footer: vec!["この明細票は参照実装によるものです。".to_owned()],
        variant,
    }
}

/// The same in Thai: nothing but the numbers is in a Japanese printer's letters.
pub(crate) fn thai() -> Receipt {
    let row = |label: &str, value: Value| Row { label: label.to_owned(), value };
    let at = jiff::civil::date(2026, 11, 21).at(18, 5, 9, 0);
    Receipt {
        banner: None,
        title: "คำขอใช้บัตรมายนัมเบอร์เป็นบัตรประกันสุขภาพ".to_owned(),
        subtitle: "ใบบันทึกรายการ".to_owned(),
        result: "ส่งคำขอเรียบร้อยแล้ว".to_owned(),
        explanation: vec!["รับคำขอแล้ว อาจต้องใช้เวลาสักระยะก่อนจะใช้ได้".to_owned()],
        rows: vec![
            row("วันและเวลา", Value::moment(at, DateStyle::Thai)),
            row("หมายเลขอ้างอิง", Value::reference([0x5e; 16])),
        ],
        notices_heading: "โปรดทราบ".to_owned(),
        notices: vec!["เมื่อไปคลินิกหรือร้านขายยา กรุณานำบัตรไปด้วยทุกครั้ง".to_owned()],
        footer: Vec::new(),
        ..receipt(Variant::Normal)
    }
}

/// A driver at a simulator.
pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) driver: SerialPrinter,
    pub(crate) profile: Profile,
}

impl Bench {
    pub(crate) fn new(profile: &str) -> Self {
        Self::with(profile, LIMITS, &[])
    }

    /// `levers` are pulled before the driver is there.
    pub(crate) fn with(profile: &str, limits: Limits, levers: &[&str]) -> Self {
        let profile = Profile::load(profile).unwrap();
        let simulator = simulator(&profile);
        levers.iter().for_each(|lever| simulator.pull(&pulled(lever)));
        let driver = driver(&simulator, &profile, limits);
        Self { simulator, driver, profile }
    }

    /// At a speed that a line can have, where it matters that the printer is faster.
    pub(crate) fn at_speed(profile: &str, baud: u32) -> Self {
        let profile = Profile::load(profile).unwrap();
        let simulator = simulator(&profile);
        let driver = driver_at(&simulator, &profile, LIMITS, baud);
        Self { simulator, driver, profile }
    }

    pub(crate) fn pull(&self, lever: &str) {
        self.simulator.pull(&pulled(lever));
    }

    pub(crate) fn print(&self, receipt: &Receipt) -> Result<Printed, Fault> {
        self.driver.print(receipt)
    }

    /// The code of the fault that printing ends in.
    pub(crate) fn code(&self, receipt: &Receipt) -> &'static str {
        match self.driver.print(receipt) {
            Ok(_) => "printed",
            Err(fault) => {
                assert_eq!(fault.device, "printer");
                assert!(!fault.what.is_empty());
                fault.code
            }
        }
    }

    pub(crate) fn wait_for(&self, what: &str, wanted: impl Fn(&PrinterStatus) -> bool) -> PrinterStatus {
        wait_until(what, || Some(self.driver.status()).filter(&wanted))
    }

    /// Until the printer is known to be ready.
    pub(crate) fn ready(&self) -> &Self {
        self.wait_for("ready", |status| status.device.word() == "online" && status.reason.is_none());
        self
    }

    /// Until so many receipts came off since the last call.
    pub(crate) fn sheets(&self, count: usize) -> Vec<Sheet> {
        let mut all = Vec::new();
        wait_until("receipts", || {
            all.extend(self.simulator.take_sheets());
            (all.len() >= count).then_some(())
        });
        assert_eq!(all.len(), count);
        all
    }
}

pub(crate) fn pulled(lever: &str) -> PrinterLever {
    lever.parse().unwrap()
}

pub(crate) fn simulator(profile: &Profile) -> Simulator {
    let family = match profile.name.as_str() {
        "citizen-pmu2300" => Family::Citizen,
        "custom-vkp80" => Family::Custom,
        _ => Family::Epson,
    };
    let model = Model { family, dots: profile.dots as usize, dpi: profile.dpi as usize };
    Simulator::start(Setup { model, link: None, out: None }).unwrap()
}

pub(crate) fn driver(simulator: &Simulator, profile: &Profile, limits: Limits) -> SerialPrinter {
    // The fastest keeps tests short.
    driver_at(simulator, profile, limits, 4_000_000)
}

fn driver_at(simulator: &Simulator, profile: &Profile, limits: Limits, baud: u32) -> SerialPrinter {
    // A pseudo-terminal has no wires for flow control, and no speed: the driver paces itself.
    let mut settings = SerialPrinter::settings(simulator.port().to_owned(), profile);
    settings.flow = devices::serial::FlowControl::None;
    settings.baud = baud;
    SerialPrinter::start(settings, profile.clone(), limits).unwrap()
}

pub(crate) fn wait_until<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let end = now() + LONG;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(now() < end, "waited in vain for: {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

#[expect(clippy::disallowed_methods, reason = "tests measure")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The lines of a text without spaces at their ends and in between more than one, and without lines that are rules.
pub(crate) fn words(lines: impl Iterator<Item = String>) -> Vec<String> {
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty() && line.chars().any(|character| !"-=*─━".contains(character)))
        .collect()
}
