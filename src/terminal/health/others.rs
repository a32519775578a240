//! The readers that do not serve: watched and reported, never out of service, for nobody depends on them.

use devices::port::{CardEvent, MediaState};
use jiff::Timestamp;
use transaction::Device;

use super::Health;
use super::state::Way;
use super::words::ONLINE;
use crate::log_words::{self, Line, OtherReader};
use crate::queue::{Story, told};

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
                let _reported_only = state.failed(fault, Way::Lost, &story, at);
                state.say(at, |words| words.media = Some(MediaState::Unknown.word()));
                let same = before.state == state.words.state;
                let line = log_words::other_reader(OtherReader::Lost(fault.code), &name);
                return if same { Vec::new() } else { vec![(line, story)] };
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
        said.map(|(_, what)| (log_words::other_reader(what, &name), Story::default())).collect()
    }

    /// A card lies at a reader that does not serve.
    pub(crate) fn card_at_other_reader(&self) -> bool {
        let present = Some(MediaState::Present.word());
        self.others.iter().any(|reader| reader.words.media == present)
    }
}
