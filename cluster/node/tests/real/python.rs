//! The client in Python, tested by its own tests against these nodes.

use std::path::Path;
use std::process::Command;

use crate::cluster::program;

/// `KENSHO_PYTHON` may name a Python that has httpx.
#[test]
fn the_python_client_passes_its_tests() {
    let python = std::env::var("KENSHO_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has_httpx = Command::new(&python).args(["-c", "import httpx"]).output();
    if !has_httpx.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: {python} has no httpx; install it, or name one that has it by KENSHO_PYTHON"
        );
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../client-python");
    let tests = Command::new(&python)
        .args(["-B", "-m", "unittest"])
        .current_dir(folder)
        .env("KENSHO_NODE", program())
        .output();
    let tests = tests.expect("it starts");
    let said = String::from_utf8_lossy(&tests.stderr);
    assert!(tests.status.success(), "{said}");
    assert!(
        !said.contains("skipped"),
        "it knows where the nodes are: {said}"
    );
}
