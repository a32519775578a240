//! A printer that writes each receipt into a folder: a picture and a text.
//!
//! Invariants:
//! - A receipt appears whole: it is written beside its place, made durable and then renamed.
//! - The folder is the paper: at `receipts_max` receipts it is `out`, and it is `low` in the last tenth before that.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::format::Paper;
use super::receipt::Receipt;
use super::{render_bitmap, render_text};
use crate::port::{
    Action, DeviceState, Fault, FaultKind, PaperState, Printed, Printer, PrinterStatus, Reason,
};

const NAME: &str = "printer";

/// Writes `receipt-000001.png` and `receipt-000001.txt`, numbered in the order of printing.
#[derive(Clone, Debug)]
pub struct FilePrinter {
    folder: PathBuf,
    paper: Paper,
    receipts_max: u32,
}

impl FilePrinter {
    /// A printer into `folder`, which is made when missing, for at most `receipts_max` receipts.
    ///
    /// # Errors
    /// `printer-folder` when the folder cannot be made.
    pub fn new(folder: &Path, paper: Paper, receipts_max: u32) -> Result<Self, Fault> {
        fs::create_dir_all(folder).map_err(|source| {
            let what = format!("cannot make the folder {}", folder.display());
            fault(FaultKind::NeedsOperator, "printer-folder", Action::Configuration, what, Some(source))
        })?;
        Ok(Self { folder: folder.to_owned(), paper, receipts_max })
    }

    /// Number of the newest receipt (0: none) and count of all.
    fn count(&self) -> io::Result<(u32, u32)> {
        let (mut newest, mut count) = (0, 0);
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|name| name.strip_prefix("receipt-")?.strip_suffix(".png")?.parse::<u32>().ok());
            if let Some(number) = number {
                newest = newest.max(number);
                count += 1;
            }
        }
        Ok((newest, count))
    }

    fn full(&self, count: u32) -> Fault {
        let what = format!("{} holds {count} receipts, its limit", self.folder.display());
        fault(FaultKind::NeedsOperator, "paper-out", Action::Clear, what, None)
    }

    fn put(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        let path = self.folder.join(name);
        let draft = self.folder.join(format!(".{name}.part"));
        let written = File::create(&draft).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut file)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&draft, &path)
        });
        if written.is_err() {
            // What failed is told below; a draft left over is only litter.
            let _ = fs::remove_file(&draft);
        }
        written.map(|()| path)
    }
}

impl Printer for FilePrinter {
    fn print(&self, receipt: &Receipt) -> Result<Printed, Fault> {
        let failed = |source: io::Error| {
            let full =
                source.kind() == io::ErrorKind::StorageFull || source.kind() == io::ErrorKind::QuotaExceeded;
            let (code, action) =
                if full { ("paper-out", Action::Clear) } else { ("printer-failed", Action::Maintenance) };
            let what = format!("cannot write a receipt to {}", self.folder.display());
            fault(FaultKind::NeedsOperator, code, action, what, Some(source))
        };
        let (newest, count) = self.count().map_err(failed)?;
        let next = newest.checked_add(1).filter(|_| count < self.receipts_max);
        let next = next.ok_or_else(|| self.full(count))?;
        let text = render_text(receipt, self.paper);
        let dots = render_bitmap(receipt, self.paper);
        let written = self
            .put(&format!("receipt-{next:06}.txt"), |file| file.write_all(text.as_bytes()))
            .map_err(failed)?;
        let picture =
            self.put(&format!("receipt-{next:06}.png"), |file| dots.write_png(file).map_err(io_error));
        // The names themselves must survive, too.
        let durable = picture
            .and_then(|picture| File::open(&self.folder)?.sync_all().map(|()| picture))
            .inspect_err(|_| {
                // Half a receipt is none; when even this fails the error told is the first one.
                let _ = fs::remove_file(&written);
            });
        durable.map(|picture| Printed { picture: Some(picture) }).map_err(failed)
    }

    fn status(&self) -> PrinterStatus {
        let count = match self.count() {
            Ok((_, count)) => count,
            Err(source) => {
                let what = format!("cannot look into {}", self.folder.display());
                let (kind, action) = (FaultKind::NeedsOperator, Action::Maintenance);
                let reason = Reason::from(&fault(kind, "printer-failed", action, what, Some(source)));
                let down = PrinterStatus::new(reason.state(), PaperState::Unknown);
                return PrinterStatus { reason: Some(reason), ..down };
            }
        };
        let paper = if count >= self.receipts_max {
            PaperState::Out
        } else if count >= self.receipts_max - self.receipts_max / 10 {
            PaperState::Low
        } else {
            PaperState::Full
        };
        let reason = (paper == PaperState::Out).then(|| Reason::from(&self.full(count)));
        PrinterStatus { reason, ..PrinterStatus::new(DeviceState::Online, paper) }
    }
}

fn io_error(error: png::EncodingError) -> io::Error {
    match error {
        png::EncodingError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

fn fault(
    kind: FaultKind,
    code: &'static str,
    action: Action,
    what: String,
    source: Option<io::Error>,
) -> Fault {
    Fault { kind, device: NAME, code, action, what, source: source.map(|source| source.into()) }
}

#[cfg(test)]
mod tests;
