//! All containers and rows of a partition as text, for backups.

use std::io::Write;

use super::Tables;

/// See [`super::Answer::Everything`].
pub(super) fn lines(tables: &Tables) -> Vec<u8> {
    let containers = tables.containers.values();
    let rows = containers
        .clone()
        .flat_map(|container| container.rows.iter());
    let bytes: usize = rows.map(|(_, row)| row.value.len() + 1).sum();
    let mut text = Vec::with_capacity(bytes + 256 * (tables.containers.len() + 1));
    let mut total = 0;
    for container in containers {
        let rows = container.rows.len();
        total += rows;
        text.extend_from_slice(b"{\"container\":");
        text.extend_from_slice(&container.info.to_json(&container.name));
        writeln!(text, ",\"rows\":{rows}}}").expect("a Vec takes everything");
        for (_, row) in container.rows.iter() {
            text.extend_from_slice(&row.value);
            text.push(b'\n');
        }
    }
    let containers = tables.containers.len();
    writeln!(text, "{{\"containers\":{containers},\"rows\":{total}}}")
        .expect("a Vec takes everything");
    text
}
