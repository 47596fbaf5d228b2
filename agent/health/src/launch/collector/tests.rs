//! Nodes that report, that are late, and those that are none.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use super::{Collected, Collector, Wait};
use crate::launch::{NotTaken, Place, Report, hand_over};
use crate::{Check, Health, Status};

fn place(rank: usize, size: usize) -> Place {
    let run = Some("17.0".to_owned());
    Place { rank, size, local_size: Some(1), run, by_node: true, ..Place::default() }
}

fn report(place: &Place) -> Report {
    let checks = vec![Check::ok("xid", "host", "none")];
    let health = Health::new(format!("n{}", place.rank), "now".to_owned(), Vec::new(), checks);
    Report::new(place, &health, format!("OK n{}", place.rank)).unwrap()
}

/// A collector for `size` nodes and where it listens.
fn collector(place: &Place, patience: Duration) -> (Collector, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap().to_string();
    let wait = Wait { deadline: Instant::now() + patience, patience, at: at.clone() };
    (Collector::on(listener, place, wait).unwrap(), at)
}

fn hosts(collected: &Collected) -> Vec<(&str, Status)> {
    collected.reports.iter().map(|report| (report.host.as_str(), report.verdict)).collect()
}

const LONG: Duration = Duration::from_mins(1);
const SHORT: Duration = Duration::from_secs(4);

#[test]
fn all_reports_come_in_whatever_their_order() {
    let (collector, at) = collector(&place(0, 4), LONG);
    let senders = [3, 1, 2].map(|rank| {
        let at = at.clone();
        std::thread::spawn(move || hand_over(&at, &report(&place(rank, 4)), LONG))
    });
    let collected = collector.collect(report(&place(0, 4)));
    let expected = ["n0", "n1", "n2", "n3"].map(|host| (host, Status::Ok));
    assert_eq!((hosts(&collected), collected.missing), (expected.to_vec(), 0));
    for sender in senders {
        assert_eq!(sender.join().unwrap(), Ok(()));
    }
}

#[test]
fn nodes_that_do_not_report_are_unknown_and_hold_nobody_up() {
    let (collector, at) = collector(&place(0, 4), SHORT);
    // One says nothing, one half.
    let silent = TcpStream::connect(&at).unwrap();
    let mut half = TcpStream::connect(&at).unwrap();
    half.write_all(b"{\"schema\":").unwrap();
    let sender = std::thread::spawn(move || hand_over(&at, &report(&place(2, 4)), LONG));
    let collected = collector.collect(report(&place(0, 4)));
    assert_eq!(sender.join().unwrap(), Ok(()));
    let expected = [
        ("n0", Status::Ok),
        ("node-1-of-4", Status::Unknown),
        ("n2", Status::Ok),
        ("node-3-of-4", Status::Unknown),
    ];
    assert_eq!((hosts(&collected), collected.missing), (expected.to_vec(), 2));
    let document = &collected.reports[1].document;
    assert_eq!(
        (&document["schema"], &document["verdict"]),
        (&"perfagent.health/1".into(), &"unknown".into())
    );
    assert_eq!(document["checks"][0]["name"], "node_report");
    let said = collected.remarks.join("\n");
    assert!(said.contains("127.0.0.1 connected and sent 0 bytes"), "{said}");
    assert!(said.contains("sent 10 bytes of a report, not all of it"), "{said}");
    drop((silent, half));
}

#[test]
fn slurms_names_tell_who_is_missing() {
    let names = ["n0", "n1", "n2"].map(str::to_owned).to_vec();
    let own = Place { nodes: names, size: 6, local_size: Some(2), by_node: false, ..place(0, 6) };
    let (collector, _) = collector(&own, Duration::ZERO);
    let collected = collector.collect(report(&own));
    let expected = [("n0", Status::Ok), ("n1", Status::Unknown), ("n2", Status::Unknown)];
    assert_eq!(hosts(&collected), expected);
}

#[test]
fn where_nobody_knows_the_nodes_the_ranks_are_counted() {
    let own = Place { local_size: Some(2), by_node: false, ..place(0, 6) };
    let (collector, _) = collector(&own, Duration::ZERO);
    let collected = collector.collect(report(&own));
    assert_eq!(hosts(&collected)[1], ("nodes-of-4-ranks", Status::Unknown));
}

#[test]
fn strangers_are_refused_and_told_why() {
    let (collector, at) = collector(&place(0, 2), SHORT);
    let other = Place { run: Some("18.0".to_owned()), ..place(1, 2) };
    let refused = hand_over(&at, &report(&other), LONG).unwrap_err();
    assert!(matches!(&refused, NotTaken::Refused { why, .. } if why.contains("17.0")), "{refused}");
    let refused = hand_over(&at, &report(&place(1, 3)), LONG).unwrap_err();
    assert!(refused.to_string().contains("does not belong to the 2"), "{refused}");
    let mut noise = TcpStream::connect(&at).unwrap();
    noise.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = noise.read_to_string(&mut answer);
    assert!(answer.contains("is no perfagent.health-report/1"), "{answer}");
    let collected = collector.collect(report(&place(0, 2)));
    assert_eq!(hosts(&collected)[1], ("node-1-of-2", Status::Unknown));
    assert!(collected.remarks.iter().any(|said| said.contains("was refused")), "{collected:?}");
}

#[test]
fn a_report_that_is_sent_twice_counts_once() {
    let (collector, at) = collector(&place(0, 3), SHORT);
    let twice =
        std::thread::spawn(move || [(); 2].map(|()| hand_over(&at, &report(&place(1, 3)), LONG)));
    let collected = collector.collect(report(&place(0, 3)));
    assert_eq!(collected.missing, 1);
    assert_eq!(twice.join().unwrap(), [Ok(()), Ok(())]);
}

#[test]
fn a_place_where_nobody_listens_is_given_up_in_time() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let late = hand_over(&unused, &report(&place(1, 2)), SHORT).unwrap_err();
    assert!(matches!(&late, NotTaken::Late { last, .. } if last.contains("refused")), "{late}");
    // It accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = silent.local_addr().unwrap().to_string();
    let late = hand_over(&at, &report(&place(1, 2)), SHORT).unwrap_err();
    assert!(late.to_string().contains(&at), "{late}");
}
