//! Splits protobuf's text format into words, numbers, texts and marks, each with its place.
//!
//! A text keeps its escapes' meaning; bytes that are no UTF-8 after that are replaced.

use thiserror::Error;

/// What is wrong with a text, and where.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line}, column {column}: {problem}: `{text}`")]
pub struct TextError {
    /// Line, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: TextProblem,
    /// The line, or what of it is near the place.
    pub text: String,
}

/// What is wrong with a text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TextProblem {
    /// Something else was needed.
    #[error("{expected} is expected, not {found}")]
    Expected {
        /// What was needed.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// A text without its second quote.
    #[error("the quoted text does not end on its line")]
    Unended,
    /// An escape that protobuf does not have.
    #[error("`\\{0}` is no escape")]
    Escape(String),
    /// Messages within messages within messages.
    #[error("messages are nested more than {0} deep")]
    Depth(usize),
}

/// One piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A name or constant.
    Word(&'a str),
    /// A number, as written, without its sign.
    Number(&'a str),
    /// What stood in quotes.
    Quoted(String),
    /// Any other character.
    Mark(char),
    /// The end.
    End,
}

impl Token<'_> {
    /// Returns how a message names the token.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(text) | Self::Number(text) => format!("`{}`", shortened(text)),
            Self::Quoted(text) => format!("\"{}\"", shortened(text)),
            Self::Mark(mark) => format!("`{mark}`"),
            Self::End => "the end of the file".to_owned(),
        }
    }
}

/// Most characters of the file that a message repeats.
const SHOWN: usize = 80;

fn shortened(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// Walks over a text.
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    /// Returns a walker at the beginning.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Passes over blanks and comments and returns the place of the next token.
    pub(super) fn place(&mut self) -> usize {
        loop {
            let rest = self.text[self.at..].trim_start_matches(|c: char| {
                c.is_ascii_whitespace() || c == '\u{b}' || c == '\u{feff}'
            });
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return self.at;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    /// Returns the next token and passes over it.
    pub(super) fn next(&mut self) -> Result<Token<'a>, TextError> {
        let start = self.place();
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        if first == '"' || first == '\'' {
            return self.quoted(first).map(Token::Quoted);
        }
        let digit_follows = rest[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
        let is_number = first.is_ascii_digit() || (first == '.' && digit_follows);
        if !is_number && !is_word(first) {
            self.at += first.len_utf8();
            return Ok(Token::Mark(first));
        }
        let mut before = first;
        let length = rest
            .find(|c: char| {
                let exponent = matches!(before, 'e' | 'E') && matches!(c, '+' | '-');
                let inside = is_word(c) || (is_number && (c == '.' || exponent));
                before = c;
                !inside
            })
            .unwrap_or(rest.len());
        self.at += length;
        Ok(if is_number {
            Token::Number(&rest[..length])
        } else {
            Token::Word(&rest[..length])
        })
    }

    /// Returns the next token and stays before it.
    pub(super) fn peek(&mut self) -> Result<Token<'a>, TextError> {
        let at = self.place();
        let token = self.next();
        self.at = at;
        token
    }

    /// Returns the error of a problem at a place.
    pub(super) fn error(&self, at: usize, problem: TextProblem) -> TextError {
        let before = &self.text[..at];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let column = before[line_start..].chars().count() + 1;
        let skipped = if line.chars().count() > SHOWN {
            column.saturating_sub(SHOWN / 2)
        } else {
            0
        };
        TextError {
            line: before.matches('\n').count() + 1,
            column,
            problem,
            text: line.chars().skip(skipped).take(SHOWN).collect(),
        }
    }

    /// Returns the error of finding one token where others were needed.
    pub(super) fn expected(&self, at: usize, expected: &str, found: &Token<'_>) -> TextError {
        let problem = TextProblem::Expected {
            expected: expected.to_owned(),
            found: found.shown(),
        };
        self.error(at, problem)
    }

    fn quoted(&mut self, quote: char) -> Result<String, TextError> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut at = start + 1;
        loop {
            let Some(c) = self.text[at..].chars().next() else {
                return Err(self.error(start, TextProblem::Unended));
            };
            match c {
                '\n' => return Err(self.error(start, TextProblem::Unended)),
                '\\' => {
                    let (byte, length) = self.escape(at)?;
                    bytes.push(byte);
                    at += length;
                }
                _ if c == quote => break,
                _ => {
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    at += c.len_utf8();
                }
            }
        }
        self.at = at + 1;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the byte that the escape at `at` stands for, and the escape's length.
    fn escape(&self, at: usize) -> Result<(u8, usize), TextError> {
        let rest = &self.text[at + 1..];
        let digits = |text: &str, most: usize, radix: u32| {
            let length = text
                .chars()
                .take(most)
                .take_while(|c| c.is_digit(radix))
                .count();
            (u8::from_str_radix(&text[..length], radix).ok(), length)
        };
        let letter = rest.chars().next().unwrap_or('\n');
        let byte = match letter {
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'v' => 11,
            '\\' | '\'' | '"' | '?' => u8::try_from(letter).unwrap_or(b'?'),
            '0'..='7' => match digits(rest, 3, 8) {
                (Some(byte), length) => return Ok((byte, 1 + length)),
                _ => return Err(self.error(at, TextProblem::Escape(letter.to_string()))),
            },
            'x' | 'X' => match digits(&rest[1..], 2, 16) {
                (Some(byte), length) => return Ok((byte, 2 + length)),
                _ => return Err(self.error(at, TextProblem::Escape(letter.to_string()))),
            },
            _ => {
                let shown = letter.escape_default().to_string();
                return Err(self.error(at, TextProblem::Escape(shown)));
            }
        };
        Ok((byte, 2))
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
