//! INSERT, UPDATE, DELETE, TRUNCATE and CREATE TABLE AS.

use super::Warehouse;

async fn with_table() -> Warehouse {
    let mut warehouse = Warehouse::open().await;
    warehouse
        .run("CREATE TABLE T (ID NUMBER(3,0) NOT NULL, NAME VARCHAR(3), V VARIANT, AT TIMESTAMP_NTZ(3), N NUMBER(5,1) DEFAULT 1 + 0.5)")
        .await;
    warehouse
}

#[tokio::test]
async fn inserted_values_take_their_columns_types_and_defaults() {
    let mut warehouse = with_table().await;
    let inserted = warehouse
        .rows("INSERT INTO T (NAME, ID, AT) VALUES ('a', '7', '2026-01-01 00:00:00.123456'), (NULL, '8.4', NULL)")
        .await;
    assert_eq!(inserted, ["2"]);
    warehouse.run("INSERT INTO T SELECT 9, 'x', PARSE_JSON('{\"b\":1, \"a\":2}'), NULL, NULL").await;
    assert_eq!(
        warehouse.rows("SELECT * FROM T ORDER BY ID").await,
        ["7|a|~|2026-01-01 00:00:00.123|1.5", "8|~|~|~|1.5", "9|x|{\"a\":2,\"b\":1}|~|~"]
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_nothing_is_inserted() {
    let mut warehouse = with_table().await;
    for (sql, code) in [
        ("INSERT INTO T (ID) VALUES (1), (NULL)", "100072"),
        ("INSERT INTO T (NAME) VALUES ('a')", "100072"),
        ("INSERT INTO T (ID, NAME) VALUES (1, 'a'), (2, 'abcd')", "100078"),
        ("INSERT INTO T (ID) VALUES (1000)", "100039"),
        ("INSERT INTO T (ID) SELECT 'x'", "100038"),
        ("INSERT INTO T (ID, V) VALUES (1, '{}')", "002023"),
        ("INSERT INTO T (ID, NOPE) VALUES (1, 2)", "000904"),
        ("INSERT INTO T (ID, ID) VALUES (1, 2)", "002025"),
        ("INSERT INTO T (ID, NAME) VALUES (1)", "002020"),
        ("INSERT INTO NOPE VALUES (1)", "002003"),
    ] {
        let error = warehouse.error(sql).await;
        assert_eq!(error.code, code, "{sql}: {error}");
    }
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["0"]);
}

#[tokio::test]
async fn update_and_delete_touch_the_rows_they_name() {
    let mut warehouse = with_table().await;
    warehouse.run("INSERT INTO T (ID, NAME) VALUES (1, 'a'), (2, 'b'), (3, 'c')").await;
    assert_eq!(warehouse.rows("UPDATE T SET NAME = NAME || '!', N = N * 2 WHERE ID >= 2").await, ["2|0"]);
    warehouse.run("CREATE TABLE CHANGES (ID NUMBER, NAME VARCHAR)").await;
    warehouse.run("INSERT INTO CHANGES VALUES (1, 'z'), (9, 'q')").await;
    assert_eq!(warehouse.rows("UPDATE T AS X SET NAME = C.NAME FROM CHANGES C WHERE X.ID = C.ID").await, ["1|0"]);
    assert_eq!(warehouse.rows("SELECT ID, NAME, N FROM T ORDER BY ID").await, ["1|z|1.5", "2|b!|3.0", "3|c!|3.0"]);
    assert_eq!(warehouse.rows("DELETE FROM T USING CHANGES WHERE T.ID = CHANGES.ID").await, ["1"]);
    assert_eq!(warehouse.rows("DELETE FROM T WHERE ID IN (SELECT 2)").await, ["1"]);
    assert_eq!(warehouse.rows("SELECT ID FROM T").await, ["3"]);
    assert_eq!(warehouse.error("UPDATE T SET ID = NULL").await.code, "100072");
    warehouse.run("TRUNCATE TABLE T").await;
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["0"]);
    assert_eq!(warehouse.rows("DELETE FROM T").await, ["0"]);
}

#[tokio::test]
async fn a_table_may_be_made_of_a_query() {
    let mut warehouse = with_table().await;
    warehouse.run("INSERT INTO T (ID, NAME) VALUES (1, 'a'), (2, 'b')").await;
    warehouse.run("CREATE TABLE U AS SELECT ID + 1 AS NEXT, NAME, PARSE_JSON('1') AS V FROM T").await;
    assert_eq!(warehouse.rows("SELECT * FROM U ORDER BY NEXT").await, ["2|a|1", "3|b|1"]);
    warehouse.run("CREATE OR REPLACE TABLE U AS SELECT NEXT * 10 AS TEN FROM U").await;
    assert_eq!(warehouse.rows("SELECT * FROM U ORDER BY 1").await, ["20", "30"]);
}
