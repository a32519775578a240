//! The readers that do not serve: watched and reported, never out of service, for nobody depends on them.
//!
//! Invariant: however often one changes (a phone at the edge of the field does twice a second), the log gets
//! [`ENTRIES_AT_ONCE`] entries of it at once, one a minute on average, and the number of those that were left out.

use devices::port::{CardEvent, MediaState};
use jiff::{SignedDuration, Timestamp};
use transaction::Device;

use super::Health;
use super::state::Way;
use super::words::ONLINE;
use crate::log_words::{self, Line, OtherReader};
use crate::queue::{Story, told};

/// A card that comes and goes, and comes again, is told as it happens.
const ENTRIES_AT_ONCE: i32 = 6;

/// For each entry beyond that, on average.
const ENTRY_PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// How much of one reader the log has had, and what it has not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Brake {
    /// From here on the log has all of its pauses again.
    free_at: Option<Timestamp>,
    left_out: u32,
}

impl Brake {
    /// Whether an entry may be made now.
    fn lets_pass(&mut self, at: Timestamp) -> bool {
        let free_at = self.free_at.map_or(at, |free_at| free_at.max(at));
        if free_at.duration_since(at) > ENTRY_PAUSE.saturating_mul(ENTRIES_AT_ONCE - 1) {
            self.left_out = self.left_out.saturating_add(1);
            return false;
        }
        self.free_at = Some(free_at.saturating_add(ENTRY_PAUSE).unwrap_or(at));
        true
    }

    /// Those entries that may be made.
    fn passed(&mut self, entries: impl Iterator<Item = (Line, Story)>, at: Timestamp) -> Vec<(Line, Story)> {
        let mut passed = Vec::new();
        for (line, story) in entries {
            if self.lets_pass(at) {
                passed.push((line, self.tell(story)));
            }
        }
        passed
    }

    /// What an entry says of those that were left out before it.
    fn tell(&mut self, story: Story) -> Story {
        let left_out = std::mem::take(&mut self.left_out);
        if left_out == 0 {
            return story;
        }
        let told = format!("{left_out} entries of this reader were left out before this one");
        let what = story.what.map_or_else(|| told.clone(), |what| format!("{told}; {what}"));
        Story { what: Some(what), ..story }
    }
}

impl Health {
    /// A reader that does not serve reported something; what the log says of it, if anything changed.
    pub(crate) fn other_reader(
        &mut self,
        reader: usize,
        event: &CardEvent,
        at: Timestamp,
    ) -> Vec<(Line, Story)> {
        let Some(state) = self.others.get_mut(reader) else { return Vec::new() };
        let name = state.name.clone().unwrap_or_default();
        let before = state.words;
        let media = match event {
            CardEvent::Unavailable(fault) => {
                let (fault, story) = told(Device::CardUnit, fault);
                let _reported_only = state.failed(fault, Way::Lost, false, &story, at);
                state.say(at, |words| words.media = Some(MediaState::Unknown.word()));
                let same = before.state == state.words.state;
                let line = log_words::other_reader(OtherReader::Lost(fault.code), &name);
                let said = (!same).then_some((line, story)).into_iter();
                return state.brake.passed(said, at);
            }
            CardEvent::Available => MediaState::Unknown,
            CardEvent::Inserted | CardEvent::Mute => {
                state.row_ends();
                MediaState::Present
            }
            CardEvent::Removed => MediaState::NotPresent,
        };
        state.is_up(at);
        state.say(at, |words| words.media = Some(media.word()));
        let present = |media: Option<&str>| media == Some(MediaState::Present.word());
        let changes = [
            (before.state != ONLINE, OtherReader::Ready),
            (!present(before.media) && present(state.words.media), OtherReader::CardIn),
            (present(before.media) && media == MediaState::NotPresent, OtherReader::CardOut),
        ];
        let said = changes.into_iter().filter(|(changed, _)| *changed);
        let said = said.map(|(_, what)| (log_words::other_reader(what, &name), Story::default()));
        state.brake.passed(said, at)
    }

    /// A card lies at a reader that does not serve.
    pub(crate) fn card_at_other_reader(&self) -> bool {
        let present = Some(MediaState::Present.word());
        self.others.iter().any(|reader| reader.words.media == present)
    }
}
