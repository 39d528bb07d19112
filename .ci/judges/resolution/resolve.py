"""Says what fastavro makes of data of one schema that are read by another, in the form of Resolve.java."""

import io
import json
import sys

import fastavro


def resolve(writer, reader, datum):
    source = io.BytesIO(datum)
    value = fastavro.schemaless_reader(source, writer, reader, return_record_name=True)
    if source.read(1):
        raise ValueError("trailing bytes after the datum")
    out = io.BytesIO()
    fastavro.schemaless_writer(out, reader, value)
    return out.getvalue().hex()


def plain(schema):
    """Without logical types, which change no byte."""
    if isinstance(schema, dict):
        return {key: value if key == "default" else plain(value) for key, value in schema.items() if key != "logicalType"}
    return [plain(part) for part in schema] if isinstance(schema, list) else schema


for line in sys.stdin:
    asked = json.loads(line)
    answer = {"results": []}
    for datum in asked["data"]:
        try:
            writer, reader = (fastavro.parse_schema(plain(asked[side])) for side in ("writer", "reader"))
            answer["results"].append(resolve(writer, reader, bytes.fromhex(datum)))
        except Exception as error:  # whatever it is, it is an answer
            answer["results"].append(None)
            answer["error"] = repr(error)
    print(json.dumps(answer))
