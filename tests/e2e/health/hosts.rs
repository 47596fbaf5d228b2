//! Four hosts, each a network namespace of its own on one bridge: one is well, one slow, one cut off, one silent.

use std::fs;
use std::process::Command;

use perfagent_tests::{Done, finish};
use serde_json::Value;

use super::{WELL, bed, skipped};

/// Makes the hosts: `h0` to `h4` with addresses 10.77.0.1 to 10.77.0.5.
const HOSTS: &str = "PATH=$PATH:/usr/sbin:/sbin
mount -t tmpfs none /run
ip link add bridge0 type bridge
ip link set bridge0 up
for i in 0 1 2 3 4; do
    ip netns add h$i
    ip link add port$i type veth peer name eth0 netns h$i
    ip link set port$i master bridge0
    ip link set port$i up
    ip -n h$i address add 10.77.0.$((i + 1))/24 dev eth0
    ip -n h$i link set eth0 up
    ip -n h$i link set lo up
done
on() { ip netns exec \"h$1\" \"$PERFAGENT\" health --nnodes 5 --node-rank \"$1\" --node \"h$1\" \\
    --gather-at 10.77.0.1:29400 --timeout 4 --wait 6; }
";

fn with_hosts(command: &mut Command, script: &str) -> Done {
    let namespaces = [
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ];
    finish(command.args(namespaces).args(["sh", "-euc", &format!("{HOSTS}{script}")]))
}

#[test]
fn a_host_that_is_cut_off_slow_or_silent_holds_no_other_up() {
    let bed = bed();
    if !with_hosts(&mut bed.command("unshare"), "").status.success() {
        return skipped("no network namespaces can be made here (unshare --user --net, ip netns)");
    }
    // h1 is slow: its packets are late, where this kernel can do that. h2 is cut off. h3 connects and says nothing.
    let script = "
ip netns exec h1 tc qdisc add dev eth0 root netem delay 200ms rate 200kbit 2>/dev/null || true
ip -n h2 link set eth0 down
on 1 > h1.said 2>&1 & slow=$!
on 2 > h2.said 2>&1 &
ip netns exec h3 bash -c 'until exec 3<>/dev/tcp/10.77.0.1/29400; do sleep 0.2; done; printf half >&3; sleep 600' 2>/dev/null &
on 4 > h4.said 2>&1 & well=$!
code=0; on 0 > h0.said 2> h0.notes || code=$?
wait $slow; wait $well
echo $code
";
    let mut command = bed.command("unshare");
    command.env("PERFAGENT", bed.programs().join("perfagent"));
    command.env("LD_LIBRARY_PATH", bed.path("lib")).env("FAKE_NVML", WELL);
    let done = with_hosts(&mut command, script).success();
    let read = |name: &str| fs::read_to_string(bed.path(name)).unwrap();
    let (said, notes) = (read("h0.said"), read("h0.notes"));
    for missing in ["node-2-of-5", "node-3-of-5"] {
        let line = format!("UNKNOWN {missing}: node_report host: sent no report within 10 s");
        assert!(said.contains(&line), "{said}");
    }
    for came in ["h0", "h1", "h4"] {
        assert!(said.contains(&format!(" {came}: ")), "{said}");
    }
    assert_eq!(said.lines().count(), 6, "{said}");
    assert_eq!((read("h1.said").as_str(), read("h4.said").as_str()), ("", ""));
    assert!(notes.contains("10.77.0.4 connected and sent 4 bytes"), "{notes}");
    let code: Value = done.stdout.trim().parse().unwrap();
    assert!(code == 1 || code == 3, "{}", done.stdout);
}
