//! What a suite's file may say, and what is told where it may not.

use perfagent_fuzz::{damage, each_input};

use super::*;
use crate::suite::builtin::BUILTIN;
use crate::suite::option::words;

const HERE: Surroundings = Surroundings { cores: 2, gpus: 0 };

fn parsed(text: &str) -> anyhow::Result<Suite> {
    parse("my.toml", Path::new("/suites"), text, HERE, &Options::new())
}

const HEAD: &str = "[suite]\nname = \"s\"\n[[case]]\nname = \"a\"\n";

#[test]
fn a_case_is_its_own_options_over_the_defaults() {
    let suite = parsed(
        "[suite]\nname = \"s\"\ntime_limit = 30\n[defaults]\nmodel = \"gpt\"\nsteps = 5\nlr = 1\n[[case]]\n\
         name = \"a\"\nsteps = 7\ndata = \"texts\"\ntime_limit = 60\n[[case]]\nname = \"b\"\nmust_run = true\n",
    )
    .unwrap();
    let [a, b] = suite.cases.as_slice() else { panic!("{suite:?}") };
    assert_eq!(
        words(&a.options),
        ["gpt", "--steps", "7", "--data", "/suites/texts", "--lr", "1.0"]
    );
    assert_eq!((a.time_limit.as_secs(), a.must_run), (60, false));
    assert_eq!(words(&b.options), ["gpt", "--steps", "5", "--lr", "1.0"]);
    assert_eq!((b.time_limit.as_secs(), b.must_run), (30, true));
    assert_eq!(suite.hash.len(), "sha256:".len() + 64);
}

/// Text is said once for all cases of a suite; those that train on images take no notice, unless they say it themselves.
#[test]
fn what_all_cases_are_given_reaches_those_that_have_it() {
    let text = "[suite]\nname = \"s\"\n[defaults]\nmodel = \"gpt\"\nseq = 64\nsteps = 5\n[[case]]\nname = \"a\"\n\
                [[case]]\nname = \"b\"\nmodel = \"resnet50\"\n[[case]]\nname = \"c\"\nmodel = \"resnet50\"\nseq = 32\n";
    let typed =
        Options::from_iter([("data".to_owned(), "t".into()), ("seed".to_owned(), 2.into())]);
    let suite = parse("my.toml", Path::new("/suites"), text, HERE, &typed).unwrap();
    let all: Vec<_> = suite.cases.iter().map(|case| words(&case.options)).collect();
    assert_eq!(all[0], ["gpt", "--seq", "64", "--steps", "5", "--data", "t", "--seed", "2"]);
    assert_eq!(all[1], ["resnet50", "--steps", "5", "--seed", "2"]);
    assert_eq!(all[2], ["resnet50", "--seq", "32", "--steps", "5", "--seed", "2"]);
}

#[test]
fn inference_is_a_mode_of_a_case() {
    let suite = parsed(&format!(
        "{HEAD}mode = \"inference\"\nmodel = \"llama\"\nprompt = \"16..64\"\nbatch = 8\n[case.matrix]\nrate = [0.5, 4, inf]\n\
         output = [1, \"2..8\"]\n[[case]]\nname = \"b\"\nmode = \"training\"\nmodel = \"gpt\"\n"
    ))
    .unwrap();
    let names: Vec<_> = suite.cases.iter().map(|case| case.name.as_str()).collect();
    let expected = [
        "a-rate0.5-out1",
        "a-rate0.5-out2..8",
        "a-rate4-out1",
        "a-rate4-out2..8",
        "a-rateinf-out1",
        "a-rateinf-out2..8",
        "b",
    ];
    assert_eq!(names, expected);
    let last = "inference llama --batch 8 --prompt 16..64 --output 2..8 --rate inf";
    assert_eq!(words(&suite.cases[5].options), last.split(' ').collect::<Vec<_>>());
    assert_eq!(words(&suite.cases[6].options), ["gpt"]);
    let open = format!(
        "{HEAD}mode = \"inference\"\nmodel = \"gpt\"\n[case.matrix]\nbatch = \"1.. x2\"\nprompt = [8, 16]\n"
    );
    assert_eq!(parsed(&open).unwrap().count(), (2, true));
}

#[test]
fn a_matrix_is_every_combination_in_the_order_of_the_file() {
    let text = format!(
        "{HEAD}model = \"gpt\"\nrepeat = 2\n[case.matrix]\nzero = [1, 0]\nranks = \"1..N\"\n"
    );
    let suite = parsed(&text).unwrap();
    let names: Vec<_> = suite.cases.iter().map(|case| case.name.as_str()).collect();
    let expected = [
        "a-zero1-r1-1",
        "a-zero1-r1-2",
        "a-zero1-r2-1",
        "a-zero1-r2-2",
        "a-zero0-r1-1",
        "a-zero0-r1-2",
        "a-zero0-r2-1",
        "a-zero0-r2-2",
    ];
    assert_eq!(names, expected);
    let open =
        format!("{HEAD}model = \"gpt\"\n[case.matrix]\nmicro_batch = \"1.. x2\"\nzero = [0, 1]\n");
    assert_eq!(parsed(&open).unwrap().count(), (2, true));
}

#[test]
fn the_readmes_example_is_a_suite() {
    let readme = include_str!("../../../../../README.md");
    let (_, rest) = readme.split_once("```toml\n[suite]\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let suite = parsed(&format!("[suite]\n{example}")).unwrap();
    assert_eq!((suite.name.as_str(), suite.count()), ("mine", (4, true)));
}

#[test]
fn the_command_line_wins() {
    let overrides = Options::from_iter([("steps".to_owned(), 3.into())]);
    let with = |text: &str| parse("my.toml", Path::new(""), text, HERE, &overrides);
    let suite = with(&format!("{HEAD}model = \"gpt\"\nsteps = 7\n")).unwrap();
    assert_eq!(words(&suite.cases[0].options), ["gpt", "--steps", "3"]);
    let varied = format!("{HEAD}model = \"gpt\"\n[case.matrix]\nsteps = [1, 2]\n");
    let refused = with(&varied).unwrap_err().to_string();
    assert!(refused.contains("line 7: the matrix varies steps, and the command line"), "{refused}");
}

#[test]
fn mistakes_are_told_with_their_line_and_what_would_be_right() {
    let of_a_case = |rest: &str| format!("{HEAD}model = \"gpt\"\n{rest}\n");
    let mistakes = [
        (String::new(), "has no [suite]"),
        ("[suite]\nname = \"s\"\n".to_owned(), "has no case"),
        ("[suite]\nname = \"s\"\nname = \"t\"\n".to_owned(), "line 3: duplicate key"),
        ("[suite]\nname = s\n".to_owned(), "line 2: "),
        ("[suite]\nabout = \"x\"\n".to_owned(), "line 1: [suite] has no name"),
        ("[suite]\nname = \"../x\"\n".to_owned(), "line 2: the name \"../x\""),
        (
            "[suite]\nname = \"s\"\nsteps = 3\n".to_owned(),
            "line 3: `steps` is no key of [suite], which has name,",
        ),
        (
            "[sweet]\n".to_owned(),
            "line 1: `sweet` is no key of a suite, which has suite, defaults, case",
        ),
        ("[suite]\nname = \"s\"\n[case]\n".to_owned(), "line 3: a case begins with [[case]]"),
        (
            "[defaults]\nmicro-batch = 1\n".to_owned(),
            "line 2: `micro-batch` is no key of [defaults], which has mode, model,",
        ),
        (HEAD.to_owned(), "line 3: no model is named"),
        (of_a_case("nproc = 2"), "line 6: `nproc` is no key of [[case]], which has name,"),
        (of_a_case("steps = \"many\""), "line 6: steps is string, not a whole number"),
        (of_a_case("steps = -1"), "line 6: steps is -1; give at least 0"),
        (of_a_case("lr = true"), "line 6: lr is boolean, not a number"),
        (of_a_case("lr = nan"), "line 6: lr is float, not a number"),
        (of_a_case("preset = 3"), "line 6: preset is integer, not a text in quotes"),
        (of_a_case("preset = \"--quiet\""), "line 6: preset cannot be"),
        (of_a_case("mode = \"list\""), "line 6: mode is \"list\", not training or inference"),
        (of_a_case("rate = \"inf\""), "line 6: rate is string, not a number or inf"),
        (of_a_case("rate = nan"), "line 6: rate is float, not a number or inf"),
        (of_a_case("prompt = \"16..\""), "line 6: prompt is string, not a whole number or a text"),
        (of_a_case("prompt = 1.5"), "line 6: prompt is float, not a whole number or a text"),
        (of_a_case("time_limit = 0"), "line 6: time_limit is 0; give at least 1"),
        (of_a_case("must_run = 1"), "line 6: must_run is integer, not true or false"),
        (of_a_case("matrix = 1"), "line 6: matrix is integer, not a table"),
        (of_a_case("[case.matrix]\nsteps = []"), "line 7: steps has no value to try"),
        (of_a_case("[case.matrix]\nsteps = 3"), "line 7: steps of a matrix is integer, not a list"),
        (
            of_a_case("[case.matrix]\nsteps = \"1.. x2\""),
            "line 7: steps: only micro_batch and batch grow",
        ),
        (of_a_case("[case.matrix]\nsteps = \"1..N\""), "line 7: steps: N is the number of devices"),
        (
            of_a_case("[case.matrix]\nprecision = \"bf16\""),
            "line 7: precision of a matrix is string",
        ),
        (
            of_a_case("steps = 1\n[case.matrix]\nsteps = [1]"),
            "line 8: the matrix varies steps, and the case has it",
        ),
        (of_a_case("[[case]]\nname = \"a\"\nmodel = \"gpt\""), "line 6: a second case is called a"),
        (
            of_a_case("[case.matrix]\nseed = \"1..999\"\nsteps = \"1..999\"\nseq = \"1..999\""),
            "more than 10000 cases",
        ),
        (of_a_case("[case.matrix]\nsteps = [1, 1]"), "a second case is called a-steps1"),
    ];
    for (text, told) in mistakes {
        let refused = parsed(&text).expect_err(&text).to_string();
        assert!(
            refused.starts_with("my.toml: ") && refused.contains(told),
            "{told}\n{refused}\n{text}"
        );
    }
}

#[test]
fn fuzz_a_damaged_suite_is_refused_or_has_cases() {
    each_input("suite files", 2000, |input| {
        let which = input.int_in_range(0..=BUILTIN.len() - 1).unwrap_or(0);
        let mut bytes = BUILTIN[which].text.as_bytes().to_vec();
        damage(&mut bytes, input);
        match parsed(&String::from_utf8_lossy(&bytes)) {
            Ok(suite) => assert!(!suite.cases.is_empty()),
            Err(refused) => assert!(refused.to_string().starts_with("my.toml: "), "{refused}"),
        }
    });
}
