//! Seats are never oversold, whoever comes and goes in whatever order.

use proptest::prelude::*;

use super::*;

/// One thing that happens: somebody wants a seat of a key, or gives it back.
#[derive(Debug, Clone)]
enum Event {
    Take { key: usize, who: u8, by_user: bool },
    Free { at: usize },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (0..4_usize, 0..20_u8, any::<bool>()).prop_map(|(key, who, by_user)| Event::Take { key, who, by_user }),
        1 => (0..64_usize).prop_map(|at| Event::Free { at }),
    ]
}

fn division(seats: u32, limits: [u32; 2]) -> (Division, [Option<GroupId>; 4]) {
    let groups: Vec<_> = (0..3).map(|_| GroupId::random()).collect();
    let keys = BTreeMap::from([
        (groups[0], Seats::Reserved { limit: limits[0].min(seats) }),
        (groups[1], Seats::Dynamic { limit: Some(limits[1]) }),
        (groups[2], Seats::ANY),
    ]);
    let keyed = [None, Some(groups[0]), Some(groups[1]), Some(groups[2])];
    (Division { license: LicenseId::random(), seats, keys }, keyed)
}

proptest! {
    #[test]
    fn no_order_of_events_oversells(
        seats in 0..12_u32,
        limits in [0..6_u32, 0..6_u32],
        events in prop::collection::vec(event(), 0..200),
    ) {
        let (division, keys) = division(seats, limits);
        let people: Vec<_> = (0..20).map(|who| Seat::User(format!("user{who}"))).collect();
        let macs: Vec<_> = (0..20).map(|_| Seat::Device(DeviceId::random())).collect();
        let mut ledger = Ledger::default();
        let mut taken: Vec<(Pool, Seat)> = Vec::new();
        for event in events {
            match event {
                Event::Take { key, who, by_user } => {
                    let seat = if by_user { &people[usize::from(who)] } else { &macs[usize::from(who)] };
                    let pool = division.pool(keys[key]);
                    if ledger.holds(pool, seat) || division.has_room(&ledger, keys[key]) {
                        ledger.take(pool, seat);
                        taken.push((pool, seat.clone()));
                    }
                }
                Event::Free { at } if at < taken.len() => {
                    let (pool, seat) = taken.swap_remove(at);
                    ledger.free(pool, &seat);
                }
                Event::Free { .. } => {}
            }
            prop_assert!(division.holds(&ledger));
            let used: u32 = keys.iter().map(|key| ledger.used(division.pool(*key))).sum();
            prop_assert!(used <= seats);
        }
        for (pool, seat) in taken {
            ledger.free(pool, &seat);
        }
        prop_assert_eq!(ledger, Ledger::default());
    }
}

#[test]
fn reserved_seats_are_nobody_elses() {
    let (division, keys) = division(5, [3, 1]);
    let mut ledger = Ledger::default();
    let take = |ledger: &mut Ledger, key: usize| {
        let room = division.has_room(ledger, keys[key]);
        if room {
            ledger.take(division.pool(keys[key]), &Seat::Device(DeviceId::random()));
        }
        room
    };
    assert!(take(&mut ledger, 0) && take(&mut ledger, 2), "five less three are shared");
    assert!(!take(&mut ledger, 0) && !take(&mut ledger, 2) && !take(&mut ledger, 3));
    assert!((0..3).all(|_| take(&mut ledger, 1)), "the reserved ones are there");
    assert!(!take(&mut ledger, 1));
}

#[test]
fn a_division_that_promises_too_much_does_not_hold() {
    let (mut division, keys) = division(5, [5, 2]);
    assert!(division.holds(&Ledger::default()));
    division.keys.insert(GroupId::random(), Seats::Reserved { limit: 1 });
    assert!(!division.holds(&Ledger::default()));
    assert!(!division.has_room(&Ledger::default(), keys[0]));
}

#[test]
fn all_macs_of_a_person_take_one_seat() {
    let pool = Pool { license: LicenseId::random(), group: None };
    let ada = Seat::User("ada".to_owned());
    let mut ledger = Ledger::default();
    ledger.take(pool, &ada);
    ledger.take(pool, &ada);
    assert_eq!((ledger.used(pool), ledger.taken(pool)), (1, Taken { devices: 0, users: 1 }));
    ledger.free(pool, &ada);
    assert!(ledger.holds(pool, &ada));
    ledger.free(pool, &ada);
    assert_eq!(ledger.used(pool), 0);
}
