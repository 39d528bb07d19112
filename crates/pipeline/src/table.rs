//! Rows as a table for a terminal.

/// Lays `rows` out under `columns`, each column as wide as its widest value; `None` shows as NULL.
pub(crate) fn render(columns: &[String], rows: &[Vec<Option<String>>]) -> String {
    let cell = |value: &Option<String>| value.clone().unwrap_or_else(|| "NULL".to_owned());
    let mut lines: Vec<Vec<String>> = vec![columns.to_vec()];
    lines.extend(rows.iter().map(|row| row.iter().map(cell).collect()));
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|v| v.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let padded = line.iter().zip(&widths).map(|(value, width)| format!("{value:<width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
        if number == 0 {
            let rule = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>();
            text.push_str(&rule.join("  "));
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_value() {
        let columns = ["ID".to_owned(), "CITY".to_owned()];
        let rows = [vec![Some("1".to_owned()), Some("Łódź".to_owned())], vec![Some("10".to_owned()), None]];
        assert_eq!(render(&columns, &rows), "ID  CITY\n--  ----\n1   Łódź\n10  NULL\n");
    }
}
