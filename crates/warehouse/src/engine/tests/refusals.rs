//! What the warehouse lacks is refused by name, never ignored and never done in another way.

use super::Warehouse;

#[tokio::test]
async fn what_is_missing_is_named() {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (ID NUMBER, NAME VARCHAR, V VARIANT, D DATE)").await;
    for (sql, named) in [
        ("SELECT * FROM T AT (OFFSET => -60)", "time travel"),
        ("SELECT * FROM T SAMPLE (10)", "SAMPLE"),
        ("SELECT TOP 1 * FROM T", "TOP"),
        ("SELECT ID FROM T GROUP BY ALL", "GROUP BY ALL"),
        ("WITH RECURSIVE R AS (SELECT 1) SELECT * FROM R", "RECURSIVE"),
        ("SELECT * FROM T, LATERAL FLATTEN(INPUT => V)", "FLATTEN"),
        ("SELECT ID FROM T ORDER BY V", "VARIANT"),
        ("SELECT MAX(V) FROM T", "VARIANT"),
        ("SELECT V < 5 FROM T", "VARIANT"),
        ("SELECT ID + NAME FROM T", "NUMBER"),
        ("SELECT ID = NAME FROM T", "VARCHAR"),
        ("SELECT CASE WHEN TRUE THEN ID ELSE NAME END FROM T", "VARCHAR"),
        ("SELECT ID FROM T UNION ALL SELECT NAME FROM T", "VARCHAR"),
        ("SELECT * FROM T WHERE NAME IN (SELECT ID FROM T)", "VARCHAR"),
        ("SELECT * FROM T WHERE NAME IN (SELECT V FROM T)", "VARIANT"),
        ("SELECT * FROM T A JOIN T B ON A.NAME = B.ID", "VARCHAR"),
        ("SELECT NAME LIKE NAME FROM T", "LIKE"),
        ("SELECT D + INTERVAL '1 day' FROM T", "INTERVAL"),
        ("SELECT * REPLACE (1 AS ID) FROM T", "REPLACE"),
        ("SELECT $1 FROM T", "$1"),
        ("SELECT ID & 1 FROM T", "&"),
        ("SELECT * FROM T WHERE ID IS DISTINCT FROM 1 OR NAME = 'a'", "IS DISTINCT FROM"),
        ("SELECT * FROM T WHERE ID IS NOT DISTINCT FROM 1 AND NAME = 'a'", "IS DISTINCT FROM"),
        ("SELECT * FROM T NATURAL JOIN T B", "NATURAL"),
        ("INSERT OVERWRITE INTO T SELECT * FROM T", "OVERWRITE"),
        ("UPDATE T SET (ID, NAME) = (1, 'a')", "SET (a, b)"),
        ("ALTER SESSION SET TIMEZONE = 'America/Los_Angeles'", "TIMEZONE"),
    ] {
        let error = warehouse.error(sql).await;
        assert!(matches!(error.code, "000002" | "001003"), "{sql}: {error}");
        assert!(error.message.contains(named), "{sql}: {error}");
    }
}

#[tokio::test]
async fn one_statement_at_a_time() {
    let mut warehouse = Warehouse::open().await;
    assert_eq!(warehouse.error("SELECT 1; SELECT 2").await.code, "000008");
    assert_eq!(warehouse.error(" -- nothing").await.code, "000900");
    assert_eq!(warehouse.rows("SELECT 1;").await, ["1"]);
}
