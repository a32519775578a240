//! ESC/POS, as a printer reads it: the next command at the front of its buffer.
//!
//! Invariant: any bytes at all are read as something, in the order they came; an unknown command is its two bytes, and what
//! follows it is printed, as printers do.

/// What the front of the buffer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The rest of a command has not come yet.
    Incomplete,
    /// A command, and how many bytes it has.
    Command(Order, usize),
}

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// One byte of text.
    Single(u8),
    /// Two bytes of text, as the kanji system has them.
    Double(u8, u8),
    LineFeed,
    Initialise,
    CodePage(u8),
    International(u8),
    Kanji(KanjiSystem),
    Align(u8),
    Size {
        wide: u8,
        high: u8,
    },
    Bold(bool),
    Reversed(bool),
    /// None: the default.
    LineSpacing(Option<u8>),
    /// Feed dots.
    Feed(u8),
    /// Feed lines.
    FeedLines(u8),
    Raster {
        bytes_per_row: usize,
        data: Vec<u8>,
    },
    QrModule(u8),
    QrStore(Vec<u8>),
    QrPrint,
    /// Cut after feeding so many dots beyond the cutter.
    Cut(u8),
    AutomaticStatus(u8),
    /// `GS r n`.
    Ordered(u8),
    /// `GS I n`.
    Identify(u8),
    ProcessId([u8; 4]),
    /// Hand out what was cut.
    Present,
    Retract,
    /// Understood, and without effect on the paper.
    Nothing,
}

/// How kanji are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KanjiSystem {
    /// JIS, between `FS &` and `FS .`; this is how a printer begins.
    Jis {
        on: bool,
    },
    ShiftJis,
}

/// Which commands a maker has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Epson,
    Custom,
}

const fn command(order: Order, length: usize) -> Parsed {
    Parsed::Command(order, length)
}

/// Reads the front of `bytes`, which is not empty.
pub(super) fn parse(bytes: &[u8], kanji: KanjiSystem, dialect: Dialect) -> Parsed {
    match *bytes {
        [] => Parsed::Incomplete,
        [b'\n', ..] => command(Order::LineFeed, 1),
        [0x10, ..] => real_time(bytes),
        [0x1b, ..] => escape(bytes, dialect),
        [0x1c, ..] => field(bytes, kanji),
        [0x1d, ..] => group(bytes),
        [0..0x20, ..] => command(Order::Nothing, 1),
        [lead @ (0x81..=0x9f | 0xe0..=0xfc), ..] if kanji == KanjiSystem::ShiftJis => match bytes.get(1) {
            None => Parsed::Incomplete,
            Some(trail) => command(Order::Double(lead, *trail), 2),
        },
        [lead, ..] if kanji == (KanjiSystem::Jis { on: true }) => match bytes.get(1) {
            None => Parsed::Incomplete,
            Some(trail) => command(Order::Double(lead, *trail), 2),
        },
        [byte, ..] => command(Order::Single(byte), 1),
    }
}

/// Real-time commands were answered when they came; here they are only passed over.
fn real_time(bytes: &[u8]) -> Parsed {
    let length = match bytes {
        [_] | [_, 0x14] => return Parsed::Incomplete,
        [_, 0x04 | 0x05, ..] => 3,
        [_, 0x14, 0x01, ..] => 5,
        [_, 0x14, 0x08, ..] => 10,
        [_, 0x14, 0x02, ..] => 5,
        _ => 1,
    };
    if bytes.len() < length { Parsed::Incomplete } else { command(Order::Nothing, length) }
}

/// One parameter.
fn one(bytes: &[u8], order: impl FnOnce(u8) -> Order) -> Parsed {
    bytes.get(2).map_or(Parsed::Incomplete, |n| command(order(*n), 3))
}

fn escape(bytes: &[u8], dialect: Dialect) -> Parsed {
    let Some(name) = bytes.get(1) else { return Parsed::Incomplete };
    match name {
        b'@' => command(Order::Initialise, 2),
        b'2' => command(Order::LineSpacing(None), 2),
        b'3' => one(bytes, |n| Order::LineSpacing(Some(n))),
        b't' => one(bytes, Order::CodePage),
        b'R' => one(bytes, Order::International),
        b'a' => one(bytes, |n| Order::Align(n & 0x0f)),
        b'E' | b'G' => one(bytes, |n| Order::Bold(n & 1 == 1)),
        b'J' => one(bytes, Order::Feed),
        b'd' => one(bytes, Order::FeedLines),
        b'i' if dialect == Dialect::Custom => command(Order::Cut(0), 2),
        b'!' | b' ' | b'-' | b'M' | b'V' | b'{' | b'=' | b'U' => one(bytes, |_| Order::Nothing),
        _ => command(Order::Nothing, 2),
    }
}

fn field(bytes: &[u8], kanji: KanjiSystem) -> Parsed {
    let Some(name) = bytes.get(1) else { return Parsed::Incomplete };
    let switched = |on| match kanji {
        KanjiSystem::Jis { .. } => KanjiSystem::Jis { on },
        KanjiSystem::ShiftJis => KanjiSystem::ShiftJis,
    };
    match name {
        b'&' => command(Order::Kanji(switched(true)), 2),
        b'.' => command(Order::Kanji(switched(false)), 2),
        b'C' => one(bytes, |n| match n {
            1 | 49 => Order::Kanji(KanjiSystem::ShiftJis),
            _ => Order::Kanji(KanjiSystem::Jis { on: false }),
        }),
        b'!' | b'-' | b'W' => one(bytes, |_| Order::Nothing),
        b'S' if bytes.len() < 4 => Parsed::Incomplete,
        b'S' => command(Order::Nothing, 4),
        _ => command(Order::Nothing, 2),
    }
}

fn group(bytes: &[u8]) -> Parsed {
    let Some(name) = bytes.get(1) else { return Parsed::Incomplete };
    match name {
        b'!' => one(bytes, |n| Order::Size { wide: (n >> 4 & 7) + 1, high: (n & 7) + 1 }),
        b'B' => one(bytes, |n| Order::Reversed(n & 1 == 1)),
        b'a' => one(bytes, Order::AutomaticStatus),
        b'r' => one(bytes, Order::Ordered),
        b'I' => one(bytes, Order::Identify),
        b'V' => cut(bytes),
        b'v' => raster(bytes),
        b'(' => parameters(bytes),
        b'R' => match bytes.get(2) {
            None => Parsed::Incomplete,
            Some(0x30) => command(Order::Retract, 3),
            Some(_) if bytes.len() < 4 => Parsed::Incomplete,
            Some(_) => command(Order::Nothing, 4),
        },
        b'e' => match bytes.get(2) {
            None => Parsed::Incomplete,
            Some(0x02) => command(Order::Retract, 3),
            Some(0x03) if bytes.len() < 4 => Parsed::Incomplete,
            Some(0x03) => command(Order::Present, 4),
            Some(_) => command(Order::Nothing, 3),
        },
        b'b' | b'h' | b'w' | b'H' | b'f' | b'j' => one(bytes, |_| Order::Nothing),
        _ => command(Order::Nothing, 2),
    }
}

fn cut(bytes: &[u8]) -> Parsed {
    match bytes.get(2) {
        None => Parsed::Incomplete,
        Some(0 | 1 | 0x30 | 0x31) => command(Order::Cut(0), 3),
        Some(_) => bytes.get(3).map_or(Parsed::Incomplete, |n| command(Order::Cut(*n), 4)),
    }
}

fn raster(bytes: &[u8]) -> Parsed {
    let [_, _, _, _, x_low, x_high, y_low, y_high, data @ ..] = bytes else { return Parsed::Incomplete };
    let bytes_per_row = usize::from(u16::from_le_bytes([*x_low, *x_high]));
    let rows = usize::from(u16::from_le_bytes([*y_low, *y_high]));
    match data.get(..bytes_per_row * rows) {
        None => Parsed::Incomplete,
        Some(data) => command(Order::Raster { bytes_per_row, data: data.to_vec() }, 8 + data.len()),
    }
}

/// `GS ( X pL pH …`.
fn parameters(bytes: &[u8]) -> Parsed {
    let [_, _, name, low, high, rest @ ..] = bytes else { return Parsed::Incomplete };
    let count = usize::from(u16::from_le_bytes([*low, *high]));
    let Some(given) = rest.get(..count) else { return Parsed::Incomplete };
    let order = match (name, given) {
        (b'H', [0x30, 0x30, a, b, c, d]) => Order::ProcessId([*a, *b, *c, *d]),
        (b'k', [0x31, 0x43, module]) => Order::QrModule(*module),
        (b'k', [0x31, 0x50, 0x30, data @ ..]) => Order::QrStore(data.to_vec()),
        (b'k', [0x31, 0x51, 0x30]) => Order::QrPrint,
        _ => Order::Nothing,
    };
    command(order, 5 + count)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JIS: KanjiSystem = KanjiSystem::Jis { on: false };

    fn read(bytes: &[u8]) -> Parsed {
        parse(bytes, JIS, Dialect::Epson)
    }

    #[test]
    fn commands_are_read_with_their_parameters() {
        for (bytes, order) in [
            (&b"\x1b@"[..], Order::Initialise),
            (b"\x1bt\x01", Order::CodePage(1)),
            (b"\x1d!\x11", Order::Size { wide: 2, high: 2 }),
            (b"\x1dV\x42\x00", Order::Cut(0)),
            (b"\x1dV\x00", Order::Cut(0)),
            (b"\x1cC\x01", Order::Kanji(KanjiSystem::ShiftJis)),
            (
                b"\x1dv0\x00\x01\x00\x02\x00\xaa\x55",
                Order::Raster { bytes_per_row: 1, data: vec![0xaa, 0x55] },
            ),
            (b"\x1d(H\x06\x00\x30\x30ABCD", Order::ProcessId(*b"ABCD")),
            (b"\x1d(k\x05\x00\x31\x50\x30hi", Order::QrStore(b"hi".to_vec())),
            (b"\x10\x04\x01", Order::Nothing),
            (b"A", Order::Single(b'A')),
        ] {
            assert_eq!(read(bytes), Parsed::Command(order, bytes.len()), "{bytes:02x?}");
            for short in 1..bytes.len() {
                assert_eq!(read(&bytes[..short]), Parsed::Incomplete, "{:02x?}", &bytes[..short]);
            }
        }
    }

    #[test]
    fn kanji_are_two_bytes_in_their_system_only() {
        assert_eq!(
            parse(&[0x88, 0x9f], KanjiSystem::ShiftJis, Dialect::Epson),
            Parsed::Command(Order::Double(0x88, 0x9f), 2)
        );
        assert_eq!(
            parse(&[0xb1], KanjiSystem::ShiftJis, Dialect::Epson),
            Parsed::Command(Order::Single(0xb1), 1)
        );
        assert_eq!(read(&[0x88, 0x9f]), Parsed::Command(Order::Single(0x88), 1));
        let on = KanjiSystem::Jis { on: true };
        assert_eq!(parse(b"0!", on, Dialect::Epson), Parsed::Command(Order::Double(b'0', b'!'), 2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_and_none_twice(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                match parse(rest, KanjiSystem::ShiftJis, Dialect::Custom) {
                    Parsed::Incomplete => break,
                    Parsed::Command(_, length) => {
                        prop_assert!(length >= 1 && length <= rest.len());
                        rest = &rest[length..];
                    }
                }
            }
        }
    }
}
