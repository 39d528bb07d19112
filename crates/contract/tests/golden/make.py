"""Writes events.json: events and their bytes as another Avro implementation encodes them.

Run by hand, once per released schema version; the output is data, and the Rust tests never need Python:

    python3 -m venv /tmp/avro && /tmp/avro/bin/pip install fastavro==1.13.1
    /tmp/avro/bin/python crates/contract/tests/golden/make.py > crates/contract/tests/golden/events.json
"""

import io
import json
import pathlib
import struct

import fastavro

HERE = pathlib.Path(__file__).resolve().parent
SCHEMAS = HERE.parents[3] / "schemas" / "customer-event"
MAX, MIN = 2**63 - 1, -(2**63)


def uuid(n):
    return f"{n:08x}-0000-4000-8000-{n:012x}"


def customer(**changes):
    return {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada.lovelace@example.com",
        "phone": "+44 20 7946 0101",
        "street": "12 St James's Square",
        "city": "London",
        "postal_code": "SW1Y 4JH",
        "country": "GB",
        "loyalty_tier": "gold",
        "marketing_consent": True,
    } | changes


def event(n, operation, sequence, time, attributes):
    return {
        "event_id": uuid(0xE0000000 + n),
        "operation": operation,
        "customer_id": uuid(n),
        "sequence": sequence,
        "event_time": time,
        "customer": attributes,
    }


EMPTY = {name: "" for name in customer()} | {"loyalty_tier": None, "marketing_consent": None}

EVENTS = {
    "create": event(1, "CREATE", 1, 1_700_000_000_000, customer()),
    "update": event(1, "UPDATE", 2, 1_700_000_120_000, customer(city="Ockham", postal_code="GU23 6NP")),
    "delete carries no customer": event(1, "DELETE", 3, 1_700_000_240_000, None),
    "nulls in the newer attributes": event(2, "CREATE", 1, 1, customer(loyalty_tier=None, marketing_consent=None)),
    "one null, one not": event(2, "UPDATE", 2, 2, customer(loyalty_tier=None, marketing_consent=False)),
    "empty texts": event(3, "CREATE", 1, 0, EMPTY | {"loyalty_tier": ""}),
    "accents and two-byte letters": event(4, "CREATE", 1, 10, customer(
        first_name="Günther", last_name="Ćosić-Özm̂en", street="Straße des 17. Juni 135", city="Kırşehir")),
    "three-byte letters": event(5, "CREATE", 1, 10, customer(
        first_name="湊介", last_name="佐藤", street="丸の内1-9-1", city="千代田区", country="JP")),
    "four-byte letters and right-to-left": event(6, "CREATE", 1, 10, customer(
        first_name="𠮷👩‍👩‍👧", last_name="محمد", loyalty_tier="🥇")),
    "quotes, controls, line ends": event(7, "UPDATE", 5, 10, customer(
        first_name="\"O'Hara\\\"", street="line 1\r\nline 2\t\u0000end", city="\ufeff\u2028")),
    "largest numbers": event(8, "UPDATE", MAX, MAX, customer()),
    "smallest numbers": event(9, "DELETE", MIN, MIN, None),
    "lengths that need two bytes": event(10, "UPDATE", 64, -1, customer(street="x" * 64, city="y" * 8192)),
}


def datum(schema, value):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, value)
    return buffer.getvalue()


def main():
    versions = {}
    for path in sorted(SCHEMAS.glob("v*.avsc"), key=lambda path: int(path.stem[1:])):
        versions[path.stem] = fastavro.parse_schema(json.loads(path.read_text()))
    cases = []
    for name, value in EVENTS.items():
        data = {version: datum(schema, value) for version, schema in versions.items()}
        newest = list(data.values())[-1]
        cases.append({
            "name": name,
            "event": value,
            "datum": {version: bytes_.hex() for version, bytes_ in data.items()},
            # Confluent's wire format: a zero byte, the schema's id in four bytes, big-endian, and the datum.
            "framed": {"schema_id": 0x01020304, "bytes": (struct.pack(">bI", 0, 0x01020304) + newest).hex()},
        })
    print(json.dumps({"fastavro": fastavro.__version__, "cases": cases}, indent=1))


main()
