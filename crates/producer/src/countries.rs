//! Where customers live: cities with the postal codes and telephone numbers that fit them, so that the attributes of one
//! customer agree with each other.
//!
//! In patterns `#` is any digit, `^` one from 1 to 9, `$` a letter. Telephone numbers are in E.164 spelling; for the
//! United States, Great Britain, Germany and France they lie in the ranges that the regulators keep free for fiction
//! (555-01xx; Ofcom, Bundesnetzagentur and Arcep lists).

use crate::config::Locale;

/// A country, its cities, and how an address is written there.
pub(crate) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(crate) code: &'static str,
    pub(crate) cities: &'static [City],
    pub(crate) mobile: &'static str,
    /// Templates over `{n}` (house number), `{first}`, `{last}` and `{place}`.
    pub(crate) streets: &'static [&'static str],
    pub(crate) places: &'static [&'static str],
}

pub(crate) struct City {
    pub(crate) name: &'static str,
    pub(crate) postal_code: &'static str,
    /// `None` where no landline range is free for fiction: everybody has a mobile there.
    pub(crate) landline: Option<&'static str>,
}

/// The country that a locale's customers live in.
pub(crate) fn country(locale: Locale) -> &'static Country {
    match locale {
        Locale::EnUs => &UNITED_STATES,
        Locale::EnGb => &GREAT_BRITAIN,
        Locale::DeDe => &GERMANY,
        Locale::FrFr => &FRANCE,
        Locale::ItIt => &ITALY,
        Locale::NlNl => &NETHERLANDS,
        Locale::PtPt => &PORTUGAL,
        Locale::PtBr => &BRAZIL,
        Locale::TrTr => &TURKEY,
        Locale::JaJp => &JAPAN,
    }
}

const fn city(name: &'static str, postal_code: &'static str, landline: &'static str) -> City {
    City { name, postal_code, landline: Some(landline) }
}

const fn mobile_only(name: &'static str, postal_code: &'static str) -> City {
    City { name, postal_code, landline: None }
}

static UNITED_STATES: Country = Country {
    code: "US",
    cities: &[
        city("New York", "100##", "+1 212 555 01##"),
        city("Los Angeles", "900##", "+1 213 555 01##"),
        city("Chicago", "606##", "+1 312 555 01##"),
        city("Houston", "770##", "+1 713 555 01##"),
        city("Seattle", "981##", "+1 206 555 01##"),
        city("Boston", "021##", "+1 617 555 01##"),
        city("Denver", "802##", "+1 303 555 01##"),
        city("Atlanta", "303##", "+1 404 555 01##"),
        city("Miami", "331##", "+1 305 555 01##"),
        city("Minneapolis", "554##", "+1 612 555 01##"),
    ],
    mobile: "+1 917 555 01##",
    streets: &["{n} {last} Street", "{n} {last} Avenue", "{n} {last} Road", "{n} {last} Lane", "{n} {place} Drive"],
    places: &["Maple", "Oak", "Lake View", "Sunset", "Cedar", "River"],
};

static GREAT_BRITAIN: Country = Country {
    code: "GB",
    cities: &[
        city("London", "SE^ #$$", "+44 20 7946 0###"),
        city("Manchester", "M^ #$$", "+44 161 496 0###"),
        city("Birmingham", "B^ #$$", "+44 121 496 0###"),
        city("Leeds", "LS^ #$$", "+44 113 496 0###"),
        city("Edinburgh", "EH^ #$$", "+44 131 496 0###"),
        city("Bristol", "BS^ #$$", "+44 117 496 0###"),
        city("Cardiff", "CF1^ #$$", "+44 29 2018 0###"),
        city("Glasgow", "G^ #$$", "+44 141 496 0###"),
        city("Liverpool", "L^ #$$", "+44 151 496 0###"),
    ],
    mobile: "+44 7700 900###",
    streets: &["{n} {last} Road", "{n} {last} Close", "{n} {place} Street", "Flat ^, {n} {place} Street"],
    places: &["High", "Church", "Victoria", "Mill", "Queen", "Park"],
};

static GERMANY: Country = Country {
    code: "DE",
    cities: &[
        city("Berlin", "10###", "+49 30 23125 ###"),
        city("Hamburg", "20###", "+49 40 66969 ###"),
        city("München", "80###", "+49 89 99998 ###"),
        city("Köln", "50###", "+49 221 4710 ###"),
        city("Frankfurt am Main", "60###", "+49 69 90009 ###"),
        mobile_only("Stuttgart", "70###"),
        mobile_only("Leipzig", "041##"),
        mobile_only("Nürnberg", "904##"),
    ],
    mobile: "+49 176 040690 ##",
    streets: &["{last}straße {n}", "{last}weg {n}", "{place}straße {n}", "{place}allee {n}"],
    places: &["Linden", "Garten", "Bahnhof", "Goethe", "Schiller", "Kastanien"],
};

static FRANCE: Country = Country {
    code: "FR",
    cities: &[
        city("Paris", "750##", "+33 1 99 00 ## ##"),
        city("Lyon", "6900#", "+33 4 65 71 ## ##"),
        city("Marseille", "130##", "+33 4 65 71 ## ##"),
        city("Lille", "590##", "+33 3 53 01 ## ##"),
        city("Nantes", "440##", "+33 2 61 91 ## ##"),
        city("Toulouse", "310##", "+33 5 36 49 ## ##"),
        city("Bordeaux", "330##", "+33 5 36 49 ## ##"),
        city("Strasbourg", "670##", "+33 3 53 01 ## ##"),
        city("Rennes", "350##", "+33 2 61 91 ## ##"),
    ],
    mobile: "+33 6 39 98 ## ##",
    streets: &["{n} rue {first} {last}", "{n} rue de la {place}", "{n} avenue {last}", "{n} bis rue {last}"],
    places: &["Paix", "République", "Fontaine", "Gare", "Liberté"],
};

static ITALY: Country = Country {
    code: "IT",
    cities: &[
        city("Roma", "001##", "+39 06 555 ####"),
        city("Milano", "201##", "+39 02 555 ####"),
        city("Torino", "101##", "+39 011 555 ####"),
        city("Napoli", "801##", "+39 081 555 ####"),
        city("Bologna", "401##", "+39 051 555 ####"),
        city("Firenze", "501##", "+39 055 555 ####"),
        city("Palermo", "901##", "+39 091 555 ####"),
    ],
    mobile: "+39 320 555 ####",
    streets: &["Via {first} {last} {n}", "Corso {last} {n}", "Via {place} {n}", "Piazza {place} {n}"],
    places: &["Garibaldi", "Roma", "Dante", "della Libertà", "Verdi"],
};

static NETHERLANDS: Country = Country {
    code: "NL",
    cities: &[
        city("Amsterdam", "10## $$", "+31 20 555 ####"),
        city("Rotterdam", "30## $$", "+31 10 555 ####"),
        city("Utrecht", "35## $$", "+31 30 555 ####"),
        city("Den Haag", "25## $$", "+31 70 555 ####"),
        city("Eindhoven", "56## $$", "+31 40 555 ####"),
        city("Groningen", "97## $$", "+31 50 555 ####"),
    ],
    mobile: "+31 6 555 #####",
    streets: &["{place}straat {n}", "{place}laan {n}", "{first}hof {n}", "{place}kade {n}"],
    places: &["Kerk", "Dorps", "Molen", "Juliana", "Beatrix", "Prinsen"],
};

static PORTUGAL: Country = Country {
    code: "PT",
    cities: &[
        city("Lisboa", "1^##-###", "+351 21 555 ####"),
        city("Porto", "4^##-###", "+351 22 555 ####"),
        city("Coimbra", "30##-###", "+351 239 555 ###"),
        city("Braga", "47##-###", "+351 253 555 ###"),
        city("Faro", "80##-###", "+351 289 555 ###"),
    ],
    mobile: "+351 91 555 ####",
    streets: &["Rua {first} {last}, {n}", "Avenida {place}, {n}", "Travessa de {place}, {n}"],
    places: &["São João", "Santo António", "Liberdade", "Santa Maria"],
};

static BRAZIL: Country = Country {
    code: "BR",
    cities: &[
        city("São Paulo", "01###-###", "+55 11 5550-####"),
        city("Rio de Janeiro", "20###-###", "+55 21 5550-####"),
        city("Belo Horizonte", "30###-###", "+55 31 5550-####"),
        city("Salvador", "40###-###", "+55 71 5550-####"),
        city("Curitiba", "80###-###", "+55 41 5550-####"),
        city("Recife", "50###-###", "+55 81 5550-####"),
        city("Brasília", "70###-###", "+55 61 5550-####"),
    ],
    mobile: "+55 11 95550-####",
    streets: &["Rua {first} {last}, {n}", "Avenida {place}, {n}", "Rua {place}, {n}"],
    places: &["das Flores", "Sete de Setembro", "Brasil", "Santos Dumont"],
};

static TURKEY: Country = Country {
    code: "TR",
    cities: &[
        city("İstanbul", "34###", "+90 212 555 ## ##"),
        city("Ankara", "06###", "+90 312 555 ## ##"),
        city("İzmir", "35###", "+90 232 555 ## ##"),
        city("Bursa", "16###", "+90 224 555 ## ##"),
        city("Antalya", "07###", "+90 242 555 ## ##"),
    ],
    mobile: "+90 532 555 ## ##",
    streets: &["{last} Sokak No: {n}", "{place} Caddesi No: {n}", "{first} {last} Bulvarı No: {n}"],
    places: &["Atatürk", "Cumhuriyet", "İnönü", "Gül", "Çınar"],
};

static JAPAN: Country = Country {
    code: "JP",
    cities: &[
        city("千代田区", "100-00##", "+81 3-5550-####"),
        city("大阪市", "530-00##", "+81 6-5550-####"),
        city("名古屋市", "460-00##", "+81 52-555-####"),
        city("札幌市", "060-00##", "+81 11-555-####"),
        city("福岡市", "810-00##", "+81 92-555-####"),
        city("京都市", "604-8###", "+81 75-555-####"),
    ],
    mobile: "+81 90-5550-####",
    streets: &["{place}^-{n}", "{place}^-{n}-^"],
    places: &["本町", "中央", "栄町", "緑町", "旭町", "若葉", "桜丘", "港町"],
};
