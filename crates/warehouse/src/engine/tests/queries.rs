//! What queries answer.

use super::{Warehouse, names};

async fn with_people() -> Warehouse {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE PEOPLE (ID NUMBER(10,0), NAME VARCHAR, CITY VARCHAR, BORN DATE)").await;
    let rows = "(1, 'Ada', 'London', '1815-12-10'), (2, 'Bob', NULL, NULL), (3, 'Cy', 'Paris', '1900-01-01'), \
                (4, 'Di', 'Paris', '1950-06-30')";
    warehouse.run(&format!("INSERT INTO PEOPLE VALUES {rows}")).await;
    warehouse
}

#[tokio::test]
async fn identifiers_fold_unless_they_are_quoted() {
    let mut warehouse = with_people().await;
    let result =
        warehouse.run("select id, p.Name, City as \"City\", COUNT(*) over (), 1 + 1 from People P limit 1").await;
    assert_eq!(names(&result), ["ID", "NAME", "City", "COUNT(*) OVER ()", "1 + 1"]);
    let twice = warehouse
        .run("SELECT ID, NAME, ID, 1 AS NAME, COUNT(*) OVER (), COUNT(*) OVER () FROM PEOPLE WHERE ID = 1")
        .await;
    assert_eq!(names(&twice), ["ID", "NAME", "ID", "NAME", "COUNT(*) OVER ()", "COUNT(*) OVER ()"]);
    assert_eq!(super::rows(&twice), ["1|Ada|1|1|1|1"]);
    assert_eq!(warehouse.error("CREATE VIEW TWICE AS SELECT ID, ID FROM PEOPLE").await.code, "002025");
    assert_eq!(warehouse.error("SELECT \"id\" FROM PEOPLE").await.code, "000904");
    assert_eq!(warehouse.error("SELECT 1 FROM \"people\"").await.code, "002003");
    assert_eq!(warehouse.rows("SELECT \"NAME\" FROM DB.S.PEOPLE WHERE PEOPLE.ID = 1").await, ["Ada"]);
}

#[tokio::test]
async fn nulls_come_last_unless_the_order_descends() {
    let mut warehouse = with_people().await;
    assert_eq!(warehouse.rows("SELECT ID FROM PEOPLE ORDER BY CITY, ID").await, ["1", "3", "4", "2"]);
    assert_eq!(warehouse.rows("SELECT ID FROM PEOPLE ORDER BY CITY DESC, ID").await, ["2", "3", "4", "1"]);
    assert_eq!(warehouse.rows("SELECT ID FROM PEOPLE ORDER BY CITY NULLS FIRST, 1").await, ["2", "1", "3", "4"]);
}

#[tokio::test]
async fn groups_and_aggregates_add_up() {
    let mut warehouse = with_people().await;
    assert_eq!(
        warehouse
            .rows("SELECT CITY, COUNT(*) AS N, SUM(ID), AVG(ID), MIN(NAME), MAX(BORN) FROM PEOPLE GROUP BY CITY ORDER BY CITY")
            .await,
        ["London|1|1|1.000000|Ada|1815-12-10", "Paris|2|7|3.500000|Cy|1950-06-30", "~|1|2|2.000000|Bob|~"]
    );
    assert_eq!(warehouse.rows("SELECT CITY FROM PEOPLE GROUP BY CITY HAVING COUNT(*) > 1").await, ["Paris"]);
    assert_eq!(
        warehouse.rows("SELECT COUNT(DISTINCT CITY), COUNT(CITY), COUNT_IF(ID > 2), COUNT(*) FROM PEOPLE").await,
        ["2|3|2|4"]
    );
    assert_eq!(
        warehouse
            .rows("SELECT LISTAGG(NAME, '+') WITHIN GROUP (ORDER BY ID DESC), ARRAY_AGG(NAME) WITHIN GROUP (ORDER BY ID) FROM PEOPLE")
            .await,
        ["Di+Cy+Bob+Ada|[\"Ada\",\"Bob\",\"Cy\",\"Di\"]"]
    );
    assert_eq!(
        warehouse.rows("SELECT SUM(ID), COUNT(*), LISTAGG(NAME), ARRAY_AGG(NAME) FROM PEOPLE WHERE FALSE").await,
        ["~|0||[]"]
    );
}

#[tokio::test]
async fn windows_look_before_and_after() {
    let mut warehouse = with_people().await;
    assert_eq!(
        warehouse
            .rows(
                "SELECT ID, LAG(NAME) OVER (ORDER BY ID), LEAD(CITY) IGNORE NULLS OVER (ORDER BY ID), \
                 MAX(BORN) OVER (ORDER BY ID ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), \
                 LAST_VALUE(ID) OVER (ORDER BY ID), ROW_NUMBER() OVER (PARTITION BY CITY ORDER BY ID DESC) \
                 FROM PEOPLE ORDER BY ID"
            )
            .await,
        [
            "1|~|Paris|1815-12-10|4|1",
            "2|Ada|Paris|1815-12-10|4|1",
            "3|Bob|Paris|1900-01-01|4|2",
            "4|Cy|~|1950-06-30|4|1",
        ]
    );
    assert_eq!(
        warehouse
            .rows(
                "SELECT NAME FROM PEOPLE QUALIFY ROW_NUMBER() OVER (PARTITION BY CITY ORDER BY ID DESC) = 1 ORDER BY ID"
            )
            .await,
        ["Ada", "Bob", "Di"]
    );
    assert_eq!(
        warehouse.rows("SELECT ID, RANK() OVER (ORDER BY CITY) AS R FROM PEOPLE QUALIFY R = 2 ORDER BY ID").await,
        ["3|2", "4|2"]
    );
}

#[tokio::test]
async fn ctes_joins_sets_and_subqueries_combine() {
    let mut warehouse = with_people().await;
    assert_eq!(
        warehouse
            .rows(
                "WITH PARIS AS (SELECT * FROM PEOPLE WHERE CITY = 'Paris'), OTHERS AS (SELECT ID FROM PEOPLE MINUS SELECT ID \
                 FROM PARIS) SELECT O.ID, P.ID FROM OTHERS O LEFT JOIN PARIS P ON P.ID = O.ID + 2 ORDER BY 1"
            )
            .await,
        ["1|3", "2|4"]
    );
    assert_eq!(
        warehouse.rows("SELECT ID FROM PEOPLE WHERE CITY IN (SELECT CITY FROM PEOPLE WHERE ID = 3) ORDER BY ID").await,
        ["3", "4"]
    );
    assert_eq!(
        warehouse
            .rows("SELECT ID FROM PEOPLE P WHERE EXISTS (SELECT 1 FROM PEOPLE Q WHERE Q.CITY = P.CITY AND Q.ID > P.ID)")
            .await,
        ["3"]
    );
    assert_eq!(warehouse.rows("SELECT ID FROM PEOPLE WHERE ID NOT IN (SELECT NULL)").await, [""; 0]);
    assert_eq!(warehouse.rows("SELECT ID FROM PEOPLE WHERE CITY NOT IN (SELECT 'Paris')").await, ["1"]);
    assert_eq!(
        warehouse
            .rows("SELECT ID, (SELECT COUNT(*) FROM PEOPLE Q WHERE Q.CITY = P.CITY) FROM PEOPLE P ORDER BY ID")
            .await,
        ["1|1", "2|0", "3|2", "4|2"]
    );
    assert_eq!(warehouse.rows("SELECT 1 UNION ALL SELECT 2.5 ORDER BY 1").await, ["1.0", "2.5"]);
    assert_eq!(warehouse.rows("SELECT (SELECT MAX(ID) FROM PEOPLE)").await, ["4"]);
    assert_eq!(warehouse.rows("SELECT COLUMN2 FROM VALUES (1, 'a'), (2, 'b') WHERE COLUMN1 = 2").await, ["b"]);
    assert_eq!(warehouse.rows("SELECT * EXCLUDE (CITY, BORN) FROM PEOPLE WHERE ID = 1").await, ["1|Ada"]);
    assert_eq!(warehouse.rows("SELECT ID FROM PEOPLE ORDER BY ID LIMIT 2 OFFSET 1").await, ["2", "3"]);
}

#[tokio::test]
async fn views_mean_what_they_meant_in_their_own_schema() {
    let mut warehouse = with_people().await;
    warehouse
        .run("CREATE VIEW PARISIANS (WHO, NUMBER_) COMMENT = 'x' AS SELECT NAME, ID FROM PEOPLE WHERE CITY = 'Paris'")
        .await;
    warehouse
        .run("CREATE VIEW FIRST_PARISIAN AS SELECT WHO FROM PARISIANS QUALIFY ROW_NUMBER() OVER (ORDER BY NUMBER_) = 1")
        .await;
    warehouse.run("CREATE SCHEMA OTHER").await;
    warehouse.run("CREATE TABLE PEOPLE (ID NUMBER)").await;
    assert_eq!(warehouse.rows("SELECT V.WHO FROM S.FIRST_PARISIAN V").await, ["Cy"]);
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM S.PARISIANS P JOIN S.PEOPLE Q ON P.NUMBER_ = Q.ID").await, ["2"]);
    assert_eq!(warehouse.error("CREATE VIEW BAD AS SELECT NAME FROM PEOPLE").await.code, "000904");
    let described = warehouse.rows("DESCRIBE VIEW S.PARISIANS").await;
    assert!(described[0].starts_with("WHO|VARCHAR(16777216)"), "{described:?}");
}

#[tokio::test]
async fn the_context_answers_who_and_where() {
    let mut warehouse = Warehouse::open().await;
    assert_eq!(
        warehouse
            .value("CURRENT_DATABASE(), CURRENT_SCHEMA(), CURRENT_ROLE(), CURRENT_USER(), CURRENT_WAREHOUSE()")
            .await,
        "DB|S|SYSADMIN|TESTER|~"
    );
    assert_eq!(warehouse.value("CURRENT_TIMESTAMP() = CURRENT_TIMESTAMP").await, "true");
    assert_eq!(warehouse.value("CURRENT_DATE() = TO_DATE(SYSDATE())").await, "true");
    warehouse.run("USE SCHEMA PUBLIC").await;
    assert_eq!(warehouse.value("CURRENT_SCHEMA()").await, "PUBLIC");
    assert_eq!(warehouse.error("USE SCHEMA NOPE").await.code, "002003");
}
