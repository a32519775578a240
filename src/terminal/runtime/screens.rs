//! What is before the customer: each screen with the facts that its words speak of, in the customer's language.

use std::sync::Arc;

use devices::printer::Value;
use transaction::{Closed, LanguageNo, Screen};
use uuid::Uuid;

use super::{Ended, Goal, Runtime};
use crate::catalogue::{self, Catalogue, Language};
use crate::screen::{CustomerScreen, Facts, name};

/// The languages that customers are offered.
pub(crate) struct Languages {
    /// The machine's own: number 0.
    pub(crate) own: Arc<Catalogue>,
    /// From number 1 on.
    pub(crate) others: Vec<Arc<Catalogue>>,
}

impl Languages {
    fn texts(&self, language: LanguageNo) -> &Arc<Catalogue> {
        let other = usize::from(language.0).checked_sub(1);
        other.and_then(|at| self.others.get(at)).unwrap_or(&self.own)
    }

    /// All but the one that is spoken.
    fn besides(&self, spoken: Language) -> Vec<Language> {
        let all = std::iter::once(&self.own).chain(&self.others).map(|texts| texts.language());
        all.filter(|language| *language != spoken).collect()
    }

    fn number(&self, language: Language) -> Option<LanguageNo> {
        if self.own.language() == language {
            return Some(LanguageNo::OWN);
        }
        let at = self.others.iter().position(|texts| texts.language() == language)?;
        u8::try_from(at).ok()?.checked_add(1).map(LanguageNo)
    }
}

impl Runtime {
    /// The texts in the customer's language.
    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(self.parts.languages.texts(self.language))
    }

    /// The number of a language; `None` when customers are not offered it.
    pub(super) fn language_no(&self, language: Language) -> Option<LanguageNo> {
        self.parts.languages.number(language)
    }

    pub(super) fn use_language(&mut self, language: LanguageNo) {
        self.language = language;
        let catalogue = self.catalogue();
        let consented = self.folder.visit().is_some_and(|papers| papers.consent_time.is_some());
        // What was agreed to stays as it was shown.
        if let Some(terms) = self.folder.visit_mut().and_then(|papers| papers.terms.as_mut())
            && !consented
        {
            terms.show_in(catalogue.language());
        }
        self.parts.scribe.speaks(catalogue.language());
        self.parts.screen.speak(catalogue);
    }

    pub(super) fn show(&mut self, screen: &Screen) {
        self.menu = false;
        self.held = None;
        self.mind_the_way_in(screen);
        if self.begun && !self.visit_open && *screen == Screen::Menu && self.goal != Goal::Serve {
            // The one visit of this process is over: there is no menu to go back to.
            return;
        }
        tracing::info!(screen = name(screen), "screen");
        self.put(screen, |on, facts| on.show(screen, facts));
        self.tell_of_card_at_other_reader();
        match screen {
            Screen::Menu => match self.goal {
                Goal::Register if !self.begun => {
                    tracing::info!("ready");
                    self.begin();
                }
                Goal::Serve => {
                    tracing::info!("ready");
                    self.menu = true;
                }
                Goal::Register | Goal::Deliver => {}
            },
            Screen::CardUnitDown { fault } if self.goal == Goal::Register && !self.begun => {
                self.ended = Some(Ended::NoVisit { code: fault.code });
                self.linger();
            }
            Screen::OutOfService { why } => self.out_of_service(*why),
            _ => {}
        }
    }

    pub(super) fn help(&mut self, screen: &Screen) {
        self.put(screen, |on, facts| on.help(screen, facts));
    }

    pub(super) fn warn_time(&mut self, screen: &Screen, more: bool) {
        self.put(screen, |on, facts| on.warn_time(screen, more, facts));
    }

    fn put(&mut self, screen: &Screen, put: impl FnOnce(&mut dyn CustomerScreen, &Facts<'_>)) {
        let papers = self.folder.visit();
        let request = papers.map(|papers| papers.visit.request);
        let reopens = self.parts.config.closed.reopens(self.parts.clock.now());
        let catalogue = self.catalogue();
        let facts = Facts {
            terms: papers.and_then(|papers| papers.terms.as_ref()).filter(|_| *screen == Screen::Terms),
            request: request.map(|request| Uuid::from_bytes(request.0)),
            words: catalogue::Facts {
                reopens: reopens.map(|at| catalogue.moment(at)),
                acceptance: papers.and_then(|papers| papers.acceptance_number.clone()),
                reference: request.map(|request| Value::reference(request.0).text().to_owned()),
                notice_months: self.parts.config.limits.certificate_notice_months,
                call: self.parts.config.retain.as_ref().map(|retain| retain.call.clone()),
            },
            languages: self.parts.languages.besides(catalogue.language()),
        };
        put(&mut *self.parts.screen, &facts);
    }

    /// Nobody is served. Who was asked to end, or has only one visit to serve, ends now.
    fn out_of_service(&mut self, why: Closed) {
        if self.ended.is_some() || (self.goal == Goal::Serve && !self.terminating) {
            return;
        }
        self.ended = Some(match why {
            Closed::Stopped => Ended::Stopped,
            Closed::Fault(fault) if self.terminating => {
                tracing::warn!(code = fault.code, "stopped while out of service");
                Ended::Stopped
            }
            Closed::Fault(fault) => Ended::NoVisit { code: fault.code },
        });
        self.linger();
    }
}
