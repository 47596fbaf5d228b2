//! Lists of hosts as Slurm writes them: `gpu[01-16,20],login1,rack[1-2]-node[01-32]`.
//!
//! Names are separated by commas or white space. A bracket holds numbers and ranges of numbers; a number is as wide as the
//! first of its range is written, so that `[01-10]` gives `01`. A name may have several brackets, of which the last turns
//! fastest. That is what `scontrol show hostnames` makes of such a list (Slurm's manual of `scontrol`, "HOSTLIST"), here without
//! Slurm.

use thiserror::Error;

/// Hosts that one list may name; Slurm's own limit for a range.
pub const MOST_HOSTS: usize = 65_536;

/// Why a text is no list of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{list}: character {at}: {what}")]
pub struct HostListError {
    /// The text, shortened.
    pub list: String,
    /// Which character it is about, the first is 1.
    pub at: usize,
    /// What is wrong there, and what to write.
    pub what: String,
}

/// The hosts that a list names, in its order; one that is named twice is there twice.
///
/// # Errors
///
/// Tells the first character that does not fit in, and when the list names no host or too many.
pub fn hosts(list: &str) -> Result<Vec<String>, HostListError> {
    let characters: Vec<char> = list.chars().collect();
    let mut hosts = Vec::new();
    let mut at = 0;
    while at < characters.len() {
        if is_separator(characters[at]) {
            at += 1;
            continue;
        }
        let begin = at;
        let parts = name(&characters, &mut at).map_err(|fault| fault.of(list))?;
        let count = parts.iter().try_fold(1_usize, |count, part| count.checked_mul(part.len()));
        if count.is_none_or(|count| count > MOST_HOSTS - hosts.len()) {
            let what = format!("the list names more than {MOST_HOSTS} hosts; split it");
            return Err(Fault { at: begin, what }.of(list));
        }
        hosts.extend(products(&parts));
    }
    if hosts.is_empty() {
        let what = "the list names no host; write node[01-16] or node1,node2".to_owned();
        return Err(Fault { at: 0, what }.of(list));
    }
    Ok(hosts)
}

/// Hosts as a list, numbers at the ends of names drawn together: `gpu[01-03],login1`. Sorted, each once.
pub fn list<'a>(hosts: impl IntoIterator<Item = &'a str>) -> String {
    // By what is in front of the number and how wide it is, as ranges keep both.
    let mut groups =
        std::collections::BTreeMap::<(&str, usize), std::collections::BTreeSet<u64>>::new();
    for host in hosts {
        let stem = host.trim_end_matches(|character: char| character.is_ascii_digit());
        let digits = &host[stem.len()..];
        if let Ok(number) = digits.parse() {
            groups.entry((stem, digits.len())).or_default().insert(number);
        } else {
            // Without a number, or with one that is too long to count with.
            groups.entry((host, 0)).or_default();
        }
    }
    let shown = groups.into_iter().map(|((stem, width), numbers)| ranges(stem, width, &numbers));
    shown.collect::<Vec<_>>().join(",")
}

fn ranges(stem: &str, width: usize, numbers: &std::collections::BTreeSet<u64>) -> String {
    let mut runs: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let run = |&(first, last): &(u64, u64)| {
        if first == last {
            format!("{first:0width$}")
        } else {
            format!("{first:0width$}-{last:0width$}")
        }
    };
    match runs.as_slice() {
        [] => stem.to_owned(),
        [(first, last)] if first == last => format!("{stem}{first:0width$}"),
        runs => format!("{stem}[{}]", runs.iter().map(run).collect::<Vec<_>>().join(",")),
    }
}

/// What is wrong at a place that counts from 0.
struct Fault {
    at: usize,
    what: String,
}

impl Fault {
    fn of(self, list: &str) -> HostListError {
        const SHOWN: usize = 60;
        let mut shown: String = list.chars().take(SHOWN).collect();
        if list.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        HostListError { list: shown, at: self.at + 1, what: self.what }
    }
}

fn is_separator(character: char) -> bool {
    character == ',' || character.is_whitespace()
}

/// Reads a name up to the separator behind it: for each plain piece and each bracket what may stand there.
fn name(characters: &[char], at: &mut usize) -> Result<Vec<Vec<String>>, Fault> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    while let Some(&character) = characters.get(*at).filter(|character| !is_separator(**character))
    {
        match character {
            '[' => {
                if !plain.is_empty() {
                    parts.push(vec![std::mem::take(&mut plain)]);
                }
                parts.push(bracket(characters, at)?);
            }
            ']' => {
                return Err(Fault {
                    at: *at,
                    what: "a bracket is closed that was never opened".to_owned(),
                });
            }
            _ if character.is_alphanumeric() || "-_.:".contains(character) => {
                plain.push(character);
                *at += 1;
            }
            _ => {
                let what = format!("{character:?} cannot be in a host's name");
                return Err(Fault { at: *at, what });
            }
        }
    }
    if !plain.is_empty() {
        parts.push(vec![plain]);
    }
    Ok(parts)
}

/// Reads a bracket, which begins at `at`.
fn bracket(characters: &[char], at: &mut usize) -> Result<Vec<String>, Fault> {
    let opened = *at;
    let length = characters[opened..].iter().position(|character| *character == ']');
    let Some(length) = length else {
        let what = "a bracket is not closed; write node[01-16]".to_owned();
        return Err(Fault { at: opened, what });
    };
    let inside = &characters[opened + 1..opened + length];
    *at = opened + length + 1;
    let mut numbers = Vec::new();
    let mut begin = opened + 1;
    for item in inside.split(|character| *character == ',') {
        range(item, begin, &mut numbers)?;
        begin += item.len() + 1;
    }
    Ok(numbers)
}

/// Adds the numbers of `7` or `01-16`, which begins at `at`.
fn range(item: &[char], at: usize, numbers: &mut Vec<String>) -> Result<(), Fault> {
    let text: String = item.iter().collect();
    let (first, last) = text.split_once('-').unwrap_or((&text, &text));
    let number = |digits: &str, at: usize| {
        let digits_only = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // More digits than any cluster needs, and few enough to count with.
        if digits_only && digits.len() <= 18 { digits.parse::<u64>().ok() } else { None }
            .ok_or_else(|| {
                let found =
                    if digits.is_empty() { "nothing".to_owned() } else { format!("{digits:?}") };
                Fault {
                    at,
                    what: format!("{found} where a number should be; write node[01-16,20]"),
                }
            })
    };
    let width = first.len();
    let begin = number(first, at)?;
    let end = number(last, if first.len() == text.len() { at } else { at + width + 1 })?;
    if end < begin {
        return Err(Fault { at, what: format!("the range {text} runs backwards") });
    }
    if end - begin >= (MOST_HOSTS - numbers.len().min(MOST_HOSTS)) as u64 {
        let what = format!("the list names more than {MOST_HOSTS} hosts; split it");
        return Err(Fault { at, what });
    }
    numbers.extend((begin..=end).map(|number| format!("{number:0width$}")));
    Ok(())
}

/// Every choice of one text of each part, the last part turning fastest.
fn products(parts: &[Vec<String>]) -> Vec<String> {
    let mut names = vec![String::new()];
    for part in parts {
        names = names
            .iter()
            .flat_map(|name| part.iter().map(move |text| format!("{name}{text}")))
            .collect();
    }
    names
}

#[cfg(test)]
mod tests {
    use super::{HostListError, hosts, list};

    fn named(text: &str) -> String {
        hosts(text).unwrap().join(" ")
    }

    fn refused(text: &str) -> (usize, String) {
        let HostListError { at, what, .. } = hosts(text).unwrap_err();
        (at, what)
    }

    #[test]
    fn names_are_separated_by_commas_and_white_space() {
        assert_eq!(named("a"), "a");
        assert_eq!(named("a,b-1.example_c,10.0.0.1"), "a b-1.example_c 10.0.0.1");
        assert_eq!(named(" a, b\nc\t,,d,"), "a b c d");
    }

    #[test]
    fn brackets_are_numbers_and_ranges() {
        assert_eq!(named("node[1-3]"), "node1 node2 node3");
        assert_eq!(named("node[01-03,7],login1"), "node01 node02 node03 node7 login1");
        assert_eq!(named("n[098-101]x"), "n098x n099x n100x n101x");
        assert_eq!(named("n[9-11]"), "n9 n10 n11");
        assert_eq!(named("n[5]"), "n5");
        assert_eq!(named("[1-2]"), "1 2");
    }

    #[test]
    fn of_several_brackets_the_last_turns_fastest() {
        assert_eq!(named("r[1-2]n[01-02]"), "r1n01 r1n02 r2n01 r2n02");
        assert_eq!(named("r[1,3]-[8-9].ib"), "r1-8.ib r1-9.ib r3-8.ib r3-9.ib");
    }

    #[test]
    fn a_name_that_is_there_twice_stays_twice() {
        assert_eq!(named("n[1-2],n1"), "n1 n2 n1");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, at, what) in [
            ("", 1, "names no host"),
            (" , ", 1, "names no host"),
            ("node[01-16", 5, "not closed"),
            ("a,node]1", 7, "never opened"),
            ("node[1-[2-3]]", 8, "where a number"),
            ("node[]", 6, "nothing where a number"),
            ("node[1,]", 8, "nothing where a number"),
            ("node[1-]", 8, "nothing where a number"),
            ("node[-3]", 6, "nothing where a number"),
            ("node[a-c]", 6, "\"a\" where a number"),
            ("node[1-2-3]", 8, "\"2-3\" where a number"),
            ("node[1 ,2]", 6, "\"1 \" where a number"),
            ("node[5-3]", 6, "runs backwards"),
            ("node[1-4](x2)", 10, "'(' cannot be"),
            ("a,b;c", 4, "';' cannot be"),
            ("node[1-99999999]", 6, "more than 65536"),
            ("a[1-300]b[1-300]", 1, "more than 65536"),
            ("a[1-60000],b[1-6000]", 12, "more than 65536"),
            ("node[1-99999999999999999999]", 8, "where a number"),
        ] {
            let (found, told) = refused(text);
            assert!(told.contains(what), "{text}: {told}");
            assert_eq!(found, at, "{text}: {told}");
        }
        let error = hosts("node[01-").unwrap_err().to_string();
        assert_eq!(error, "node[01-: character 5: a bracket is not closed; write node[01-16]");
    }

    #[test]
    fn hosts_are_drawn_together() {
        assert_eq!(list([]), "");
        assert_eq!(list(["b", "a"]), "a,b");
        assert_eq!(list(["n03", "n01", "n02", "n07", "n01"]), "n[01-03,07]");
        assert_eq!(list(["n9", "n10", "n11", "login"]), "login,n9,n[10-11]");
        assert_eq!(
            list(["n1", "n01", "x99999999999999999999999"]),
            "n1,n01,x99999999999999999999999"
        );
    }

    proptest::proptest! {
        #[test]
        fn a_list_names_the_hosts_that_it_was_made_of(numbers in proptest::collection::btree_set(0_u32..2000, 1..60), width in 1_usize..5) {
            let named: std::collections::BTreeSet<String> = numbers.iter().map(|number| format!("gpu{number:0width$}")).collect();
            let back: std::collections::BTreeSet<String> = hosts(&list(named.iter().map(String::as_str))).unwrap().into_iter().collect();
            proptest::prop_assert_eq!(back, named);
        }

        #[test]
        fn no_text_brings_it_down(text in "[a-c0-9\\[\\],\\- (ü]{0,40}") {
            if let Ok(hosts) = hosts(&text) {
                proptest::prop_assert!(!hosts.is_empty());
            }
        }
    }
}
