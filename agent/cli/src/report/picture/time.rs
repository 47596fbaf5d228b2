//! Where the time goes, a bar a rank.

use perfagent_analysis::report::{Breakdown, Rank};
use perfagent_analysis::total;

use super::super::label;
use super::category::Categories;
use crate::page::Page;
use crate::picture::{Bars, Drawing, Fill, Part, Picture, Row};
use crate::unit;

/// Ranks that have a bar; the page has all of them in its tables.
const MOST: usize = 64;

/// The time of one part.
type PartOf<'a> = &'a dyn Fn(&Breakdown) -> i64;

/// Adds the picture. `of` is what is divided: the steps, or the whole.
pub(in super::super) fn write(
    page: &mut Page,
    ranks: &[Rank],
    of: impl Fn(&Rank) -> &Breakdown,
    what: &str,
) {
    let whole = total::breakdowns(ranks.iter().map(&of));
    if whole.window_ns <= 0 {
        return;
    }
    // Of many ranks those are drawn that compute least: what keeps them from it is to be seen there.
    let mut shown: Vec<&Rank> = ranks.iter().collect();
    if shown.len() > MOST {
        let share = |rank: &Rank| {
            let of = of(rank);
            of.compute_ns as f64 / of.window_ns.max(1) as f64
        };
        shown.sort_by(|left, right| share(left).total_cmp(&share(right)));
        shown.truncate(MOST);
        shown.sort_by_key(|rank| (rank.rank.is_none(), rank.rank, rank.pid));
    }
    let categories = Categories::of(ranks);
    let named = categories.named();
    let time_of = |of: &Breakdown, name: &str| {
        let share = of.categories.iter().find(|category| category.category == name);
        share.map_or(0, |category| category.total_ns)
    };
    let named_ns = |of: &Breakdown| named.iter().map(|name| time_of(of, name)).sum::<i64>();
    let rest: PartOf<'_> = &|of| of.compute_ns - named_ns(of);
    let mut kinds: Vec<(Part, PartOf<'_>)> =
        categories.parts().pop().map(|part| (part, rest)).into_iter().collect();
    let others: [(&str, Fill, PartOf<'_>); 4] = [
        ("exposed communication", Fill::Rising, &|of| of.exposed_comm_ns),
        ("exposed copies", Fill::Falling, &|of| of.exposed_copy_ns),
        ("loading data", Fill::Dotted, &|of| of.data_ns),
        ("idle", Fill::Hollow, &|of| of.idle_ns),
    ];
    kinds.extend(
        others.into_iter().map(|(name, fill, time)| (Part { name: name.to_owned(), fill }, time)),
    );
    kinds.retain(|(_, time)| shown.iter().any(|rank| time(of(rank)) > 0));
    let mut parts = categories.parts();
    parts.pop();
    parts.extend(kinds.iter().map(|(part, _)| part.clone()));
    let rows = shown
        .iter()
        .map(|rank| {
            let of = of(rank);
            let computed = named.iter().map(|name| time_of(of, name));
            Row {
                label: label(rank),
                values: computed.chain(kinds.iter().map(|(_, time)| time(of))).collect(),
                note: unit::duration(of.window_ns),
            }
        })
        .collect();
    let which = if shown.len() < ranks.len() {
        format!(" The {} of {} ranks that compute least.", shown.len(), ranks.len())
    } else {
        String::new()
    };
    page.picture(Picture::new(
        format!("Where the time goes, {what}."),
        format!(
            "A bar a rank, divided as its time is: computation by category in plain colours, then what nothing hid, in \
             patterns. The length of the whole stands behind it.{which}"
        ),
        Drawing::Bars(Bars { parts, rows, is_share: true }),
    ));
}
