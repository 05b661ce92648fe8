//! The portal's pages: what they answer on the wire, and what a person sees in a real browser.

mod browser;
mod http;
mod images;
mod in_browser;
mod licensing;
mod on_the_wire;
mod portal;
mod profiles;
