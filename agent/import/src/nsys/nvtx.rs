//! What the program said it was doing: NVTX ranges and marks, and PyTorch's operators, which `emit_nvtx` writes as ranges.

use perfagent_recording::table::{Mark, Operator, Payload, Range};
use perfagent_recording::{StringId, WriteError};
use rustc_hash::FxHashMap;

use super::NVTX;
use super::database::Database;
use super::global_id::GlobalId;
use super::names::missing;
use super::nesting::{Nesting, Span};
use super::operator_text::OperatorText;
use super::problem::{Problem, Problems};
use super::row::row;
use super::survey::Survey;
use super::target::Target;
use super::vocabulary::{Nvtx, Vocabulary};
use crate::decimal::is_time;

/// The domain in which every range is an operator.
const TORCH: &str = "torch";

row! {
    /// Of `NVTX_EVENTS`.
    NvtxRow {
        start: i64 = "start",
        end: i64 = "end",
        kind: i64 = "eventType",
        process: i64 = "globalPid",
        thread: i64 = "globalTid",
        category: i64 = "category",
        color: i64 = "color",
        text: String = "text",
        text_id: i64 = "textId",
        domain: i64 = "domainId",
        unsigned: i64 = "uint64Value",
        signed: i64 = "int64Value",
        double: f64 = "doubleValue",
        short_unsigned: i64 = "uint32Value",
        short_signed: i64 = "int32Value",
        float: f64 = "floatValue",
    }
}

impl NvtxRow {
    /// The number that it carries.
    fn payload(&self) -> Payload {
        let integers = [self.unsigned, self.signed, self.short_unsigned, self.short_signed];
        let real = || self.double.or(self.float).map(Payload::Real);
        let integer = integers.into_iter().flatten().next().map(Payload::Integer);
        integer.or_else(real).unwrap_or_default()
    }
}

/// What a text means.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    Range(StringId),
    Operator { name: StringId, shapes: StringId, sequence: Option<i64> },
}

/// Reads the ranges and marks of an export.
struct Ranges<'a> {
    survey: &'a Survey,
    /// What numbered texts mean, by number and whether all are operators.
    known: FxHashMap<(i64, bool), Meaning>,
}

/// Writes them.
pub(crate) fn ranges(
    database: &Database,
    vocabulary: &Vocabulary,
    survey: &Survey,
    problems: &mut Problems,
    target: &mut Target<'_>,
) -> Result<(), WriteError> {
    let mut ranges = Ranges { survey, known: FxHashMap::default() };
    let mut nesting = if survey.is_nested {
        Nesting::in_order()
    } else {
        // Also where the file is damaged, because what stands behind the damage is read in reverse.
        let mut spans = Vec::new();
        database.each(NVTX, &mut Problems::default(), |_, _, row: NvtxRow| {
            if vocabulary.nvtx_event(row.kind) == Some(Nvtx::Pushed) {
                let meaning = ranges.meaning(target, &row)?;
                spans.extend(span(target, &row, meaning));
            }
            Ok::<(), WriteError>(())
        })?;
        Nesting::of(&spans)
    };
    database.each(NVTX, problems, |problems, number, row: NvtxRow| {
        match vocabulary.nvtx_event(row.kind) {
            Some(Nvtx::Pushed) => ranges.range(target, problems, number, &row, Some(&mut nesting)),
            Some(Nvtx::Started) => ranges.range(target, problems, number, &row, None),
            Some(Nvtx::Mark) => ranges.mark(target, problems, number, &row),
            // Names were read beforehand, and are no events.
            Some(Nvtx::Category | Nvtx::Domain | Nvtx::Thread) => Ok(()),
            None => {
                target.events += 1;
                target.leave_out(NVTX, 1);
                Ok(())
            }
        }
    })
}

impl Ranges<'_> {
    fn range(
        &mut self,
        target: &mut Target<'_>,
        problems: &mut Problems,
        number: i64,
        row: &NvtxRow,
        nesting: Option<&mut Nesting>,
    ) -> Result<(), WriteError> {
        target.events += 1;
        let place = (NVTX, number);
        let Some(start_ns) = target.point(problems, place, row.start) else { return Ok(()) };
        let meaning = self.meaning(target, row)?;
        if let (None, Some(id)) = (&row.text, row.text_id)
            && target.names.text(Some(id)).is_none()
        {
            problems.add(NVTX, Problem::Name, number, || format!("number {id}"));
        }
        // First of all, so that depths and ranges stay in step.
        let depth = match (nesting, span(target, row, meaning)) {
            (Some(nesting), Some(span)) => Some(nesting.next(span)),
            _ => None,
        };
        let id = row.thread.or(row.process);
        let owner = target.owner(id);
        let Some((process_id, thread_id)) = target.thread(id)? else {
            target.leave_out(NVTX, 1);
            return Ok(());
        };
        let end = target.end(problems, place, start_ns, row.end);
        let open = end.is_none();
        let end_ns = end.unwrap_or_else(|| target.at(target.last_of(owner))).max(start_ns);
        target.kept += 1;
        match meaning {
            Meaning::Operator { name, shapes, sequence } => target.writer.append(&Operator {
                process_id,
                thread_id,
                start_ns,
                end_ns,
                depth: depth.unwrap_or(0),
                name_id: name,
                shapes_id: shapes,
                sequence,
                open,
                ..Operator::default()
            }),
            Meaning::Range(name_id) => {
                let (domain_id, category_id) = self.domain_and_category(target, owner, row)?;
                target.writer.append(&Range {
                    process_id,
                    thread_id,
                    start_ns,
                    end_ns,
                    depth,
                    domain_id,
                    category_id,
                    name_id,
                    color: row.color,
                    payload: row.payload(),
                    open,
                })
            }
        }
    }

    fn mark(
        &mut self,
        target: &mut Target<'_>,
        problems: &mut Problems,
        number: i64,
        row: &NvtxRow,
    ) -> Result<(), WriteError> {
        target.events += 1;
        let place = (NVTX, number);
        let Some(time_ns) = target.point(problems, place, row.start) else { return Ok(()) };
        let id = row.thread.or(row.process);
        let owner = target.owner(id);
        let Some((process_id, thread_id)) = target.thread(id)? else {
            target.leave_out(NVTX, 1);
            return Ok(());
        };
        let name_id = match &row.text {
            Some(text) => target.writer.string(text)?,
            None if row.text_id.is_none() => StringId(0),
            None => target.name(problems, place, row.text_id)?,
        };
        let (domain_id, category_id) = self.domain_and_category(target, owner, row)?;
        target.kept += 1;
        let payload = row.payload();
        target.writer.append(&Mark {
            process_id,
            thread_id,
            time_ns,
            domain_id,
            category_id,
            name_id,
            payload,
        })
    }

    /// What a range is, by its text. One that has none is a range without a name.
    fn meaning(&mut self, target: &mut Target<'_>, row: &NvtxRow) -> Result<Meaning, WriteError> {
        let owner = target.owner(row.thread.or(row.process));
        let domain = self.survey.domain(owner, row.domain.unwrap_or(0));
        let is_torch = domain.is_some_and(|name| name == TORCH);
        let key = row.text_id.filter(|_| row.text.is_none()).map(|number| (number, is_torch));
        if let Some(known) = key.and_then(|key| self.known.get(&key)) {
            return Ok(*known);
        }
        let text = row.text.as_deref().or_else(|| target.names.text(row.text_id));
        let found = text.and_then(OperatorText::parse);
        let meaning = match (found, text) {
            (Some(found), _) => Meaning::Operator {
                name: target.writer.string(found.name)?,
                shapes: target.writer.string(found.shapes)?,
                sequence: found.sequence,
            },
            (None, Some(text)) => {
                let name = target.writer.string(text)?;
                if is_torch {
                    Meaning::Operator { name, shapes: StringId(0), sequence: None }
                } else {
                    Meaning::Range(name)
                }
            }
            (None, None) => Meaning::Range(match row.text_id {
                Some(number) => target.writer.string(&missing(number))?,
                None => StringId(0),
            }),
        };
        if let Some(key) = key {
            self.known.insert(key, meaning);
        }
        Ok(meaning)
    }

    /// The names of a domain and a category; a category that was given none goes by its number.
    fn domain_and_category(
        &self,
        target: &mut Target<'_>,
        owner: Option<GlobalId>,
        row: &NvtxRow,
    ) -> Result<(StringId, StringId), WriteError> {
        let domain = row.domain.unwrap_or(0);
        let domain_id = match self.survey.domain(owner, domain) {
            Some(name) => target.writer.string(name)?,
            None if domain == 0 => StringId(0),
            None => target.writer.string(&domain.to_string())?,
        };
        let category_id = match row.category {
            None | Some(0) => StringId(0),
            Some(category) => match self.survey.category(owner, domain, category) {
                Some(name) => target.writer.string(name)?,
                None => target.writer.string(&category.to_string())?,
            },
        };
        Ok((domain_id, category_id))
    }
}

/// Where a range nests: operators among operators, ranges among those of their domain.
fn span(target: &Target<'_>, row: &NvtxRow, meaning: Meaning) -> Option<Span> {
    let start = row.start.filter(|&start| is_time(start))?;
    let id = row.thread.or(row.process);
    let open = || target.last_of(target.owner(id));
    let end = row.end.filter(|&end| is_time(end)).unwrap_or_else(open).max(start);
    let domain = match meaning {
        Meaning::Operator { .. } => None,
        Meaning::Range(_) => Some(row.domain.unwrap_or(0)),
    };
    Some(Span { nest: (id.unwrap_or(0), domain), start, end })
}
