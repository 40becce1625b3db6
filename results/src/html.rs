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
