//! Pieces of HTML, and the one style sheet of everything that a browser shows.

use std::fmt::Write;

/// The style sheet: calm, for light and dark, for desks and hands.
pub const STYLE: &str = include_str!("style.css");

/// Text that cannot be taken for HTML.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A whole page that needs no other file: the common style sheet and, after it, `more_style`; `class` is
/// that of its body.
pub fn page(title: &str, more_style: &str, class: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{}</title>\n<style>\n{STYLE}{more_style}</style>\n</head>\n<body class=\"{class}\">\n\
         <main>\n{body}</main>\n</body>\n</html>\n",
        escape(title)
    )
}

/// Figures side by side, each with its name and a note.
pub fn tiles(tiles: &[(&str, String, String)]) -> String {
    let tiles: String = tiles
        .iter()
        .map(|(name, figure, note)| {
            format!(
                "<div class=\"tile\"><div class=\"name\">{name}</div><div class=\"figure\">{}</div><div class=\"note\">{}</div></div>\n",
                escape(figure),
                escape(note)
            )
        })
        .collect();
    format!("<div class=\"tiles\">\n{tiles}</div>\n")
}

/// A section with a heading and an introduction.
pub fn section(heading: &str, introduction: &str, content: &str) -> String {
    let introduction = match introduction {
        "" => String::new(),
        text => format!("<p class=\"intro\">{}</p>\n", escape(text)),
    };
    format!(
        "<section>\n<h2>{}</h2>\n{introduction}{content}</section>\n",
        escape(heading)
    )
}

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Words, to the left.
    Words(&'static str),
    /// Numbers, to the right.
    Number(&'static str),
}

/// A table; cells are HTML already.
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let mut html = String::from("<div class=\"scroll\"><table>\n<thead><tr>");
    let class = |column: &Column| match column {
        Column::Words(_) => "",
        Column::Number(_) => " class=\"number\"",
    };
    for column in columns {
        let (Column::Words(name) | Column::Number(name)) = column;
        let _ = write!(html, "<th{}>{}</th>", class(column), escape(name));
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for (column, cell) in columns.iter().zip(row) {
            let _ = write!(html, "<td{}>{cell}</td>", class(column));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}
