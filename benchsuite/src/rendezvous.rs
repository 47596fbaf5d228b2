//! Where the ranks of a run meet: the host and port at which rank 0 serves the key-value store.

use std::net::ToSocketAddrs;

use crate::failure::{Failure, Result};
use crate::launcher::{Get, Launcher};

const LOOPBACK: &str = "127.0.0.1";
/// torchrun's own default.
const PORT: u16 = 29_500;

/// The address: `MASTER_ADDR` and `MASTER_PORT` if they are set, else what follows from the launcher's variables. It
/// must be the same on every rank.
pub(crate) fn address(
    launcher: Launcher,
    one_node: bool,
    get: Get<'_>,
    resolves: &dyn Fn(&str) -> bool,
) -> Result<(String, u16)> {
    let host = match get("MASTER_ADDR").filter(|host| !host.trim().is_empty()) {
        Some(host) => host,
        None if one_node => LOOPBACK.to_owned(),
        None if launcher == Launcher::Slurm => first_node(get, resolves)?,
        // In an allocation of Slurm mpirun begins on its first node. The step is that of mpirun's own helpers, which are
        // on the others.
        None if launcher == Launcher::OpenMpi && get("SLURM_JOB_NODELIST").is_some() => {
            let first = get("SLURM_JOB_NODELIST").and_then(|list| first_host(&list));
            first.filter(|node| resolves(node)).ok_or_else(|| unknown_host(launcher))?
        }
        None => return Err(unknown_host(launcher)),
    };
    let port = match get("MASTER_PORT") {
        Some(port) => port.trim().parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            Failure::input(format!("MASTER_PORT={port} is not a port: 1 to 65535"))
        })?,
        None => launcher.job(get).map_or(PORT, |job| port_of(&job)),
    };
    Ok((host, port))
}

fn unknown_host(launcher: Launcher) -> Failure {
    let how = match launcher {
        Launcher::OpenMpi => ", for example with `mpirun -x MASTER_ADDR=HOST`",
        _ => "",
    };
    Failure::input(format!(
        "{} started ranks on several nodes but MASTER_ADDR is not set: set it to the host name of rank 0's node{how}",
        launcher.name()
    ))
}

/// Slurm starts rank 0 on the step's first node. Where the names of nodes are none of the network's (several slurmd
/// on one machine, addresses only in slurm.conf) it is the node that a batch script calls srun on.
fn first_node(get: Get<'_>, resolves: &dyn Fn(&str) -> bool) -> Result<String> {
    let (name, list) = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"]
        .into_iter()
        .find_map(|name| Some((name, get(name)?)))
        .ok_or_else(|| unknown_host(Launcher::Slurm))?;
    let node = first_host(&list).ok_or_else(|| {
        Failure::input(format!(
            "{name}={list} names no node: set MASTER_ADDR to the host name of rank 0's node"
        ))
    })?;
    if resolves(&node) {
        return Ok(node);
    }
    get("SLURM_LAUNCH_NODE_IPADDR").ok_or_else(|| {
        Failure::input(format!(
            "{name}: {node} is no host name here: set MASTER_ADDR to the address of rank 0's node"
        ))
    })
}

/// Whether the network knows a host of that name.
pub(crate) fn resolves(host: &str) -> bool {
    (host, PORT).to_socket_addrs().is_ok_and(|mut addresses| addresses.next().is_some())
}

/// The first of Slurm's list of hosts: `rack[1-2]n[03,07],spare` begins with rack1n03.
fn first_host(list: &str) -> Option<String> {
    let mut host = String::new();
    let mut rest = list.trim();
    while let Some(at) = rest.find([',', '[']) {
        host.push_str(&rest[..at]);
        if rest[at..].starts_with(',') {
            rest = "";
            break;
        }
        let (numbers, after) = rest[at + 1..].split_once(']')?;
        host.push_str(numbers.split([',', '-']).next().filter(|number| !number.is_empty())?);
        rest = after;
    }
    host.push_str(rest);
    Some(host).filter(|host| !host.is_empty())
}

/// A port for a job, so that two jobs on one node do not meet: below the ports that Linux gives to clients (32768 and
/// up), above those of well-known services. FNV-1a, because all ranks must find the same.
fn port_of(job: &str) -> u16 {
    let hash = job.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    15_000 + (hash % 15_000) as u16
}

#[cfg(test)]
mod tests {
    use super::first_host;

    #[test]
    fn the_first_host_of_a_list_is_found() {
        for (list, first) in [
            ("node7", "node7"),
            ("node[0-1]", "node0"),
            ("node[003,007-009]", "node003"),
            ("a,b[1-2]", "a"),
            ("rack[1-2]n[03,07],spare", "rack1n03"),
            ("node[0-1]-ib,other", "node0-ib"),
        ] {
            assert_eq!(first_host(list).as_deref(), Some(first), "{list}");
        }
        for damaged in ["", "node[0-1", "[]", "node[]"] {
            assert_eq!(first_host(damaged), None, "{damaged}");
        }
    }
}
