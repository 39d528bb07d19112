//! Identifiers: unquoted ones fold to upper case, quoted ones stay. DataFusion's own folding (to lower case) is off.

use crate::SqlError;
use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, TableAlias};

/// A folded identifier, quoted so that folding it again leaves it alone.
pub(crate) fn identifier(name: impl Into<String>) -> Ident {
    Ident::with_quote('"', name)
}

pub(crate) fn fold(ident: &mut Ident) {
    if ident.quote_style.is_none() {
        ident.value = ident.value.to_uppercase();
        ident.quote_style = Some('"');
    }
}

pub(crate) fn fold_name(name: &mut ObjectName) -> Result<(), SqlError> {
    if name.0.iter().any(|part| matches!(part, ObjectNamePart::Function(_))) {
        return Err(super::unsupported(format_args!("the name {name}")));
    }
    for part in &mut name.0 {
        if let ObjectNamePart::Identifier(ident) = part {
            fold(ident);
        }
    }
    Ok(())
}

pub(super) fn fold_alias(alias: &mut TableAlias) -> Result<(), SqlError> {
    if alias.at.is_some() || alias.columns.iter().any(|column| column.data_type.is_some()) {
        return Err(super::unsupported(format_args!("the alias {alias}")));
    }
    fold(&mut alias.name);
    alias.columns.iter_mut().for_each(|column| fold(&mut column.name));
    Ok(())
}

/// What Snowflake calls a result column without an alias: the column's own name, else the expression's text, upper case.
pub(super) fn result_name(expr: &Expr) -> String {
    match expr {
        Expr::Identifier(ident) => folded(ident),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded).unwrap_or_default(),
        Expr::Nested(inner) => result_name(inner),
        other => other.to_string().to_uppercase(),
    }
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_uppercase() }
}
