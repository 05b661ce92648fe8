//! The style sheet, the script and the sprite. Their names hold their digest, so a browser may keep them forever.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::digest::Digest;

/// A file that pages refer to.
#[derive(Debug)]
pub(super) struct Asset {
    /// Where it is served.
    pub(super) path: String,
    media_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(stem: &str, extension: &str, media_type: &'static str, content: &'static str) -> Self {
        let digest = Digest::of(content.as_bytes()).to_string();
        let short = digest.strip_prefix("sha256:").and_then(|hex| hex.get(..16)).unwrap_or_default();
        Self { path: format!("/assets/{stem}-{short}.{extension}"), media_type, content }
    }
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        Asset::new("pages", "css", "text/css; charset=utf-8", include_str!("assets/pages.css")),
        Asset::new("pages", "js", "text/javascript; charset=utf-8", include_str!("assets/pages.js")),
        Asset::new("icons", "svg", "image/svg+xml", include_str!("assets/icons.svg")),
    ]
});

/// The style sheet.
pub(super) fn style() -> &'static Asset {
    let [style, _, _] = &*ASSETS;
    style
}

/// The script.
pub(super) fn script() -> &'static Asset {
    let [_, script, _] = &*ASSETS;
    script
}

/// The sprite of signs.
pub(super) fn icons() -> &'static Asset {
    let [_, _, icons] = &*ASSETS;
    icons
}

/// Serves an asset by its name; needs no session, since the sign-in page wants them too.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let found = ASSETS.iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(name.as_str()));
    match found {
        Some(asset) => (
            [
                (header::CONTENT_TYPE, asset.media_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ],
            asset.content,
        )
            .into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
