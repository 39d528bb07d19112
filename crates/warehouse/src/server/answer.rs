//! The envelope of every answer: `{"success", "code", "message", "data"}`. Errors too are answered with HTTP 200.

use super::rowset;
use crate::{QueryResult, SessionContext, SqlError, StatementKind};
use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// A statement's final answer, encoded once and served as often as the client asks.
#[derive(Debug, Clone)]
pub(super) struct Body(bytes::Bytes);

impl Body {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn new(value: &Value) -> Self {
        Self(bytes::Bytes::from(value.to_string()))
    }
}

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        (StatusCode::OK, [(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

pub(super) fn success(data: &Value) -> Body {
    Body::new(&json!({ "data": data, "message": null, "code": null, "success": true }))
}

/// A refusal that belongs to the protocol rather than to a statement.
pub(super) fn refusal(code: &str, message: &str) -> Body {
    // `data` must be an object: strict clients decode it as one.
    Body::new(&json!({ "data": {}, "message": message, "code": code, "success": false }))
}

/// A failed statement.
pub(super) fn failure(error: &SqlError, query_id: &str) -> Body {
    Body::new(&json!({
        "data": {
            "internalError": error.code == "000603",
            "errorCode": error.code,
            "age": 0,
            "sqlState": error.sqlstate,
            "queryId": query_id,
            "line": -1,
            "pos": -1,
            "type": if error.code == "001003" || error.message.starts_with("SQL compilation error") {
                "COMPILATION"
            } else {
                "EXECUTION"
            },
        },
        "message": error.message,
        "code": error.code,
        "success": false,
        "headers": null,
    }))
}

/// The statement goes on; the client is to ask again at `getResultUrl`.
pub(super) fn in_progress(query_id: &str, asked_async: bool) -> Body {
    let code = if asked_async { "333334" } else { "333333" };
    Body::new(&json!({
        "data": {
            "queryId": query_id,
            "getResultUrl": format!("/queries/{query_id}/result"),
            "queryAbortsAfterSecs": 300,
            "progressDesc": null,
        },
        "message": "Query execution in progress.",
        "code": code,
        "success": true,
    }))
}

/// A finished statement.
pub(super) fn result(
    result: &QueryResult,
    context: &SessionContext,
    query_id: &str,
    max_bytes: usize,
) -> Result<Body, SqlError> {
    let rows = result.row_count();
    let rowtype: Vec<Value> = result.columns.iter().map(rowset::rowtype).collect();
    let mut data = json!({
        "parameters": parameters(),
        "rowtype": rowtype,
        "total": rows,
        "returned": rows,
        "queryId": query_id,
        "databaseProvider": null,
        "finalDatabaseName": context.database,
        "finalSchemaName": context.schema,
        "finalWarehouseName": context.warehouse,
        "finalRoleName": context.role,
        "numberOfBinds": 0,
        "arrayBindSupported": false,
        "statementTypeId": result.kind.type_id(),
        "version": 1,
        "sendResultTime": chrono::Utc::now().timestamp_millis(),
        "queryResultFormat": "json",
    });
    if let Some(stats) = stats(result) {
        data["stats"] = stats;
    }
    // The rows are text already: put them in as they are instead of parsing them again.
    let rowset = rowset::rowset(result, max_bytes)?;
    let mut text = json!({ "message": null, "code": null, "success": true, "data": data }).to_string();
    text.truncate(text.len() - 2);
    text.push_str(",\"rowset\":");
    text.push_str(&rowset);
    text.push_str("}}");
    Ok(Body(bytes::Bytes::from(text)))
}

/// The counts of a DML statement, read from its one row.
fn stats(result: &QueryResult) -> Option<Value> {
    if !matches!(
        result.kind,
        StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge
    ) {
        return None;
    }
    let rowset = rowset::rowset(result, usize::MAX).ok()?;
    let rows: Vec<Vec<Option<String>>> = serde_json::from_str(&rowset).ok()?;
    let row = rows.first()?;
    let count = |name: &str| {
        let at = result.columns.iter().position(|column| column.name == name)?;
        row.get(at)?.as_ref()?.parse::<i64>().ok()
    };
    Some(json!({
        "numRowsInserted": count("number of rows inserted").unwrap_or(0),
        "numRowsUpdated": count("number of rows updated").unwrap_or(0),
        "numRowsDeleted": count("number of rows deleted").unwrap_or(0),
        "numDmlDuplicates": 0,
    }))
}

/// Session parameters that drivers look at, with the one value each has here.
pub(super) fn parameters() -> Value {
    let pairs = [
        ("AUTOCOMMIT", json!(true)),
        ("TIMEZONE", json!("UTC")),
        ("BINARY_OUTPUT_FORMAT", json!("HEX")),
        ("DATE_OUTPUT_FORMAT", json!("YYYY-MM-DD")),
        ("TIMESTAMP_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM")),
        ("TIMESTAMP_NTZ_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF3")),
        ("TIMESTAMP_LTZ_OUTPUT_FORMAT", json!("")),
        ("TIMESTAMP_TZ_OUTPUT_FORMAT", json!("")),
        ("TIMESTAMP_TYPE_MAPPING", json!("TIMESTAMP_NTZ")),
        ("CLIENT_SESSION_KEEP_ALIVE", json!(false)),
        ("CLIENT_TELEMETRY_ENABLED", json!(false)),
        ("CLIENT_PREFETCH_THREADS", json!(4)),
        ("CLIENT_RESULT_CHUNK_SIZE", json!(160)),
    ];
    pairs.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_json_document_with_its_rows() {
        let counts =
            QueryResult::counts(StatementKind::Merge, &[("number of rows inserted", 2), ("number of rows updated", 3)]);
        let body = result(&counts.unwrap(), &SessionContext::new("U", "R"), "q", 1000).unwrap();
        let value: Value = serde_json::from_slice(&body.0).unwrap();
        assert_eq!(value["data"]["rowset"], json!([["2", "3"]]));
        assert_eq!(value["data"]["stats"]["numRowsInserted"], 2);
        assert_eq!(value["data"]["statementTypeId"], 0x3400);
        assert_eq!(value["success"], true);
    }
}
