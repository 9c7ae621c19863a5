//! The text form of a Caffe network (`.prototxt`), to a [`Message`].
//!
//! Protobuf's text format: nested messages in `{}` or `<>`, with or without a colon; lists in `[]`;
//! comments from `#`; `,` or `;` where one likes. A field that is not known is passed over, whatever
//! is in it. Nothing is read beyond the text, and messages nest only so deep.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "every other token is an error"
)]

use super::lexer::{Lexer, TextError, TextProblem, Token};
use super::message::{Message, Value};
use super::schema::{Field, Kind, NET};

/// Deepest nesting of fields that are passed over; those that are known nest four deep.
const DEEPEST: usize = 64;

/// Returns the description of the network in a text.
pub(super) fn network(text: &str) -> Result<Message, TextError> {
    let mut lexer = Lexer::new(text);
    message(&mut lexer, NET, &Token::End)
}

/// Returns the fields up to `close`, which is passed over.
fn message(
    lexer: &mut Lexer<'_>,
    schema: &'static [Field],
    close: &Token<'_>,
) -> Result<Message, TextError> {
    let mut message = Message::default();
    loop {
        let at = lexer.place();
        let token = lexer.next()?;
        if token == *close {
            return Ok(message);
        }
        match token {
            Token::Word(name) => match schema.iter().find(|field| field.name == name) {
                Some(field) if !matches!(field.kind, Kind::Blob) => {
                    known(lexer, field, &mut message)?;
                }
                _ => pass_value(lexer, 0)?,
            },
            // The name of an extension.
            Token::Mark('[') => {
                while lexer.next()? != Token::Mark(']') {
                    if lexer.peek()? == Token::End {
                        return Err(lexer.expected(at, "`]` behind a name", &Token::End));
                    }
                }
                pass_value(lexer, 0)?;
            }
            Token::Mark(',' | ';') => {}
            other => return Err(lexer.expected(at, "the name of a field", &other)),
        }
    }
}

/// Appends the value, or the list of values, of a known field.
fn known(
    lexer: &mut Lexer<'_>,
    field: &'static Field,
    message: &mut Message,
) -> Result<(), TextError> {
    let at = lexer.place();
    let colon = lexer.peek()? == Token::Mark(':');
    if colon {
        lexer.next()?;
    } else if !matches!(field.kind, Kind::Message(_)) {
        let found = lexer.peek()?;
        return Err(lexer.expected(at, &format!("`:` behind `{}`", field.name), &found));
    }
    if lexer.peek()? != Token::Mark('[') {
        message.push(field.name, value(lexer, field)?);
        return Ok(());
    }
    lexer.next()?;
    if lexer.peek()? == Token::Mark(']') {
        lexer.next()?;
        return Ok(());
    }
    loop {
        message.push(field.name, value(lexer, field)?);
        let at = lexer.place();
        match lexer.next()? {
            Token::Mark(',') => {}
            Token::Mark(']') => return Ok(()),
            other => return Err(lexer.expected(at, "`,` or `]`", &other)),
        }
    }
}

/// Returns one value of a known field.
fn value(lexer: &mut Lexer<'_>, field: &Field) -> Result<Value, TextError> {
    let at = lexer.place();
    let minus = lexer.peek()? == Token::Mark('-');
    if minus {
        lexer.next()?;
    }
    let token = lexer.next()?;
    let wrong = |lexer: &Lexer<'_>, what: &str| {
        Err(lexer.expected(at, &format!("{what} for `{}`", field.name), &token))
    };
    match (field.kind, &token) {
        (Kind::Message(schema), Token::Mark('{')) if !minus => {
            message(lexer, schema, &Token::Mark('}')).map(Value::Message)
        }
        (Kind::Message(schema), Token::Mark('<')) if !minus => {
            message(lexer, schema, &Token::Mark('>')).map(Value::Message)
        }
        (Kind::Message(_), _) => wrong(lexer, "a message in braces"),
        (Kind::Text, Token::Quoted(first)) if !minus => {
            let mut text = first.clone();
            // Texts that follow each other are one.
            while let Token::Quoted(more) = lexer.peek()? {
                lexer.next()?;
                text.push_str(&more);
            }
            Ok(Value::Text(text))
        }
        (Kind::Text | Kind::Blob, _) => wrong(lexer, "a text in quotes"),
        (Kind::Word(_), Token::Word(word)) if !minus => Ok(Value::Text((*word).to_owned())),
        (Kind::Word(words), Token::Number(number)) => {
            let number = whole(number, minus);
            match words.iter().find(|(n, _)| Some(*n) == number) {
                Some((_, word)) => Ok(Value::Text((*word).to_owned())),
                None => wrong(lexer, "a constant"),
            }
        }
        (Kind::Word(_), _) => wrong(lexer, "a constant"),
        (Kind::Int, Token::Number(number)) => match whole(number, minus) {
            Some(number) => Ok(Value::Int(number)),
            None => wrong(lexer, "a whole number"),
        },
        (Kind::Int, _) => wrong(lexer, "a whole number"),
        (Kind::Float, token) => match real(token) {
            Some(number) => Ok(Value::Float(if minus { -number } else { number })),
            None => wrong(lexer, "a number"),
        },
        (Kind::Bool, Token::Word("true" | "True" | "t") | Token::Number("1")) if !minus => {
            Ok(Value::Bool(true))
        }
        (Kind::Bool, Token::Word("false" | "False" | "f") | Token::Number("0")) if !minus => {
            Ok(Value::Bool(false))
        }
        (Kind::Bool, _) => wrong(lexer, "true or false"),
    }
}

/// Returns a whole number: decimal, `0x…` or, with a leading zero, octal.
fn whole(text: &str, minus: bool) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let number = match lower.strip_prefix("0x") {
        Some(hex) => i128::from_str_radix(hex, 16).ok()?,
        None if lower.len() > 1 && lower.starts_with('0') => {
            i128::from_str_radix(&lower, 8).ok()?
        }
        None => lower.parse().ok()?,
    };
    i64::try_from(if minus { -number } else { number }).ok()
}

fn real(token: &Token<'_>) -> Option<f32> {
    match token {
        Token::Number(text) => text.trim_end_matches(['f', 'F']).parse().ok(),
        Token::Word(word) => match word.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => Some(f32::INFINITY),
            "nan" => Some(f32::NAN),
            _ => None,
        },
        Token::Quoted(_) | Token::Mark(_) | Token::End => None,
    }
}

/// Passes over the value of a field that is not known.
fn pass_value(lexer: &mut Lexer<'_>, depth: usize) -> Result<(), TextError> {
    if lexer.peek()? == Token::Mark(':') {
        lexer.next()?;
    }
    let at = lexer.place();
    if depth > DEEPEST {
        return Err(lexer.error(at, TextProblem::Depth(DEEPEST)));
    }
    match lexer.next()? {
        Token::Mark('{') => pass_message(lexer, '}', depth),
        Token::Mark('<') => pass_message(lexer, '>', depth),
        Token::Mark('[') => loop {
            match lexer.peek()? {
                Token::Mark(']') => return lexer.next().map(|_| ()),
                Token::Mark(',') => lexer.next().map(|_| ())?,
                _ => pass_value(lexer, depth + 1)?,
            }
        },
        Token::Mark('-') => pass_value(lexer, depth + 1),
        Token::Quoted(_) => {
            while let Token::Quoted(_) = lexer.peek()? {
                lexer.next()?;
            }
            Ok(())
        }
        Token::Word(_) | Token::Number(_) => Ok(()),
        found => Err(lexer.expected(at, "a value", &found)),
    }
}

fn pass_message(lexer: &mut Lexer<'_>, close: char, depth: usize) -> Result<(), TextError> {
    loop {
        let at = lexer.place();
        match lexer.next()? {
            Token::Mark(mark) if mark == close => return Ok(()),
            Token::Word(_) => pass_value(lexer, depth + 1)?,
            Token::Mark('[') => {
                while !matches!(lexer.next()?, Token::Mark(']') | Token::End) {}
                pass_value(lexer, depth + 1)?;
            }
            Token::Mark(',' | ';') => {}
            found => return Err(lexer.expected(at, "the name of a field", &found)),
        }
    }
}
