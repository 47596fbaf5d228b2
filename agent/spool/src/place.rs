//! The place of a process in a distributed job, as its launcher tells it in the environment.

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Its rank in the job.
    pub rank: Option<u32>,
    /// Its rank among the processes of its machine.
    pub local_rank: Option<u32>,
    /// Ranks in the job.
    pub world_size: Option<u32>,
}

/// Variables that tell the same thing, the launcher that is closest to the process first: srun starts mpirun and
/// torchrun, not the other way round.
const RANK: [&str; 3] = ["RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID"];
const LOCAL_RANK: [&str; 3] = ["LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID"];
const WORLD_SIZE: [&str; 4] =
    ["WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"];

impl Place {
    /// The place of the calling process.
    #[must_use]
    pub fn of_this_process() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        // A batch script of Slurm has a task number and the job's number of tasks, too, but is no rank: it has no step.
        let is_step = get("SLURM_STEP_ID").is_some();
        let first = |names: &[&str]| {
            let told = names.iter().filter(|name| is_step || !name.starts_with("SLURM_"));
            told.into_iter().find_map(|name| get(name)?.trim().parse().ok())
        };
        Self { rank: first(&RANK), local_rank: first(&LOCAL_RANK), world_size: first(&WORLD_SIZE) }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    fn read(variables: &[(&str, &str)]) -> [Option<u32>; 3] {
        let place = Place::read(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        [place.rank, place.local_rank, place.world_size]
    }

    const STEP: [(&str, &str); 5] = [
        ("SLURM_STEP_ID", "0"),
        ("SLURM_PROCID", "5"),
        ("SLURM_LOCALID", "1"),
        ("SLURM_NTASKS", "8"),
        ("SLURM_STEP_NUM_TASKS", "6"),
    ];
    const MPI: [(&str, &str); 3] = [
        ("OMPI_COMM_WORLD_RANK", "3"),
        ("OMPI_COMM_WORLD_LOCAL_RANK", "0"),
        ("OMPI_COMM_WORLD_SIZE", "4"),
    ];

    #[test]
    fn every_launcher_is_understood() {
        assert_eq!(read(&[]), [None; 3]);
        let torchrun = [("RANK", "1"), ("LOCAL_RANK", "1"), ("WORLD_SIZE", "2")];
        assert_eq!(read(&torchrun), [Some(1), Some(1), Some(2)]);
        assert_eq!(read(&MPI), [Some(3), Some(0), Some(4)]);
        assert_eq!(read(&STEP), [Some(5), Some(1), Some(6)]);
    }

    /// All ranks of an mpirun in a batch job were taken for rank 0, the script's number.
    #[test]
    fn the_inner_launcher_counts() {
        let both: Vec<_> = STEP.iter().chain(&MPI).copied().collect();
        assert_eq!(read(&both), [Some(3), Some(0), Some(4)]);
    }

    #[test]
    fn a_batch_script_is_no_rank() {
        assert_eq!(read(&STEP[1..4]), [None; 3]);
    }

    #[test]
    fn what_one_launcher_does_not_tell_another_may() {
        let rank = [("RANK", "7"), ("WORLD_SIZE", "16")];
        let both: Vec<_> = rank.iter().chain(&STEP).copied().collect();
        assert_eq!(read(&both), [Some(7), Some(1), Some(16)]);
    }
}
