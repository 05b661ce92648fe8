//! Fleet's policies and queries, asked of tables as osquery would fill them on this Mac; and its script for diagnosis.

use sqlx::{Connection, Row, SqliteConnection};

use super::*;

/// The queries of a file, by name. Each entry is a few lines, each a key and its value.
fn queries(name: &str) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(packaging().join("fleet").join(name)).unwrap();
    let mut queries = Vec::new();
    for entry in text.split("\n- name: ").skip(1) {
        let (name, rest) = entry.split_once('\n').unwrap();
        let lines: Vec<_> =
            rest.lines().map(|line| line.strip_prefix("  ").unwrap().split_once(": ").unwrap()).collect();
        let value =
            |key: &str| lines.iter().find(|(known, _)| *known == key).unwrap_or_else(|| panic!("{key}")).1;
        assert_eq!(value("platform"), "darwin");
        assert!(!value("description").contains(": ") && value("query").ends_with(';'));
        queries.push((name.to_owned(), value("query").to_owned()));
    }
    queries
}

/// The tables of osquery and of fleetd that are asked, as this Mac would fill them.
struct Osquery(SqliteConnection);

impl Osquery {
    async fn of(environment: &TestEnvironment) -> Self {
        let mut tables = Self(SqliteConnection::connect("sqlite::memory:").await.unwrap());
        for table in [
            "processes (path, cmdline)",
            "file (path, mtime INTEGER)",
            "time (unix_time INTEGER)",
            "plist (path, key, value)",
            "parse_json (path, fullkey, value)",
        ] {
            tables.put(&format!("CREATE TABLE {table}"), &[]).await;
        }
        let paths = environment.paths();
        let on_mac = |path: &Path| format!("/{}", path.strip_prefix(environment.root()).unwrap().display());
        if let Ok(status) = environment.status().await {
            assert!(status.agent.pid > 0);
            tables
                .put(
                    "INSERT INTO processes VALUES (?, ? || ' daemon')",
                    &[&on_mac(&paths.executable()), &on_mac(&paths.executable())],
                )
                .await;
        }
        tables.put("INSERT INTO time SELECT strftime('%s')", &[]).await;
        let status = on_mac(&paths.status_file());
        tables.put("INSERT INTO file VALUES (?, strftime('%s'))", &[&status]).await;
        let file = std::fs::read(paths.status_file()).unwrap();
        for (key, value) in flat(&serde_json::from_slice(&file).unwrap()) {
            tables.put("INSERT INTO parse_json VALUES (?, ?, ?)", &[&status, &key, &value]).await;
        }
        let profile = paths.managed_domain(meridian::paths::LABEL);
        if let Ok(plist::Value::Dictionary(keys)) = plist::Value::from_file(&profile) {
            for (key, value) in &keys {
                let value = value.as_string().unwrap_or_default();
                tables.put("INSERT INTO plist VALUES (?, ?, ?)", &[&on_mac(&profile), key, value]).await;
            }
        }
        tables
    }

    async fn put(&mut self, statement: &str, values: &[&str]) {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(statement));
        for value in values {
            query = query.bind(*value);
        }
        query.execute(&mut self.0).await.unwrap();
    }

    async fn ask(&mut self, query: &str) -> Vec<Vec<String>> {
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).fetch_all(&mut self.0).await.unwrap();
        let cells = |row: &sqlx::sqlite::SqliteRow| {
            (0..row.len()).map(|at| row.try_get(at).unwrap_or_else(|_| "1".to_owned())).collect()
        };
        rows.iter().map(cells).collect()
    }

    /// Which policies pass, by the last word of their names.
    async fn passing(&mut self) -> Vec<String> {
        let mut passing = Vec::new();
        for (name, query) in queries("policies.yml") {
            if !self.ask(&query).await.is_empty() {
                passing.push(name.rsplit(' ').next().unwrap().to_owned());
            }
        }
        passing
    }
}

/// The leaves of a document, with the names on the way to each joined by slashes.
fn flat(value: &serde_json::Value) -> Vec<(String, String)> {
    let under = |name: &str, value: &serde_json::Value| -> Vec<_> {
        let join = |(key, leaf): (String, String)| {
            (if key.is_empty() { name.to_owned() } else { format!("{name}/{key}") }, leaf)
        };
        flat(value).into_iter().map(join).collect()
    };
    match value {
        serde_json::Value::Object(members) => {
            members.iter().flat_map(|(name, value)| under(name, value)).collect()
        }
        serde_json::Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, value)| under(&at.to_string(), value)).collect()
        }
        serde_json::Value::String(text) => vec![(String::new(), text.clone())],
        serde_json::Value::Null => vec![(String::new(), String::new())],
        leaf => vec![(String::new(), leaf.to_string())],
    }
}

#[tokio::test]
async fn policies_pass_as_the_agent_is() {
    let mut environment = managed().await;
    environment.sync().await;
    let mut osquery = Osquery::of(&environment).await;
    assert_eq!(osquery.passing().await, ["runs", "profile", "well"]);
    let rows = osquery.ask(&queries("queries.yml")[0].1).await;
    let value = |key: &str| rows.iter().find(|row| row[0].ends_with(key)).map(|row| row[1].as_str());
    assert_eq!((value("health/state"), value("policy/name")), (Some("ok"), Some("Policy")));
    assert_eq!(rows.len(), 5, "{rows:?}");
    assert!(osquery.ask(&queries("queries.yml")[1].1).await.is_empty());
    osquery.put("UPDATE time SET unix_time = unix_time + 3600", &[]).await;
    assert_eq!(osquery.passing().await, ["profile", "well"], "an old status");

    environment.edit(|state| state.service.running = false);
    environment.sync().await;
    environment.until_problem("service-stopped").await;
    environment.change_profile(&json!({ "PortalRootKey": null }));
    environment.kill_agent().await;
    let mut osquery = Osquery::of(&environment).await;
    assert!(osquery.passing().await.is_empty());
    let codes = osquery.ask(&queries("queries.yml")[1].1).await;
    assert!(codes.iter().any(|row| row[0] == "service-stopped"), "{codes:?}");
}

#[tokio::test]
async fn the_diagnosis_ends_with_the_status() {
    let mut environment = managed().await;
    let root = environment.root().to_owned();
    let diagnose = async || script(&root, "fleet/scripts/diagnose.sh", &[]).await;
    let reply = diagnose().await;
    assert!(reply.stdout.contains("All is well") && reply.stdout.len() < 10_000, "{reply:?}");
    environment.kill_agent().await;
    let reply = diagnose().await;
    assert_eq!(reply.code, 5, "{reply:?}");
    assert!(reply.stdout.contains("The daemon does not answer"), "{reply:?}");
    std::fs::remove_file(environment.paths().executable()).unwrap();
    assert_eq!(diagnose().await.code, 1);
}
