//! A client: reads a line of JSON for each operation, and writes one that says how it ended.
//! It needs nothing but rustc, so it takes what it needs out of the lines by hand; a program of yours would
//! use serde_json.
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

type Link = BufReader<TcpStream>;

/// What stands after `"name": ` in a line.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let after = line.split_once(&format!("\"{name}\":"))?.1.trim_start();
    let end = after.find(|c: char| ",}\n".contains(c))?;
    Some(after[..end].trim_matches('"'))
}

fn error(code: u8, why: &str) -> String {
    format!("{{\"type\": \"error\", \"code\": {code}, \"text\": {why:?}}}")
}

fn ask(link: &mut Link, line: &str) -> std::io::Result<String> {
    link.get_mut().write_all(line.as_bytes())?;
    let mut answer = String::new();
    match link.read_line(&mut answer)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(answer.trim_end().to_string()),
    }
}

fn connect(to: &str, limit: Duration) -> std::io::Result<Link> {
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_nodelay(true)?;
    Ok(BufReader::new(stream))
}

fn main() {
    let (mut mine, mut limit, mut link) = (String::new(), Duration::ZERO, None);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let answer = if field(&line, "type") == Some("init") {
            // Each client keeps to one node.
            let nodes = line.split_once("\"nodes\":").unwrap().1.split(['{', '}']).nth(1).unwrap();
            let nodes: Vec<&str> = nodes.split('"').skip(3).step_by(4).collect();
            let number: usize = field(&line, "client").unwrap().parse().unwrap();
            mine = nodes[number % nodes.len()].to_string();
            limit = Duration::from_millis(field(&line, "timeout_ms").unwrap().parse().unwrap());
            "{\"type\": \"init_ok\"}".to_string()
        } else {
            match link.take().map_or_else(|| connect(&mine, limit), Ok) {
                // Nothing was sent: it certainly did not happen (code 11).
                Err(why) => error(11, &why.to_string()),
                Ok(mut open) => match ask(&mut open, &format!("{line}\n")) {
                    Ok(answer) => {
                        link = Some(open);
                        answer
                    }
                    // It may have happened, or not (code 0).
                    Err(why) => error(0, &why.to_string()),
                },
            }
        };
        let number = field(&line, "msg_id").unwrap();
        println!("{}, \"in_reply_to\": {number}}}", &answer[..answer.len() - 1]);
    }
}
