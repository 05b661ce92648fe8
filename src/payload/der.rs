//! The elements of ASN.1 in BER and DER (X.690), one after another: a tag of one byte, a length, the content.
//!
//! In go bytes; out come elements, or `None` where they are not of that form. What is built of them is for the callers to know.

/// `SEQUENCE`.
pub const SEQUENCE: u8 = 0x30;
/// `SET`.
pub const SET: u8 = 0x31;
/// `OBJECT IDENTIFIER`.
pub const OID: u8 = 0x06;
/// `INTEGER`.
pub const INTEGER: u8 = 0x02;

/// What is not read yet.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'a>(pub &'a [u8]);

impl<'a> Walk<'a> {
    /// The next bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    /// The next header: its tag, and its length, `None` where that is told by an end mark.
    fn header(&mut self) -> Option<(u8, Option<usize>)> {
        let &[tag, length] = self.take(2)? else { return None };
        let length = match length {
            0x80 => None,
            short @ ..0x80 => Some(usize::from(short)),
            // Four bytes tell more than anything that is read here has.
            long @ 0x81..=0x84 => {
                let bytes = self.take(usize::from(long & 0x0f))?;
                Some(bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
            }
            _ => return None,
        };
        Some((tag, length))
    }

    /// A header of this tag; its length, `None` where that is told by an end mark.
    pub fn enter(&mut self, tag: u8) -> Option<Option<usize>> {
        let (found, length) = self.header()?;
        (found == tag).then_some(length)
    }

    /// An element whose length is told: its tag and its content.
    pub fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, length) = self.header()?;
        Some((tag, self.take(length?)?))
    }

    /// The content of an element of this tag, whose length is told.
    pub fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.element().and_then(|(found, content)| (found == tag).then_some(content))
    }
}
