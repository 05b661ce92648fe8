//! Characters that are not what they look like.

/// Whether a character never goes to a terminal as it is, and stands in no name that tells one thing from another: controls,
/// bidirectional overrides and marks, line separators, invisible characters, tags, and noncharacters. Joiners are none of
/// them, because scripts and emoji need them.
#[must_use]
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xAD | 0x61C | 0x180E | 0x200B | 0x200E | 0x200F | 0x2028..=0x202E | 0x2060..=0x206F
            | 0x115F | 0x1160 | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0xFFFE | 0xFFFF
            | 0xE0000..=0xE007F)
}
