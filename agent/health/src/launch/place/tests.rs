//! Every launcher's variables, alone and one within the other.

use super::{Environment, Flags, Launcher, Place};

fn read(flags: Flags, variables: &[(&str, &str)]) -> Result<Place, String> {
    let get = |name: &str| {
        variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    Place::read(flags, Environment(&get)).map_err(|error| error.to_string())
}

fn place(variables: &[(&str, &str)]) -> Place {
    read(Flags::default(), variables).unwrap()
}

/// Rank of size, local rank of local size.
fn numbers(place: &Place) -> [usize; 4] {
    [place.rank, place.size, place.local_rank, place.local_size.unwrap_or(usize::MAX)]
}

const SRUN: [(&str, &str); 8] = [
    ("SLURM_JOB_ID", "17"),
    ("SLURM_STEP_ID", "0"),
    ("SLURM_PROCID", "5"),
    ("SLURM_STEP_NUM_TASKS", "8"),
    ("SLURM_LOCALID", "1"),
    ("SLURM_NODEID", "2"),
    ("SLURM_STEP_TASKS_PER_NODE", "2(x4)"),
    ("SLURM_STEP_NODELIST", "node[03-06]"),
];
const MPIRUN: [(&str, &str); 6] = [
    ("OMPI_COMM_WORLD_RANK", "1"),
    ("OMPI_COMM_WORLD_SIZE", "2"),
    ("OMPI_COMM_WORLD_LOCAL_RANK", "1"),
    ("OMPI_COMM_WORLD_LOCAL_SIZE", "2"),
    ("PMIX_NAMESPACE", "3471245313"),
    ("PMIX_RANK", "1"),
];
const TORCHRUN: [(&str, &str); 5] = [
    ("RANK", "8"),
    ("WORLD_SIZE", "16"),
    ("LOCAL_RANK", "0"),
    ("LOCAL_WORLD_SIZE", "8"),
    ("TORCHELASTIC_RUN_ID", "none"),
];

#[test]
fn every_launcher_is_understood() {
    let alone = place(&[]);
    assert_eq!((alone.launcher, numbers(&alone)), (None, [0, 1, 0, 1]));
    assert!(alone.examines() && !alone.has_others());

    let srun = place(&SRUN);
    assert_eq!((srun.launcher, numbers(&srun)), (Some(Launcher::Slurm), [5, 8, 1, 2]));
    assert_eq!(srun.nodes, ["node03", "node04", "node05", "node06"]);
    assert_eq!((srun.run.as_deref(), srun.local_variable), (Some("17.0"), Some("SLURM_LOCALID")));
    assert!(!srun.examines() && srun.has_others());

    let mpirun = place(&MPIRUN);
    assert_eq!((mpirun.launcher, numbers(&mpirun)), (Some(Launcher::OpenMpi), [1, 2, 1, 2]));
    assert!(!mpirun.has_others());

    let torchrun = place(&TORCHRUN);
    assert_eq!((torchrun.launcher, numbers(&torchrun)), (Some(Launcher::Torchrun), [8, 16, 0, 8]));
    assert!(torchrun.examines() && torchrun.has_others() && torchrun.by_node);

    let hydra =
        [("PMI_RANK", "3"), ("PMI_SIZE", "4"), ("MPI_LOCALRANKID", "1"), ("MPI_LOCALNRANKS", "2")];
    assert_eq!(numbers(&place(&hydra)), [3, 4, 1, 2]);
}

#[test]
fn the_launcher_closest_to_the_process_counts() {
    let both: Vec<_> = SRUN.iter().chain(&MPIRUN).copied().collect();
    assert_eq!(place(&both).launcher, Some(Launcher::OpenMpi));
    let all: Vec<_> = both.iter().chain(&TORCHRUN).copied().collect();
    let found = place(&all);
    assert_eq!((found.launcher, numbers(&found)), (Some(Launcher::Torchrun), [8, 16, 0, 8]));
    assert!(found.nodes.is_empty(), "Slurm's nodes are of other ranks");
}

#[test]
fn a_batch_script_is_alone() {
    let script = [("SLURM_JOB_ID", "17"), ("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")];
    assert_eq!(place(&script).launcher, None);
}

/// `export RANK=$SLURM_PROCID WORLD_SIZE=$SLURM_NTASKS`, and `srun --mpi=pmi2`: all ranks of a node would examine it.
#[test]
fn the_local_rank_may_come_from_a_launcher_that_speaks_of_the_same_rank() {
    for names in [["RANK", "WORLD_SIZE"], ["PMI_RANK", "PMI_SIZE"]] {
        let set = [(names[0], "5"), (names[1], "8")];
        let found = place(&set.into_iter().chain(SRUN).collect::<Vec<_>>());
        assert_eq!(numbers(&found), [5, 8, 1, 2], "{names:?}");
        assert_eq!((found.nodes.len(), found.local_variable), (4, Some("SLURM_LOCALID")));
    }
    // Kubeflow: a rank is a pod.
    assert_eq!(numbers(&place(&[("RANK", "5"), ("WORLD_SIZE", "8")]))[..3], [5, 8, 0]);
}

#[test]
fn flags_come_first_and_leave_the_local_rank_to_the_launcher() {
    let flags = Flags { nodes: Some(3), node_rank: Some(2) };
    let found = read(flags, &SRUN).unwrap();
    assert_eq!(numbers(&found), [2, 3, 1, usize::MAX]);
    assert!(found.by_node && found.nodes.is_empty());
    let nodes = Flags { nodes: Some(3), node_rank: None };
    assert_eq!(numbers(&read(nodes, &[("JOB_COMPLETION_INDEX", "1")]).unwrap())[..2], [1, 3]);
    assert_eq!(place(&[("JOB_COMPLETION_INDEX", "1")]).size, 1);
}

#[test]
fn what_contradicts_itself_is_refused_with_its_names() {
    let flags = |nodes, node_rank| Flags { nodes, node_rank };
    for (wrong, named) in [
        (flags(Some(2), Some(2)), "node 2 of --nnodes 2"),
        (flags(Some(2), None), "--nnodes 2 without --node-rank"),
        (flags(None, Some(2)), "--node-rank 2 without --nnodes"),
    ] {
        assert!(read(wrong, &[]).unwrap_err().contains(named), "{named}");
    }
    let wrong: [(&[(&str, &str)], &str); 7] = [
        (&[("RANK", "2"), ("WORLD_SIZE", "2")], "RANK=2 with WORLD_SIZE=2"),
        (&[("RANK", "x"), ("WORLD_SIZE", "2")], "RANK=x"),
        (
            &[("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "2"), ("LOCAL_WORLD_SIZE", "2")],
            "LOCAL_RANK=2",
        ),
        (&[("RANK", "0"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")], "LOCAL_RANK is greater"),
        (&[("RANK", "0"), ("WORLD_SIZE", "4"), ("LOCAL_WORLD_SIZE", "8")], "WORLD_SIZE=4"),
        (&[("PMIX_RANK", "0"), MPIRUN[0], MPIRUN[1]], "PMIX_RANK=0 are of two launchers"),
        (&[("PMI_RANK", "0"), ("PMI_SIZE", "2"), MPIRUN[0], MPIRUN[1]], "PMI_RANK=0 are of two"),
    ];
    for (variables, named) in wrong {
        let refused = read(Flags::default(), variables).unwrap_err();
        assert!(refused.contains(named) && refused.contains("--node-rank"), "{refused}");
    }
}
