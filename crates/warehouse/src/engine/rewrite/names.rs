//! Identifiers: unquoted ones fold to upper case, quoted ones stay. DataFusion's own folding (to lower case) is off.

use crate::SqlError;
use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, ObjectNamePart, SelectItem, TableAlias};
use std::collections::HashSet;

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

/// Ends the name of a result column and begins its number, where several have one name; no identifier has it.
pub(crate) const REPEATED: char = '\u{1}';

/// A result may have several columns of one name, which DataFusion does not take: all but the first get a number, which
/// the client does not see.
pub(super) fn number_repeated(items: &mut [SelectItem]) {
    let mut seen = HashSet::new();
    for (at, item) in items.iter_mut().enumerate() {
        let name = match item {
            SelectItem::UnnamedExpr(expr) => result_name(expr),
            SelectItem::ExprWithAlias { alias, .. } => alias.value.clone(),
            _ => continue,
        };
        if seen.insert(name.clone()) {
            continue;
        }
        let numbered = identifier(format!("{name}{REPEATED}{at}"));
        match item {
            SelectItem::UnnamedExpr(expr) => {
                let expr = expr.clone();
                *item = SelectItem::ExprWithAlias { expr, alias: numbered };
            }
            SelectItem::ExprWithAlias { alias, .. } => *alias = numbered,
            _ => {}
        }
    }
}

fn folded(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_uppercase() }
}
