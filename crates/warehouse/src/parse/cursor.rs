//! A reader over sqlparser's tokens for the statements that sqlparser does not parse: words by their text (its keyword
//! list lacks Snowflake's), names already folded, and the source text between two places.

use super::{Name, unsupported};
use crate::error::SqlError;
use datafusion::sql::sqlparser::{
    ast as sql,
    dialect::SnowflakeDialect,
    parser::{Parser, ParserError},
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer},
};

pub(super) struct Cursor<'a> {
    source: &'a str,
    /// Byte offset of each line's start.
    lines: Vec<usize>,
    parser: Parser<'a>,
}

/// A byte offset into the source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(usize);

impl<'a> Cursor<'a> {
    pub(super) fn new(source: &'a str) -> Result<Self, SqlError> {
        let tokens = Tokenizer::new(&SnowflakeDialect {}, source)
            .tokenize_with_location()
            .map_err(|error| SqlError::syntax(format!("{} at {}", error.message, place(error.location))))?;
        let lines = std::iter::once(0).chain(source.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Ok(Self { source, lines, parser: Parser::new(&SnowflakeDialect {}).with_tokens_with_locations(tokens) })
    }

    /// Runs one of sqlparser's own parsers.
    pub(super) fn delegate<T>(
        &mut self,
        parse: impl FnOnce(&mut Parser<'a>) -> Result<T, ParserError>,
    ) -> Result<T, SqlError> {
        parse(&mut self.parser).map_err(|error| {
            SqlError::syntax(match error {
                ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
                ParserError::RecursionLimitExceeded => "the statement nests too deeply".to_owned(),
            })
        })
    }

    pub(super) fn token(&self) -> &Token {
        &self.parser.peek_token_ref().token
    }

    pub(super) fn advance(&mut self) {
        self.parser.advance_token();
    }

    /// The upper-case text of the next token when it is an unquoted word.
    pub(super) fn peek_word(&self) -> Option<String> {
        unquoted(self.token())
    }

    /// The same for the token `ahead` of the next one.
    pub(super) fn peek_nth_word(&self, ahead: usize) -> Option<String> {
        unquoted(&self.parser.peek_nth_token_ref(ahead).token)
    }

    /// Whether a statement ends here.
    pub(super) fn at_end(&self) -> bool {
        matches!(self.token(), Token::EOF | Token::SemiColon)
    }

    /// Takes these words if all of them come next.
    pub(super) fn words(&mut self, words: &[&str]) -> bool {
        let all = words.iter().enumerate().all(|(ahead, word)| self.peek_nth_word(ahead).as_deref() == Some(*word));
        if all {
            for _ in words {
                self.advance();
            }
        }
        all
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        self.words(&[word])
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), SqlError> {
        if self.word(word) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    pub(super) fn punctuation(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    pub(super) fn expect(&mut self, token: &Token) -> Result<(), SqlError> {
        if self.punctuation(token) { Ok(()) } else { Err(self.unexpected(&token.to_string())) }
    }

    /// An identifier, folded.
    pub(super) fn identifier(&mut self) -> Result<String, SqlError> {
        let Token::Word(word) = self.token() else { return Err(self.unexpected("an identifier")) };
        let folded = if word.quote_style.is_some() { word.value.clone() } else { word.value.to_uppercase() };
        self.advance();
        Ok(folded)
    }

    /// An identifier or a string, as settings such as `WAREHOUSE = x` or `= 'x'` take.
    pub(super) fn identifier_or_string(&mut self) -> Result<String, SqlError> {
        if matches!(self.token(), Token::Word(_)) { self.identifier() } else { self.string() }
    }

    /// `[database.][schema.]name`, where `database..name` means its schema PUBLIC.
    pub(super) fn name(&mut self) -> Result<Name, SqlError> {
        let mut parts = vec![self.identifier()?];
        while self.punctuation(&Token::Period) {
            if parts.len() == 1 && self.punctuation(&Token::Period) {
                parts.push("PUBLIC".to_owned());
            }
            parts.push(self.identifier()?);
        }
        Name::from_parts(parts)
    }

    /// `'…'` or `$$…$$`.
    pub(super) fn string(&mut self) -> Result<String, SqlError> {
        let text = match self.token() {
            Token::SingleQuotedString(text) => text.clone(),
            Token::DollarQuotedString(quoted) => quoted.value.clone(),
            _ => return Err(self.unexpected("a string")),
        };
        self.advance();
        Ok(text)
    }

    pub(super) fn number(&mut self) -> Result<u32, SqlError> {
        let value = match self.token() {
            Token::Number(digits, _) => digits.parse().ok(),
            _ => None,
        };
        let value = value.ok_or_else(|| self.unexpected("a whole number"))?;
        self.advance();
        Ok(value)
    }

    pub(super) fn boolean(&mut self) -> Result<bool, SqlError> {
        match self.peek_word().as_deref() {
            Some("TRUE") => self.advance(),
            Some("FALSE") => {
                self.advance();
                return Ok(false);
            }
            _ => return Err(self.unexpected("TRUE or FALSE")),
        }
        Ok(true)
    }

    pub(super) fn equals(&mut self) -> Result<(), SqlError> {
        self.expect(&Token::Eq)
    }

    /// `= value` of a setting.
    pub(super) fn setting<T>(&mut self, value: impl FnOnce(&mut Self) -> Result<T, SqlError>) -> Result<T, SqlError> {
        self.equals()?;
        value(self)
    }

    /// `(a, b, …)`, at least one.
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, SqlError>,
    ) -> Result<Vec<T>, SqlError> {
        self.expect(&Token::LParen)?;
        let mut items = vec![item(self)?];
        while self.punctuation(&Token::Comma) {
            items.push(item(self)?);
        }
        self.expect(&Token::RParen)?;
        Ok(items)
    }

    pub(super) fn expr(&mut self) -> Result<sql::Expr, SqlError> {
        self.delegate(Parser::parse_expr)
    }

    pub(super) fn query(&mut self) -> Result<Box<sql::Query>, SqlError> {
        self.delegate(Parser::parse_query)
    }

    /// Where the next token starts.
    pub(super) fn mark(&self) -> Mark {
        match self.parser.peek_token_ref() {
            TokenWithSpan { token: Token::EOF, .. } => Mark(self.source.len()),
            token => Mark(self.offset(token.span.start)),
        }
    }

    /// The source from `from` to the end of the token taken last.
    pub(super) fn text(&self, from: Mark) -> &'a str {
        let end = self.offset(self.parser.get_current_token().span.end).max(from.0);
        self.source.get(from.0..end).unwrap_or_default()
    }

    /// Takes a parenthesised group whole and returns the text inside.
    pub(super) fn parenthesised_text(&mut self) -> Result<String, SqlError> {
        self.expect(&Token::LParen)?;
        let start = self.mark();
        let mut depth = 1_u32;
        loop {
            match self.token() {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                Token::EOF => return Err(self.unexpected(")")),
                _ => {}
            }
            if depth == 0 {
                break;
            }
            self.advance();
        }
        let end = self.mark();
        self.advance();
        Ok(self.source.get(start.0..end.0).unwrap_or_default().trim().to_owned())
    }

    /// `/path` right behind the token taken last, without the slash: up to a blank or what ends an item, since a path
    /// holds what are tokens elsewhere.
    pub(super) fn path(&mut self) -> String {
        let slash = self.parser.peek_token_no_skip();
        if slash.token != Token::Div {
            return String::new();
        }
        let start = self.offset(slash.span.start) + 1;
        let rest = self.source.get(start..).unwrap_or_default();
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';');
        let path = rest.split(ends).next().unwrap_or_default();
        while self.mark().0 < start + path.len() && *self.token() != Token::EOF {
            self.advance();
        }
        if path.is_empty() {
            self.advance();
        }
        path.to_owned()
    }

    pub(super) fn unexpected(&self, expected: &str) -> SqlError {
        let found = self.parser.peek_token_ref();
        SqlError::syntax(match found.token {
            Token::EOF => format!("unexpected end of the statement, expected {expected}"),
            _ => format!("unexpected '{}' at {}, expected {expected}", found.token, place(found.span.start)),
        })
    }

    /// The next word (or token) names something Snowflake may have but the local warehouse does not.
    pub(super) fn unsupported(&self, context: &str) -> SqlError {
        match self.token() {
            Token::Word(word) => unsupported(format_args!("{context} {}", word.value.to_uppercase())),
            _ => self.unexpected(&format!("a clause of {context}")),
        }
    }

    fn offset(&self, location: Location) -> usize {
        let start = usize::try_from(location.line).ok().and_then(|line| self.lines.get(line.checked_sub(1)?));
        let Some(start) = start else { return self.source.len() };
        let columns = usize::try_from(location.column.saturating_sub(1)).unwrap_or(usize::MAX);
        let rest = self.source.get(*start..).unwrap_or_default();
        start + rest.char_indices().nth(columns).map_or(rest.len(), |(at, _)| at)
    }
}

impl Name {
    /// # Errors
    /// When there are more than three parts.
    pub fn from_parts(parts: Vec<String>) -> Result<Self, SqlError> {
        let written = parts.join(".");
        let mut parts = parts.into_iter().rev();
        let name = Self { name: parts.next().unwrap_or_default(), schema: parts.next(), database: parts.next() };
        match parts.next() {
            None => Ok(name),
            Some(_) => Err(SqlError::syntax(format!("the name {written} has more than three parts"))),
        }
    }
}

fn unquoted(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    }
}

fn place(location: Location) -> String {
    format!("line {}, column {}", location.line, location.column)
}
