//! Streams: what they show, and when their offset moves.

use super::Warehouse;

async fn with_stream() -> Warehouse {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (ID NUMBER, V VARIANT)").await;
    warehouse.run("INSERT INTO T SELECT 0, NULL").await;
    warehouse.run("CREATE STREAM NEW_ROWS ON TABLE T APPEND_ONLY = TRUE").await;
    warehouse.run("CREATE TABLE KEPT (ID NUMBER)").await;
    warehouse
}

const HAS_DATA: &str = "SELECT SYSTEM$STREAM_HAS_DATA('NEW_ROWS')";

#[tokio::test]
async fn a_stream_shows_what_was_appended_and_a_select_leaves_it() {
    let mut warehouse = with_stream().await;
    assert_eq!(warehouse.rows(HAS_DATA).await, ["false"]);
    warehouse.run("INSERT INTO T SELECT 1, PARSE_JSON('{\"a\":1}')").await;
    warehouse.run("INSERT INTO T SELECT 2, NULL").await;
    warehouse.run("UPDATE T SET ID = ID + 10").await;
    warehouse.run("DELETE FROM T WHERE ID = 12").await;
    for _ in 0..2 {
        assert_eq!(
            warehouse.rows("SELECT ID, V:a, METADATA$ACTION, METADATA$ISUPDATE FROM NEW_ROWS ORDER BY ID").await,
            ["1|1|INSERT|false", "2|~|INSERT|false"]
        );
        assert_eq!(warehouse.rows("SELECT COUNT(DISTINCT METADATA$ROW_ID) FROM NEW_ROWS").await, ["2"]);
        assert_eq!(warehouse.rows(HAS_DATA).await, ["true"]);
    }
}

#[tokio::test]
async fn dml_that_reads_a_stream_consumes_it_whichever_rows_it_kept() {
    let mut warehouse = with_stream().await;
    for dml in [
        "INSERT INTO KEPT SELECT ID FROM NEW_ROWS WHERE ID > 1000",
        "INSERT INTO KEPT WITH N AS (SELECT ID FROM V_NEW) SELECT COUNT(*) FROM N",
        "MERGE INTO KEPT USING V_NEW S ON KEPT.ID = S.ID WHEN NOT MATCHED THEN INSERT (ID) VALUES (S.ID)",
        "UPDATE KEPT SET ID = ID WHERE ID IN (SELECT ID FROM NEW_ROWS)",
        "DELETE FROM KEPT USING NEW_ROWS WHERE KEPT.ID = NEW_ROWS.ID",
        "CREATE TABLE COPIED AS SELECT ID FROM NEW_ROWS",
    ] {
        warehouse.run("CREATE OR REPLACE VIEW V_NEW AS SELECT ID FROM NEW_ROWS").await;
        warehouse.run("INSERT INTO T SELECT 5, NULL").await;
        assert_eq!(warehouse.rows(HAS_DATA).await, ["true"], "{dml}");
        warehouse.run(dml).await;
        assert_eq!(warehouse.rows(HAS_DATA).await, ["false"], "{dml}");
    }
}

#[tokio::test]
async fn a_dml_that_fails_leaves_the_stream_alone() {
    let mut warehouse = with_stream().await;
    warehouse.run("INSERT INTO T SELECT 5, NULL").await;
    assert_eq!(warehouse.error("INSERT INTO KEPT SELECT ID / 0 FROM NEW_ROWS").await.code, "100051");
    assert_eq!(warehouse.rows(HAS_DATA).await, ["true"]);
}

#[tokio::test]
async fn within_a_transaction_a_stream_stays_the_same_until_the_commit() {
    let mut warehouse = with_stream().await;
    warehouse.run("INSERT INTO T SELECT 1, NULL").await;
    warehouse.run("BEGIN").await;
    warehouse.run("INSERT INTO KEPT SELECT ID FROM NEW_ROWS").await;
    warehouse.run("INSERT INTO T SELECT 2, NULL").await;
    assert_eq!(warehouse.rows("SELECT ID FROM NEW_ROWS").await, ["1"]);
    warehouse.run("INSERT INTO KEPT SELECT ID FROM NEW_ROWS").await;
    warehouse.run("ROLLBACK").await;
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM KEPT").await, ["0"]);
    assert_eq!(warehouse.rows("SELECT ID FROM NEW_ROWS").await, ["1"]);
    warehouse.run("BEGIN TRANSACTION").await;
    warehouse.run("INSERT INTO KEPT SELECT ID FROM NEW_ROWS").await;
    warehouse.run("INSERT INTO T SELECT 3, NULL").await;
    warehouse.run("COMMIT").await;
    // What the transaction itself appended comes after what it consumed.
    assert_eq!(warehouse.rows("SELECT ID FROM NEW_ROWS").await, ["3"]);
}
