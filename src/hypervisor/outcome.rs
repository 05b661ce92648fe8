//! What a tool's end means.
