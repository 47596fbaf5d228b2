//! Which rank this process is, as told by whoever started it: this program's own launcher, torchrun,
//! Slurm or Open MPI.

use crate::failure::{Failure, Result};

/// Set by this program's launcher for the ranks it starts.
pub(crate) const LAUNCHED: &str = "PERFAGENT_BENCH_LAUNCHED";

/// One rank's place among all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// 0-based, over all nodes.
    pub rank: usize,
    /// 0-based, on this node.
    pub local_rank: usize,
    /// Ranks on all nodes.
    pub size: usize,
    /// Ranks on this node.
    pub local_size: usize,
    /// Where rank 0 serves the key-value store.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether this program's own launcher started the rank and watches it.
    pub launched: bool,
}

impl Place {
    /// The only rank of a run.
    pub(crate) fn alone() -> Self {
        Self {
            rank: 0,
            local_rank: 0,
            size: 1,
            local_size: 1,
            host: String::new(),
            port: 0,
            launched: false,
        }
    }

    /// Reads the variables of torchrun, Slurm's srun or Open MPI's mpirun; none of them: `None`.
    pub(crate) fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let number = |name: &str| -> Result<Option<usize>> {
            get(name)
                .map(|value| {
                    value.trim().parse().map_err(|_| {
                        Failure::input(format!("{name}={value} is not a number of ranks"))
                    })
                })
                .transpose()
        };
        let families = [
            ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"),
            ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"),
            (
                "OMPI_COMM_WORLD_RANK",
                "OMPI_COMM_WORLD_SIZE",
                "OMPI_COMM_WORLD_LOCAL_RANK",
                "OMPI_COMM_WORLD_LOCAL_SIZE",
            ),
        ];
        for (rank_name, size_name, local_name, local_size_name) in families {
            let (Some(rank), Some(size)) = (number(rank_name)?, number(size_name)?) else {
                continue;
            };
            if rank >= size {
                return Err(Failure::input(format!(
                    "{rank_name}={rank} does not exist with {size_name}={size}: ranks count from 0"
                )));
            }
            let local_size = number(local_size_name).ok().flatten();
            let one_node = local_size == Some(size) || size == 1;
            let host = match get("MASTER_ADDR").or_else(|| get("SLURM_LAUNCH_NODE_IPADDR")) {
                Some(host) => host,
                None if one_node => "127.0.0.1".to_owned(),
                None => {
                    return Err(Failure::input(format!(
                        "{rank_name} is set but MASTER_ADDR is not: set it to the host name of rank 0's node"
                    )));
                }
            };
            let port = match get("MASTER_PORT") {
                Some(port) => port.trim().parse().map_err(|_| {
                    Failure::input(format!("MASTER_PORT={port} is not a port: 1 to 65535"))
                })?,
                None => 29500,
            };
            return Ok(Some(Self {
                rank,
                local_rank: number(local_name)?.unwrap_or(0),
                size,
                local_size: local_size.unwrap_or(1).clamp(1, size),
                host,
                port,
                launched: get(LAUNCHED).is_some(),
            }));
        }
        Ok(None)
    }

    /// The address that Gloo binds to: loopback when rank 0 is reached through it, else whatever
    /// this machine's name resolves to.
    pub(crate) fn bind_host(&self) -> &str {
        if ["127.0.0.1", "localhost", "::1"].contains(&self.host.as_str()) {
            "127.0.0.1"
        } else {
            ""
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Option<Place>> {
        Place::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn torchrun_slurm_and_open_mpi_are_understood() {
        let torchrun = read(&[
            ("RANK", "3"),
            ("WORLD_SIZE", "4"),
            ("LOCAL_RANK", "1"),
            ("LOCAL_WORLD_SIZE", "2"),
            ("MASTER_ADDR", "node0"),
            ("MASTER_PORT", "1234"),
        ]);
        let place = torchrun.unwrap().unwrap();
        assert_eq!((place.rank, place.local_rank, place.size, place.local_size), (3, 1, 4, 2));
        assert_eq!((place.host.as_str(), place.port), ("node0", 1234));

        let slurm = read(&[
            ("SLURM_PROCID", "5"),
            ("SLURM_NTASKS", "8"),
            ("SLURM_LOCALID", "1"),
            ("SLURM_LAUNCH_NODE_IPADDR", "10.0.0.7"),
        ]);
        let place = slurm.unwrap().unwrap();
        assert_eq!((place.rank, place.size, place.host.as_str()), (5, 8, "10.0.0.7"));

        let mpi = read(&[
            ("OMPI_COMM_WORLD_RANK", "1"),
            ("OMPI_COMM_WORLD_SIZE", "2"),
            ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
        ]);
        assert_eq!(mpi.unwrap().unwrap().host, "127.0.0.1");
        assert_eq!(read(&[]).unwrap(), None);
    }

    #[test]
    fn variables_that_contradict_each_other_are_input_errors() {
        for variables in [
            &[("RANK", "2"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "a")][..],
            &[("RANK", "x"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "a")],
            &[("RANK", "0"), ("WORLD_SIZE", "2")],
            &[("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_PORT", "99999")],
        ] {
            assert!(matches!(read(variables), Err(Failure::Input(_))), "{variables:?}");
        }
    }
}
