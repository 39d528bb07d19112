//! Transactions between sessions.

use super::Warehouse;

#[tokio::test]
async fn a_transaction_shows_its_changes_to_itself_alone() {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (ID NUMBER)").await;
    let mut other = warehouse.other_session();
    warehouse.run("BEGIN").await;
    warehouse.run("INSERT INTO T VALUES (1)").await;
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["1"]);
    assert_eq!(super::rows(&other.execute("SELECT COUNT(*) FROM T").await.unwrap()), ["0"]);
    assert_eq!(other.execute("INSERT INTO T VALUES (2)").await.unwrap_err().code, "000625");
    warehouse.run("COMMIT").await;
    other.execute("INSERT INTO T VALUES (2)").await.unwrap();
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["2"]);
}

#[tokio::test]
async fn a_statement_that_fails_takes_back_only_itself() {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (ID NUMBER(3,0))").await;
    warehouse.run("BEGIN").await;
    warehouse.run("INSERT INTO T VALUES (1)").await;
    assert_eq!(warehouse.error("INSERT INTO T VALUES (2), (5000)").await.code, "100039");
    warehouse.run("COMMIT").await;
    assert_eq!(warehouse.rows("SELECT ID FROM T").await, ["1"]);
}

#[tokio::test]
async fn ddl_commits_what_is_open() {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (ID NUMBER)").await;
    warehouse.run("BEGIN").await;
    warehouse.run("INSERT INTO T VALUES (1)").await;
    warehouse.run("CREATE TABLE U (ID NUMBER)").await;
    warehouse.run("ROLLBACK").await;
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["1"]);
}

#[tokio::test]
async fn truncate_within_a_transaction_is_refused_and_leaves_it_open() {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (ID NUMBER)").await;
    warehouse.run("BEGIN").await;
    warehouse.run("INSERT INTO T VALUES (1)").await;
    assert_eq!(warehouse.error("TRUNCATE TABLE T").await.code, "000002");
    warehouse.run("ROLLBACK").await;
    assert_eq!(warehouse.rows("SELECT COUNT(*) FROM T").await, ["0"]);
}

#[tokio::test]
async fn a_session_that_goes_away_rolls_back() {
    let mut warehouse = Warehouse::open().await;
    warehouse.run("CREATE TABLE T (ID NUMBER)").await;
    let mut other = warehouse.other_session();
    other.execute("BEGIN").await.unwrap();
    other.execute("INSERT INTO T VALUES (1)").await.unwrap();
    drop(other);
    warehouse.run("INSERT INTO T VALUES (2)").await;
    assert_eq!(warehouse.rows("SELECT ID FROM T").await, ["2"]);
}
