//! The protocol's test vectors, made independently of this code: what it signs, digests and writes is theirs byte
//! for byte.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::assignment::Assignment;
use super::command::{Command, CommandKind};
use super::document::{Addressee, Judgement};
use super::enrollment::EnrollmentRequest;
use super::inventory::{self, VmRecord};
use super::key::{PublicKey, SigningKey};
use super::keyset::Keyset;
use super::lease::{Lease, LeaseState, Product};
use super::proof::{Presented, Proof, Request, authorization, prove};
use super::token::{Typ, Unverified, Verified};
use super::{checkin, json, wait};
use crate::domain::digest::Digest;

pub(super) fn vectors() -> Value {
    json::parse(include_bytes!("../../tests/golden/protocol-vectors.json")).unwrap()
}

/// The text at a JSON pointer of the vectors.
pub(super) fn text(pointer: &str) -> String {
    vectors().pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

/// A key of the vectors: `device`, `root`, `assignment` or `lease_command`.
pub(super) fn key(name: &str) -> SigningKey {
    let seed = text(&format!("/keys/{name}/seed"));
    SigningKey::from_seed([u8::from_str_radix(&seed[..2], 16).unwrap(); 32]).unwrap()
}

pub(super) fn keyset() -> Verified<Keyset> {
    Keyset::verify(&key("root").public(), &text("/keyset/token")).unwrap()
}

/// The device of the vectors.
pub(super) fn addressee() -> Addressee {
    Addressee { device: text("/ids/device").parse().unwrap(), key: key("device").thumbprint() }
}

/// When the vectors' documents were signed.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_764_000_000).unwrap()
}

#[test]
fn keys_and_thumbprints() {
    for name in ["device", "root", "assignment", "lease_command"] {
        let key = key(name);
        assert_eq!(key.public().to_string(), text(&format!("/keys/{name}/x")));
        assert_eq!(key.thumbprint().to_string(), text(&format!("/keys/{name}/kid")));
        assert_eq!(text(&format!("/keys/{name}/x")).parse(), Ok(key.public()));
    }
    assert_eq!(text("/portal_root_key").parse(), Ok(key("root").public()));
}

#[test]
fn every_token_is_signed_and_verified_as_in_the_vectors() {
    for (pointer, typ, name) in [
        ("/keyset", Typ::Keyset, "root"),
        ("/assignment", Typ::Assignment, "assignment"),
        ("/lease", Typ::Lease, "lease_command"),
        ("/command", Typ::Command, "lease_command"),
        ("/proofs/enrollment", Typ::Proof, "device"),
        ("/proofs/checkin", Typ::Proof, "device"),
        ("/proofs/wait", Typ::Proof, "device"),
    ] {
        let member = |name: &str| text(&format!("{pointer}/{name}"));
        let payload = RawValue::from_string(member("payload")).unwrap();
        let token = key(name).sign(typ, &payload).unwrap();
        assert_eq!(token, member("token"), "{pointer}");
        let verified: Verified<Value> =
            Unverified::read(typ, &token).unwrap().verify(&key(name).public()).unwrap();
        assert_eq!(*verified, json::parse(member("payload").as_bytes()).unwrap());
        assert_eq!(verified.digest().to_string(), member("payload_sha256"));
        assert_eq!(verified.token(), token);
    }
}

#[test]
fn the_keyset_and_the_assignment_are_written_as_they_were_read() {
    let keyset = keyset();
    assert_eq!(key("root").sign(Typ::Keyset, &*keyset).unwrap(), text("/keyset/token"));

    let token = text("/assignment/token");
    let arriving = Judgement::Arriving { keyset: &keyset, now: now() };
    let assignment = Assignment::verify(&token, &addressee(), arriving).unwrap();
    assert_eq!(key("assignment").sign(Typ::Assignment, &*assignment).unwrap(), token);
    let stored = Judgement::Stored { signer: assignment.signer() };
    assert_eq!(Assignment::verify(&token, &addressee(), stored).unwrap(), assignment);

    let policy = assignment.policy.as_ref().unwrap();
    assert_eq!((policy.name.as_str(), policy.revision), ("Sales Macs", 7));
    assert_eq!(policy.settings["vms.corporate_only"], true);
}

#[test]
fn the_lease_and_the_command_are_written_as_they_were_read() {
    let keyset = keyset();
    let arriving = Judgement::Arriving { keyset: &keyset, now: now() };
    let token = text("/lease/token");
    let lease = Lease::verify(&token, &addressee(), arriving).unwrap();
    assert_eq!(key("lease_command").sign(Typ::Lease, &*lease).unwrap(), token);
    assert_eq!((lease.seq, lease.state, lease.product), (5, LeaseState::Active, Product::Enterprise));
    let stored = Judgement::Stored { signer: lease.signer() };
    assert_eq!(Lease::verify(&token, &addressee(), stored).unwrap(), lease);

    let token = text("/command/token");
    let command = Command::verify(&token, &addressee(), arriving).unwrap();
    assert_eq!(key("lease_command").sign(Typ::Command, &*command).unwrap(), token);
    assert_eq!((command.seq, command.kind), (9, CommandKind::RefreshInventory));

    // Neither passes for the other, nor for another device's, nor by the key for assignments.
    assert!(Lease::verify(&token, &addressee(), arriving).is_err());
    let elsewhere = Addressee { device: text("/ids/enrollment").parse().unwrap(), ..addressee() };
    assert!(Command::verify(&token, &elsewhere, arriving).unwrap_err().is_foreign());
    let by_another = key("assignment").sign(Typ::Command, &*command).unwrap();
    assert!(Command::verify(&by_another, &addressee(), arriving).is_err());
}

#[test]
fn a_command_of_a_later_kind_is_read_and_known_to_be_unknown() {
    let keyset = keyset();
    let mut payload = json::parse(text("/command/payload").as_bytes()).unwrap();
    payload["kind"] = "run_script".into();
    let token = key("lease_command").sign(Typ::Command, &payload).unwrap();
    let arriving = Judgement::Arriving { keyset: &keyset, now: now() };
    assert_eq!(Command::verify(&token, &addressee(), arriving).unwrap().kind, CommandKind::Unknown);
    for bad in [serde_json::json!(7), serde_json::json!(null), serde_json::json!({})] {
        payload["kind"] = bad;
        let token = key("lease_command").sign(Typ::Command, &payload).unwrap();
        assert!(Command::verify(&token, &addressee(), arriving).is_err());
    }
}

#[test]
fn proofs_are_made_and_accepted_as_in_the_vectors() {
    for (name, issuer, seq) in [
        ("enrollment", "enrollment", Some(1_764_000_000_000)),
        ("checkin", "device", Some(1_764_000_000_001)),
        ("wait", "device", None),
    ] {
        let member = |member: &str| text(&format!("/proofs/{name}/{member}"));
        let (origin, method, path, body) =
            (text("/ids/origin"), member("method"), member("path"), member("body_text"));
        let issuer: Uuid = text(&format!("/ids/{issuer}")).parse().unwrap();
        let request =
            Request { issuer, origin: &origin, method: &method, path: &path, body: body.as_bytes() };
        let token = prove(&key("device"), &request, now(), seq).unwrap();
        assert_eq!(token, member("token"), "{name}");

        let header = authorization(&token);
        let presented = Presented::read(Some(&header)).unwrap();
        assert_eq!((presented.issuer(), presented.kid()), (issuer, key("device").thumbprint()));
        let proof: Verified<Proof> = presented.signed_by(&key("device").public()).unwrap();
        proof.check_claims(&request).unwrap();
        proof.check_clock(now()).unwrap();
        proof.check_sequence(1_763_999_999_999).unwrap();
    }
    assert_eq!(text("/proofs/wait/path"), wait::PATH);
    assert_eq!(text("/proofs/checkin/path"), checkin::PATH);
}

#[test]
fn the_enrollment_is_written_as_it_was_read() {
    let body = text("/proofs/enrollment/body_text");
    let request: EnrollmentRequest = json::parse_as(body.as_bytes()).unwrap();
    assert_eq!(json::write(&request).unwrap(), body.as_bytes());
    assert_eq!(request.public_key, key("device").public());
    assert!(!format!("{request:?}").contains("vector-token"));
}

#[test]
fn records_their_digests_and_the_root() {
    let vectors = vectors();
    let mut digests = BTreeMap::new();
    for vector in vectors["inventory"]["records"].as_array().unwrap() {
        let record = &vector["record"];
        assert_eq!(json::canonical(record).unwrap(), vector["canonical"]);
        let digest = inventory::record_digest(record).unwrap();
        assert_eq!(digest.to_string(), vector["digest"]);
        digests.insert(inventory::record_id(record).unwrap(), digest);

        let typed: VmRecord = serde_json::from_value(record.clone()).unwrap();
        if record.get("x_future").is_none() {
            assert_eq!(serde_json::to_value(&typed).unwrap(), *record);
            assert_eq!(typed.digest().unwrap(), digest);
        }
    }
    assert_eq!(inventory::root(&digests), Digest::of(text("/inventory/lines").as_bytes()));
    assert_eq!(inventory::root(&digests).to_string(), text("/inventory/root"));
    assert_eq!(inventory::root(&BTreeMap::new()).to_string(), text("/inventory/root_of_none"));
}

#[test]
fn the_check_in_reads_as_an_agents_and_as_a_portals() {
    let body = text("/proofs/checkin/body_text");
    let sent: checkin::CheckinRequest = json::parse_as(body.as_bytes()).unwrap();
    assert_eq!(sent.have, checkin::Have { keyset: 3, assignment: 17, lease: 5 });
    assert_eq!(sent.inventory.unwrap().upsert.len(), 3);
    let received: checkin::ReceivedCheckin = json::parse_as(body.as_bytes()).unwrap();
    assert_eq!(received.reason, checkin::CheckinReason::Startup);
    let record = &received.members["inventory"]["upsert"][2];
    assert_eq!(inventory::record_digest(record).unwrap().to_string(), text("/inventory/records/2/digest"));
}

#[test]
fn a_root_key_of_the_profile_is_read_strictly() {
    let root = text("/portal_root_key");
    for text in [
        format!("{root}="),
        format!(" {root}"),
        root.replace('-', "+"),
        format!("{}R", &root[..42]),
        root[..42].to_owned(),
        String::new(),
    ] {
        assert!(text.parse::<PublicKey>().is_err(), "{text}");
    }
}
