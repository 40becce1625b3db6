//! The pages in a real browser, where there is one.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kensho_results::progress::Stage;

use crate::fixture::{INVALID, Served, VALID};
use crate::live::{RUNNING, append, line};

/// One test at a time: several browsers that start at once may take longer than a run may be silent.
fn alone() -> MutexGuard<'static, ()> {
    static BROWSER: Mutex<()> = Mutex::new(());
    BROWSER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The page at `path` once it is loaded; none where there is no browser.
fn dom(served: &Served, path: &str) -> Option<String> {
    // Events never end; the page is taken as it is after this time at the latest.
    dom_after(served, path, "--timeout=5000")
}

/// The page at `path` once `limit` is reached, an option of the browser.
fn dom_after(served: &Served, path: &str, limit: &str) -> Option<String> {
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
            // Nothing but the page is fetched.
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        .arg(argument("--user-data-dir=", profile.path()))
        .args([limit, "--dump-dom"])
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
    let _alone = alone();
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
    assert!(report.contains("timeline alive"), "its script ran");
    assert!(
        report.contains(">0.25 s<") && report.contains(">1.75 s<"),
        "the axis says where its marks are"
    );
}

#[test]
fn two_runs_are_compared_in_a_browser() {
    let _alone = alone();
    let served = Served::start();
    let Some(page) = dom(&served, &format!("/compare?run={VALID}&run={INVALID}")) else {
        return;
    };
    for words in ["Two runs", "answers per second", "Options that differ"] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[test]
fn a_run_that_goes_on_is_watched_in_a_browser_until_it_falls_silent() {
    let _alone = alone();
    let served = Served::start();
    append(&served, &line(1_000, Stage::Main, 1_000));
    append(&served, &line(2_000, Stage::Main, 2_500));
    // The browser's clock stands still while events may come: they end when the run is given up.
    let limit = "--virtual-time-budget=1000";
    let Some(page) = dom_after(&served, &format!("/run/{RUNNING}"), limit) else {
        return;
    };
    assert!(page.contains("data-live=\"answered\">2,500<"), "{page}");
    assert!(page.contains("data-live=\"rate\">1,500<"), "{page}");
    assert!(page.contains("Answers per second, at most 1,500"), "{page}");
    assert!(
        page.contains("The run has ended without a verdict"),
        "{page}"
    );
}
