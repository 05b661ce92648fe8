//! What the doctor tells apart.

use super::super::samples::screens;
use super::*;

#[test]
fn a_finding_is_a_line_and_a_remedy() {
    let view = DoctorView::of(vec![
        Area::Profile.good("installed and readable"),
        Area::Profile.bad("no key is named “PortalUrl”; it is ignored", "Did you mean PortalURL?"),
        Area::Tls.bad("https://portal.example.com: no trusted TLS connection: the certificate's issuer is not trusted", "Put the issuing CA into PortalCA or the trust store; where a proxy inspects TLS, that is the proxy's CA."),
        Area::Keys.unknown("the portal's keyset was not verified, because there is no root key"),
        Area::Agent.bad(super::super::samples::HOSTILE, super::super::samples::HOSTILE),
    ]);
    assert_eq!((view.trouble, view.exit()), (3, Exit::Failed));
    screens("doctor", |style| render(&view, style));
    let fine = DoctorView::of(vec![Area::Portal.good("answers"), Area::Parallels.unknown("stopped")]);
    assert_eq!(fine.exit(), Exit::Fine);
    let style = Style { width: 80, color: false };
    assert!(render(&fine, &style).starts_with("No trouble found in 2 checks; 1 could not be settled.\n"));
}
