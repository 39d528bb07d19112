//! One customer as a person would be: attributes that agree with each other when made and stay so when they change.

use crate::{
    config::Locale,
    countries::{City, Country, country},
};
use contract::{Customer, schemas::Released, schemas::SchemaError};
use deunicode::deunicode;
use fake::{
    Fake,
    faker::name::raw::{FirstName, LastName},
    locales::{DE_DE, EN, FR_FR, IT_IT, JA_JP, NL_NL, PT_BR, PT_PT, TR_TR},
};
use rand::{RngExt, seq::IndexedRandom};

/// Loyalty tiers, lowest first.
const TIERS: [&str; 4] = ["bronze", "silver", "gold", "platinum"];
/// Reserved by RFC 2606: nobody's mailbox.
const MAIL_DOMAINS: [&str; 5] = ["example.com", "example.net", "example.org", "mail.example.com", "post.example.net"];
/// A change of attributes is drawn again when it turns out to be none, but not for ever.
const DRAWS: u32 = 16;

/// Which of the newer attributes the writer's schema can say. A change that only they would show is not made without
/// them: it would be an update that updates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vocabulary {
    tier: bool,
    consent: bool,
}

impl Vocabulary {
    pub(crate) fn of(released: &Released) -> Result<Self, SchemaError> {
        let names = released.customer_attributes()?;
        let has = |name: &str| names.iter().any(|known| known == name);
        Ok(Self { tier: has("loyalty_tier"), consent: has("marketing_consent") })
    }
}

/// What happens in a customer's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Move,
    Emigrate,
    Phone,
    Email,
    Surname,
    Tier,
    Consent,
}

const CHANGES: [(Change, u32); 7] = [
    (Change::Move, 28),
    (Change::Emigrate, 2),
    (Change::Phone, 12),
    (Change::Email, 18),
    (Change::Surname, 4),
    (Change::Tier, 20),
    (Change::Consent, 16),
];

/// A new customer.
pub(crate) fn create<R: RngExt>(rng: &mut R, locales: &[Locale], vocabulary: Vocabulary) -> Customer {
    let locale = pick_locale(rng, locales);
    let (first_name, last_name) = (first_name(rng, locale), last_name(rng, locale));
    let mut customer = Customer {
        email: email(rng, &first_name, &last_name),
        first_name,
        last_name,
        phone: String::new(),
        street: String::new(),
        city: String::new(),
        postal_code: String::new(),
        country: String::new(),
        loyalty_tier: None,
        marketing_consent: None,
    };
    settle(rng, &mut customer, locale);
    complete(rng, &mut customer, vocabulary);
    customer
}

/// Changes what one event in the customer's life changes, and nothing else.
pub(crate) fn change<R: RngExt>(rng: &mut R, customer: &mut Customer, locales: &[Locale], vocabulary: Vocabulary) {
    let before = customer.clone();
    complete(rng, customer, vocabulary);
    for _ in 0..DRAWS {
        let change = pick_change(rng, vocabulary);
        apply(rng, customer, change, locales);
        if *customer != before {
            return;
        }
    }
}

/// A customer who had left is back: the same person, possibly elsewhere, and at the beginning of the loyalty scheme.
pub(crate) fn come_back<R: RngExt>(rng: &mut R, customer: &mut Customer, locales: &[Locale], vocabulary: Vocabulary) {
    (customer.loyalty_tier, customer.marketing_consent) = (None, None);
    complete(rng, customer, vocabulary);
    if rng.random_bool(0.5) {
        apply(rng, customer, Change::Move, locales);
    }
    if rng.random_bool(0.3) {
        apply(rng, customer, Change::Email, locales);
    }
}

/// Gives those attributes a value that the schema knows and that an older one could not hold.
fn complete<R: RngExt>(rng: &mut R, customer: &mut Customer, vocabulary: Vocabulary) {
    if vocabulary.tier && customer.loyalty_tier.is_none() {
        customer.loyalty_tier = Some(TIERS[0].to_owned());
    }
    if vocabulary.consent && customer.marketing_consent.is_none() {
        customer.marketing_consent = Some(rng.random_bool(0.6));
    }
}

fn pick_change<R: RngExt>(rng: &mut R, vocabulary: Vocabulary) -> Change {
    let possible = |change: Change| match change {
        Change::Tier => vocabulary.tier,
        Change::Consent => vocabulary.consent,
        _ => true,
    };
    let total = CHANGES.iter().filter(|(change, _)| possible(*change)).map(|(_, weight)| weight).sum();
    let mut drawn = rng.random_range(0..total);
    for (change, weight) in CHANGES.into_iter().filter(|(change, _)| possible(*change)) {
        if drawn < weight {
            return change;
        }
        drawn -= weight;
    }
    Change::Move
}

fn apply<R: RngExt>(rng: &mut R, customer: &mut Customer, change: Change, locales: &[Locale]) {
    let locale = locale_of(customer).unwrap_or(locales[0]);
    match change {
        Change::Move => {
            let country = country(locale);
            let mobile = customer.phone.starts_with(prefix(country.mobile));
            let old_city = customer.city.clone();
            let city = pick(rng, country.cities);
            move_to(rng, customer, locale, city);
            if !mobile && customer.city != old_city {
                customer.phone = phone(rng, country, city);
            }
        }
        Change::Emigrate => {
            let locale = pick_locale(rng, locales);
            settle(rng, customer, locale);
        }
        Change::Phone => {
            let country = country(locale);
            let city = country.cities.iter().find(|city| city.name == customer.city).unwrap_or(&country.cities[0]);
            customer.phone = phone(rng, country, city);
        }
        Change::Email => customer.email = email(rng, &customer.first_name, &customer.last_name),
        Change::Surname => {
            customer.last_name = last_name(rng, locale);
            customer.email = email(rng, &customer.first_name, &customer.last_name);
        }
        Change::Tier => {
            let tier = TIERS.iter().position(|tier| customer.loyalty_tier.as_deref() == Some(tier)).unwrap_or(0);
            let up = tier == 0 || (tier + 1 < TIERS.len() && rng.random_bool(0.7));
            customer.loyalty_tier = Some(TIERS[if up { tier + 1 } else { tier - 1 }].to_owned());
        }
        Change::Consent => customer.marketing_consent = Some(customer.marketing_consent != Some(true)),
    }
}

/// A home and a telephone in a locale's country.
fn settle<R: RngExt>(rng: &mut R, customer: &mut Customer, locale: Locale) {
    let country = country(locale);
    let city = pick(rng, country.cities);
    move_to(rng, customer, locale, city);
    customer.phone = phone(rng, country, city);
}

fn move_to<R: RngExt>(rng: &mut R, customer: &mut Customer, locale: Locale, city: &City) {
    let country = country(locale);
    let number = if rng.random_bool(0.8) { rng.random_range(1..100) } else { rng.random_range(100..1500) };
    let street = pick(rng, country.streets)
        .replace("{n}", &number.to_string())
        .replace("{first}", &first_name(rng, locale))
        .replace("{last}", &last_name(rng, locale))
        .replace("{place}", pick::<&str, _>(rng, country.places));
    customer.street = spell(rng, &street);
    city.name.clone_into(&mut customer.city);
    customer.postal_code = spell(rng, city.postal_code);
    country.code.clone_into(&mut customer.country);
}

fn phone<R: RngExt>(rng: &mut R, country: &Country, city: &City) -> String {
    let landline = city.landline.filter(|_| rng.random_bool(0.3));
    spell(rng, landline.unwrap_or(country.mobile))
}

fn email<R: RngExt>(rng: &mut R, first_name: &str, last_name: &str) -> String {
    let (first, last) = (ascii(first_name), ascii(last_name));
    let local = match rng.random_range(0..10) {
        0..5 => format!("{first}.{last}"),
        5..7 => format!("{first}.{last}{}", rng.random_range(2..100)),
        7 => format!("{}.{last}", &first[..1]),
        8 => format!("{last}.{first}"),
        _ => format!("{first}{}", rng.random_range(1950..2010)),
    };
    format!("{local}@{}", pick(rng, &MAIL_DOMAINS))
}

/// A name as the local part of an address spells it: never empty, lower-case ASCII letters and digits only.
fn ascii(name: &str) -> String {
    let mut text = deunicode(name);
    text.retain(|c| c.is_ascii_alphanumeric());
    if text.is_empty() { "customer".to_owned() } else { text.to_ascii_lowercase() }
}

/// Replaces a pattern's `#`, `^` and `$`.
fn spell<R: RngExt>(rng: &mut R, pattern: &str) -> String {
    let mut digit = |from: u8| char::from(b'0' + rng.random_range(from..10));
    let digits: String = pattern
        .chars()
        .map(|c| {
            if c == '#' {
                digit(0)
            } else if c == '^' {
                digit(1)
            } else {
                c
            }
        })
        .collect();
    // No letters that read as digits or that British postal codes leave out.
    let letters = b"ABDEFGHJLNPQRSTUWXYZ";
    digits.chars().map(|c| if c == '$' { char::from(*pick(rng, letters)) } else { c }).collect()
}

/// What a telephone pattern begins with, up to its first drawn digit.
fn prefix(pattern: &str) -> &str {
    pattern.find(['#', '^']).map_or(pattern, |end| &pattern[..end])
}

fn locale_of(customer: &Customer) -> Option<Locale> {
    Locale::ALL.into_iter().find(|locale| country(*locale).code == customer.country)
}

/// The first locale is the home market and has most customers.
fn pick_locale<R: RngExt>(rng: &mut R, locales: &[Locale]) -> Locale {
    if rng.random_bool(0.3) { locales[0] } else { *pick(rng, locales) }
}

/// One of a list that is never empty.
fn pick<'a, T, R: RngExt>(rng: &mut R, from: &'a [T]) -> &'a T {
    from.choose(rng).unwrap_or(&from[0])
}

fn first_name<R: RngExt>(rng: &mut R, locale: Locale) -> String {
    match locale {
        Locale::EnUs | Locale::EnGb => FirstName(EN).fake_with_rng(rng),
        Locale::DeDe => FirstName(DE_DE).fake_with_rng(rng),
        Locale::FrFr => FirstName(FR_FR).fake_with_rng(rng),
        Locale::ItIt => FirstName(IT_IT).fake_with_rng(rng),
        Locale::NlNl => FirstName(NL_NL).fake_with_rng(rng),
        Locale::PtPt => FirstName(PT_PT).fake_with_rng(rng),
        Locale::PtBr => FirstName(PT_BR).fake_with_rng(rng),
        Locale::TrTr => FirstName(TR_TR).fake_with_rng(rng),
        Locale::JaJp => FirstName(JA_JP).fake_with_rng(rng),
    }
}

fn last_name<R: RngExt>(rng: &mut R, locale: Locale) -> String {
    match locale {
        Locale::EnUs | Locale::EnGb => LastName(EN).fake_with_rng(rng),
        Locale::DeDe => LastName(DE_DE).fake_with_rng(rng),
        Locale::FrFr => LastName(FR_FR).fake_with_rng(rng),
        Locale::ItIt => LastName(IT_IT).fake_with_rng(rng),
        Locale::NlNl => LastName(NL_NL).fake_with_rng(rng),
        Locale::PtPt => LastName(PT_PT).fake_with_rng(rng),
        Locale::PtBr => LastName(PT_BR).fake_with_rng(rng),
        Locale::TrTr => LastName(TR_TR).fake_with_rng(rng),
        Locale::JaJp => LastName(JA_JP).fake_with_rng(rng),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::schemas;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const SEED: u64 = 20_261_122;

    fn vocabulary(version: usize) -> Vocabulary {
        Vocabulary::of(&schemas::released()[version - 1]).unwrap()
    }

    fn fits(text: &str, pattern: &str) -> bool {
        text.chars().count() == pattern.chars().count()
            && text.chars().zip(pattern.chars()).all(|(c, p)| match p {
                '#' => c.is_ascii_digit(),
                '^' => c.is_ascii_digit() && c != '0',
                '$' => c.is_ascii_uppercase(),
                _ => c == p,
            })
    }

    fn assert_consistent(customer: &Customer) {
        let country = country(locale_of(customer).unwrap());
        let city = country.cities.iter().find(|city| city.name == customer.city).expect("a city of the country");
        assert!(fits(&customer.postal_code, city.postal_code), "{customer:?}");
        let landline = city.landline.is_some_and(|pattern| fits(&customer.phone, pattern));
        assert!(landline || fits(&customer.phone, country.mobile), "{customer:?}");
        assert!(customer.email.is_ascii() && customer.email.contains('@') && customer.email.contains("example."));
        let (first, last) = (ascii(&customer.first_name), ascii(&customer.last_name));
        assert!(customer.email.contains(&first) || customer.email.contains(&last), "{customer:?}");
        assert!(!customer.street.contains(['{', '}', '#', '^', '$']) && !customer.street.is_empty(), "{customer:?}");
    }

    #[test]
    fn a_customers_attributes_agree_however_often_they_change() {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        for _ in 0..300 {
            let mut customer = create(&mut rng, &Locale::ALL, vocabulary(2));
            assert_consistent(&customer);
            for _ in 0..20 {
                change(&mut rng, &mut customer, &Locale::ALL, vocabulary(2));
                assert_consistent(&customer);
            }
            come_back(&mut rng, &mut customer, &Locale::ALL, vocabulary(2));
            assert_consistent(&customer);
        }
    }

    #[test]
    fn an_update_always_shows_in_the_writers_schema() {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        for version in 1..=schemas::released().len() {
            for _ in 0..500 {
                let mut customer = create(&mut rng, &Locale::ALL, vocabulary(version));
                let before = customer.clone();
                change(&mut rng, &mut customer, &Locale::ALL, vocabulary(version));
                assert_ne!(customer, before);
                assert_eq!(customer.loyalty_tier.is_some(), version >= 2);
                assert_eq!(customer.marketing_consent.is_some(), version >= 2);
            }
        }
    }

    #[test]
    fn every_locale_makes_customers_of_its_own_country() {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        for locale in Locale::ALL {
            let customer = create(&mut rng, &[locale], vocabulary(2));
            assert_eq!(customer.country, country(locale).code);
        }
    }
}
