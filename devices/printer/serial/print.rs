//! One receipt on the paper, and the way back after it failed.
//!
//! Invariants:
//! - A receipt is sent once. Nothing here sends any part of it again.
//! - It is out only when the printer has said so after the last byte, and reports nothing wrong after that.
//! - After a failure the rest of it is thrown away and cut off before the next one begins.

use std::time::Duration;

use super::super::escpos::Job;
use super::super::profile::{Completion, Profile, StatusFamily};
use super::Limits;
use super::answers::Answer;
use super::clock::Deadline;
use super::condition::Obstacle;
use super::talk::{Talk, Trouble};
use crate::port::{Action, Fault, FaultKind};

/// Between two questions to a printer that does not report by itself.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// Paper moves at least so fast.
const PAPER_MM_PER_S: u64 = 50;

/// How a receipt failed.
pub(super) struct Failure {
    pub(super) fault: Fault,
    /// A part of it may be on the paper, or in the printer.
    pub(super) begun: bool,
    /// The conversation itself failed: the line has to be opened anew.
    pub(super) lost: bool,
}

/// How long a job may take after its last byte was handed to the system.
pub(super) fn confirm_limit(job: &Job, baud: u32, limits: &Limits) -> Duration {
    limits.confirm() + time_for(job, baud)
}

/// For its bytes on the line and its paper, one after the other as with a printer that holds nothing back in memory.
pub(super) fn time_for(job: &Job, baud: u32) -> Duration {
    let line_ms = job.byte_count() as u64 * 10_000 / u64::from(baud.max(1));
    let paper_ms = u64::from(job.length_mm()) * 1_000 / PAPER_MM_PER_S;
    Duration::from_millis(line_ms + paper_ms)
}

/// Prints `job`; `id` is different for each.
pub(super) fn print(
    talk: &mut Talk<'_>,
    profile: &Profile,
    limits: &Limits,
    baud: u32,
    job: &Job,
    id: u32,
) -> Result<(), Failure> {
    let ready = talk.look().and_then(|()| empty_mouth(talk, profile, limits));
    match ready {
        Err(trouble) => {
            let fault = talk.fault("asking before a receipt", trouble);
            return Err(Failure { fault, begun: false, lost: true });
        }
        Ok(Some(fault)) => return Err(Failure { fault, begun: false, lost: false }),
        Ok(None) => {}
    }
    if let Some(obstacle) = talk.condition.obstacle() {
        return Err(Failure { fault: stopped(obstacle, "before a receipt"), begun: false, lost: false });
    }
    talk.forget();
    let garbage_before = talk.garbage;
    send(talk, job)?;
    confirm(talk, profile, limits, Deadline::after(confirm_limit(job, baud, limits)), id)?;
    if talk.garbage == garbage_before {
        return Ok(());
    }
    // What disturbed its answers may have disturbed what it printed.
    Err(unknown("some of its answers made no sense meanwhile".to_owned(), None, false))
}

/// Sends the units of a job, looking at the printer's state between them.
fn send(talk: &mut Talk<'_>, job: &Job) -> Result<(), Failure> {
    let mut next_look = Deadline::after(ASK_AGAIN);
    let mut sent = 0;
    for unit in job.units() {
        // Between whole commands, and only there, one that does not report by itself can be asked.
        let asked = !talk.reports && next_look.is_over();
        let looked = if asked { talk.look() } else { Ok(()) };
        if asked {
            next_look = Deadline::after(ASK_AGAIN);
        }
        let (count, result) = match looked {
            Ok(()) => talk.send_unit(unit),
            Err(trouble) => (0, Err(trouble)),
        };
        sent += count;
        if result.is_err() || count < unit.len() {
            let when = format!("after {sent} of {} bytes of a receipt", job.byte_count());
            return Err(why_it_stopped(talk, &when, result));
        }
    }
    Ok(())
}

/// A printer that takes no more may have said why, or says it when asked: questions need no room in its buffer.
fn why_it_stopped(talk: &mut Talk<'_>, when: &str, result: Result<(), Trouble>) -> Failure {
    talk.drop_output();
    let heard = match talk.listen() {
        Ok(()) if talk.condition.obstacle().is_none() => talk.look(),
        other => other,
    };
    match (talk.condition.obstacle(), result.and(heard)) {
        (Some(obstacle), Ok(()) | Err(Trouble::Silent(_))) => {
            Failure { fault: stopped(obstacle, when), begun: true, lost: false }
        }
        (_, Err(trouble)) => unknown_after(talk, when, trouble),
        (None, Ok(())) => unknown(format!("it stopped {when}, and does not say why"), None, false),
    }
}

/// A receipt that the last customer left is taken back; this one must not be given away with it.
fn empty_mouth(talk: &mut Talk<'_>, profile: &Profile, limits: &Limits) -> Result<Option<Fault>, Trouble> {
    if !profile.has_presenter() || !talk.condition.presented {
        return Ok(None);
    }
    if !profile.cut.retract.0.is_empty() {
        talk.send(&profile.cut.retract.0)?;
        let deadline = Deadline::after(limits.confirm());
        while talk.condition.presented && !deadline.is_over() {
            wait_for_news(talk, profile, deadline)?;
        }
    }
    Ok(talk.condition.presented.then(|| Fault {
        kind: FaultKind::NeedsOperator,
        device: "printer",
        code: "presenter-occupied",
        action: Action::Clear,
        what: "a receipt lies in the mouth, and the printer does not take it back".to_owned(),
        source: None,
    }))
}

/// Listens, and asks a printer that does not report by itself.
fn wait_for_news(
    talk: &mut Talk<'_>,
    profile: &Profile,
    deadline: Deadline,
) -> Result<Option<Answer>, Trouble> {
    match talk.hear(ASK_AGAIN.min(deadline.left())) {
        Ok(answer) => Ok(Some(answer)),
        Err(Trouble::Silent(_)) if profile.status == StatusFamily::CustomFull => {
            talk.look()?;
            Ok(None)
        }
        Err(Trouble::Silent(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// Waits until the printer says that everything before is done.
fn confirm(
    talk: &mut Talk<'_>,
    profile: &Profile,
    limits: &Limits,
    deadline: Deadline,
    id: u32,
) -> Result<(), Failure> {
    let done = await_completion(talk, profile, deadline, id);
    let all_sent = "after the last byte of a receipt";
    match done {
        Ok(true) => {}
        Ok(false) => {
            return Err(match talk.condition.obstacle() {
                Some(obstacle) => after_the_last_byte(obstacle),
                None => {
                    // It does not say so, but does it say anything?
                    match talk.look() {
                        Ok(()) => match talk.condition.obstacle() {
                            Some(obstacle) => after_the_last_byte(obstacle),
                            None => unknown("it did not say that the receipt is out".to_owned(), None, false),
                        },
                        Err(trouble) => unknown_after(talk, all_sent, trouble),
                    }
                }
            });
        }
        Err(trouble) => return Err(unknown_after(talk, all_sent, trouble)),
    }
    // Ids and markers tell what was carried out, not that nothing went wrong at the end.
    match talk.look() {
        Ok(()) => {}
        Err(trouble) => return Err(unknown_after(talk, all_sent, trouble)),
    }
    match talk.condition.obstacle().filter(|obstacle| obstacle.definite) {
        Some(obstacle) => Err(after_the_last_byte(obstacle)),
        None if profile.has_presenter() => reached_the_mouth(talk, profile, limits),
        None => Ok(()),
    }
}

/// `false`: something stands in the way, or the time is over.
fn await_completion(
    talk: &mut Talk<'_>,
    profile: &Profile,
    deadline: Deadline,
    id: u32,
) -> Result<bool, Trouble> {
    let id = id_bytes(id);
    match profile.completion {
        Completion::ProcessId => {
            talk.send(&[&[0x1d, 0x28, 0x48, 0x06, 0x00, 0x30, 0x30][..], &id].concat())?;
        }
        Completion::Marker => talk.send(&[0x1d, 0x72, 0x01])?,
        Completion::Idle => {}
    }
    let mut next_question = Deadline::after(ASK_AGAIN * 2);
    while !deadline.is_over() {
        let answer = wait_for_news(talk, profile, deadline)?;
        let done = match (profile.completion, answer) {
            (Completion::ProcessId, Some(Answer::Block([0x37, 0x22], data))) => data == id,
            (Completion::Marker, Some(Answer::Ordered(_))) => true,
            (Completion::Idle, _) => !talk.condition.busy && talk.condition.presented,
            _ => false,
        };
        if done {
            return Ok(true);
        }
        if talk.condition.obstacle().is_some() {
            return Ok(false);
        }
        if !talk.reports && profile.completion != Completion::Idle && next_question.is_over() {
            // The answer to the marker may come while this is asked: it is kept.
            if ask_beside(talk, profile, &id)? {
                return Ok(true);
            }
            next_question = Deadline::after(ASK_AGAIN * 2);
        }
    }
    Ok(false)
}

/// Asks a printer that does not report by itself why nothing comes; `true` when the confirmation came meanwhile.
fn ask_beside(talk: &mut Talk<'_>, profile: &Profile, id: &[u8]) -> Result<bool, Trouble> {
    for n in 2..=4 {
        talk.send(&[0x10, 0x04, n])?;
        let deadline = Deadline::after(ASK_AGAIN * 2);
        loop {
            match talk.hear(deadline.left()) {
                Ok(Answer::RealTime(byte)) => {
                    talk.condition.real_time(n, profile.status, byte);
                    break;
                }
                Ok(Answer::Ordered(_)) if profile.completion == Completion::Marker => return Ok(true),
                Ok(Answer::Block([0x37, 0x22], data)) if data == id => return Ok(true),
                Ok(_) => {}
                Err(Trouble::Silent(_)) => break,
                Err(other) => return Err(other),
            }
        }
    }
    Ok(false)
}

fn reached_the_mouth(talk: &mut Talk<'_>, profile: &Profile, limits: &Limits) -> Result<(), Failure> {
    let deadline = Deadline::after(limits.confirm());
    // A customer may have taken it already, so that nothing lies there is no fault; a jam is.
    while !talk.condition.presented && talk.condition.obstacle().is_none() && !deadline.is_over() {
        match wait_for_news(talk, profile, deadline) {
            Ok(None) => break,
            Ok(Some(_)) => {}
            Err(trouble) => return Err(unknown_after(talk, "while a receipt was handed out", trouble)),
        }
    }
    match talk.condition.obstacle().filter(|obstacle| obstacle.definite) {
        Some(obstacle) => Err(after_the_last_byte(obstacle)),
        None => Ok(()),
    }
}

/// Four printable characters.
fn id_bytes(id: u32) -> [u8; 4] {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    [12, 8, 4, 0].map(|shift| {
        let digit = DIGITS.get((id >> shift & 0xf) as usize).copied().unwrap_or('0');
        // All are ASCII.
        digit as u8
    })
}

fn stopped(obstacle: Obstacle, when: &str) -> Fault {
    Fault {
        kind: obstacle.kind,
        device: "printer",
        code: obstacle.code,
        action: obstacle.action,
        what: format!("{}, {when}", obstacle.what),
        source: None,
    }
}

/// Everything was handed over: what stops the printer at a known place says what became of the receipt, the rest does not.
fn after_the_last_byte(obstacle: Obstacle) -> Failure {
    if obstacle.definite {
        let fault = stopped(obstacle, "after the last byte of a receipt");
        return Failure { fault, begun: true, lost: false };
    }
    unknown(format!("{}, before it said that the receipt is out", obstacle.what), None, false)
}

fn unknown_after(talk: &Talk<'_>, when: &str, trouble: Trouble) -> Failure {
    let cause = talk.fault(when, trouble);
    let what = format!("{}: {}", cause.code, cause.what);
    unknown(what, cause.source, true)
}

fn unknown(what: String, source: Option<Box<dyn std::error::Error + Send + Sync>>, lost: bool) -> Failure {
    let fault = Fault {
        kind: FaultKind::NeedsOperator,
        device: "printer",
        code: "receipt-unknown",
        action: Action::Clear,
        what: format!("nobody can tell whether the receipt is out; {what}"),
        source,
    };
    Failure { fault, begun: true, lost }
}

/// Takes an error back whose cause is gone, throws away what is left of a receipt, cuts it off. `false`: something is
/// still in the way.
pub(super) fn recover(talk: &mut Talk<'_>, profile: &Profile, begun: bool) -> Result<bool, Trouble> {
    talk.look()?;
    let condition = talk.condition;
    if condition.cutter || condition.recoverable || condition.jam {
        // Without effect while the cause is there.
        talk.send(&[0x10, 0x05, 0x02])?;
        talk.look()?;
    }
    if talk.condition.obstacle().is_some() {
        return Ok(false);
    }
    if begun && !profile.clear.0.is_empty() {
        talk.send(&profile.clear.0)?;
    }
    talk.synchronise()?;
    if begun && talk.condition.obstacle().is_none() {
        talk.send(&[&profile.cut.cut.0[..], &profile.cut.retract.0].concat())?;
    }
    talk.look()?;
    Ok(talk.condition.obstacle().is_none())
}
