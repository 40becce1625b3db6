//! The pages in a real browser, where there is one.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::fixture::{INVALID, Served, VALID};

/// The page at `path` after its script has run; none where there is no browser.
fn dom(served: &Served, path: &str) -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&folders).collect();
    let find = |name: &&str| {
        folders
            .iter()
            .map(|folder| folder.join(name))
            .find(|path| path.is_file())
    };
    let Some(program) = names.iter().find_map(find) else {
        eprintln!(
            "skipped: there is none of {} on this machine",
            names.join(", ")
        );
        return None;
    };
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .arg(argument("--user-data-dir=", profile.path()))
        // Events never end; the page is taken as it is after this time at the latest.
        .args(["--timeout=5000", "--dump-dom"])
        .arg(format!("http://{}{path}", served.address))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn argument(name: &str, path: &Path) -> String {
    format!("{name}{}", path.display())
}

#[test]
fn the_list_and_a_report_work_in_a_browser() {
    let served = Served::start();
    let Some(list) = dom(&served, "/") else {
        return;
    };
    assert!(
        list.contains("class=\"scripted\""),
        "the script ran: {list}"
    );
    assert!(list.contains(VALID) && list.contains(INVALID));
    let report = dom(&served, &format!("/files/{VALID}/report.html")).unwrap();
    assert!(report.contains("The verdict is valid."));
}
