"""Makes resolution.jsonl: pairs of schemas for every rule of resolution, with the bytes that Avro for Java makes of the data.

    python3 make_resolution.py ../../../../.ci/judge-resolution > resolution.jsonl

The data are encoded here, without a library. Pairs on which fastavro agrees with Java are counted on standard error.
"""

import json
import struct
import subprocess
import sys


def long(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def sized(data):
    return long(len(data)) + data


def encode(schema, value, names):
    """Encodes a value. Unions are given as (branch, value)."""
    if isinstance(schema, list):
        branch, inner = value
        return long(branch) + encode(schema[branch], inner, names)
    if isinstance(schema, str) and schema in names:
        schema = names[schema]
    kind = schema["type"] if isinstance(schema, dict) else schema
    if isinstance(schema, dict) and "name" in schema:
        names[schema["name"]] = schema
    if kind == "null":
        return b""
    if kind == "boolean":
        return bytes([value])
    if kind in ("int", "long", "enum"):
        return long(value)
    if kind == "float":
        return struct.pack("<f", value)
    if kind == "double":
        return struct.pack("<d", value)
    if kind == "bytes":
        return sized(value)
    if kind == "string":
        return sized(value.encode())
    if kind == "fixed":
        return value
    if kind == "array":
        items = b"".join(encode(schema["items"], item, names) for item in value)
        return (long(len(value)) + items if value else b"") + b"\0"
    if kind == "map":
        items = b"".join(sized(key.encode()) + encode(schema["values"], item, names) for key, item in value.items())
        return (long(len(value)) + items if value else b"") + b"\0"
    if kind == "record":
        return b"".join(encode(field["type"], item, names) for field, item in zip(schema["fields"], value))
    raise ValueError(kind)


def record(*fields, name="R", **more):
    return {"type": "record", "name": name, **more, "fields": list(fields)}


def field(name, kind, **more):
    return {"name": name, "type": kind, **more}


def enum(name, *symbols, **more):
    return {"type": "enum", "name": name, **more, "symbols": list(symbols)}


def fixed(name, size, **more):
    return {"type": "fixed", "name": name, **more, "size": size}


def array(items):
    return {"type": "array", "items": items}


def map_of(values):
    return {"type": "map", "values": values}


def logical(kind, of, /, **more):
    return {"type": kind, "logicalType": of, **more}


# Of each type a schema and some of its values.
TYPES = {
    "null": ("null", [None]),
    "boolean": ("boolean", [True, False]),
    "int": ("int", [0, -1, 16777217, 2147483647, -2147483648]),
    "long": ("long", [0, 64, 9007199254740993, 9223372036854775807, -9223372036854775808]),
    "float": ("float", [0.0, -0.5, 3.4e38, float("inf")]),
    "double": ("double", [0.0, 1e300, -0.1]),
    "bytes": ("bytes", [b"", b"text", b"0123456789"]),
    "string": ("string", ["", "é€😀", "x" * 70]),
    "fixed": (fixed("F", 3), [b"\0\xff\x07"]),
    "enum": (enum("E", "A", "B", "C"), [0, 2]),
    "array": (array("int"), [[], [1, -2, 300]]),
    "map": (map_of("string"), [{}, {"k": "v"}]),
    "record": (record(field("a", "int"), field("b", "string")), [(7, "x")]),
}
cases = []


def case(rule, writer, reader, values):
    data = [encode(writer, value, {}).hex() for value in values]
    cases.append({"rule": rule, "writer": writer, "reader": reader, "data": data})


def promotions():
    for a, (writer, values) in TYPES.items():
        for b, (reader, _) in TYPES.items():
            case(f"type: {a} read as {b}", writer, reader, values)
    for a, (writer, values) in TYPES.items():
        case(f"array: items of type {a}", array(writer), array(writer), [[], values])
        case(f"map: values of type {a}", map_of(writer), map_of(writer), [{}, {"key": values[-1]}])
    for a, b in [("int", "long"), ("int", "double"), ("long", "float"), ("float", "double"), ("string", "bytes"), ("int", "string")]:
        values = TYPES[a][1]
        case(f"array: items from {a} to {b}", array(a), array(b), [[], values])
        case(f"map: values from {a} to {b}", map_of(a), map_of(b), [{}, {"k": values[-1]}])
        case(f"nested: a field from {a} to {b}", record(field("f", a)), record(field("f", b)), [(value,) for value in values])


def unions():
    for a, (writer, values) in TYPES.items():
        other = "string" if a != "string" else "long"
        case(f"reader union: {a} into null and {a}", writer, ["null", writer] if a != "null" else ["null", "int"], values)
        case(f"reader union: {a} into a union without it", writer, ["boolean" if a != "boolean" else "null", other], values)
        case(f"writer union: {a} out of a union", [other, writer], writer, [(1, value) for value in values] + [(0, TYPES[other][1][-1])])
        if a != "null":
            both = [(0, None)] + [(1, value) for value in values]
            case(f"both unions: null and {a} turned around", ["null", writer], [writer, "null"], both)
            case(f"both unions: {a} beside more", ["null", writer], [other, "null", writer], both)
            case(f"both unions: {a} is gone", ["null", writer], ["null", other], both)
    for a, order in [("int", ["double", "float", "long"]), ("int", ["string", "double", "int"]), ("long", ["double", "float"]),
                     ("float", ["long", "double"]), ("string", ["int", "bytes"]), ("bytes", ["long", "string"])]:
        values = TYPES[a][1]
        case(f"promotion in a union: {a} into {order}", a, order, values)
        case(f"promotion in a union: null or {a} into null and {order}", ["null", a], ["null", *order], [(0, None)] + [(1, value) for value in values])
    heartbeat = record(field("ts", "long"), name="Heartbeat")
    order = record(field("ts", "long"), field("amount", "int"), field("customer", "string"), name="Order")
    trace = field("trace", ["null", "string"], default=None)
    event = [(1, (1, 42, "Ada")), (0, (5,))]
    case("union by name: an envelope that gets a field", record(field("event", [heartbeat, order]), name="Envelope"),
         record(field("event", [heartbeat, order]), trace, name="Envelope"), [(value,) for value in event])
    case("union by name: branches turned around", [heartbeat, order], [order, heartbeat], event)
    case("union by name: records of the same fields", [record(field("a", "int"), name="X"), record(field("a", "int"), name="Y")],
         ["null", record(field("a", "int"), name="Y"), record(field("a", "int"), name="X")], [(0, (1,)), (1, (2,))])
    case("union by name: a branch by alias", [heartbeat, order],
         [heartbeat, record(field("ts", "long"), field("amount", "long"), name="Sale", aliases=["Order"])], event)
    case("union by name: namespaces tell records apart", record(field("a", "int"), name="b.X"),
         [record(field("a", "long"), name="a.X"), record(field("a", "int"), name="b.X")], [(3,)])
    case("union by name: an enum among enums", enum("E", "A", "B"), [enum("D", "A", "B"), enum("E", "B", "A")], [0, 1])
    case("union by name: a fixed among fixeds", fixed("F", 2), [fixed("G", 2), fixed("F", 2)], [b"ab"])


def names():
    for kind, value in [("string", "Ada"), ("int", 7), (["null", "long"], (1, 9)), (array("int"), [1])]:
        case("field alias: read under its new name", record(field("first", kind)),
             record(field("given", kind, aliases=["first"])), [(value,)])
    case("field alias: before its default", record(field("first", "string")),
         record(field("given", "string", aliases=["first"], default="?")), [("Ada",)])
    case("field alias: with promotion", record(field("n", "int")), record(field("m", "double", aliases=["x", "n"], default=1)), [(3,)])
    case("field alias: the second of several", record(field("c", "int")), record(field("d", "int", aliases=["a", "b", "c"])), [(3,)])
    case("type alias: of a record", record(field("a", "int"), name="Old"), record(field("a", "int"), name="New", aliases=["Old"]), [(1,)])
    case("type alias: of a record in a namespace", record(field("a", "int"), name="n.Old"),
         record(field("a", "int"), name="m.New", aliases=["n.Old"]), [(1,)])
    case("type alias: relative to the namespace", record(field("a", "int"), name="n.Old"),
         record(field("a", "int"), name="New", namespace="n", aliases=["Old"]), [(1,)])
    case("type alias: of an enum", enum("Old", "A", "B"), enum("New", "B", "A", aliases=["Old"]), [0, 1])
    case("type alias: of a fixed", fixed("Old", 2), fixed("New", 2, aliases=["Old"]), [b"ab"])
    case("type alias: of a nested record", record(field("r", record(field("a", "int"), name="Old"))),
         record(field("r", record(field("a", "long"), name="New", aliases=["Old"]))), [((1,),)])
    case("name: an enum of another name", enum("E", "A"), enum("D", "A"), [0])
    case("name: a fixed of another name", fixed("F", 2), fixed("G", 2), [b"ab"])
    case("name: a record with dashes in its namespace", record(field("a", "int"), namespace="my-server.inventory"),
         record(field("a", "int"), field("b", "int", default=1), namespace="my-server.inventory"), [(1,)])


def records():
    abc = [field("a", "int"), field("b", "string"), field("c", "double")]
    value = [(1, "x", 0.5), (-1, "", 0.0)]
    import itertools
    for order in itertools.permutations(abc):
        case("field order: another than the writer's", record(*abc), record(*order), value)
    for kept in itertools.combinations(abc, 2):
        case("field dropped: one of three", record(*abc), record(*kept), value)
    for at in range(4):
        later = list(abc)
        later.insert(at, field("n", "long", default=300))
        case("field added: with its default", record(*abc), record(*later), value)
        later[at] = field("n", "long")
        case("field added: without a default", record(*abc), record(*later), value)
    case("field order: turned around, one dropped, one added", record(*abc), record(abc[2], field("n", "int", default=5), abc[0]), value)
    inner = record(field("x", "int"), field("y", "int"), name="I")
    turned = record(field("y", "long"), field("x", "int"), name="I")
    case("field order: inside and outside", record(field("i", inner), field("a", "int")), record(field("a", "int"), field("i", turned)), [((1, 2), 3)])
    case("field order: in arrays of records", record(field("i", array(inner))), record(field("i", array(turned))), [([(1, 2), (3, 4)],), ([],)])
    case("empty record: read as itself", record(), record(), [()])
    case("empty record: gets a field", record(), record(field("a", "int", default=1)), [()])
    case("empty record: all is dropped", record(*abc), record(), value)


def recursion():
    def node(kind, *more):
        return record(field("n", kind), field("next", ["null", "L"]), *more, name="L")
    chain = (3, (1, (2, (1, (1, (0, None))))))
    case("recursion: a list", node("int"), node("int"), [chain])
    case("recursion: a list that changes", node("int"), node("double", field("d", "int", default=9)), [chain])
    case("recursion: a list turned around", node("int"), record(field("next", ["null", "L"]), field("n", "long"), name="L"), [chain])
    tree = record(field("kids", array("T")), field("n", "int"), name="T")
    case("recursion: a tree", tree, record(field("n", "long"), field("kids", array("T")), name="T"), [([([], 1), ([([], 2)], 3)], 4)])
    deep = (1, (0, None))
    for n in range(100):
        deep = (n, (1, deep))
    case("recursion: a hundred levels", node("int"), node("long", field("d", "string", default="x")), [deep])
    nested, value = "int", 7
    for n in range(35):
        nested, value = record(field("f", nested), name=f"R{n}"), (value,)
    case("recursion: nested records", nested, nested, [value])


def enums():
    case("enum: symbols in another order", enum("E", "A", "B", "C"), enum("E", "C", "A", "B"), [0, 1, 2])
    case("enum: more symbols", enum("E", "A", "B"), enum("E", "X", "A", "B"), [0, 1])
    case("enum: a symbol is gone", enum("E", "A", "B"), enum("E", "A"), [0, 1])
    case("enum: a symbol is gone and there is a default", enum("E", "A", "B", "C"), enum("E", "C", "U", default="U"), [0, 1, 2])
    case("enum: the default of the writer does not count", enum("E", "A", "B", default="A"), enum("E", "A"), [0, 1])
    case("enum: in a field", record(field("e", enum("E", "A", "B"))), record(field("e", enum("E", "B", default="B"))), [(0,), (1,)])
    case("enum: in a union", ["null", enum("E", "A", "B")], ["null", enum("E", "B", "A")], [(1, 0), (1, 1), (0, None)])


def fixeds():
    case("fixed: of another size", fixed("F", 3), fixed("F", 4), [b"abc"])
    case("fixed: of no bytes", fixed("F", 0), fixed("F", 0), [b""])
    case("fixed: in a field beside others", record(field("f", fixed("F", 3)), field("n", "int")), record(field("n", "long"), field("f", fixed("F", 3))), [(b"abc", 1)])


def defaults():
    both = record(field("x", enum("X", "P", "Q"), default="Q"), field("y", fixed("Y", 2), default="\u00ff\u0000"), name="D")
    for kind, default in [
        ("null", None), ("boolean", True), ("int", -5), ("int", 2147483647), ("long", -9223372036854775808), ("long", 3), ("float", 1.5),
        ("float", 3), ("float", 0.1), ("double", 1e-300), ("double", 7), ("bytes", ""), ("bytes", "\u00ff\u00fe"), ("bytes", "\u0000"), ("bytes", "text"),
        ("string", ""), ("string", "é€😀"), (enum("D", "A", "B"), "B"), (fixed("D", 3), "\u0000\u0080\u00ff"),
        (array("int"), []), (array("int"), [1, 2, 3]), (array(array("string")), [["a"], []]), (map_of("int"), {}), (map_of("bytes"), {"k": "\u00fe"}),
        (array(["null", "int"]), [None, 4]), (map_of(["null", "string"]), {"k": "v"}),
        (["null", "int"], None), (["int", "null"], 7), (["string", "null"], "x"), (["null", "string"], "second branch"), (["null", "int", "string"], 5),
        (["null", array("int")], [1]), (["null", map_of("int")], {"a": 1}), (["null", both], {"x": "P", "y": "ab"}),
        (both, {}), (both, {"x": "P"}), (both, {"x": "P", "y": "\u0001\u0002"}), (record(field("d", both), name="O"), {"d": {}}),
        (record(field("a", array("D2")), field("n", "int"), name="D2"), {"a": [{"a": [], "n": 1}], "n": 2}),
        (logical("bytes", "decimal", precision=4, scale=2), "\u0000"), (logical("int", "date"), 19000), (logical("string", "uuid"), "not one"),
        (logical("long", "timestamp-millis"), 0), (logical("fixed", "duration", name="D", size=12), "\u0001" * 12),
    ]:
        shown = kind if isinstance(kind, str) else kind["type"] if isinstance(kind, dict) else "union"
        new = field("new", kind, default=default)
        case(f"default: of type {shown}", record(field("a", "int")), record(field("a", "int"), new), [(1,)])
        case(f"default: of type {shown}, before the rest", record(field("a", "int")), record(new, field("a", "long")), [(1,)])
    case("default: of another type", record(), record(field("n", "int", default="none")), [()])
    case("default: of another type that is not needed", record(field("n", "int")), record(field("n", "int", default="none")), [(5,)])


def logicals():
    decimal = logical("bytes", "decimal", precision=10, scale=2)
    case("logical: a short decimal", record(field("d", decimal)), record(field("d", decimal), field("n", "int", default=0)), [(b"\x05",)])
    case("logical: a decimal in a union", decimal, ["null", decimal], [b"\x05", b"\xff\x38", b""])
    case("logical: a decimal in fixed", logical("fixed", "decimal", name="F", size=3, precision=5, scale=1),
         ["null", logical("fixed", "decimal", name="F", size=3, precision=5, scale=1)], [b"\0\x01\x02"])
    for kind, name, value in [("int", "date", 1), ("int", "time-millis", 5), ("long", "time-micros", 6), ("long", "timestamp-millis", -1), ("long", "timestamp-micros", 7),
                              ("long", "timestamp-nanos", 7), ("long", "local-timestamp-millis", 8), ("string", "uuid", "not a uuid"), ("bytes", "big-decimal", b"\x02\x01\x02")]:
        case(f"logical: {name} comes", kind, logical(kind, name), [value])
        case(f"logical: {name} goes", record(field("f", logical(kind, name))), record(field("f", kind), field("g", "int", default=1)), [(value,)])
        if kind == "int":
            case(f"logical: {name} becomes longer", logical(kind, name), logical("long", "timestamp-millis"), [value])
    case("logical: one that nobody knows", logical("string", "mine"), ["null", logical("string", "yours")], ["x"])


for make in (promotions, unions, names, records, recursion, enums, fixeds, defaults, logicals):
    make()
lines = "".join(json.dumps(each) + "\n" for each in cases)
java, fastavro = (
    [json.loads(line)["results"] for line in subprocess.run([sys.argv[1], judge], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()]
    for judge in ("java", "fastavro")
)
for each, expected in zip(cases, java):
    print(json.dumps({**each, "expected": expected}))
print(f"{len(cases)} pairs; fastavro agrees with Java on {sum(map(list.__eq__, java, fastavro))}", file=sys.stderr)
