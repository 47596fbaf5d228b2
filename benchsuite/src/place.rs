//! Which rank this process is, as told by whoever started it: this program's own launcher, torchrun,
//! Open MPI or Slurm.

use crate::failure::{Failure, Result};
use crate::launcher::Launcher;
use crate::rendezvous;

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

    /// The last of so many ranks on this machine.
    pub(crate) fn last_of(ranks: usize) -> Self {
        let last = ranks.saturating_sub(1);
        Self { rank: last, local_rank: last, size: ranks, local_size: ranks, ..Self::alone() }
    }

    /// Reads the environment of this process; started by no launcher: `None`.
    pub(crate) fn of_this_process() -> Result<Option<Self>> {
        Self::from_variables(&|name| std::env::var(name).ok(), &rendezvous::resolves)
    }

    /// Reads the variables of torchrun, Open MPI's mpirun or Slurm's srun. `resolves` tells whether a
    /// host name is one here.
    fn from_variables(
        get: &dyn Fn(&str) -> Option<String>,
        resolves: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Self>> {
        let number = |name: &str| -> Result<Option<usize>> {
            get(name)
                .map(|value| {
                    value.trim().parse().map_err(|_| {
                        Failure::input(format!("{name}={value} is not a number of ranks"))
                    })
                })
                .transpose()
        };
        for launcher in Launcher::ALL.into_iter().filter(|launcher| launcher.started(get)) {
            let (rank_name, size_name) = (launcher.rank(), launcher.size(get));
            let (Some(rank), Some(size)) = (number(rank_name)?, number(size_name)?) else {
                continue;
            };
            if rank >= size {
                return Err(Failure::input(format!(
                    "{rank_name}={rank} does not exist with {size_name}={size}: ranks count from 0"
                )));
            }
            let local_size = if size == 1 { Some(1) } else { launcher.local_size(get) };
            let (host, port) =
                rendezvous::address(launcher, local_size == Some(size), get, resolves)?;
            return Ok(Some(Self {
                rank,
                local_rank: number(launcher.local_rank())?.unwrap_or(0),
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
        let get = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Place::from_variables(&get, &|host| host != "nowhere0")
    }

    fn place(variables: &[(&str, &str)]) -> Place {
        read(variables).unwrap().unwrap()
    }

    const SRUN: [(&str, &str); 10] = [
        ("SLURM_JOB_ID", "17"),
        ("SLURM_STEP_ID", "0"),
        ("SLURM_PROCID", "5"),
        ("SLURM_NTASKS", "8"),
        ("SLURM_STEP_NUM_TASKS", "8"),
        ("SLURM_LOCALID", "1"),
        ("SLURM_NODEID", "2"),
        ("SLURM_STEP_TASKS_PER_NODE", "2(x4)"),
        ("SLURM_STEP_NODELIST", "node[03-06]"),
        ("SLURM_LAUNCH_NODE_IPADDR", "10.0.0.7"),
    ];

    const MPIRUN: [(&str, &str); 5] = [
        ("OMPI_COMM_WORLD_RANK", "1"),
        ("OMPI_COMM_WORLD_SIZE", "2"),
        ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
        ("PMIX_NAMESPACE", "3471245313"),
    ];

    #[test]
    fn torchrun_slurm_and_open_mpi_are_understood() {
        let torchrun = place(&[
            ("RANK", "3"),
            ("WORLD_SIZE", "4"),
            ("LOCAL_RANK", "1"),
            ("LOCAL_WORLD_SIZE", "2"),
            ("MASTER_ADDR", "node0"),
            ("MASTER_PORT", "1234"),
        ]);
        assert_eq!((torchrun.rank, torchrun.local_rank), (3, 1));
        assert_eq!((torchrun.size, torchrun.local_size), (4, 2));
        assert_eq!((torchrun.host.as_str(), torchrun.port), ("node0", 1234));

        let slurm = place(&SRUN);
        assert_eq!((slurm.rank, slurm.local_rank), (5, 1));
        assert_eq!((slurm.size, slurm.local_size), (8, 2));
        // Rank 0 is on the step's first node, which is not where srun was typed.
        assert_eq!(slurm.host, "node03");

        let mpi = place(&MPIRUN);
        assert_eq!((mpi.rank, mpi.local_rank, mpi.size, mpi.local_size), (1, 1, 2, 2));
        assert_eq!(mpi.host, "127.0.0.1");
        assert_eq!(read(&[]).unwrap(), None);
    }

    /// mpirun in a batch job, torchrun under srun: the outer launcher started one process a node, or the script.
    #[test]
    fn the_inner_launcher_counts() {
        let both: Vec<_> = SRUN.iter().chain(&MPIRUN).copied().collect();
        assert_eq!((place(&both).rank, place(&both).size), (1, 2));
        let torchrun = [("RANK", "0"), ("WORLD_SIZE", "4"), ("MASTER_ADDR", "node0")];
        let all: Vec<_> = both.into_iter().chain(torchrun).collect();
        assert_eq!((place(&all).rank, place(&all).size), (0, 4));
    }

    /// The script itself has a `SLURM_PROCID` and, with `sbatch -n 4`, `SLURM_NTASKS=4`: it waited for three ranks that
    /// nobody had started.
    #[test]
    fn a_batch_script_is_no_rank() {
        let script = [("SLURM_JOB_ID", "17"), ("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
        assert_eq!(read(&script).unwrap(), None);
    }

    #[test]
    fn jobs_of_one_node_meet_on_ports_of_their_own() {
        let with = |changed: (&'static str, &'static str)| {
            let variables: Vec<_> =
                [changed].into_iter().chain(SRUN).chain(MPIRUN.into_iter().skip(4)).collect();
            place(&variables)
        };
        let (first, second) = (with(("SLURM_JOB_ID", "17")), with(("SLURM_JOB_ID", "18")));
        let step = with(("SLURM_STEP_ID", "1"));
        assert_ne!(first.port, second.port);
        assert_ne!(first.port, step.port);
        for port in [first.port, second.port, step.port, place(&MPIRUN).port] {
            assert!((15_000..30_000).contains(&port), "{port}");
        }
    }

    #[test]
    fn mpirun_in_an_allocation_begins_on_its_first_node() {
        let with = |list: &'static str| {
            read(&[
                ("OMPI_COMM_WORLD_RANK", "2"),
                ("OMPI_COMM_WORLD_SIZE", "4"),
                ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
                ("SLURM_JOB_NODELIST", list),
                ("SLURM_STEP_NODELIST", "node04"),
            ])
        };
        assert_eq!(with("node[03-04]").unwrap().unwrap().host, "node03");
        let refused = with("nowhere[0-1]").unwrap_err().to_string();
        assert!(refused.contains("mpirun -x MASTER_ADDR=HOST"), "{refused}");
    }

    #[test]
    fn where_the_nodes_names_mean_nothing_the_launching_node_is_rank_0s() {
        let nowhere = [("SLURM_STEP_NODELIST", "nowhere[0-3]")];
        let variables: Vec<_> = nowhere.into_iter().chain(SRUN).collect();
        assert_eq!(place(&variables).host, "10.0.0.7");
        let without: Vec<_> =
            variables.into_iter().filter(|(name, _)| *name != SRUN[9].0).collect();
        let refused = read(&without).unwrap_err().to_string();
        assert!(refused.contains("nowhere0") && refused.contains("MASTER_ADDR"), "{refused}");
    }

    #[test]
    fn variables_that_contradict_each_other_are_input_errors() {
        let several_hosts = [
            ("OMPI_COMM_WORLD_RANK", "0"),
            ("OMPI_COMM_WORLD_SIZE", "4"),
            ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
        ];
        for variables in [
            &[("RANK", "2"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "a")][..],
            &[("RANK", "x"), ("WORLD_SIZE", "2"), ("MASTER_ADDR", "a")],
            &[("RANK", "0"), ("WORLD_SIZE", "2")],
            &[("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_PORT", "99999")],
            &several_hosts,
        ] {
            let refused = read(variables);
            assert!(matches!(refused, Err(Failure::Input(_))), "{variables:?}: {refused:?}");
        }
    }
}
