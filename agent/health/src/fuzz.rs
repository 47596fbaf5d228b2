//! Damaged logs and damaged answers: nothing panics, and nothing is well that was not seen.

use perfagent_fuzz::{each_costly_input, each_input, text};

use crate::gpu::probe::{Answer, Line, Outcome};
use crate::gpu::{self, Counters, GpuIdentity, GpuReadings, Link, LinkErrors, Reading};
use crate::host::kernel_log::KernelLog;
use crate::host::{kernel_errors, log_file};
use crate::network::flaps;
use crate::root::Root;
use crate::xid::{Catalogue, Earlier, judge, switch};
use crate::{Check, Expectation, Status};

const RECORDS: [&str; 8] = [
    "6,0,0,-;Linux version 6.8\n",
    "3,1,3600000000,-;NVRM: Xid (PCI:0000:9b:00): 119, pid=1, name=x, Timeout after 6s\n",
    "3,2,3600000001,-;NVRM: Xid (PCI:0018:01:00): 149, NETIR_LINK_EVT Fatal XC0 i0 Link 08 (0x004505c6 0x00000000)\n",
    "3,3,3600000002,-;NVRM: Xid (PCI:0000:9b:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (Reset)\n",
    "3,4,3600000003,-;nvidia-nvswitch3: SXid (PCI:0000:05:00.0): 12028, Non-fatal, Link 32 egress\n",
    "3,5,3600000004,-;mlx5_core 0000:0c:00.0 eth0: Link down\n",
    "3,6,3600000005,-;{1}[Hardware Error]: event severity: fatal\n SUBSYSTEM=pci\n",
    "\u{0}\u{7f},,,;;;\n",
];
const LINES: [&str; 4] = [
    "Aug 17 06:18:01 node systemd-networkd[5398]: ib6: lost carrier\n",
    "Aug 17 07:00:00 node kernel: [    0.000000] Linux version 6.8\n",
    "Aug 18 07:00:00 node kernel: [ 3600.0] NVRM: Xid (PCI:0000:18:00): 79, GPU has fallen off the bus.\n",
    "2025-01-21T04:41:44.285060+00:00 node kernel: NVRM: Xid (PCI:0000:18:00): 79, x\n",
];

fn many(from: &mut perfagent_fuzz::Unstructured<'_>, texts: &[&str]) -> String {
    let count = from.int_in_range(0..=6).unwrap_or(0);
    let bytes: Vec<u8> = (0..count).flat_map(|_| text(from, texts)).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What has to be done is said wherever something is wrong.
fn is_sound(checks: &[Check]) {
    for check in checks {
        let quiet = check.status == Status::Ok || !check.counts();
        assert_eq!(check.action.is_none(), quiet, "{check:?}");
    }
}

#[test]
fn fuzz_logs() {
    let root = Root::new("/nowhere");
    each_input("logs", 3000, |from| {
        let log = KernelLog::parse(&many(from, &RECORDS));
        let kept = log_file::parse(&many(from, &LINES));
        let now_s = from.arbitrary::<bool>().unwrap_or_default().then_some(90_000.0);
        let earlier = Earlier::in_lines(Some(&kept));
        let xids = judge(&log, Catalogue::built_in(), now_s, true, &earlier);
        assert!(!xids.is_empty());
        is_sound(&xids);
        for checks in [
            switch::judge(&log, now_s, 4),
            kernel_errors::judge(&log, now_s),
            flaps::judge(&root, &log, now_s, Some(&kept)),
        ] {
            assert!(!checks.is_empty());
            is_sound(&checks);
        }
        let fatal = |message: &crate::host::kernel_log::Message| {
            message.text.starts_with("NVRM: Xid (PCI:0000:9b:00): 119,")
        };
        if log.messages.iter().any(fatal) {
            assert!(xids.iter().any(|check| check.detail.starts_with("XID 119 ")), "{xids:?}");
        }
    });
}

fn answer_lines() -> Vec<String> {
    let link =
        LinkErrors { link: 0, crc: Some(1), replay: Some(u64::MAX), ..LinkErrors::default() };
    let counters = Counters { at_ms: 1, links: vec![link; 2], ..Counters::default() };
    let gpu = |index| GpuReadings {
        identity: GpuIdentity { index, ..GpuIdentity::default() },
        handle: Reading::Value(()),
        ecc_uncorrected: Reading::Value(0),
        ecc_corrected: Reading::Value(7),
        temperature_c: Reading::Value(31),
        slowdown_c: Reading::Value(90),
        margin_c: Reading::Value(-1),
        links: Reading::Value(vec![Link { link: 0, active: true }; 2]),
        counters: counters.clone(),
        ..GpuReadings::default()
    };
    let lines = [
        Line::Calling("nvmlInit".to_owned()),
        Line::Started { driver: Some("580.1".to_owned()), library: None, count: 2 },
        Line::Gpu(Box::new(gpu(0))),
        Line::Gpu(Box::new(gpu(1))),
        Line::Again { index: 1, counters: Counters { at_ms: 501, ..counters.clone() } },
        Line::Xid { index: 1, code: 79 },
        Line::End,
    ];
    lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect()
}

#[test]
fn fuzz_answers() {
    let root = Root::new("/nowhere");
    let whole = answer_lines();
    each_costly_input("answers of NVML", 1000, 3, |from| {
        let mut answer = Answer::without_gpus(Outcome::Died("starting".to_owned()));
        for line in &whole {
            let bytes = text(from, &[line]);
            let Ok(line) = serde_json::from_slice(&bytes) else { continue };
            if let Some(outcome) = answer.take(line) {
                answer.outcome = outcome;
                break;
            }
        }
        let checks = gpu::check(&root, &answer, &Expectation::default());
        is_sound(&checks);
        is_sound(&crate::xid::live(&answer.xids, &checks));
        // Each GPU that was counted is told of, unless the whole answer has a verdict of its own.
        if answer.outcome == Outcome::Complete {
            for index in 0..answer.count.unwrap_or(0) {
                let target = format!("GPU {index}");
                assert!(checks.iter().any(|check| check.target == target), "{target}");
            }
        }
    });
}
