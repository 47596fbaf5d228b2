//! Which distributed job a recorder belongs to: what tells recordings of one run from those of another.

/// The job's name as its launcher gives it, with the launcher's; `None` for a recorder that none started.
#[must_use]
pub fn of_this_process() -> Option<String> {
    read(|name| std::env::var(name).ok())
}

/// The launcher that is closest to the process counts. A recorder in front of its launcher is in no job.
fn read(get: impl Fn(&str) -> Option<String>) -> Option<String> {
    let launchers: [(&str, &[&str]); 3] = [
        ("torchrun", &["TORCHELASTIC_RUN_ID"]),
        ("mpirun", &["PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"]),
        ("Slurm", &["SLURM_JOB_ID"]),
    ];
    launchers.iter().find_map(|(launcher, names)| {
        let id = names.iter().find_map(|name| get(name))?;
        // torchrun's name for every run that was given none.
        (!id.is_empty() && id != "none").then(|| format!("{launcher} job {id}"))
    })
}

/// The launcher that a command line calls, if it is one that starts processes on other machines.
pub(crate) fn launcher(command: &str) -> Option<&str> {
    let program = command.split(' ').next()?.rsplit('/').next()?;
    ["srun", "mpirun", "mpiexec", "orterun", "prterun"].contains(&program).then_some(program)
}

#[cfg(test)]
mod tests {
    use super::{launcher, read};

    #[test]
    fn launchers_of_other_machines_are_known() {
        assert_eq!(launcher("/usr/bin/srun -n4 train"), Some("srun"));
        assert_eq!(launcher("torchrun train.py"), None);
    }

    #[test]
    fn the_closest_launcher_names_the_job() {
        let of = |variables: &[(&str, &str)]| {
            read(|name| {
                let found = variables.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), None);
        let slurm = ("SLURM_JOB_ID", "17");
        assert_eq!(of(&[slurm]).as_deref(), Some("Slurm job 17"));
        assert_eq!(of(&[slurm, ("PMIX_NAMESPACE", "9")]).as_deref(), Some("mpirun job 9"));
        let none = ("TORCHELASTIC_RUN_ID", "none");
        assert_eq!(of(&[slurm, none]).as_deref(), Some("Slurm job 17"));
        assert_eq!(of(&[("TORCHELASTIC_RUN_ID", "a")]).as_deref(), Some("torchrun job a"));
    }
}
