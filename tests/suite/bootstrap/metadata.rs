//! The metadata service of an instance, on loopback: version 2, so it answers nobody without a token.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::LazyLock;

/// Where it is; one for all tests.
pub static ENDPOINT: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            // A client that hangs up spoils its own test only.
            let _answered = answer(connection);
        }
    });
    format!("http://{address}")
});

fn answer(mut connection: TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut token = false;
    for line in lines {
        let line = line?.to_ascii_lowercase();
        token |= line == "x-aws-ec2-metadata-token: the-token";
        if line.is_empty() {
            break;
        }
    }
    let body = match request.split(" HTTP").next().unwrap_or_default() {
        "PUT /latest/api/token" => Some("the-token"),
        _ if !token => None,
        "GET /latest/meta-data/instance-id" => Some("i-0123"),
        "GET /latest/meta-data/placement/availability-zone" => Some("eu-west-3a"),
        "GET /latest/meta-data/instance-type" => Some("m6i.large"),
        "GET /latest/meta-data/mac" => Some("02:00:00:00:00:01"),
        "GET /latest/meta-data/network/interfaces/macs/02:00:00:00:00:01/interface-id" => Some("eni-0a"),
        "GET /latest/meta-data/local-hostname" => Some("ip-10-20-32-99.eu-west-3.compute.internal foo.bar"),
        _ => None,
    };
    let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
    let body = body.unwrap_or_default();
    write!(connection, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
