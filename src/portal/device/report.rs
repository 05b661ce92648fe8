//! A check-in's body: what can be read of it, and the JSON pointers of what cannot.
//!
//! Only `reason` and `have` make a request malformed. Every other bad item is left out by itself and named in
//! `rejected`, and the rest counts.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::domain::digest::Digest;
use crate::domain::ids::VmId;
use crate::domain::license::MaskedKey;
use crate::portal::model::inventory::{Part, Vm};
use crate::portal::model::{Acks, Report};
use crate::wire::checkin::{ImageProgress, LicenseReport, ReceivedCheckin, Rejected};
use crate::wire::command::Ack;
use crate::wire::inventory::{VmRecord, record_digest, record_id};
use crate::wire::json;
use crate::wire::limits::LARGEST_INTEGER;

/// Why an item is left out.
const MALFORMED: &str = "malformed";
const NOT_AN_INTEGER: &str = "not-an-integer";
const TWICE: &str = "twice";

/// The longest text of a license report or an acknowledgement, in bytes.
const LONGEST_TEXT: usize = 1_024;

/// How many installations of a Mac are kept.
const MOST_IMAGES: usize = 200;

/// Reads a body; `None` where it is malformed as a whole.
pub(super) fn read(body: &[u8]) -> Option<Report> {
    let received: ReceivedCheckin = json::parse_as(body).ok()?;
    let have = received.have;
    // A portal has to be able to sign a higher one.
    if [have.keyset, have.assignment, have.lease].into_iter().any(|version| version >= LARGEST_INTEGER) {
        return None;
    }
    let mut items = Items { members: received.members, rejected: Vec::new() };
    let device = items.one("device");
    let compliance = items.list("compliance");
    let problems = items.list("problems");
    let images = items.images();
    let license = items.license();
    let acks = items.acks();
    let wish = items.one("lease").unwrap_or_default();
    let inventory = items.inventory();
    Some(Report {
        reason: received.reason,
        have,
        device,
        compliance,
        problems,
        images,
        license,
        acks,
        wish,
        inventory,
        rejected: items.rejected,
    })
}

struct Items {
    members: Map<String, Value>,
    rejected: Vec<Rejected>,
}

impl Items {
    fn reject(&mut self, member: String, reason: &str) {
        self.rejected.push(Rejected { member, reason: reason.to_owned() });
    }

    fn one<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.members.remove(name)?;
        self.typed(format!("/{name}"), value)
    }

    fn list<T: DeserializeOwned>(&mut self, name: &str) -> Option<Vec<T>> {
        let value = self.members.remove(name)?;
        let pointer = format!("/{name}");
        let items = self.array(&pointer, Some(value))?;
        Some(self.each(&pointer, items))
    }

    /// The license. A whole key would be a mistake of the agent, and is masked before anything keeps it.
    fn license(&mut self) -> Option<LicenseReport> {
        let mut license: LicenseReport = self.one("license")?;
        let texts = [&license.edition, &license.activation, &license.key, &license.user];
        let long = |text: &str| text.len() > LONGEST_TEXT;
        if long(&license.state) || texts.into_iter().flatten().any(|text| long(text)) {
            self.reject("/license".to_owned(), MALFORMED);
            return None;
        }
        license.key = license.key.map(|key| MaskedKey::of(&key).to_string());
        Some(license)
    }

    /// The golden images that are being installed; those with long texts are left out.
    fn images(&mut self) -> Option<Vec<ImageProgress>> {
        if !self.members.contains_key("images") {
            return None;
        }
        let mut images: Vec<ImageProgress> = self.list("images")?;
        images.retain(|image| {
            [&image.user, &image.name, &image.stage].iter().all(|text| text.len() <= LONGEST_TEXT)
        });
        images.truncate(MOST_IMAGES);
        Some(images)
    }

    /// Acknowledgements. The id of one that cannot be read is confirmed as well, or it would come for ever.
    fn acks(&mut self) -> Acks {
        let value = self.members.remove("acks");
        let items = self.array("/acks", value).unwrap_or_default();
        let named = |item: &Value| item.get("id")?.as_str()?.parse().ok();
        let ids = items.iter().filter_map(named).collect();
        let read: Vec<Ack> = self.each("/acks", items);
        let read = read
            .into_iter()
            .map(|ack| Ack { detail: ack.detail.filter(|detail| detail.len() <= LONGEST_TEXT), ..ack });
        Acks { read: read.collect(), ids }
    }

    fn typed<T: DeserializeOwned>(&mut self, pointer: String, value: Value) -> Option<T> {
        let read = serde_json::from_value(value).ok();
        if read.is_none() {
            self.reject(pointer, MALFORMED);
        }
        read
    }

    fn each<T: DeserializeOwned>(&mut self, pointer: &str, items: Vec<Value>) -> Vec<T> {
        items
            .into_iter()
            .enumerate()
            .filter_map(|(place, item)| self.typed(format!("{pointer}/{place}"), item))
            .collect()
    }

    /// An array; an absent one is empty.
    fn array(&mut self, pointer: &str, value: Option<Value>) -> Option<Vec<Value>> {
        match value {
            None => Some(Vec::new()),
            Some(Value::Array(items)) => Some(items),
            Some(_) => {
                self.reject(pointer.to_owned(), MALFORMED);
                None
            }
        }
    }

    fn inventory(&mut self) -> Option<Part> {
        let Value::Object(mut members) = self.members.remove("inventory")? else {
            self.reject("/inventory".to_owned(), MALFORMED);
            return None;
        };
        let root = members.remove("root").unwrap_or_default();
        let root: Digest = self.typed("/inventory/root".to_owned(), root)?;
        // An absent base is not null: a full report has to say that it is one.
        let base = members.remove("base").unwrap_or(Value::Bool(false));
        let base: Option<Digest> = self.typed("/inventory/base".to_owned(), base)?;
        let more = members.remove("more").unwrap_or(Value::Bool(false));
        let more = self.typed("/inventory/more".to_owned(), more)?;
        let mut listed = |name: &str| {
            let pointer = format!("/inventory/{name}");
            self.array(&pointer, members.remove(name))
        };
        let (upsert, remove, volatile) = (listed("upsert")?, listed("remove")?, listed("volatile")?);
        let upsert = self.records(upsert);
        let remove = remove
            .into_iter()
            .enumerate()
            .filter_map(|(place, id)| self.id(format!("/inventory/remove/{place}"), &id))
            .collect();
        let volatile = self.each("/inventory/volatile", volatile);
        Some(Part { root, base, upsert, remove, more, volatile })
    }

    fn id(&mut self, pointer: String, value: &Value) -> Option<VmId> {
        let text = value.as_str().unwrap_or_default();
        let id = text.parse().ok().filter(|id: &VmId| id.to_string() == text);
        if id.is_none() {
            self.reject(pointer, MALFORMED);
        }
        id
    }

    fn records(&mut self, records: Vec<Value>) -> Vec<(usize, VmId, Vm)> {
        let mut seen = BTreeSet::new();
        let mut taken = Vec::new();
        for (place, record) in records.into_iter().enumerate() {
            match read_record(record) {
                Ok((id, vm)) if seen.insert(id) => taken.push((place, id, vm)),
                Ok(_) => self.reject(format!("/inventory/upsert/{place}"), TWICE),
                Err(reason) => self.reject(format!("/inventory/upsert/{place}"), reason),
            }
        }
        taken
    }
}

fn read_record(record: Value) -> Result<(VmId, Vm), &'static str> {
    let id = record_id(&record).ok_or(MALFORMED)?;
    let digest = record_digest(&record).map_err(|_| NOT_AN_INTEGER)?;
    // The text is read, so that the record as sent stays the one that is kept.
    serde_json::from_value::<VmRecord>(record.clone()).map_err(|_| MALFORMED)?;
    Ok((id, Vm { record, digest, volatile: None }))
}
