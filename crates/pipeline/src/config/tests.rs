//! The promises of the configuration as a whole: what each layer may say, and that no secret shows.

use super::{services::Health, *};
use std::time::Duration;

fn settings(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.toml");
    fs::write(&path, file).unwrap();
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Settings::load_with(&[path], variables)
}

fn read<T: Section>(file: &str, variables: &[(&str, &str)]) -> anyhow::Result<T> {
    settings(file, variables)?.read()
}

fn refused<T: Section>(file: &str, variables: &[(&str, &str)]) -> String {
    match read::<T>(file, variables) {
        Ok(_) => panic!("taken: {file}{variables:?}"),
        Err(error) => format!("{error:#}"),
    }
}

const DEPLOYER: &str = "[deployer.connection]\npassword = 'hunter2'\n[deployer.variables.access.keys]\n\
                        access_key_id = 'id'\nsecret_access_key = 'hunter2'\n";

#[test]
fn the_documented_defaults_are_what_every_service_takes() {
    let settings = Settings::load_with(&[], []).unwrap();
    settings.read::<producer::Config>().unwrap();
    settings.read::<sink::Config>().unwrap();
    settings.read::<warehouse::Config>().unwrap();
    settings.read::<Log>().unwrap();
    settings.read::<Health>().unwrap();
    // Only the user knows how the warehouse reaches the bucket.
    let refused = settings.read::<deployer::Config>().unwrap_err().to_string();
    assert!(refused.contains("`deployer.variables.access`: is missing"), "{refused}");
    for (section, outcome) in settings.check() {
        let expected = section == "deployer";
        assert_eq!(matches!(outcome, Outcome::NotSetUp(_)), expected, "{section}");
        assert_eq!(matches!(outcome, Outcome::Fine), !expected, "{section}");
    }
}

#[test]
fn the_documented_defaults_are_those_that_hold_without_the_file() {
    let settings = Settings::load_with(&[], []).unwrap();
    let documented: sink::Config = settings.read().unwrap();
    let built_in = sink::Config::new(documented.kafka.clone(), documented.registry.clone(), documented.store.clone());
    assert_eq!(format!("{documented:?}"), format!("{built_in:?}"));
    let documented: producer::Config = settings.read().unwrap();
    let (kafka, registry) = (documented.kafka.clone(), documented.registry.clone());
    let built_in = producer::Config::new(kafka, registry, documented.state_dir.clone());
    assert_eq!(format!("{documented:?}"), format!("{built_in:?}"));
}

/// The keys that a type takes, in the words of its refusal.
fn keys<T: DeserializeOwned>() -> Vec<String> {
    let nonsense = parse("no-such-key = 0", &Source::Default).unwrap();
    let Err(refused) = T::deserialize(Typed::new(&nonsense, "x")) else { panic!("any key is taken") };
    let refused = refused.to_string();
    let (_, keys) = refused.split_once("there are ").unwrap_or_else(|| panic!("{refused}"));
    keys.split(", ").map(str::to_owned).collect()
}

#[test]
fn the_reference_has_exactly_the_keys_that_the_services_take() {
    let reference = Reference::new();
    for (path, mut keys) in [
        (&["kafka"][..], keys::<contract::endpoints::Kafka>()),
        (&["registry"], keys::<contract::endpoints::SchemaRegistry>()),
        (&["store"], keys::<contract::endpoints::ObjectStore>()),
        (&["log"], keys::<Log>()),
        (&["producer"], keys::<producer::Config>()),
        (&["producer", "batch"], keys::<producer::Mix>()),
        (&["sink"], keys::<sink::Config>()),
        (&["sink", "roll"], keys::<sink::Roll>()),
        (&["sink", "objects"], keys::<sink::Objects>()),
        (&["sink", "deadlines"], keys::<sink::Deadlines>()),
        (&["deployer"], keys::<deployer::Config>()),
        (&["deployer", "connection"], keys::<deployer::Connection>()),
        (&["deployer", "variables"], keys::<deployer::Variables>()),
        (&["warehouse"], keys::<warehouse::Config>()),
        (&["warehouse", "s3"], keys::<warehouse::stage::S3Settings>()),
    ] {
        keys.retain(|key| path.len() > 1 || !SHARED.contains(&key.as_str()));
        keys.sort();
        let mut documented: Vec<&str> = reference.keys_of(path).collect();
        documented.sort_unstable();
        assert_eq!(documented, keys, "{path:?}");
    }
}

#[test]
fn the_text_of_a_variable_stays_text() {
    for text in ["00123456", "1e5", "007", "true", "{a", "[a]", "a,b", " a ", "0x10", "\"a\"", "1_000"] {
        let variables = [
            ("PIPELINE__REGISTRY__PASSWORD", text),
            ("PIPELINE__REGISTRY__USER", text),
            ("PIPELINE__SINK__GROUP_ID", text),
            ("PIPELINE__KAFKA__PROPERTIES__SASL_PASSWORD", text),
            ("PIPELINE__SINK__OBJECTS__TAGS__OWNER", "007"),
        ];
        let sink: sink::Config = read("", &variables).unwrap();
        assert_eq!(sink.registry.password.unwrap().expose(), text);
        assert_eq!(sink.registry.user.as_deref(), Some(text));
        assert_eq!(sink.group_id, text);
        assert_eq!(sink.kafka.properties["sasl.password"], text);
        assert_eq!(sink.objects.tags["owner"], "007");
    }
}

#[test]
fn numbers_truth_values_and_durations_are_read_where_the_key_is_one() {
    let variables = [
        ("PIPELINE__SINK__UPLOADS", "7"),
        ("PIPELINE__SINK__ROLL__MAX_BYTES", "1048576"),
        ("PIPELINE__SINK__ROLL__WINDOW", "1m"),
        ("PIPELINE__STORE__PATH_STYLE", "true"),
        ("PIPELINE__SINK__CODEC", "deflate"),
    ];
    let sink: sink::Config = read("", &variables).unwrap();
    assert_eq!((sink.uploads, sink.roll.max_bytes, sink.roll.window), (7, 1_048_576, Duration::from_mins(1)));
    assert!(sink.store.path_style && sink.codec == sink::Codec::Deflate);
    let variables =
        [("PIPELINE__PRODUCER__SKEW", "1"), ("PIPELINE__PRODUCER__SEED", "9"), ("PIPELINE__PRODUCER__REPLICATION", "")];
    let producer: producer::Config = read("[producer]\nreplication = 3\n", &variables).unwrap();
    assert_eq!((producer.skew.to_bits(), producer.seed, producer.replication), (1.0_f64.to_bits(), Some(9), None));
    let warehouse: warehouse::Config = read("", &[("PIPELINE__WAREHOUSE__LISTEN", "127.0.0.1:0")]).unwrap();
    assert_eq!(warehouse.listen.port(), 0);
}

#[test]
fn values_of_another_type_are_refused_with_key_source_and_what_is_expected() {
    for (name, value, says) in [
        ("PIPELINE__SINK__UPLOADS", "many", "`sink.uploads` (PIPELINE__SINK__UPLOADS): found `many`, expected a whole"),
        ("PIPELINE__SINK__UPLOADS", "1.5", "found `1.5`, expected a whole number"),
        ("PIPELINE__SINK__UPLOADS", "", "found ``, expected a whole number"),
        ("PIPELINE__STORE__PATH_STYLE", "yes", "found `yes`, expected true or false"),
        (
            "PIPELINE__SINK__ROLL__WINDOW",
            "2",
            "`sink.roll.window` (PIPELINE__SINK__ROLL__WINDOW): found `2`, expected a",
        ),
        ("PIPELINE__SINK__CODEC", "gzip", "found `gzip`, expected one of null, deflate, snappy"),
        ("PIPELINE__SINK__START", "timestamp", "found `timestamp`, expected a table"),
    ] {
        let refusal = refused::<sink::Config>("", &[(name, value)]);
        assert!(refusal.contains(says), "{refusal}");
    }
    for (file, says) in [
        ("[sink]\nuploads = '7'", "found `7`, expected a whole number of 0 or more"),
        ("[sink]\nuploads = -7", "found -7, expected a whole number of 0 or more"),
        ("[sink]\ntopics = 'a'", "found `a`, expected a list"),
        ("[sink]\ntopics = ['a', ['b']]", "`sink.topics[1]`"),
        ("[sink]\nroll = 5", "`sink.roll`"),
        ("[registry]\npassword = 123456", "`registry.password`"),
    ] {
        let refusal = refused::<sink::Config>(file, &[]);
        assert!(refusal.contains(says) && refusal.contains("test.toml"), "{refusal}");
        assert!(!refusal.contains("123456"), "{refusal}");
    }
    let refusal = refused::<warehouse::Config>("", &[("PIPELINE__WAREHOUSE__LISTEN", "here")]);
    assert!(refusal.contains("`warehouse.listen` (PIPELINE__WAREHOUSE__LISTEN): found `here`"), "{refusal}");
}

#[test]
fn lists_and_tables_can_be_set_from_the_environment() {
    let topics = |text| read::<sink::Config>("", &[("PIPELINE__SINK__TOPICS", text)]).map(|sink| sink.topics);
    assert_eq!(topics("a").unwrap(), ["a"]);
    assert_eq!(topics("a, b,^c").unwrap(), ["a", "b", "^c"]);
    assert_eq!(topics("['^a{1,2}$', \"b\"]").unwrap(), ["^a{1,2}$", "b"]);
    assert!(topics("").is_err() && topics("a,").is_err());
    let locales = [("PIPELINE__PRODUCER__LOCALES", "de-DE,ja-JP")];
    assert_eq!(read::<producer::Config>("", &locales).unwrap().locales.len(), 2);
    let users = [("PIPELINE__WAREHOUSE__USERS", "[{ name = 'ann', password = '007' }]")];
    assert_eq!(read::<warehouse::Config>("", &users).unwrap().users[0].password.expose(), "007");
    // A whole table replaces that of the file.
    let file = "[kafka.properties]\n\"sasl.username\" = 'ann'\n";
    let whole = [("PIPELINE__KAFKA__PROPERTIES", "{ 'fetch.wait.max.ms' = 100 }")];
    let sink: sink::Config = read(file, &whole).unwrap();
    assert_eq!(sink.kafka.properties, [("fetch.wait.max.ms".to_owned(), "100".to_owned())].into());
    let one = [("PIPELINE__KAFKA__PROPERTIES__SECURITY_PROTOCOL", "SASL_SSL")];
    let sink: sink::Config = read(file, &one).unwrap();
    assert_eq!(sink.kafka.properties.len(), 2);
    assert_eq!(sink.kafka.properties["security.protocol"], "SASL_SSL");
}

#[test]
fn another_choice_than_that_of_a_file_can_be_made_in_the_environment() {
    let integration = [("PIPELINE__DEPLOYER__VARIABLES__ACCESS__INTEGRATION__NAME", "LAKE")];
    let config: deployer::Config = read(DEPLOYER, &integration).unwrap();
    assert!(matches!(config.variables.access, deployer::Access::Integration { name } if name == "LAKE"));
    let whole = [("PIPELINE__DEPLOYER__VARIABLES__ACCESS", "{ integration = { name = 'LAKE' } }")];
    let config: deployer::Config = read(DEPLOYER, &whole).unwrap();
    assert!(matches!(config.variables.access, deployer::Access::Integration { name } if name == "LAKE"));

    let file = format!("{DEPLOYER}[deployer.variables.compute.warehouse]\nname = 'W'\nsize = 'SMALL'\n");
    let serverless = [("PIPELINE__DEPLOYER__VARIABLES__COMPUTE__SERVERLESS__SIZE", "XSMALL")];
    let config: deployer::Config = read(&file, &serverless).unwrap();
    assert!(matches!(config.variables.compute, deployer::Compute::Serverless { .. }));
    let larger = [("PIPELINE__DEPLOYER__VARIABLES__COMPUTE__WAREHOUSE__SIZE", "LARGE")];
    let config: deployer::Config = read(&file, &larger).unwrap();
    let is_larger = |name: &str, size: &str| name == "W" && size == "LARGE";
    assert!(matches!(&config.variables.compute, deployer::Compute::Warehouse { name, size } if is_larger(name, size)));

    let key = [("PIPELINE__DEPLOYER__CONNECTION__PRIVATE_KEY", "-----BEGIN PRIVATE KEY-----\nhunter2")];
    let config: deployer::Config = read(DEPLOYER, &key).unwrap();
    assert!(config.connection.password.is_none() && config.connection.private_key.is_some());
    // An empty variable, as a container without the secret has it, chooses nothing.
    let config: deployer::Config = read(DEPLOYER, &[("PIPELINE__DEPLOYER__CONNECTION__PRIVATE_KEY", "")]).unwrap();
    assert!(config.connection.password.is_some() && config.connection.private_key.is_none());

    let start = [("PIPELINE__SINK__START__TIMESTAMP", "1700000000000")];
    let sink: sink::Config = read("[sink]\nstart = 'latest'\n", &start).unwrap();
    assert_eq!(sink.start, sink::Start::Timestamp(1_700_000_000_000));
    let sink: sink::Config = read("[sink.start]\ntimestamp = 1\n", &[("PIPELINE__SINK__START", "latest")]).unwrap();
    assert_eq!(sink.start, sink::Start::Latest);

    // Both at once, in one place, say nothing.
    let both = [integration[0], ("PIPELINE__DEPLOYER__VARIABLES__ACCESS__KEYS__ACCESS_KEY_ID", "id")];
    let refusal = refused::<deployer::Config>("", &both);
    assert!(refusal.contains("expected exactly one of keys, integration"), "{refusal}");
}

#[test]
fn an_unknown_key_is_refused_by_name_in_every_section() {
    for (file, says) in [
        ("[snik]\n", "`snik`"),
        ("[sink]\ntpoics = []\n", "`sink.tpoics`"),
        ("[deployer.variables.acess.keys]\n", "`deployer.variables.acess`"),
        ("[sink.kafka]\nbootstrap_servers = 'k:9092'\n", "`sink.kafka`"),
        ("[[warehouse.users]]\nname = 'a'\n[health]\nsnik = 'a:1'\n", "`health.snik`"),
    ] {
        let refusal = settings(file, &[]).err().unwrap().to_string();
        assert!(refusal.contains(says) && refusal.contains("test.toml"), "{refusal}");
    }
}

#[test]
fn what_a_service_refuses_names_the_whole_key_and_who_set_it() {
    for (name, value, key) in [
        ("PIPELINE__STORE__PREFIX", "abc", "store.prefix"),
        ("PIPELINE__STORE__BUCKET", "", "store.bucket"),
        ("PIPELINE__STORE__ENDPOINT", "127.0.0.1:9000", "store.endpoint"),
        ("PIPELINE__REGISTRY__URL", "localhost:8081", "registry.url"),
        ("PIPELINE__KAFKA__BOOTSTRAP_SERVERS", "localhost", "kafka.bootstrap_servers"),
        ("PIPELINE__SINK__GROUP_ID", "", "sink.group_id"),
        ("PIPELINE__SINK__ROLL__MAX_BYTES", "0", "sink.roll.max_bytes"),
        ("PIPELINE__SINK__TOPICS", "a,a", "sink.topics"),
        ("PIPELINE__SINK__TOPICS", "^a(", "sink.topics"),
        ("PIPELINE__SINK__DEADLINES__KAFKA", "0s", "sink.deadlines.kafka"),
        ("PIPELINE__KAFKA__PROPERTIES__GROUP_ID", "a", "kafka.properties.group.id"),
    ] {
        let refusal = refused::<sink::Config>("", &[(name, value)]);
        assert!(refusal.starts_with(&format!("configuration: `{key}` ({name}): ")), "{refusal}");
        let refusals = settings("", &[(name, value)]).unwrap().check();
        assert!(refusals.iter().any(|(_, outcome)| matches!(outcome, Outcome::Refused(_))), "{name}={value}");
    }
}

#[test]
fn every_value_is_shown_with_its_source_and_no_secret_is() {
    let file = "[registry]\nurl = 'http://ann:hunter2@r'\nuser = 'ann'\npassword = 'hunter2'\n[sink]\nuploads = 3\n[[warehouse.users]]\nname = 'bob'\n\
                password = 'hunter2'\n[kafka.properties]\n\"sasl.password\" = 'hunter2'\n\"sasl.username\" = 'cay'\n";
    let variables = [
        ("PIPELINE__SINK__GROUP_ID", "007"),
        ("PIPELINE__STORE__ACCESS_KEY_ID", "id"),
        ("PIPELINE__STORE__SECRET_ACCESS_KEY", "hunter2"),
        ("PIPELINE__SINK__ROLL__MAX_RECORDS", "12"),
        ("PIPELINE__DEPLOYER__VARIABLES__ACCESS", "{ keys = { access_key_id = 'id', secret_access_key = 'hunter2' } }"),
        ("PIPELINE__DEPLOYER__CONNECTION__PRIVATE_KEY", "hunter2"),
    ];
    let settings = settings(file, &variables).unwrap();
    let all = settings.all();
    let line = |key: &str| {
        let setting = all.iter().find(|setting| setting.key == key).unwrap_or_else(|| panic!("no {key}"));
        let source = setting.source.to_string();
        (setting.value.to_string(), source.rsplit('/').next().unwrap_or_default().to_owned())
    };
    let expected = |value: &str, source: &str| (value.to_owned(), source.to_owned());
    assert_eq!(line("sink.group_id"), expected("\"007\"", "PIPELINE__SINK__GROUP_ID"));
    assert_eq!(line("sink.roll.max_records"), expected("12", "PIPELINE__SINK__ROLL__MAX_RECORDS"));
    assert_eq!(line("sink.uploads"), expected("3", "test.toml"));
    assert_eq!(line("sink.roll.window"), expected("\"2m\"", "default"));
    assert_eq!(line("registry.url").0, "\"http://[secret]@r\"");
    assert_eq!(line("registry.password"), expected("\"[secret]\"", "test.toml"));
    assert_eq!(line("kafka.properties.\"sasl.username\""), expected("\"cay\"", "test.toml"));
    let text: Vec<String> = all.iter().map(|setting| format!("{} = {}", setting.key, setting.value)).collect();
    assert!(!text.join("\n").contains("hunter2"), "{text:#?}");
    assert!(text.join("\n").contains("bob"));
    // What is shown is TOML.
    text.join("\n").parse::<toml::Table>().unwrap();
    let place = |key: &str| all.iter().position(|setting| setting.key == key).unwrap();
    assert!(place("kafka.bootstrap_servers") < place("registry.url") && place("registry.url") < place("sink.group_id"));
}

#[test]
fn what_is_not_toml_is_refused_by_line_without_its_text() {
    let refusal = settings("[registry]\npassword = hunter2\n", &[]).err().unwrap();
    let refusal = format!("{refusal:#} {refusal:?}");
    assert!(refusal.contains("test.toml, line 2") && !refusal.contains("hunter2"), "{refusal}");
}
