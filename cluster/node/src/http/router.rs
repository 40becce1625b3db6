//! Which path means what.

use std::borrow::Cow;

use super::error::Error;

/// What a path speaks of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// `/`
    Dashboard,
    /// `/cluster/table`
    Table,
    /// `/cluster/stat`
    Nodes,
    /// `/cluster/plan`
    Plan,
    /// `/cluster/levelling`
    Levelling,
    /// `/cluster/move`
    Move,
    /// `/node/stat`
    Stat,
    /// `/node/partition`
    Partitions,
    /// `/node/config`
    Config,
    /// `/node/log`
    Log,
    /// `/node/backup/{partition}`
    Backup(u16),
    /// `/metrics`
    Metrics,
    /// `/node/join`
    Join,
    /// `/node/leave`
    Leave,
    /// `/node/failover`
    Failover,
    /// `/healthz`
    Health,
    /// `/readyz`
    Ready,
    /// `/openapi.json`
    Description,
    /// `/griddb/v2/{cluster}/dbs/{database}` and what follows
    Database {
        cluster: Cow<'a, str>,
        database: Cow<'a, str>,
        path: DatabasePath<'a>,
    },
}

/// What a path within a database speaks of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DatabasePath<'a> {
    /// `/checkConnection`
    CheckConnection,
    /// `/containers`
    Containers,
    /// `/containers/{container}/info`
    Info(Cow<'a, str>),
    /// `/containers/{container}/rows`
    Rows(Cow<'a, str>),
    /// `/containers/{container}/rows/blob`, which may also be the row of that key
    RowsWithFiles(Cow<'a, str>),
    /// `/containers/{container}/rows/{key}`
    Row(Cow<'a, str>, Cow<'a, str>),
    /// `/containers/{container}/transaction`
    Transaction(Cow<'a, str>),
    /// `/containers/rows`
    ManyRows,
    /// `/tql`
    Tql,
    /// `/sql` and all that begins with it
    Sql,
}

/// Finds out what `path` means.
pub(super) fn route(path: &str) -> Result<Route<'_>, Error> {
    let unknown = || Error::unknown_path(path);
    let mut segments = path.strip_prefix('/').ok_or_else(unknown)?.split('/');
    let mut next = || segments.next();
    let route = match next() {
        Some("griddb") => {
            let (Some("v2"), Some(cluster), Some("dbs"), Some(database)) =
                (next(), next(), next(), next())
            else {
                return Err(unknown());
            };
            let path = match (next(), next(), next(), next()) {
                (Some("checkConnection"), None, ..) => DatabasePath::CheckConnection,
                (Some("containers"), None, ..) => DatabasePath::Containers,
                (Some("containers"), Some("rows"), None, _) => DatabasePath::ManyRows,
                (Some("containers"), Some(container), Some("transaction"), None) => {
                    DatabasePath::Transaction(decode(container)?)
                }
                (Some("containers"), Some(container), Some("info"), None) => {
                    DatabasePath::Info(decode(container)?)
                }
                (Some("containers"), Some(container), Some("rows"), None) => {
                    DatabasePath::Rows(decode(container)?)
                }
                (Some("containers"), Some(container), Some("rows"), Some("blob")) => {
                    DatabasePath::RowsWithFiles(decode(container)?)
                }
                (Some("containers"), Some(container), Some("rows"), Some(key)) => {
                    // An empty text is a key like any other.
                    let key = match key {
                        "" => Cow::Borrowed(""),
                        key => decode(key)?,
                    };
                    DatabasePath::Row(decode(container)?, key)
                }
                (Some("tql"), None, ..) => DatabasePath::Tql,
                (Some("sql"), ..) => DatabasePath::Sql,
                _ => return Err(unknown()),
            };
            Route::Database {
                cluster: decode(cluster)?,
                database: decode(database)?,
                path,
            }
        }
        Some("") => Route::Dashboard,
        Some("cluster") => match next() {
            Some("table") => Route::Table,
            Some("stat") => Route::Nodes,
            Some("plan") => Route::Plan,
            Some("levelling") => Route::Levelling,
            Some("move") => Route::Move,
            _ => return Err(unknown()),
        },
        Some("node") => match next() {
            Some("stat") => Route::Stat,
            Some("partition") => Route::Partitions,
            Some("config") => Route::Config,
            Some("log") => Route::Log,
            Some("backup") => {
                let number = next().unwrap_or_default();
                Route::Backup(number.parse().map_err(|_| {
                    Error::malformed(format!("{number:?} is no number of a partition"))
                })?)
            }
            Some("join") => Route::Join,
            Some("leave") => Route::Leave,
            Some("failover") => Route::Failover,
            _ => return Err(unknown()),
        },
        Some("metrics") => Route::Metrics,
        Some("healthz") => Route::Health,
        Some("readyz") => Route::Ready,
        Some("openapi.json") => Route::Description,
        _ => return Err(unknown()),
    };
    match segments.next() {
        None => Ok(route),
        Some(_) => Err(unknown()),
    }
}

/// What a segment stands for (RFC 3986).
pub(super) fn decode(segment: &str) -> Result<Cow<'_, str>, Error> {
    if segment.is_empty() {
        return Err(Error::malformed("a name in the path is empty"));
    }
    if !segment.contains('%') {
        return Ok(Cow::Borrowed(segment));
    }
    let wrong = || {
        Error::malformed(format!(
            "{segment} in the path is not percent-encoded UTF-8"
        ))
    };
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = digit().zip(digit()).ok_or_else(wrong)?;
        decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits"));
    }
    String::from_utf8(decoded)
        .map(Cow::Owned)
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_they_say() {
        assert!(matches!(route("/cluster/table"), Ok(Route::Table)));
        assert!(matches!(route("/node/leave"), Ok(Route::Leave)));
        let Ok(Route::Database {
            cluster,
            database,
            path,
        }) = route("/griddb/v2/c/dbs/public/containers/a%2Fb/rows/%C3%BC.1")
        else {
            panic!("it is a row");
        };
        assert_eq!((&*cluster, &*database), ("c", "public"));
        assert_eq!(path, DatabasePath::Row("a/b".into(), "ü.1".into()));
        let Ok(Route::Database { path, .. }) = route("/griddb/v2/c/dbs/d/containers/x/rows") else {
            panic!("it is all rows of a container");
        };
        assert_eq!(path, DatabasePath::Rows("x".into()));
        let Ok(Route::Database { path, .. }) = route("/griddb/v2/c/dbs/d/containers/x/rows/")
        else {
            panic!("it is the row whose key is empty");
        };
        assert_eq!(path, DatabasePath::Row("x".into(), "".into()));
    }

    /// How a route stands in the description. A new one has to be added here, so that it is not forgotten there.
    fn described(route: &Route<'_>) -> Option<&'static str> {
        Some(match route {
            // A page for people, not for programs.
            Route::Dashboard => return None,
            Route::Table => "/cluster/table",
            Route::Nodes => "/cluster/stat",
            Route::Plan => "/cluster/plan",
            Route::Levelling => "/cluster/levelling",
            Route::Move => "/cluster/move",
            Route::Stat => "/node/stat",
            Route::Partitions => "/node/partition",
            Route::Config => "/node/config",
            Route::Log => "/node/log",
            Route::Backup(_) => "/node/backup/{partition}",
            Route::Metrics => "/metrics",
            Route::Join => "/node/join",
            Route::Leave => "/node/leave",
            Route::Failover => "/node/failover",
            Route::Health => "/healthz",
            Route::Ready => "/readyz",
            Route::Description => "/openapi.json",
            Route::Database { path, .. } => match path {
                DatabasePath::CheckConnection => "/checkConnection",
                DatabasePath::Containers => "/containers",
                DatabasePath::Info(_) => "/containers/{container}/info",
                DatabasePath::Rows(_) => "/containers/{container}/rows",
                DatabasePath::RowsWithFiles(_) => "/containers/{container}/rows/blob",
                DatabasePath::Row(..) => "/containers/{container}/rows/{key}",
                DatabasePath::Transaction(_) => "/containers/{container}/transaction",
                DatabasePath::ManyRows => "/containers/rows",
                DatabasePath::Tql => "/tql",
                DatabasePath::Sql => return None,
            },
        })
    }

    const DATABASE: &str = "/griddb/v2/{cluster}/dbs/{database}";

    #[test]
    fn every_path_of_the_description_is_a_route_and_every_route_is_there() {
        let text = crate::http::DESCRIPTION;
        let description: serde_json::Value = serde_json::from_str(text).expect("JSON");
        let paths = description["paths"].as_object().expect("paths");
        for path in paths.keys() {
            let asked = path.replace("/node/backup/{partition}", "/node/backup/3");
            let asked = asked.replace(['{', '}'], "");
            let route = route(&asked).expect("a route");
            let expected = described(&route).expect("it is described");
            let expected = match route {
                Route::Database { .. } => format!("{DATABASE}{expected}"),
                _ => expected.to_owned(),
            };
            assert_eq!(*path, expected);
        }
        // As many as `described` has.
        assert_eq!(paths.len(), 17 + 9);
    }

    #[test]
    fn whatever_comes_is_answered() {
        for path in [
            "",
            "//",
            "*",
            "/cluster",
            "/cluster/table/",
            "/cluster/table/x",
            "/node",
            "/node/leave/n1",
            "/node/backup",
            "/node/backup/x",
            "/node/backup/70000",
            "/node/backup/1/2",
            "/griddb/v2/c/dbs",
            "/griddb/v2/c/dbs/d",
            "/griddb/v2/c/dbs/d/containers/x",
            "/griddb/v2/c/dbs/d/containers/x/rows//",
            "/griddb/v2/c/dbs/d/containers/x/rows/k/l",
            "/griddb/v2/c/dbs/d/containers//rows/k",
            "/griddb/v2/c/dbs/d/containers/%/rows/k",
            "/griddb/v2/c/dbs/d/containers/%ff/rows/k",
            "/griddb/v2/c/dbs/d/containers/%+1/rows/k",
        ] {
            assert!(route(path).is_err(), "{path}");
        }
    }
}
