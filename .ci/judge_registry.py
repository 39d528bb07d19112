"""Asks a schema registry what a user of confluent-kafka's SchemaRegistryClient asks, and checks the meaning of each answer.

Each check uses a client and subjects of its own, so that neither the client's caches nor another check answer for the registry.
"""

import json
import sys
import time
import traceback
import urllib.error
import urllib.request
import uuid

from confluent_kafka.schema_registry import (
    Metadata,
    MetadataProperties,
    MetadataTags,
    Rule,
    RuleKind,
    RuleMode,
    RuleParams,
    RuleSet,
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    ServerConfig,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.common.schema_registry_client import (
    AssociationCreateOrUpdateInfo,
    AssociationCreateOrUpdateRequest,
    ConfigCompatibilityLevel,
)
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext

URL = sys.argv[1].rstrip("/")
RUN = uuid.uuid4().hex[:8]
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def client():
    return SchemaRegistryClient({"url": URL, "max.retries": 0})


def record(*fields, name="R", namespace=None, **more):
    schema = {"type": "record", "name": name}
    if namespace is not None:
        schema["namespace"] = namespace
    schema["fields"] = [{"name": f[0], "type": f[1], **(f[2] if len(f) > 2 else {})} for f in fields]
    return json.dumps({**schema, **more})


def avro(text, references=(), **more):
    return Schema(text, "AVRO", list(references), **more)


def metadata(tags=None, sensitive=None, **properties):
    return Metadata(MetadataTags(tags) if tags else None, MetadataProperties(properties), sensitive)


def rules(*names, kind=RuleKind.CONDITION, expr="true"):
    return RuleSet([], [Rule(n, None, kind, RuleMode.WRITE, "CEL", None, RuleParams({}), expr, None, None, False) for n in names])


ONE = record(("a", "int"))
TWO = record(("a", "int"), ("b", "string", {"default": ""}))
THREE = record(("a", "int"), ("b", "string", {"default": ""}), ("c", ["null", "long"], {"default": None}))
BREAKS = record(("a", "string"))


def same(found, expected):
    assert found == expected, f"expected {expected!r}, found {found!r}"


def same_json(found, expected):
    same(json.loads(found), json.loads(expected))


def refused(status, code, call, *args, **kwargs):
    try:
        answer = call(*args, **kwargs)
    except SchemaRegistryError as error:
        same((error.http_status_code, error.error_code), (status, code))
        assert error.error_message, "the refusal has no message"
        return error.error_message
    raise AssertionError(f"expected status {status} and code {code}, found the answer {answer!r}")


def get(path):
    """What the client has no method for, as a plain request."""
    try:
        with urllib.request.urlopen(URL + path) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@check
def register_schema_gives_one_id_to_one_schema(s):
    c = client()
    first = c.register_schema(s, avro(ONE))
    assert isinstance(first, int) and first > 0
    same(client().register_schema(s, avro(ONE)), first)
    same(client().register_schema(s + "-other", avro(ONE)), first)
    same(client().register_schema(s, avro(ONE), normalize_schemas=True), first)
    assert client().register_schema(s, avro(TWO)) > first
    same(client().get_versions(s), [1, 2])


@check
def register_schema_full_response_shows_what_was_registered(s):
    answer = client().register_schema_full_response(s, avro(ONE))
    assert answer.schema_id > 0
    same(answer.subject, s)
    if answer.version is not None:
        same(answer.version, 1)
    uuid.UUID(answer.guid)
    same(client().register_schema_full_response(s, avro(ONE), normalize_schemas=True).guid, answer.guid)


@check
def register_schema_refuses_by_code(s):
    c = client()
    refused(422, 42201, c.register_schema, s, avro('{"type":"recrd","name":"R","fields":[]}'))
    refused(422, 42201, c.register_schema, s, avro('{"type":"record","name":"R"}'))
    refused(422, 42201, c.register_schema, s, avro("not a schema"))
    refused(422, 42201, c.register_schema, s, avro('["int","int"]'))
    refused(422, 42201, c.register_schema, s, Schema('syntax = "proto3";', "NOSUCH"))
    c.register_schema(s, avro(ONE))
    message = refused(409, 409, c.register_schema, s, avro(BREAKS))
    assert "incompatible" in message and s in message and "TYPE_MISMATCH" in message, message


@check
def schemas_are_taken_that_java_reads(s):
    c = client()
    nested = {"type": "record", "name": "R199", "fields": [{"name": "f", "type": "int"}]}
    for level in reversed(range(199)):
        nested = {"type": "record", "name": f"R{level}", "fields": [{"name": "f", "type": nested}]}
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    cases = {
        "dashes in a namespace": record(("a", "int"), name="Envelope", namespace="my-server.inventory"),
        "default of another type": record(("a", "int", {"default": "none"})),
        "200 nested levels": json.dumps(nested),
        "no fields": record(),
        "an unknown logical type": record(("a", {"type": "string", "logicalType": "no-such"})),
        "a decimal that cannot be": record(("a", {"type": "bytes", "logicalType": "decimal", "precision": 1, "scale": 4})),
        "a bare primitive": '"string"',
    }
    try:
        for number, (what, text) in enumerate(cases.items()):
            subject = f"{s}-{number}"
            try:
                identity = c.register_schema(subject, avro(text))
                same_json(client().get_schema(identity).schema_str, text)
                assert client().test_compatibility(subject, avro(text)), "not compatible with itself"
            except (SchemaRegistryError, AssertionError) as error:
                raise AssertionError(f"{what}: {str(error)[:300]}") from error
    finally:
        sys.setrecursionlimit(limit)


@check
def get_schema_returns_the_text_by_id(s):
    c = client()
    identity = c.register_schema(s, avro(ONE))
    same_json(client().get_schema(identity).schema_str, ONE)
    same(client().get_schema(identity).schema_type, "AVRO")
    same_json(client().get_schema(identity, subject_name=s).schema_str, ONE)
    same_json(client().get_schema(identity, fmt="resolved").schema_str, ONE)
    same_json(client().get_schema(identity, fmt="no-such-format").schema_str, ONE)
    same_json(client().get_schema(identity, subject_name=s, fmt="resolved", reference_format="qualified").schema_str, ONE)
    refused(404, 40403, client().get_schema, 1_999_999_999)


@check
def get_schema_by_guid_returns_the_same_schema(s):
    guid = client().register_schema_full_response(s, avro(ONE)).guid
    same_json(client().get_schema_by_guid(guid).schema_str, ONE)
    same_json(client().get_schema_by_guid(guid, fmt="resolved").schema_str, ONE)
    other = client().register_schema_full_response(s, avro(TWO)).guid
    assert other != guid
    same(client().get_latest_version(s).guid, other)
    same(client().get_version(s, 1).guid, guid)
    refused(404, 40403, client().get_schema_by_guid, str(uuid.uuid4()))
    identity = client().get_version(s, 1).schema_id
    same(get(f"/schemas/guids/{guid}/ids")[1], [{"context": ".", "id": identity}])


@check
def get_schema_types_has_avro(_):
    assert "AVRO" in client().get_schema_types()


@check
def get_subjects_by_schema_id_lists_and_pages(s):
    c = client()
    names = [f"{s}-{letter}" for letter in "abc"]
    identity = [c.register_schema(name, avro(record((s.replace("-", "_"), "int")))) for name in names][0]
    same(c.get_subjects_by_schema_id(identity), names)
    same(c.get_subjects_by_schema_id(identity, offset=1), names[1:])
    same(c.get_subjects_by_schema_id(identity, offset=1, limit=1), names[1:2])
    # The subject only names the context to look in.
    same(c.get_subjects_by_schema_id(identity, subject_name=names[1]), names)
    c.delete_subject(names[0])
    same(c.get_subjects_by_schema_id(identity), names[1:])
    same(c.get_subjects_by_schema_id(identity, deleted=True), names)
    refused(404, 40403, c.get_subjects_by_schema_id, 1_999_999_999)


@check
def get_schema_versions_lists_and_pages(s):
    c = client()
    names = [f"{s}-{letter}" for letter in "abc"]
    identity = [c.register_schema(name, avro(record((s.replace("-", "_"), "int")))) for name in names][0]
    shown = lambda versions: [(v.subject, v.version) for v in versions]
    expected = [(name, 1) for name in names]
    same(shown(c.get_schema_versions(identity)), expected)
    same(shown(c.get_schema_versions(identity, offset=2)), expected[2:])
    same(shown(c.get_schema_versions(identity, offset=0, limit=2)), expected[:2])
    same(shown(c.get_schema_versions(identity, subject_name=names[2])), expected)
    c.delete_subject(names[2])
    same(shown(c.get_schema_versions(identity)), expected[:2])
    same(shown(c.get_schema_versions(identity, deleted=True)), expected)
    refused(404, 40403, c.get_schema_versions, 1_999_999_999)


@check
def lookup_schema_finds_the_version(s):
    c = client()
    identity = c.register_schema(s, avro(ONE))
    c.register_schema(s, avro(TWO))
    found = client().lookup_schema(s, avro(ONE))
    same((found.subject, found.version, found.schema_id), (s, 1, identity))
    uuid.UUID(found.guid)
    spaced = json.dumps(json.loads(ONE), indent=4)
    same(client().lookup_schema(s, avro(spaced), normalize_schemas=True, fmt="resolved").version, 1)
    refused(404, 40403, client().lookup_schema, s, avro(THREE))
    refused(404, 40401, client().lookup_schema, s + "-none", avro(ONE))
    c.delete_version(s, 1)
    refused(404, 40403, client().lookup_schema, s, avro(ONE))
    same(client().lookup_schema(s, avro(ONE), deleted=True).version, 1)


@check
def get_subjects_filters_and_pages(s):
    c = client()
    names = [f"{s}-{letter}" for letter in "abcd"]
    for name in names:
        c.register_schema(name, avro(ONE))
    assert set(names) <= set(c.get_subjects())
    same(c.get_subjects(subject_prefix=s), names)
    same(c.get_subjects(subject_prefix=s, offset=1, limit=2), names[1:3])
    same(c.get_subjects(subject_prefix=s, limit=-1), names)
    c.delete_subject(names[3])
    same(c.get_subjects(subject_prefix=s), names[:3])
    same(c.get_subjects(subject_prefix=s, deleted=True), names)
    same(c.get_subjects(subject_prefix=s, deleted_only=True), names[3:])
    same(c.get_subjects(subject_prefix=s, deleted=True, deleted_only=True), names[3:])
    c.delete_subject(names[3], permanent=True)
    same(c.get_subjects(subject_prefix=s, deleted=True), names[:3])


@check
def delete_subject_soft_then_permanent(s):
    c = client()
    refused(404, 40401, c.delete_subject, s)
    identity = c.register_schema(s, avro(ONE))
    c.register_schema(s, avro(TWO))
    refused(404, 40405, c.delete_subject, s, permanent=True)
    same(c.delete_subject(s), [1, 2])
    refused(404, 40404, c.delete_subject, s)
    refused(404, 40401, c.get_versions, s)
    same_json(client().get_schema(identity).schema_str, ONE)
    same(c.delete_subject(s, permanent=True), [1, 2])
    refused(404, 40401, c.get_versions, s, deleted=True)


@check
def get_latest_version_is_the_newest_active_one(s):
    c = client()
    refused(404, 40401, c.get_latest_version, s)
    c.register_schema(s, avro(ONE))
    identity = c.register_schema(s, avro(TWO))
    latest = client().get_latest_version(s)
    same((latest.subject, latest.version, latest.schema_id), (s, 2, identity))
    same_json(latest.schema.schema_str, TWO)
    same(client().get_latest_version(s, fmt="resolved").version, 2)
    c.delete_version(s, 2)
    same(client().get_latest_version(s).version, 1)


@check
def get_latest_with_metadata_finds_by_properties(s):
    c = client()
    c.register_schema(s, avro(ONE, metadata=metadata(major="1", owner="a")))
    c.register_schema(s, avro(TWO, metadata=metadata(major="1", owner="b")))
    c.register_schema(s, avro(THREE, metadata=metadata(major="2", owner="b")))
    same(client().get_latest_with_metadata(s, {"major": "1"}).version, 2)
    found = client().get_latest_with_metadata(s, {"major": "1", "owner": "a"}, fmt="resolved")
    same(found.version, 1)
    same(found.schema.metadata.properties.properties, {"major": "1", "owner": "a"})
    same(client().get_latest_with_metadata(s, {}).version, 3)
    refused(404, 40403, client().get_latest_with_metadata, s, {"major": "9"})
    refused(404, 40401, client().get_latest_with_metadata, s + "-none", {"major": "1"})
    c.delete_version(s, 3)
    refused(404, 40403, client().get_latest_with_metadata, s, {"major": "2"})
    same(client().get_latest_with_metadata(s, {"major": "2"}, deleted=True).version, 3)


@check
def metadata_and_rules_are_kept_and_count(s):
    c = client()
    plain = c.register_schema(s, avro(ONE))
    about = metadata(tags={"**.a": ["PII"]}, sensitive=["key"], key="value")
    kept = c.register_schema(s, avro(ONE, metadata=about, rule_set=rules("check")))
    assert kept != plain, "other metadata is another schema"
    found = client().get_version(s, 2).schema
    same(found.metadata.properties.properties, {"key": "value"})
    same(found.metadata.tags.tags, {"**.a": ["PII"]})
    same(found.metadata.sensitive, ["key"])
    same([rule.name for rule in found.rule_set.domain_rules], ["check"])
    same(client().get_schema(kept).rule_set.domain_rules[0].expr, "true")
    # What the next version does not say is taken from the one before it.
    c.register_schema(s, avro(TWO))
    inherited = client().get_version(s, 3).schema
    same(inherited.metadata.properties.properties, {"key": "value"})
    same([rule.name for rule in inherited.rule_set.domain_rules], ["check"])
    refused(422, 42210, c.register_schema, s, avro(THREE, rule_set=rules("twice", "twice")))


@check
def get_version_by_number_and_latest(s):
    c = client()
    c.register_schema(s, avro(ONE))
    c.register_schema(s, avro(TWO))
    same_json(client().get_version(s, 1).schema.schema_str, ONE)
    same(client().get_version(s).version, 2)
    same(client().get_version(s, "latest", fmt="resolved").version, 2)
    refused(404, 40402, client().get_version, s, 9)
    refused(404, 40401, client().get_version, s + "-none", 1)
    refused(422, 42202, client().get_version, s, 0)
    refused(422, 42202, client().get_version, s, "first")
    c.delete_version(s, 1)
    refused(404, 40402, client().get_version, s, 1)
    same(client().get_version(s, 1, deleted=True).version, 1)
    same_json(client().get_version(s, 1, deleted=True, fmt="resolved").schema.schema_str, ONE)


@check
def get_versions_filters_and_pages(s):
    c = client()
    for text in (ONE, TWO, THREE):
        c.register_schema(s, avro(text))
    same(c.get_versions(s), [1, 2, 3])
    same(c.get_versions(s, offset=1), [2, 3])
    same(c.get_versions(s, offset=1, limit=1), [2])
    c.delete_version(s, 2)
    same(c.get_versions(s), [1, 3])
    same(c.get_versions(s, deleted=True), [1, 2, 3])
    same(c.get_versions(s, deleted_only=True), [2])
    refused(404, 40401, c.get_versions, s + "-none")


@check
def delete_version_soft_then_permanent(s):
    c = client()
    refused(404, 40401, c.delete_version, s, 1)
    identity = c.register_schema(s, avro(ONE))
    c.register_schema(s, avro(TWO))
    refused(404, 40402, c.delete_version, s, 9)
    refused(404, 40407, c.delete_version, s, 1, permanent=True)
    same(c.delete_version(s, 1), 1)
    refused(404, 40406, c.delete_version, s, 1)
    same_json(client().get_schema(identity, subject_name=s).schema_str, ONE)
    same(c.delete_version(s, 1, permanent=True), 1)
    same(c.get_versions(s, deleted=True), [2])
    same(c.delete_version(s, "latest"), 2)


@check
def references_are_resolved_and_protected(s):
    c = client()
    address = record(("city", "string"), name="Address", namespace="ns")
    person = record(("home", "ns.Address"), ("work", "ns.Address"), name="Person", namespace="other")
    team = record(("lead", "other.Person"), ("office", "ns.Address"), name="Team")
    c.register_schema(s + "-address", avro(address))
    by = SchemaReference("ns.Address", s + "-address", 1)
    refused(422, 42201, c.register_schema, s + "-person", avro(person))
    refused(422, 42201, c.register_schema, s + "-person", avro(person, [SchemaReference("ns.Address", s + "-none", 1)]))
    refused(422, 42201, c.register_schema, s + "-person", avro(person, [SchemaReference("ns.Address", s + "-address", 7)]))
    identity = c.register_schema(s + "-person", avro(person, [by]))
    found = client().get_version(s + "-person", 1)
    same([(r.name, r.subject, r.version) for r in found.schema.references], [("ns.Address", s + "-address", 1)])
    same_json(found.schema.schema_str, person)
    same(len(client().get_schema(identity).references), 1)
    same(client().lookup_schema(s + "-person", avro(person, [by])).version, 1)
    resolved = json.loads(client().get_schema(identity, fmt="resolved").schema_str)
    same((resolved["fields"][0]["type"]["name"], resolved["fields"][0]["type"]["fields"][0]["name"]), ("Address", "city"))
    # A schema sent with everything in it is the registered one with references.
    same(client().lookup_schema(s + "-person", avro(json.dumps(resolved))).version, 1)
    # A reference of a reference.
    indirect = c.register_schema(s + "-team", avro(team, [SchemaReference("other.Person", s + "-person", 1)]))
    same(c.get_referenced_by(s + "-address", 1), [identity])
    same(c.get_referenced_by(s + "-person"), [indirect])
    same(c.get_referenced_by(s + "-person", "latest", offset=1), [])
    same(c.get_referenced_by(s + "-person", 1, offset=0, limit=1), [indirect])
    same(c.get_referenced_by(s + "-team", 1), [])
    refused(404, 40401, c.get_referenced_by, s + "-none", 1)
    refused(404, 40402, c.get_referenced_by, s + "-person", 9)
    refused(422, 42206, c.delete_version, s + "-address", 1)
    refused(422, 42206, c.delete_subject, s + "-address")
    # Soft deletion of what refers is enough for a soft deletion, not for a permanent one.
    c.delete_subject(s + "-team")
    same(c.get_referenced_by(s + "-person", 1), [])
    same(c.delete_subject(s + "-person"), [1])
    same(c.delete_version(s + "-address", 1), 1)
    refused(422, 42206, c.delete_version, s + "-address", 1, permanent=True)
    c.delete_subject(s + "-team", permanent=True)
    c.delete_subject(s + "-person", permanent=True)
    same(c.delete_version(s + "-address", 1, permanent=True), 1)


@check
def references_are_resolved_in_compatibility(s):
    c = client()
    c.register_schema(s + "-address", avro(record(("city", "string"), name="Address")))
    c.set_compatibility(s + "-address", "NONE")
    c.register_schema(s + "-address", avro(record(("city", "int"), name="Address")))
    person = record(("home", "Address"), name="Person")
    first, second = (SchemaReference("Address", s + "-address", version) for version in (1, 2))
    c.register_schema(s, avro(person, [first]))
    assert c.test_compatibility(s, avro(person, [first]))
    assert not c.test_compatibility(s, avro(person, [second])), "the referenced type has changed"
    refused(409, 409, c.register_schema, s, avro(person, [second]))
    assert client().lookup_schema(s, avro(person, [first])).version == 1
    refused(404, 40403, client().lookup_schema, s, avro(person, [second]))


@check
def test_compatibility_against_a_version(s):
    c = client()
    c.register_schema(s, avro(ONE))
    c.register_schema(s, avro(TWO))
    assert c.test_compatibility(s, avro(THREE))
    assert c.test_compatibility(s, avro(THREE), version=1, normalize=True, verbose=True)
    assert not c.test_compatibility(s, avro(BREAKS), version="latest", verbose=True)
    refused(404, 40402, c.test_compatibility, s, avro(ONE), version=9)
    refused(422, 42202, c.test_compatibility, s, avro(ONE), version="first")
    refused(422, 42201, c.test_compatibility, s, avro("{}"))
    # Nothing to be incompatible with.
    assert c.test_compatibility(s + "-none", avro(ONE))


@check
def test_compatibility_with_all_versions(s):
    c = client()
    c.set_compatibility(s, "BACKWARD_TRANSITIVE")
    c.register_schema(s, avro(record(("a", "int"), ("x", "long", {"default": 0}))))
    c.register_schema(s, avro(record(("a", "int"))))
    changed = avro(record(("a", "int"), ("x", "string", {"default": ""})))
    assert not c.test_compatibility_all_versions(s, changed)
    assert not c.test_compatibility_all_versions(s, changed, normalize=True, verbose=True)
    c.set_compatibility(s, "BACKWARD")
    assert c.test_compatibility_all_versions(s, changed)
    assert c.test_compatibility_all_versions(s + "-none", changed)


@check
def compatibility_of_a_subject_is_set_read_and_taken_away(s):
    c = client()
    refused(404, 40408, c.get_compatibility, s)
    for level in ("NONE", "FORWARD", "full_transitive"):
        same(c.set_compatibility(s, level)["compatibility"], level.upper())
        same(c.get_compatibility(s), level.upper())
    refused(422, 42203, c.set_compatibility, s, "SIDEWAYS")
    same(c.delete_config(s).compatibility_level, ConfigCompatibilityLevel.FULL_TRANSITIVE)
    refused(404, 40408, c.get_compatibility, s)
    refused(404, 40401, c.delete_config, s)


@check
def global_compatibility_is_set_read_and_taken_away(_):
    c = client()
    before = c.get_compatibility()
    try:
        same(c.set_compatibility(level="FULL")["compatibility"], "FULL")
        same(c.get_compatibility(), "FULL")
        same(c.get_config().compatibility_level, ConfigCompatibilityLevel.FULL)
        same(c.set_config(config=ServerConfig(compatibility=ConfigCompatibilityLevel.FORWARD))["compatibility"], "FORWARD")
        same(c.delete_config().compatibility_level, ConfigCompatibilityLevel.FORWARD)
        same(c.get_compatibility(), "BACKWARD")
    finally:
        c.set_compatibility(level=before)


@check
def config_of_a_subject_is_taken_in_both_spellings(s):
    c = client()
    refused(404, 40408, c.get_config, s)
    same(c.set_config(s, ServerConfig(compatibility=ConfigCompatibilityLevel.FULL))["compatibility"], "FULL")
    same(c.get_config(s).compatibility_level, ConfigCompatibilityLevel.FULL)
    c.set_config(s, ServerConfig(compatibility_level=ConfigCompatibilityLevel.NONE))
    same(c.get_compatibility(s), "NONE")
    both = ConfigCompatibilityLevel.FORWARD
    c.set_config(s, ServerConfig(compatibility=both, compatibility_level=both))
    same(c.get_compatibility(s), "FORWARD")
    # What a later change does not name stays as it was.
    c.set_config(s, ServerConfig(compatibility_group="major"))
    found = c.get_config(s)
    same((found.compatibility_level, found.compatibility_group), (both, "major"))


@check
def compatibility_group_separates_versions(s):
    c = client()
    c.set_config(s, ServerConfig(compatibility=ConfigCompatibilityLevel.BACKWARD, compatibility_group="major"))
    c.register_schema(s, avro(ONE, metadata=metadata(major="1")))
    refused(409, 409, c.register_schema, s, avro(BREAKS, metadata=metadata(major="1")))
    c.register_schema(s, avro(BREAKS, metadata=metadata(major="2")))
    assert c.test_compatibility_all_versions(s, avro(TWO, metadata=metadata(major="1")))
    assert not c.test_compatibility_all_versions(s, avro(TWO, metadata=metadata(major="2")))


@check
def config_gives_defaults_and_overrides(s):
    c = client()
    c.set_config(
        s,
        ServerConfig(
            default_metadata=metadata(owner="nobody", team="core"),
            override_metadata=metadata(audited="yes"),
            default_rule_set=rules("standard"),
            override_rule_set=rules("always"),
        ),
    )
    kept = c.get_config(s)
    same(kept.default_metadata.properties.properties, {"owner": "nobody", "team": "core"})
    same([rule.name for rule in kept.override_rule_set.domain_rules], ["always"])
    c.register_schema(s, avro(ONE, metadata=metadata(owner="me", audited="no")))
    found = client().get_latest_version(s).schema
    same(found.metadata.properties.properties, {"owner": "me", "team": "core", "audited": "yes"})
    same([rule.name for rule in found.rule_set.domain_rules], ["standard", "always"])


@check
def mode_of_a_subject_is_set_read_and_taken_away(s):
    c = client()
    refused(404, 40409, c.get_mode, s)
    identity = c.register_schema(s, avro(ONE))
    same(c.update_mode(s, "READONLY"), "READONLY")
    same(c.get_mode(s), "READONLY")
    refused(422, 42205, client().register_schema, s, avro(TWO))
    same(client().register_schema(s, avro(ONE)), identity)
    refused(422, 42205, c.delete_version, s, 1)
    refused(422, 42205, c.delete_subject, s)
    same(c.update_mode(s, "READWRITE", force=True), "READWRITE")
    client().register_schema(s, avro(TWO))
    refused(422, 42204, c.update_mode, s, "SIDEWAYS")
    same(c.delete_mode(s), "READWRITE")
    refused(404, 40409, c.get_mode, s)
    refused(404, 40401, c.delete_mode, s)


@check
def import_mode_needs_an_empty_subject_or_force(s):
    c = client()
    same(c.update_mode(s, "IMPORT"), "IMPORT")
    # The client sends no id, and only schemas with one are imported.
    refused(422, 42205, c.register_schema, s, avro(ONE))
    c.delete_mode(s)
    c.register_schema(s, avro(ONE))
    refused(422, 42205, c.update_mode, s, "IMPORT")
    same(c.update_mode(s, "IMPORT", force=True), "IMPORT")
    same(c.get_versions(s), [1])


@check
def global_mode_is_set_and_read(s):
    c = client()
    before = c.get_global_mode()
    same(before, "READWRITE")
    try:
        same(c.update_global_mode("READONLY"), "READONLY")
        same(c.get_global_mode(), "READONLY")
        refused(422, 42205, client().register_schema, s, avro(ONE))
        c.update_mode(s, "READWRITE")
        client().register_schema(s, avro(ONE))
        same(c.update_global_mode("READONLY_OVERRIDE", force=False), "READONLY_OVERRIDE")
        refused(422, 42205, client().register_schema, s, avro(TWO))
    finally:
        same(c.update_global_mode(before, force=True), before)


@check
def get_contexts_has_the_default_one(_):
    c = client()
    same(c.get_contexts()[0], ".")
    same(c.get_contexts(offset=0, limit=1), ["."])
    same(c.get_contexts(offset=1000), [])


@check
def associations_are_none(s):
    c = client()
    same(c.get_associations_by_resource_name(s, "-"), [])
    same(c.get_associations_by_resource_name(s, "lkc-1", resource_type="topic", association_types=["key", "value"], offset=1, limit=5), [])
    wanted = AssociationCreateOrUpdateInfo(subject=s, association_type="value", lifecycle="STRONG", frozen=False, schema=avro(ONE))
    request = AssociationCreateOrUpdateRequest(s, "lkc-1", "id-1", "topic", [wanted])
    message = refused(501, 501, c.create_association, request)
    assert "association" in message, message
    same(c.delete_associations("id-1"), None)
    same(c.delete_associations("id-1", resource_type="topic", association_types=["value"], cascade_lifecycle=True), None)


@check
def caches_and_life_of_a_client(s):
    with client() as c:
        same(c.config()["url"], URL)
        c.register_schema(s, avro(ONE))
        same(c.get_latest_version(s).version, 1)
        client().register_schema(s, avro(TWO))
        c.clear_latest_caches()
        same(c.get_latest_version(s).version, 2)
        c.clear_caches()
        same(c.get_version(s, 1).version, 1)


@check
def serializer_and_deserializer_agree(s):
    c = client()
    about = SerializationContext(s, MessageField.VALUE)
    # Its default naming asks for associations first.
    write = AvroSerializer(c, TWO)
    read = AvroDeserializer(client(), TWO)
    same(read(write({"a": 7, "b": "x"}, about), about), {"a": 7, "b": "x"})
    same(client().get_subjects(subject_prefix=s), [s + "-value"])
    latest = AvroSerializer(client(), conf={"auto.register.schemas": False, "use.latest.version": True})
    same(read(latest({"a": 8, "b": "y"}, about), about), {"a": 8, "b": "y"})


@check
def serializer_follows_references(s):
    c = client()
    c.register_schema(s + "-address", avro(record(("city", "string"), name="Address", namespace="ns")))
    person = avro(record(("home", "ns.Address"), name="Person"), [SchemaReference("ns.Address", s + "-address", 1)])
    about = SerializationContext(s, MessageField.VALUE)
    data = AvroSerializer(client(), person)({"home": {"city": "Oslo"}}, about)
    same(AvroDeserializer(client())(data, about), {"home": {"city": "Oslo"}})


@check
def names_with_any_signs_are_subjects(s):
    c = client()
    for name in (f"{s}/a b", f"{s}-ü%2F", f"{s}?x=1&y", f"{s}+plus"):
        c.register_schema(name, avro(ONE))
        same(c.get_versions(name), [1])
        same(c.get_latest_version(name).subject, name)
        assert name in c.get_subjects(subject_prefix=s), name
        same(c.delete_subject(name), [1])


@check
def unknown_parameters_are_ignored_as_at_confluents(s):
    identity = client().register_schema(s, avro(ONE))
    same(get(f"/subjects/{s}/versions?colour=blue&deleted_twice=true"), (200, [1]))
    same(get(f"/schemas/ids/{identity}?colour=blue")[0], 200)
    same(get(f"/config?defaultToGlobal=true&colour=blue")[0], 200)
    status, schemas = get(f"/schemas?subjectPrefix={s}&latestOnly=true")
    same((status, [(one["subject"], one["version"], one["id"]) for one in schemas]), (200, [(s, 1, identity)]))


def wait_until_it_answers():
    deadline = time.monotonic() + 60
    while True:
        try:
            return get("/subjects")
        except OSError as error:
            if time.monotonic() > deadline:
                sys.exit(f"asking {URL} for its subjects: {error}; is a schema registry running there?")
            time.sleep(0.1)


def main():
    wait_until_it_answers()
    failed = 0
    for number, function in enumerate(CHECKS):
        try:
            function(f"judge-{RUN}-{number:02}")
        except Exception as error:
            failed += 1
            at = [step.lineno for step in traceback.extract_tb(error.__traceback__) if step.name == function.__name__]
            print(f"failed: {function.__name__}, line {at[-1]}: {type(error).__name__}: {str(error)[:400]}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
