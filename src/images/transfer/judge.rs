//! What the head of an answer means for a download: go on, begin anew, or stop. Pure.
//!
//! In go what was asked and what was answered; out comes a [`Verdict`] or a [`Lie`]. A server may be broken, swapped or
//! hostile: nothing it says is taken for more than where the next bytes belong. The digest alone says that a file is right.

/// What tells one version of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Validator {
    /// `ETag`.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub modified: Option<String>,
}

impl Validator {
    /// What `If-Range` says: a strong `ETag`, or else the date. A weak one promises no equal bytes (RFC 9110, 13.1.5).
    #[must_use]
    pub fn if_range(&self) -> Option<&str> {
        let strong = self.etag.as_deref().filter(|etag| !etag.starts_with("W/"));
        strong.or(self.modified.as_deref())
    }

    /// Whether both name an `ETag`, and another one.
    #[must_use]
    pub fn contradicts(&self, other: &Self) -> bool {
        matches!((&self.etag, &other.etag), (Some(one), Some(two)) if one != two)
    }
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// From where on.
    pub offset: u64,
    /// The size of the whole file, as the signed assignment has it.
    pub size: u64,
    /// Of which version the bytes before the offset are.
    pub validator: Validator,
}

/// The head of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// `Content-Length`.
    pub length: Option<u64>,
    /// `Content-Range`.
    pub range: Option<String>,
    /// `Content-Encoding`.
    pub encoding: Option<String>,
    /// `Content-Type` is a web page's.
    pub page: bool,
    /// `ETag` and `Last-Modified`.
    pub validator: Validator,
}

/// Where the bytes of an answer belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// At the offset that was asked for.
    GoOn,
    /// At the beginning: it is another file, or the server knows no ranges.
    Anew,
    /// Nowhere: what is there is of no use, and the file is to be asked for without an offset.
    AskAnew,
}

/// An answer of which no byte is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lie {
    /// A status that is neither the file nor a part of it.
    #[error("the server answered {0}")]
    Status(u16),
    /// A web page: of a network that wants its user to sign in, or of a proxy.
    #[error("a web page came instead of the image; sign in to the network, or see what is at its address")]
    Page,
    /// The file has another size than the portal says.
    #[error("the file has {found} bytes, and {expected} in the portal; correct the image in the portal")]
    Size {
        /// What the portal says.
        expected: u64,
        /// What the server says.
        found: u64,
    },
    /// The part is not the one that was asked for.
    #[error("the server sent another part of the file than it was asked for")]
    Range,
    /// The bytes are compressed on the way, so that ranges of them mean nothing.
    #[error("the server compresses the file on the way, though it was not asked to")]
    Encoded,
}

/// Judges an answer.
///
/// # Errors
/// [`Lie`].
pub fn judge(asked: &Asked, head: &Head) -> Result<Verdict, Lie> {
    // Some servers call every file a page; its size tells it from one.
    let measured = match head.status {
        200 => head.length,
        206 => head.range.as_deref().and_then(range).and_then(|(_, _, total)| total),
        _ => Some(asked.size),
    };
    if head.page && measured != Some(asked.size) {
        return Err(Lie::Page);
    }
    if head.encoding.as_deref().is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
        return Err(Lie::Encoded);
    }
    match head.status {
        200 => match head.length {
            Some(found) if found != asked.size => Err(Lie::Size { expected: asked.size, found }),
            _ => Ok(Verdict::Anew),
        },
        206 if asked.offset > 0 => part(asked, head),
        416 if asked.offset > 0 => Ok(Verdict::AskAnew),
        status => Err(Lie::Status(status)),
    }
}

fn part(asked: &Asked, head: &Head) -> Result<Verdict, Lie> {
    if asked.validator.contradicts(&head.validator) {
        // A server that does not heed `If-Range`.
        return Ok(Verdict::AskAnew);
    }
    let (first, last, total) = head.range.as_deref().and_then(range).ok_or(Lie::Range)?;
    if let Some(found) = total.filter(|total| *total != asked.size) {
        return Err(Lie::Size { expected: asked.size, found });
    }
    let counts = last.checked_sub(first).and_then(|length| length.checked_add(1));
    let fits =
        first == asked.offset && last < asked.size && head.length.is_none_or(|length| Some(length) == counts);
    if fits { Ok(Verdict::GoOn) } else { Err(Lie::Range) }
}

/// `bytes FIRST-LAST/TOTAL`, the total of which may be `*`.
fn range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (unit, rest) = text.trim().split_once(' ')?;
    let (range, total) = rest.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    unit.eq_ignore_ascii_case("bytes").then_some((first.parse().ok()?, last.parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn etag(etag: &str) -> Validator {
        Validator { etag: (!etag.is_empty()).then(|| etag.to_owned()), modified: None }
    }

    fn head(status: u16, length: u64, range: &str) -> Head {
        let range = (!range.is_empty()).then(|| range.to_owned());
        Head { status, length: Some(length), range, ..Head::default() }
    }

    #[test]
    fn each_answer_has_its_verdict() {
        let asked = |offset| Asked { offset, size: 100, validator: etag("\"a\"") };
        for (offset, head, expected) in [
            (0, head(200, 100, ""), Ok(Verdict::Anew)),
            (0, Head { length: None, ..head(200, 0, "") }, Ok(Verdict::Anew)),
            (40, head(200, 100, ""), Ok(Verdict::Anew)),
            (0, head(200, 99, ""), Err(Lie::Size { expected: 100, found: 99 })),
            (40, head(206, 60, "bytes 40-99/100"), Ok(Verdict::GoOn)),
            (40, head(206, 60, "Bytes 40-99/*"), Ok(Verdict::GoOn)),
            (40, head(206, 10, "bytes 40-49/100"), Ok(Verdict::GoOn)),
            (40, head(206, 60, "bytes 40-99/120"), Err(Lie::Size { expected: 100, found: 120 })),
            (40, head(206, 61, "bytes 39-99/100"), Err(Lie::Range)),
            (40, head(206, 60, "bytes 40-100/*"), Err(Lie::Range)),
            (40, head(206, 59, "bytes 40-99/100"), Err(Lie::Range)),
            (40, head(206, 60, "bytes 99-40/100"), Err(Lie::Range)),
            (40, head(206, 60, ""), Err(Lie::Range)),
            (40, head(206, 60, "pages 40-99/100"), Err(Lie::Range)),
            (0, head(206, 100, "bytes 0-99/100"), Err(Lie::Status(206))),
            (40, head(416, 0, "bytes */100"), Ok(Verdict::AskAnew)),
            (0, head(416, 0, ""), Err(Lie::Status(416))),
            (0, head(404, 0, ""), Err(Lie::Status(404))),
            (0, head(302, 0, ""), Err(Lie::Status(302))),
        ] {
            assert_eq!(judge(&asked(offset), &head), expected, "{offset} {head:?}");
        }
        let swapped = Head { validator: etag("\"b\""), ..head(206, 60, "bytes 40-99/100") };
        assert_eq!(judge(&asked(40), &swapped), Ok(Verdict::AskAnew));
        let encoded = Head { encoding: Some("gzip".to_owned()), ..head(200, 100, "") };
        assert_eq!(judge(&asked(0), &encoded), Err(Lie::Encoded));
        for (head, expected) in [
            (Head { length: None, ..head(200, 0, "") }, Err(Lie::Page)),
            (head(200, 99, ""), Err(Lie::Page)),
            (head(200, 100, ""), Ok(Verdict::Anew)),
            (head(206, 60, ""), Err(Lie::Page)),
            (head(206, 60, "bytes 40-99/*"), Err(Lie::Page)),
            (head(206, 60, "bytes 40-99/100"), Ok(Verdict::GoOn)),
            (head(403, 9, ""), Err(Lie::Status(403))),
        ] {
            let page = Head { page: true, ..head };
            assert_eq!(judge(&asked(40), &page), expected, "{page:?}");
        }
    }

    #[test]
    fn only_what_promises_equal_bytes_goes_into_if_range() {
        let date = || Some("Mon, 24 Nov 2025 16:00:00 GMT".to_owned());
        for (etag, modified, expected) in [
            (Some("\"a\""), date(), Some("\"a\"")),
            (Some("W/\"a\""), date(), Some("Mon, 24 Nov 2025 16:00:00 GMT")),
            (Some("W/\"a\""), None, None),
            (None, None, None),
        ] {
            let validator = Validator { etag: etag.map(str::to_owned), modified };
            assert_eq!(validator.if_range(), expected);
        }
    }

    proptest! {
        #[test]
        fn bytes_go_on_only_where_they_were_asked_for(
            offset in 0_u64..200, size in 0_u64..200, status in prop_oneof![Just(200_u16), Just(206), any::<u16>()],
            length in prop::option::of(0_u64..200), range in prop::option::of("(bytes )?[0-9]{0,3}-?[0-9]{0,3}/?([0-9]{0,3}|\\*)"),
        ) {
            let asked = Asked { offset, size, validator: Validator::default() };
            let head = Head { status, length, range: range.clone(), ..Head::default() };
            if judge(&asked, &head) == Ok(Verdict::GoOn) {
                prop_assert!(offset > 0 && offset < size && status == 206);
                let start = format!("bytes {offset}-");
                prop_assert!(range.unwrap().starts_with(&start));
            }
        }
    }
}
