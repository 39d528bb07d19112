//! What single expressions are worth. Expected values are Snowflake's, from its documentation's pages on the functions.

use super::Warehouse;

async fn expect(cases: &[(&str, &str)]) {
    let mut warehouse = Warehouse::open().await;
    let mut wrong = Vec::new();
    for (expression, expected) in cases {
        let got = match warehouse.session.execute(&format!("SELECT {expression}")).await {
            Ok(result) => super::rows(&result).join("; "),
            Err(error) => error.to_string(),
        };
        if got != *expected {
            wrong.push(format!("{expression}\n    expected {expected}\n    got      {got}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn numbers_are_exact_and_have_snowflakes_scale() {
    expect(&[
        ("1 + 1", "2"),
        ("1 / 3", "0.333333"),
        ("2 / 3", "0.666667"),
        ("1.0 / 3", "0.3333333"),
        ("10 / 4", "2.500000"),
        ("-7 % 3", "-1"),
        ("MOD(7, 4)", "3"),
        ("1.25 * 4", "5.00"),
        ("0.1 + 0.2", "0.3"),
        ("9223372036854775807 + 1", "9223372036854775808"),
        ("99999999999999999999999999999999999999 - 1", "99999999999999999999999999999999999998"),
        ("ROUND(2.5)", "3"),
        ("ROUND(-2.5)", "-3"),
        ("ROUND(1.2345, 2)", "1.23"),
        ("CEIL(1.1)", "2"),
        ("CEIL(-1.1)", "-1"),
        ("FLOOR(-1.1)", "-2"),
        ("TRUNC(-1.9)", "-1"),
        ("ABS(-5)", "5"),
        ("SIGN(-0.5)", "-1"),
        ("-(3 - 5)", "2"),
        ("SQRT(16)", "4"),
        ("1::FLOAT / 4", "0.25"),
        ("DIV0(1, 0)", "0.000000"),
        ("ZEROIFNULL(NULL)", "0"),
    ])
    .await;
}

#[tokio::test]
async fn text_counts_characters_from_one() {
    expect(&[
        ("'a' || 'b' || 'c'", "abc"),
        ("'a' || NULL", "~"),
        ("CONCAT('a', NULL)", "~"),
        ("CONCAT_WS('-', 'a', 'b')", "a-b"),
        ("17 || '76'", "1776"),
        ("LENGTH('Straße')", "6"),
        ("UPPER('straße')", "STRASSE"),
        ("LOWER('ÄB')", "äb"),
        ("SUBSTR('abcdef', 2, 3)", "bcd"),
        ("SUBSTR('abcdef', -2)", "ef"),
        ("SUBSTRING('abcdef', 0, 2)", "ab"),
        ("LEFT('abc', 2)", "ab"),
        ("RIGHT('abc', 2)", "bc"),
        ("TRIM('  a ')", "a"),
        ("LTRIM('xxa', 'x')", "a"),
        ("REPLACE('banana', 'a', 'o')", "bonono"),
        ("SPLIT_PART('a,b,c', ',', -1)", "c"),
        ("SPLIT_PART('a,b,c', ',', 9)", ""),
        ("LPAD('7', 3, '0')", "007"),
        ("POSITION('b', 'abc')", "2"),
        ("POSITION('x' IN 'abc')", "0"),
        ("CONTAINS('abc', 'bc')", "true"),
        ("STARTSWITH('abc', 'ab')", "true"),
        ("'abc' LIKE 'a%'", "true"),
        ("'abc' LIKE 'A%'", "false"),
        ("'abc' ILIKE 'A%'", "true"),
        ("'a%c' LIKE 'a^%c' ESCAPE '^'", "true"),
        ("'abc' NOT LIKE '_b'", "true"),
        ("REGEXP_LIKE('abc', 'b')", "false"),
        ("REGEXP_LIKE('abc', '.*b.*')", "true"),
        ("SHA2('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("'B' < 'a'", "true"),
        ("REPEAT('ab', 2)", "abab"),
        ("REVERSE('abc')", "cba"),
        ("TRANSLATE('abc', 'ab', 'x')", "xc"),
    ])
    .await;
}

#[tokio::test]
async fn conditions_treat_null_as_snowflake_does() {
    expect(&[
        ("IFF(1 > 2, 'a', 'b')", "b"),
        ("IFF(NULL, 'a', 'b')", "b"),
        ("COALESCE(NULL, NULL, 3)", "3"),
        ("NVL(NULL, 'x')", "x"),
        ("NVL2(NULL, 1, 2)", "2"),
        ("NULLIF(1, 1)", "~"),
        ("NULLIF(2, 1)", "2"),
        ("GREATEST(1, 2, NULL)", "~"),
        ("LEAST(3, 2.5)", "2.5"),
        ("GREATEST('a', 'b')", "b"),
        ("EQUAL_NULL(NULL, NULL)", "true"),
        ("NULL IS DISTINCT FROM 1", "true"),
        ("1 IS NOT DISTINCT FROM 1.0", "true"),
        ("5 IN (1, 2, 5)", "true"),
        ("5 NOT IN (1, NULL)", "~"),
        ("2 BETWEEN 1 AND 3", "true"),
        ("2 NOT BETWEEN 1 AND 3", "false"),
        ("CASE WHEN 1 = 2 THEN 'x' END", "~"),
        ("CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' ELSE 'c' END", "b"),
        ("CASE WHEN FALSE THEN 1 / 0 ELSE 7 END", "7.000000"),
        ("1 = '1.0'", "true"),
        ("NOT (NULL AND FALSE)", "true"),
        ("'2026-01-02'::DATE > '2026-01-01'", "true"),
    ])
    .await;
}

#[tokio::test]
async fn conversions_read_what_snowflake_reads() {
    expect(&[
        ("'12.7'::NUMBER", "13"),
        ("'12.75'::NUMBER(10,1)", "12.8"),
        ("' 1e2 '::NUMBER", "100"),
        ("TRY_TO_NUMBER('x')", "~"),
        ("TRY_TO_NUMBER('99999', 3, 0)", "~"),
        ("TRY_CAST('7' AS NUMBER)", "7"),
        ("TRY_CAST('x' AS DATE)", "~"),
        ("TRY_TO_BOOLEAN('yes')", "true"),
        ("TRY_TO_BOOLEAN('maybe')", "~"),
        ("TRY_TO_DOUBLE('1.5e3')", "1500"),
        ("TRUE::VARCHAR", "true"),
        ("1.50::VARCHAR", "1.50"),
        ("0::BOOLEAN", "false"),
        ("TO_DATE('2026-02-28')", "2026-02-28"),
        ("'2026-02-28T10:11:12.345Z'::TIMESTAMP_NTZ", "2026-02-28 10:11:12.345"),
        ("'2026-02-28 10:11:12 +02:00'::TIMESTAMP_NTZ", "2026-02-28 10:11:12.000"),
        ("'2026-02-28 10:11:12 +02:00'::TIMESTAMP_LTZ", "2026-02-28 08:11:12.000 Z"),
        ("TO_TIMESTAMP_NTZ(1767268800123, 3)", "2026-01-01 12:00:00.123"),
        ("TO_TIMESTAMP_NTZ(253402300799999, 3)", "9999-12-31 23:59:59.999"),
        ("TO_TIMESTAMP_NTZ(1767268800)", "2026-01-01 12:00:00.000"),
        ("TO_TIMESTAMP_NTZ(1767268800999, 3)::TIMESTAMP_NTZ(0)", "2026-01-01 12:00:00.000"),
        ("'00FF'::BINARY", "00FF"),
        ("NULL::VARCHAR", "~"),
        ("DATE '2026-01-01'", "2026-01-01"),
    ])
    .await;
}

#[tokio::test]
async fn dates_move_by_calendar_and_differ_by_borders() {
    expect(&[
        ("DATEADD(MONTH, 1, '2026-01-31'::DATE)", "2026-02-28"),
        ("DATEADD('day', -1, '2026-03-01'::DATE)", "2026-02-28"),
        ("DATEADD(HOUR, 1, '2026-01-01'::DATE)", "2026-01-01 01:00:00.000"),
        ("DATEADD(ms, 5, '2026-01-01 00:00:00'::TIMESTAMP_NTZ)", "2026-01-01 00:00:00.005"),
        ("DATEDIFF(YEAR, '2025-12-31'::DATE, '2026-01-01'::DATE)", "1"),
        ("DATEDIFF(DAY, '2026-01-01'::DATE, '2025-12-31'::DATE)", "-1"),
        ("DATE_TRUNC('month', '2026-02-28'::DATE)", "2026-02-01"),
        ("DATE_PART(EPOCH_MILLISECOND, '1970-01-01 00:00:01'::TIMESTAMP_NTZ)", "1000"),
        ("EXTRACT(YEAR FROM '2026-02-28'::DATE)", "2026"),
        ("YEAR('2026-02-28'::DATE)", "2026"),
        ("'2026-01-01'::DATE + 31", "2026-02-01"),
        ("'2026-02-01'::DATE - '2026-01-01'::DATE", "31"),
    ])
    .await;
}

#[tokio::test]
async fn variants_know_null_from_nothing() {
    let json = r#"PARSE_JSON('{"a": {"b": [10, "x", null]}, "n": null, "t": "1", "f": 1.50, "B": true}')"#;
    let case = |path: &str| path.replace('@', json);
    let cases = [
        ("@:a.b[0]", "10"),
        ("@:a.b[1]", "\"x\""),
        ("@:a.b[1]::VARCHAR", "x"),
        ("@:a['b'][2]", "null"),
        ("@:a.b[2]::VARCHAR", "~"),
        ("@:a.b[9]", "~"),
        ("@:A", "~"),
        ("@:n IS NULL", "false"),
        ("@:missing IS NULL", "true"),
        ("IS_NULL_VALUE(@:n)", "true"),
        ("IS_NULL_VALUE(@:missing)", "~"),
        ("TYPEOF(@:n)", "NULL_VALUE"),
        ("TYPEOF(@:a)", "OBJECT"),
        ("TYPEOF(@:a.b)", "ARRAY"),
        ("TYPEOF(@:f)", "DECIMAL"),
        ("TYPEOF(@:t)", "VARCHAR"),
        ("TYPEOF(@:B)", "BOOLEAN"),
        ("@:t::NUMBER + 1", "2"),
        ("@:f::NUMBER(10,1)", "1.5"),
        ("@:B::BOOLEAN", "true"),
        ("@:a.b[0] = 10", "true"),
        ("@:t = '1'", "true"),
        ("@:t = 1", "false"),
        ("@:a:b", "[10,\"x\",null]"),
        ("ARRAY_SIZE(@:a.b)", "3"),
        ("OBJECT_KEYS(@)", "[\"B\",\"a\",\"f\",\"n\",\"t\"]"),
        ("STRIP_NULL_VALUE(@:n)", "~"),
        ("TO_JSON(@:t)", "\"1\""),
    ];
    let cases = cases.map(|(path, expected)| (case(path), expected));
    expect(&cases.iter().map(|(path, expected)| (path.as_str(), *expected)).collect::<Vec<_>>()).await;
    expect(&[
        ("OBJECT_CONSTRUCT('b', 1, 'a', NULL)", "{\"b\":1}"),
        ("OBJECT_CONSTRUCT_KEEP_NULL('a', NULL)", "{\"a\":null}"),
        ("ARRAY_CONSTRUCT(1, 'a')", "[1,\"a\"]"),
        ("TRY_PARSE_JSON('{')", "~"),
        ("TO_VARIANT(1.50)", "1.5"),
        ("TO_VARIANT('2026-01-01'::DATE)", "\"2026-01-01\""),
    ])
    .await;
}

#[tokio::test]
async fn a_bad_value_is_the_error_that_snowflake_gives() {
    let mut warehouse = Warehouse::open().await;
    for (expression, code) in [
        ("1 / 0", "100051"),
        ("'x'::NUMBER", "100038"),
        ("1000::NUMBER(3,0)", "100039"),
        ("'x'::BOOLEAN", "100037"),
        ("'x'::DATE", "100040"),
        ("'x'::TIMESTAMP_NTZ", "100035"),
        ("PARSE_JSON('{')", "100069"),
        ("PARSE_JSON('{}')::NUMBER", "100071"),
        ("PARSE_JSON('\"x\"')::NUMBER", "100071"),
        ("'abc'::VARCHAR(2)", "100078"),
        ("99999999999999999999999999999999999999 + 1", "100039"),
        ("NO_SUCH_FUNCTION(1)", "002140"),
        ("NO_SUCH_COLUMN", "000904"),
        ("SUBSTR('a')", "000938"),
        ("TYPEOF('a')", "001044"),
        ("'a':b", "001044"),
        ("TRY_CAST(1 AS VARCHAR)", "001007"),
    ] {
        let error = warehouse.error(&format!("SELECT {expression}")).await;
        assert_eq!(error.code, code, "{expression}: {error}");
    }
}
