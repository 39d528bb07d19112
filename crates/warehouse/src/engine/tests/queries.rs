//! What queries answer.

use super::{Warehouse, names};

#[tokio::test]
async fn smoke() {
    let mut w = Warehouse::open().await;
    for e in [
        "1",
        "1 + 1",
        "1/3",
        "'a' || 'b'",
        "PARSE_JSON('{\"b\": [1, {\"c\":\"x\"}], \"a\": null}'):b[1].c::VARCHAR",
        "TRY_TO_NUMBER('x')",
        "IFF(1 > 2, 'a', 'b')",
        "COALESCE(NULL, 3)",
        "CURRENT_DATABASE()",
        "TO_TIMESTAMP_NTZ(1767268800000, 3)",
        "DATEADD(day, 1, '2026-01-31'::DATE)",
        "CASE WHEN 1 = 2 THEN 'x' ELSE NULL END",
        "5 IN (1, 2, 5)",
        "GREATEST(1, 2.5, NULL)",
        "LEAST(3, 2.5)",
    ] {
        println!("{e} = {}", w.value(e).await);
    }
    w.run("CREATE TABLE T (ID NUMBER(10,0) NOT NULL, NAME VARCHAR, V VARIANT)").await;
    println!("{:?}", w.rows("INSERT INTO T SELECT COLUMN1, COLUMN2, PARSE_JSON(COLUMN3) FROM VALUES (1, 'a', '{\"x\":1}'), (2, NULL, 'null'), (3, 'c', NULL)").await);
    println!("{:?}", w.rows("SELECT * FROM T ORDER BY ID DESC").await);
    println!(
        "{:?}",
        names(
            &w.run(
                "SELECT V:x, COUNT(*), t.id FROM T AS t GROUP BY V:x, id QUALIFY ROW_NUMBER() OVER (ORDER BY ID) = 1"
            )
            .await
        )
    );
    println!("{:?}", w.rows("UPDATE T SET NAME = 'b', V = PARSE_JSON('[1]') WHERE ID = 2").await);
    println!("{:?}", w.rows("SELECT ID, NAME, V, LAG(NAME) OVER (ORDER BY ID), LEAD(V:x::NUMBER) IGNORE NULLS OVER (ORDER BY ID) FROM T ORDER BY 1").await);
    println!("{:?}", w.rows("DELETE FROM T WHERE ID = 3").await);
    println!("{:?}", w.rows("MERGE INTO T USING (SELECT 1 AS ID, 'x' AS NAME UNION ALL SELECT 7, 'y') S ON T.ID = S.ID WHEN MATCHED AND T.NAME = 'a' THEN UPDATE SET NAME = S.NAME WHEN NOT MATCHED THEN INSERT (ID, NAME) VALUES (S.ID, S.NAME)").await);
    println!("{:?}", w.rows("SELECT * FROM T ORDER BY ID").await);
    println!("{:?}", w.error("SELECT NOPE FROM T").await);
    println!("{:?}", w.error("SELECT NOPE(1) FROM T").await);
    println!("{:?}", w.error("SELECT * FROM NOPE").await);
    println!("{:?}", w.error("SELECT 1/0").await);
}
