//! The way to the portal, by the request that anyone may make: `GET /v1/portal`.
//!
//! Told apart are the name, the connection, TLS by what is wrong with the certificate and by who issued it, a page in the
//! place of the portal's answer, a portal of another protocol version, a keyset that the root key did not sign, and the clock.

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;
use url::{Host, Url};

use super::super::words::{count, span};
use super::{Area, Finding, issuer};
use crate::checkin::answer::{self, HttpAnswer, Meaning, NetFault, TlsFault};
use crate::checkin::http::{Http, look};
use crate::checkin::local::Portal;
use crate::checkin::session::HttpRequest;
use crate::clock::Clock;
use crate::domain::ids::RequestId;
use crate::error::Chain;
use crate::wire::codes::ProblemCode;
use crate::wire::keyset::Keyset;
use crate::wire::limits::{API_VERSION, CLOCK_TOLERANCE_S};
use crate::wire::portal::{self, PortalAnswer};

/// Asks the portal that the profile names.
pub(super) async fn check(portal: Option<Portal>, clock: &dyn Clock, patience: Duration) -> Vec<Finding> {
    let Some((portal, origin)) =
        portal.and_then(|portal| portal.origin.clone().map(|origin| (portal, origin)))
    else {
        return vec![Area::Portal.unknown("not asked, because the profile names none")];
    };
    let id = RequestId::next();
    let request = HttpRequest {
        origin: origin.clone(),
        method: "GET",
        path: portal::PATH,
        query: None,
        request_id: id,
        authorization: String::new(),
        body: None,
    };
    let http = Http::default();
    let is_https = origin.starts_with("https:");
    let (answer, addresses, issued) = tokio::join!(
        timeout(patience, http.call(&portal, request)),
        timeout(patience, addresses(&origin)),
        timeout(patience, issued(&origin)),
    );
    let answer = answer.unwrap_or(Err(NetFault::Timeout));
    let name = name(&origin, &addresses.unwrap_or_default(), answer.as_ref().err());
    let issued = issued.unwrap_or_default();
    let rest = match answer {
        Err(fault) => vec![unreachable(&origin, &fault, &issued)],
        Ok(answer) => {
            let trusted = || Area::Tls.good(format!("the portal's certificate is trusted{issued}"));
            let tls = is_https.then(trusted);
            tls.into_iter().chain(understand(&origin, &portal, answer, id, clock)).collect()
        }
    };
    name.into_iter().chain(rest).collect()
}

/// The addresses of the portal's name, each once.
async fn addresses(origin: &str) -> Vec<IpAddr> {
    let Some(url) = Url::parse(origin).ok() else { return Vec::new() };
    let (Some(Host::Domain(name)), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Vec::new();
    };
    let found =
        tokio::net::lookup_host((name, port)).await.map(|found| found.map(|socket| socket.ip()).collect());
    let mut addresses: Vec<IpAddr> = found.unwrap_or_default();
    addresses.dedup();
    addresses
}

/// Whether the portal's name has an address. That it has none is said by the request itself, where that is all.
fn name(origin: &str, addresses: &[IpAddr], fault: Option<&NetFault>) -> Option<Finding> {
    let url = Url::parse(origin).ok()?;
    let Some(Host::Domain(name)) = url.host() else { return None };
    match (addresses, fault) {
        ([address], _) => Some(Area::Portal.good(format!("{name} is {address}"))),
        ([first, more @ ..], _) => {
            let more = count(more.len() as u64, "other", "others");
            Some(Area::Portal.good(format!("{name} is {first}, and {more}")))
        }
        ([], None) => Some(Area::Portal.unknown(format!("{name} has no address here; a proxy knows it"))),
        ([], Some(NetFault::Dns)) => None,
        ([], Some(_)) => Some(Area::Portal.bad(format!("{name} has no address"), DNS)),
    }
}

const DNS: &str = "Check the network, DNS, and the name in PortalURL.";

/// Who issued the certificate that is seen, in words to end a sentence with.
async fn issued(origin: &str) -> String {
    if !origin.starts_with("https:") {
        return String::new();
    }
    let seen = look::certificates(origin).await;
    let issuer = seen.first().and_then(|own| issuer::of(own));
    issuer.map(|issuer| format!("; it was issued by {issuer}")).unwrap_or_default()
}

fn unreachable(origin: &str, fault: &NetFault, issued: &str) -> Finding {
    let text = format!("{origin}: {fault}");
    match fault {
        NetFault::Dns => Area::Portal.bad(text, DNS),
        NetFault::Connect => Area::Portal
            .bad(text, "Check that the portal runs, and what firewalls and proxies stand between."),
        NetFault::Tls(fault) => Area::Tls.bad(text + issued, tls_remedy(*fault)),
        _ => Area::Portal.bad(text, ProblemCode::PortalUnreachable.remedy()),
    }
}

const fn tls_remedy(fault: TlsFault) -> &'static str {
    match fault {
        TlsFault::Name => "Check PortalURL, or get the portal a certificate for this name.",
        TlsFault::Expired => "Check this Mac's clock, then renew the portal's certificate.",
        TlsFault::UnknownIssuer => {
            "Put the issuing CA into PortalCA or the trust store; where a proxy inspects TLS, that is the proxy's CA."
        }
        TlsFault::Chain | TlsFault::Handshake => ProblemCode::TlsFailed.remedy(),
    }
}

fn understand(
    origin: &str,
    portal: &Portal,
    answer: HttpAnswer,
    id: RequestId,
    clock: &dyn Clock,
) -> Vec<Finding> {
    let is_page = answer.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/html"));
    let (status, date) = (answer.status, answer.date);
    let mut findings = match answer::read::<PortalAnswer>(Ok(answer), 200, id, clock.now()) {
        Meaning::Success(answer) => return healthy(origin, portal, &answer, clock),
        _ if is_page => {
            let text = format!("{origin}: a web page came (status {status}) instead of the portal's answer");
            let remedy = "Sign in to the network if it asks for it; check the proxy, and that PortalURL is the portal's.";
            vec![Area::Portal.bad(text, remedy)]
        }
        Meaning::Later(_) => vec![
            Area::Portal
                .bad(format!("{origin}: the portal has no time (status {status})"), "Wait, and try again."),
        ],
        Meaning::Refused(_) => vec![Area::Portal.bad(
            format!("{origin}: the portal refuses a request that anyone may make (status {status})"),
            ProblemCode::PortalRefused.remedy(),
        )],
        Meaning::Network(trouble) => {
            vec![Area::Portal.bad(format!("{origin}: {}", trouble.detail), trouble.code.remedy())]
        }
    };
    findings.extend(date.map(|date| time(date, "that of whoever answered", clock)));
    findings
}

fn healthy(origin: &str, portal: &Portal, answer: &PortalAnswer, clock: &dyn Clock) -> Vec<Finding> {
    let mut findings = Vec::new();
    if answer.speaks_ours() {
        findings.push(Area::Portal.good(format!("{origin} answers for {}", answer.organization)));
    } else {
        let text = format!(
            "{origin} speaks protocol versions {:?}, and this agent speaks {API_VERSION}",
            answer.api
        );
        findings.push(Area::Portal.bad(text, ProblemCode::AgentTooOld.remedy()));
    }
    findings.push(match portal.root_key.as_ref().map(|root| Keyset::verify(root, &answer.keyset)) {
        None => Area::Keys.unknown("the portal's keyset was not verified, because there is no root key"),
        Some(Ok(keyset)) => Area::Keys
            .good(format!("the portal's keyset (version {}) is signed by the root key", keyset.version)),
        Some(Err(error)) => Area::Keys.bad(Chain(&error).to_string(), ProblemCode::KeysetInvalid.remedy()),
    });
    findings.push(time(answer.server_time, "the portal's", clock));
    findings
}

/// This Mac's clock against another.
fn time(theirs: Timestamp, whose: &str, clock: &dyn Clock) -> Finding {
    let skew = theirs.duration_since(clock.now());
    let tolerance = SignedDuration::from_secs(i64::try_from(CLOCK_TOLERANCE_S).unwrap_or(i64::MAX));
    let direction = if skew.is_negative() { "ahead of" } else { "behind" };
    if skew.abs() > tolerance {
        let text = format!("this Mac's clock is {} {direction} {whose}", span(skew));
        Area::Clock.bad(text, ProblemCode::ClockSkew.remedy())
    } else {
        Area::Clock.good(format!("within {} of {whose}", span(skew.abs().max(SignedDuration::from_secs(1)))))
    }
}
