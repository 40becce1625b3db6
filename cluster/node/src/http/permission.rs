//! What a user has to be to ask for something.

use hyper::Method;

use super::router::{DatabasePath, Route};
use crate::access::Role;

/// What whoever asks has to be; `None`: anybody may.
pub(super) fn needed(route: &Route<'_>, method: &Method) -> Option<Role> {
    let reads = *method == Method::GET;
    Some(match route {
        // Whoever looks after processes, and whoever wants to know what there is to ask for.
        Route::Health | Route::Ready | Route::Description => return None,
        Route::Dashboard
        | Route::Table
        | Route::Plan
        | Route::Nodes
        | Route::Stat
        | Route::Partitions
        | Route::Config
        | Route::Metrics => Role::Read,
        Route::Join
        | Route::Leave
        | Route::Failover
        | Route::Levelling
        | Route::Move
        | Route::Log
        | Route::Backup(_) => Role::Admin,
        Route::Database { path, .. } => match path {
            DatabasePath::Rows(_)
            | DatabasePath::RowsWithFiles(_)
            | DatabasePath::ManyRows
            | DatabasePath::Tql
                if *method == Method::POST =>
            {
                Role::Read
            }
            _ if reads => Role::Read,
            _ => Role::Write,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::router::route;

    #[test]
    fn what_only_reads_needs_no_more_than_read() {
        let needed = |method: Method, path: &str| {
            needed(&route(path).expect("a path"), &method).map(Role::name)
        };
        let data = |rest: &str| format!("/griddb/v2/c/dbs/public{rest}");
        assert_eq!(needed(Method::GET, "/readyz"), None);
        assert_eq!(needed(Method::GET, "/node/stat"), Some("read"));
        assert_eq!(needed(Method::POST, "/node/leave"), Some("admin"));
        assert_eq!(needed(Method::POST, "/node/failover"), Some("admin"));
        assert_eq!(needed(Method::GET, "/cluster/plan"), Some("read"));
        assert_eq!(needed(Method::POST, "/cluster/move"), Some("admin"));
        assert_eq!(needed(Method::POST, "/cluster/levelling"), Some("admin"));
        for path in [
            "/tql",
            "/containers/rows",
            "/containers/a/rows",
            "/containers/a/rows/blob",
        ] {
            assert_eq!(needed(Method::POST, &data(path)), Some("read"), "{path}");
        }
        for path in ["/containers", "/containers/a/transaction"] {
            assert_eq!(needed(Method::POST, &data(path)), Some("write"), "{path}");
        }
        assert_eq!(
            needed(Method::DELETE, &data("/containers/a/rows/k")),
            Some("write")
        );
        assert_eq!(
            needed(Method::PUT, &data("/containers/rows")),
            Some("write")
        );
        assert_eq!(needed(Method::GET, &data("/containers")), Some("read"));
    }
}
