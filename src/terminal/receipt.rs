//! From a visit's result to the receipt in the customer's language.
//!
//! Invariants:
//! - What goes in is [`ReceiptFacts`]: nothing in it says who the holder is, so nothing on the paper does. The day on
//!   which the certificate ends is left out on purpose: it is a birthday of the holder.
//! - The link on it leads to a public page and carries nothing of the visit.
//! - Under test roots the receipt says twice that it is none: nothing here passes for a public authority's paper.

use devices::printer::{HelpLine, NotPrintable, Receipt, Row, StatusPage, Value, Variant};
use jiff::Timestamp;
use transaction::Outcome;
use uuid::Uuid;

use crate::catalogue::{Catalogue, Facts};
use crate::config::{Config, JST, ReceiptSize};

/// What a receipt is about.
#[derive(Clone, Debug)]
pub struct ReceiptFacts<'a> {
    /// When the visit had its result.
    pub at: Timestamp,
    /// The result.
    pub outcome: Outcome,
    /// The certificate ends within the months of the notice.
    pub expires_soon: bool,
    /// The visit's request, whose short form is the reference number.
    pub request: Uuid,
    /// The host's acceptance number.
    pub acceptance_number: Option<&'a str>,
    /// The version of the terms that the customer agreed to.
    pub terms_version: Option<&'a str>,
}

/// Puts a receipt together.
///
/// # Errors
/// A number of the host that is none, although it was checked where it came in; a status page that is no public page.
pub fn compose(
    config: &Config,
    catalogue: &Catalogue,
    facts: &ReceiptFacts<'_>,
) -> Result<Receipt, NotPrintable> {
    let ending = catalogue.ending(&facts.outcome, &Facts::default());
    let label = |key: &str| catalogue.label(key);
    let test = config.allow_test_roots;
    Ok(Receipt {
        banner: test.then(|| label("receipt-banner")),
        title: label("receipt-title"),
        subtitle: label("receipt-subtitle"),
        result: ending.title,
        explanation: vec![ending.explanation],
        rows: rows(config, catalogue, facts)?,
        notices_heading: label("receipt-notices"),
        notices: notices(config, catalogue, facts, ending.next),
        helpline: helpline(config, catalogue),
        status_page: status_page(config, catalogue)?,
        footer: test.then(|| label("receipt-reference-implementation")).into_iter().collect(),
        variant: match config.receipt.size {
            ReceiptSize::Normal => Variant::Normal,
            ReceiptSize::Large => Variant::Large,
        },
    })
}

/// The request's reference number as on the receipt, for screens and operators.
pub fn reference(request: Uuid) -> String {
    Value::reference(request.into_bytes()).text().to_owned()
}

fn rows(config: &Config, catalogue: &Catalogue, facts: &ReceiptFacts<'_>) -> Result<Vec<Row>, NotPrintable> {
    let language = catalogue.language();
    let moment = Value::moment(JST.to_datetime(facts.at), language.date_style());
    let values = [
        ("receipt-date", Some(moment)),
        ("receipt-place", Some(Value::place(config.place_name(language))?)),
        ("receipt-terminal", Some(Value::terminal(&config.terminal_id)?)),
        ("receipt-acceptance", facts.acceptance_number.map(Value::acceptance).transpose()?),
        ("receipt-reference", Some(Value::reference(facts.request.into_bytes()))),
        ("receipt-terms", facts.terms_version.map(Value::terms_version).transpose()?),
        ("receipt-code", shows_code(facts.outcome).then(|| Value::code(facts.outcome.code()))),
    ];
    let row = |(key, value): (&str, Option<Value>)| Some(Row { label: catalogue.label(key), value: value? });
    Ok(values.into_iter().filter_map(row).collect())
}

fn status_page(config: &Config, catalogue: &Catalogue) -> Result<Option<StatusPage>, NotPrintable> {
    let url = &config.receipt.status_page;
    let page = || StatusPage::new(&catalogue.label("receipt-status-page"), url);
    (!url.is_empty()).then(page).transpose()
}

/// A code helps whoever answers the telephone; next to a good result it would only puzzle.
const fn shows_code(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Registered | Outcome::AlreadyRegistered => false,
        Outcome::Pending | Outcome::Rejected(_) | Outcome::Refused(_) | Outcome::Fault(_) => true,
    }
}

fn notices(config: &Config, catalogue: &Catalogue, facts: &ReceiptFacts<'_>, next: String) -> Vec<String> {
    let months = config.limits.certificate_notice_months;
    let more = catalogue.notices(&facts.outcome, facts.expires_soon, months);
    [next].into_iter().chain(more).collect()
}

fn helpline(config: &Config, catalogue: &Catalogue) -> HelpLine {
    let hours = catalogue.language().choose(&config.helpline.hours, &config.helpline.hours_en);
    HelpLine {
        heading: catalogue.label("receipt-helpline"),
        number: config.helpline.number.clone(),
        lines: catalogue.helpline_menu().into_iter().chain([hours.clone()]).collect(),
    }
}

#[cfg(test)]
mod tests;
