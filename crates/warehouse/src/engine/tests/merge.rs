//! MERGE, clause by clause, and what it refuses as nondeterministic (docs.snowflake.com, "MERGE").

use super::Warehouse;

/// TARGET (ID, V) with 1 'one', 2 'two' and the source rows given.
async fn with_source(rows: &str) -> Warehouse {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE TARGET (ID NUMBER(5,0) NOT NULL, V VARCHAR, N NUMBER(5,0) DEFAULT 7)").await;
    warehouse.run("INSERT INTO TARGET (ID, V) VALUES (1, 'one'), (2, 'two')").await;
    warehouse.run("CREATE TABLE SOURCE (ID NUMBER(5,0), V VARCHAR, KIND VARCHAR)").await;
    if !rows.is_empty() {
        warehouse.run(&format!("INSERT INTO SOURCE VALUES {rows}")).await;
    }
    warehouse
}

const TABLE: &str = "SELECT * FROM TARGET ORDER BY ID, V";

#[tokio::test]
async fn rows_are_updated_or_inserted() {
    let mut warehouse = with_source("(2, 'TWO', 'x'), (3, 'THREE', 'x')").await;
    let counts = warehouse
        .rows(
            "MERGE INTO TARGET T USING SOURCE S ON T.ID = S.ID WHEN MATCHED THEN UPDATE SET V = S.V, N = T.N + 1 \
             WHEN NOT MATCHED THEN INSERT (V, ID) VALUES (S.V, S.ID)",
        )
        .await;
    assert_eq!(counts, ["1|1"]);
    assert_eq!(warehouse.rows(TABLE).await, ["1|one|7", "2|TWO|8", "3|THREE|7"]);
}

#[tokio::test]
async fn the_first_clause_that_qualifies_acts() {
    let mut warehouse =
        with_source("(1, 'a', 'delete'), (2, 'b', 'update'), (3, 'c', 'skip'), (4, 'd', 'insert')").await;
    let result = warehouse
        .run(
            "MERGE INTO TARGET USING (SELECT * FROM SOURCE) AS S ON TARGET.ID = S.ID \
             WHEN MATCHED AND S.KIND = 'delete' THEN DELETE \
             WHEN MATCHED AND S.KIND = 'update' THEN UPDATE SET TARGET.V = S.V \
             WHEN MATCHED THEN UPDATE SET V = 'never' \
             WHEN NOT MATCHED AND S.KIND = 'insert' THEN INSERT VALUES (S.ID, S.V, NULL)",
        )
        .await;
    assert_eq!(super::names(&result), ["number of rows inserted", "number of rows updated", "number of rows deleted"]);
    assert_eq!(super::rows(&result), ["1|1|1"]);
    assert_eq!(warehouse.rows(TABLE).await, ["2|b|7", "4|d|~"]);
}

#[tokio::test]
async fn conflicting_source_rows_are_error_100090_and_change_nothing() {
    for (rows, clauses) in [
        ("(1, 'a', 'u'), (1, 'b', 'u')", "WHEN MATCHED THEN UPDATE SET V = S.V"),
        (
            "(1, 'a', 'u'), (1, 'b', 'd'), (2, 'x', 'u'), (5, 'n', 'u')",
            "WHEN MATCHED AND S.KIND = 'd' THEN DELETE WHEN MATCHED THEN UPDATE SET V = S.V \
             WHEN NOT MATCHED THEN INSERT (ID) VALUES (S.ID)",
        ),
    ] {
        let mut warehouse = with_source(rows).await;
        let error = warehouse.error(&format!("MERGE INTO TARGET T USING SOURCE S ON T.ID = S.ID {clauses}")).await;
        assert_eq!((error.code, error.sqlstate), ("100090", "42P18"), "{clauses}");
        assert!(error.message.starts_with("Duplicate row detected during DML action"), "{error}");
        assert_eq!(warehouse.rows(TABLE).await, ["1|one|7", "2|two|7"]);
    }
}

#[tokio::test]
async fn several_deletes_or_one_that_qualifies_are_no_conflict() {
    let mut warehouse = with_source("(1, 'a', 'd'), (1, 'b', 'd'), (2, 'c', 'u'), (2, 'd', 'skip')").await;
    let counts = warehouse
        .rows(
            "MERGE INTO TARGET T USING SOURCE S ON T.ID = S.ID WHEN MATCHED AND S.KIND = 'd' THEN DELETE \
             WHEN MATCHED AND S.KIND = 'u' THEN UPDATE SET V = S.V",
        )
        .await;
    assert_eq!(counts, ["1|1"]);
    assert_eq!(warehouse.rows(TABLE).await, ["2|c|7"]);
}

#[tokio::test]
async fn unmatched_duplicates_all_insert() {
    let mut warehouse = with_source("(9, 'a', 'x'), (9, 'a', 'x'), (NULL, 'b', 'x')").await;
    let error = warehouse
        .error(
            "MERGE INTO TARGET T USING SOURCE S ON T.ID = S.ID WHEN NOT MATCHED THEN INSERT (ID, V) VALUES (S.ID, S.V)",
        )
        .await;
    assert_eq!(error.code, "100072");
    let counts = warehouse
        .rows(
            "MERGE INTO TARGET T USING (SELECT * FROM SOURCE WHERE ID IS NOT NULL) S ON T.ID = S.ID \
             WHEN NOT MATCHED THEN INSERT (ID, V) VALUES (S.ID, S.V)",
        )
        .await;
    assert_eq!(counts, ["2"]);
    assert_eq!(warehouse.rows(TABLE).await.len(), 4);
}

#[tokio::test]
async fn a_value_is_computed_only_where_its_clause_acts() {
    let mut warehouse = with_source("(1, 'x', 'keep'), (2, '22', 'number'), (8, '8', 'number')").await;
    warehouse
        .run(
            "MERGE INTO TARGET T USING SOURCE S ON T.ID = S.ID \
             WHEN MATCHED AND S.KIND = 'number' THEN UPDATE SET N = S.V::NUMBER \
             WHEN NOT MATCHED THEN INSERT (ID, N) VALUES (S.ID, S.V::NUMBER * 2)",
        )
        .await;
    assert_eq!(warehouse.rows(TABLE).await, ["1|one|7", "2|two|22", "8|~|16"]);
}

#[tokio::test]
async fn an_insert_cannot_read_the_target() {
    let mut warehouse = with_source("(9, 'a', 'x')").await;
    let merge = "MERGE INTO TARGET T USING SOURCE S ON T.ID = S.ID WHEN NOT MATCHED THEN INSERT (ID) VALUES";
    assert_eq!(warehouse.error(&format!("{merge} (T.ID)")).await.code, "000904");
    assert_eq!(warehouse.error(&format!("{merge} (S.ID, 1)")).await.code, "002020");
}

#[tokio::test]
async fn the_source_may_be_a_cte_over_the_target_itself() {
    let mut warehouse = with_source("(2, 'TWO', 'x')").await;
    warehouse
        .run(
            "MERGE INTO DB.S.TARGET AS KEPT USING (WITH BOTH_ AS (SELECT ID, V FROM TARGET WHERE ID IN (SELECT ID FROM SOURCE) \
             UNION ALL SELECT ID + 10, V FROM SOURCE) SELECT ID, V || '!' AS V FROM BOTH_) AS INCOMING \
             ON KEPT.ID = INCOMING.ID WHEN MATCHED AND KEPT.V IS DISTINCT FROM INCOMING.V THEN UPDATE SET V = INCOMING.V \
             WHEN NOT MATCHED THEN INSERT (ID, V) VALUES (INCOMING.ID, INCOMING.V)",
        )
        .await;
    assert_eq!(warehouse.rows(TABLE).await, ["1|one|7", "2|two!|7", "12|TWO!|7"]);
}
