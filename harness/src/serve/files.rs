//! Files of runs, and what is in folders. Nothing outside the folder of runs is ever shown.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Response, StatusCode};
use kensho_results::html::escape;
use kensho_results::utc::Utc;

use super::answer::{Body, Content, answer, html, refusal};
use super::page::{file_link, page, run_link};

/// So much of a file is at hand at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// A file without a telling name is text if so many bytes at its beginning are.
const TASTE_BYTES: usize = 4 << 10;
/// So many names of a folder are listed.
const NAMES_MAX: usize = 2_000;

/// A file, or what is in a folder.
pub(super) fn show(root: &Path, name: &str) -> Response<Body> {
    let name = name.trim_matches('/');
    let Some(path) = resolve(root, name) else {
        return refusal(StatusCode::NOT_FOUND, &format!("there is no file {name:?}"));
    };
    if path.is_dir() {
        return html(folder(&path, name));
    }
    match file(&path) {
        Ok(response) => response,
        Err(error) => refusal(
            StatusCode::FORBIDDEN,
            &format!("{name:?} cannot be read: {error}"),
        ),
    }
}

/// The file or folder that a name below `root` means, if it is there and really below `root`,
/// wherever links lead.
pub(super) fn resolve(root: &Path, name: &str) -> Option<PathBuf> {
    let mut path = root.to_path_buf();
    for part in name.split('/').filter(|part| !part.is_empty()) {
        if matches!(part, "." | "..") || part.contains('\0') {
            return None;
        }
        path.push(part);
    }
    let path = path.canonicalize().ok()?;
    path.starts_with(root.canonicalize().ok()?).then_some(path)
}

fn file(path: &Path) -> io::Result<Response<Body>> {
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder"));
    }
    let length = metadata.len();
    let content_type = content_type(path)?;
    let file = File::open(path)?;
    // A file that grows while it is sent ends where it ended when it was asked for.
    let parts = stream::unfold(file.take(length), |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; CHUNK_BYTES];
            let read = file.read(&mut bytes);
            read.map(|count| {
                bytes.truncate(count);
                (bytes, file)
            })
        });
        match read.await.map_err(io::Error::other).flatten() {
            Ok((bytes, _)) if bytes.is_empty() => None,
            Ok((bytes, file)) => Some((Ok(Frame::data(Bytes::from(bytes))), file)),
            // The connection ends before the length that was promised, which tells the client.
            Err(error) => Some((Err(error), File::open("/dev/null").ok()?.take(0))),
        }
    });
    let body = BodyExt::boxed_unsync(StreamBody::new(parts));
    let mut response = answer(StatusCode::OK, Content::File, content_type, body);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// A file's type, by its name, or by its first bytes.
fn content_type(path: &Path) -> io::Result<&'static str> {
    let extension = path.extension().and_then(|extension| extension.to_str());
    Ok(match extension.unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "csv" => "text/csv; charset=utf-8",
        // Browsers show these only as text.
        "jsonl" | "log" | "toml" | "hlog" | "md" | "txt" | "edn" => "text/plain; charset=utf-8",
        _ => {
            let mut taste = Vec::new();
            File::open(path)?
                .take(TASTE_BYTES as u64)
                .read_to_end(&mut taste)?;
            if is_text(&taste) {
                "text/plain; charset=utf-8"
            } else {
                "application/octet-stream"
            }
        }
    })
}

fn is_text(bytes: &[u8]) -> bool {
    let utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        // The last letter may have been cut.
        Err(error) => error.error_len().is_none() && bytes.len() == TASTE_BYTES,
    };
    utf8 && !bytes.contains(&0)
}

fn folder(path: &Path, name: &str) -> String {
    let mut crumbs = String::from("<a href=\"/files/\">runs</a>");
    let mut so_far = String::new();
    for part in name.split('/').filter(|part| !part.is_empty()) {
        if !so_far.is_empty() {
            so_far.push('/');
        }
        so_far.push_str(part);
        let _ = write!(
            crumbs,
            " / <a href=\"{}\">{}</a>",
            escape(&file_link(&so_far)),
            escape(part)
        );
    }
    let run = if path.join("run.json").is_file() || path.join("verdict.json").is_file() {
        format!(
            "<p><a href=\"{}\">The run's page</a></p>\n",
            escape(&run_link(name))
        )
    } else {
        String::new()
    };
    let title = if name.is_empty() { "Files" } else { name };
    let body = format!(
        "<header class=\"list\">\n<h1>Files</h1>\n<p class=\"crumbs\">{crumbs}</p>\n{run}</header>\n<section>\n{}</section>\n",
        table(path, name)
    );
    page(title, "serve", &body)
}

/// What is in a folder that is known to be below the root.
pub(super) fn table(path: &Path, name: &str) -> String {
    let mut rows: Vec<(bool, String, u64, String)> = Vec::new();
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    for entry in entries.take(NAMES_MAX) {
        let Ok(metadata) = fs::metadata(entry.path()) else {
            continue;
        };
        let modified = metadata.modified().ok().map(|time| Utc::from(time).text());
        rows.push((
            !metadata.is_dir(),
            entry.file_name().to_string_lossy().into_owned(),
            metadata.len(),
            modified.unwrap_or_default(),
        ));
    }
    if rows.is_empty() {
        return "<p class=\"nothing\">Nothing is here.</p>\n".to_string();
    }
    rows.sort();
    let mut html = String::from(
        "<div class=\"scroll\"><table class=\"files\">\n<thead><tr><th>name</th><th class=\"number\">bytes</th><th>written</th></tr></thead>\n<tbody>\n",
    );
    for (is_file, file, length, modified) in &rows {
        let link = file_link(&match name {
            "" => file.clone(),
            name => format!("{name}/{file}"),
        });
        let (slash, bytes) = if *is_file {
            ("", kensho_results::text::thousands(*length))
        } else {
            ("/", String::new())
        };
        let _ = writeln!(
            html,
            "<tr><td><a href=\"{}\">{}{slash}</a></td><td class=\"number\">{bytes}</td><td class=\"note\">{modified}</td></tr>",
            escape(&link),
            escape(file)
        );
    }
    html.push_str("</tbody>\n</table></div>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_ever_resolved() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("runs");
        fs::create_dir_all(root.join("a")).unwrap();
        fs::write(root.join("a/file"), "inside").unwrap();
        fs::write(folder.path().join("secret"), "outside").unwrap();
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        };
        link("a", "latest");
        link("../secret", "out");
        link("..", "up");
        link("/", "all");
        for inside in ["", "a", "a/file", "/a//file", "latest/file"] {
            assert!(resolve(&root, inside).is_some(), "{inside}");
        }
        for outside in [
            "..",
            "../secret",
            "a/../../secret",
            "a/./file",
            "out",
            "up/secret",
            "all/etc/passwd",
            "a/file/..",
            "missing",
            "a\0",
        ] {
            assert_eq!(resolve(&root, outside), None, "{outside}");
        }
    }

    #[test]
    fn a_file_without_a_telling_name_is_text_if_its_beginning_is() {
        assert!(is_text(b"") && is_text("grüße\n".as_bytes()));
        assert!(!is_text(b"\x00\x01") && !is_text(b"\xff\xfe") && !is_text(b"gr\xc3"));
        let mut cut = vec![b'a'; TASTE_BYTES - 1];
        cut.push(0xc3);
        assert!(is_text(&cut));
    }
}
