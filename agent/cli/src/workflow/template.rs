//! Texts with places that are filled in: `@NAME@`.

/// Fills the places in. A line that is nothing but a place takes all lines of its value, each as far to the right.
pub(super) fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(2 * template.len());
    for line in template.lines() {
        let bare = line.trim_start();
        let indent = &line[..line.len() - bare.len()];
        let whole = values.iter().find(|(name, _)| {
            bare.strip_prefix('@').and_then(|rest| rest.strip_suffix('@')) == Some(*name)
        });
        if let Some((_, value)) = whole {
            for line in value.lines() {
                if !line.is_empty() {
                    text.push_str(indent);
                    text.push_str(line);
                }
                text.push('\n');
            }
            continue;
        }
        text.push_str(&within(line, values));
        text.push('\n');
    }
    text
}

/// Fills the places within a line in, in one go: a value is not looked at for places.
fn within(line: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('@') {
        text.push_str(before);
        let place = after.split_once('@').and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name)?;
            Some((*value, after))
        });
        if let Some((value, after)) = place {
            text.push_str(value);
            rest = after;
        } else {
            text.push('@');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn places_are_filled_in_and_other_signs_stay() {
        let values = [("A", "1 @B@"), ("B", "x"), ("all", "one\n\n  two\n")];
        let filled = fill("a: @A@ @B@@B@\n  @all@\nuses: b@v4 c@C@d @\n", &values);
        assert_eq!(filled, "a: 1 @B@ xx\n  one\n\n    two\nuses: b@v4 c@C@d @\n");
    }
}
