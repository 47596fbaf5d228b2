//! The server towards clients of every kind.

use std::io::{Read as _, Write as _};

use super::runner::{Exporter, value};

#[test]
fn each_client_gets_the_form_that_it_asks_for() {
    let exporter = Exporter::start("gpus=1", &["--interval", "0.5"]);
    let plain = exporter.ask("GET", "/metrics", "");
    assert!(
        plain.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        plain.head
    );
    assert!(plain.body.contains("# TYPE perfagent_exporter_scrapes_total counter\n"));
    let open =
        exporter.ask("GET", "/metrics", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    assert!(open.head.contains("application/openmetrics-text; version=1.0.0"), "{}", open.head);
    assert!(
        open.body.ends_with("# EOF\n")
            && open.body.contains("# TYPE perfagent_exporter_scrapes counter\n")
    );
    let head = exporter.ask("HEAD", "/metrics", "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("content-length: "), "{}", head.head);
    let query = exporter.ask("GET", "/metrics?collect[]=gpu", "");
    assert_eq!(query.status, 200, "what a scraper adds does not matter");
    let start = exporter.ask("GET", "/", "");
    assert!(start.status == 200 && start.body.contains("href=\"/metrics\""));
    assert_eq!(exporter.ask("GET", "/healthz", "").body, "ok\n");
    let lost = exporter.ask("GET", "/metric", "");
    assert_eq!((lost.status, lost.body.contains("/metrics")), (404, true));
    let refused = exporter.ask("POST", "/metrics", "Content-Length: 0\r\n");
    assert_eq!((refused.status, refused.head.contains("allow: get, head")), (405, true));
}

/// Clients that say nothing, that say half, and that do not read: nobody else waits for them.
#[test]
fn clients_that_are_slow_hold_nobody_up() {
    let exporter = Exporter::start("gpus=8", &["--interval", "0.5"]);
    let mut slow: Vec<_> = (0..100).map(|_| exporter.connect()).collect();
    for stream in &mut slow[..50] {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ").unwrap();
    }
    for stream in &mut slow[50..75] {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    }
    let page =
        exporter.until("a look", |page| value(page, "perfagent_exporter_nvml_up") == Some(1.0));
    assert!(page.contains("perfagent_gpu_power_watts"));
    // Those with half a request are let go in the end.
    let mut rest = Vec::new();
    let _ = slow[0].read_to_end(&mut rest);
    let answer = String::from_utf8_lossy(&rest).into_owned();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

/// Whatever bytes come, the exporter answers the next one.
#[test]
fn no_request_harms_the_exporter() {
    let mut exporter = Exporter::start("gpus=1", &["--interval", "0.5"]);
    let requests = [
        "GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\nConnection: close\r\n\r\n",
        "HEAD / HTTP/1.0\r\n\r\n",
        "POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET http://elsewhere/metrics HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
    ];
    perfagent_fuzz::each_costly_input("requests to the exporter", 300, 50, |from| {
        let mut request = perfagent_fuzz::text(from, &requests);
        perfagent_fuzz::damage(&mut request, from);
        let mut stream = exporter.connect();
        let _ = stream.write_all(&request);
        // No more is coming: what is not a whole request is not waited for.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{request:?}: {answer:?}");
    });
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let said = exporter.say(long.as_bytes());
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    assert_eq!(exporter.ask("GET", "/metrics", "").status, 200);
    assert_eq!(exporter.end(), Some(0));
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let outcome = crate::command::run(folder.path(), &["exporter", "--listen", &address]);
    let said = outcome.refusal(&address);
    assert!(said.contains("--listen"), "{said}");
    crate::command::run(folder.path(), &["exporter", "--listen", "nowhere"])
        .refusal("--listen nowhere");
    crate::command::run(folder.path(), &["exporter", "--textfile", "a.txt"]).refusal("a.txt");
}
