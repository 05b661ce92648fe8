//! `prlctl pack` and `unpack`, and packed images to try them with. In: a virtual machine; out: the same one under the other
//! ending. Public: both verbs, that `Packed` shows it, and that a packed one is a `.pvmp` (prl-devops-service; the
//! administrator's guide, "Creating virtual machine images"). The words of failure are inferred.

use super::Answer;
use super::prlctl::not_found;
use super::state::State;
use super::vm::Vm;

const PACKED: &str = ".pvmp/";
const UNPACKED: &str = ".pvm/";

/// Whether a virtual machine is packed for a transfer, which its home tells.
pub(super) fn is_packed(vm: &Vm) -> bool {
    vm.home.ends_with(PACKED)
}

/// `pack VM` and `unpack VM`. Only one that is stopped and has no snapshots can be packed (the administrator's guide).
pub(super) fn pack(verb: &str, uuid: &str, state: &mut State) -> Answer {
    let Some(vm) = state.vms.get_mut(uuid) else { return not_found(uuid) };
    let (from, to) = if verb == "pack" { (UNPACKED, PACKED) } else { (PACKED, UNPACKED) };
    let fail = |why: &str| Answer::fail(255, format!("Failed to {verb} the VM: {why}"));
    if verb == "pack" && (vm.state != "stopped" || !vm.snapshots.is_empty()) {
        return fail("The virtual machine has to be stopped and may not have snapshots.");
    }
    let Some(stem) = vm.home.strip_suffix(from) else {
        return fail(if verb == "pack" { "It is packed already." } else { "It is not packed." });
    };
    vm.home = format!("{stem}{to}");
    Answer::ok(format!("The VM has been successfully {verb}ed.\n"))
}

/// A packed image of so many bytes, the same for the same number: what is in a real one is Parallels' own business.
#[must_use]
pub fn image(size: usize) -> Vec<u8> {
    let head = b"prl-sim packed virtual machine\n".iter().copied();
    // A row of numbers that no compression shortens much, by Knuth's linear congruence.
    let mut last = 1_u64;
    let body = std::iter::repeat_with(move || {
        last = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (last >> 56).to_le_bytes()[0]
    });
    head.chain(body).take(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_packed_and_unpacked() {
        let mut state = State::demo();
        let uuid = state.vms.iter().find(|(_, vm)| vm.state == "stopped").unwrap().0.clone();
        state.vms.get_mut(&uuid).unwrap().snapshots.clear();
        assert_eq!(pack("unpack", &uuid, &mut state).code, 255);
        assert_eq!(pack("pack", &uuid, &mut state).code, 0);
        assert!(is_packed(&state.vms[&uuid]));
        assert_eq!(pack("pack", &uuid, &mut state).code, 255);
        assert_eq!(pack("unpack", &uuid, &mut state).code, 0);
        assert!(!is_packed(&state.vms[&uuid]));
        let running = state.vms.iter().find(|(_, vm)| vm.state == "running").unwrap().0.clone();
        assert_eq!(pack("pack", &running, &mut state).code, 255);
    }

    #[test]
    fn an_image_is_the_same_each_time_and_of_its_size() {
        for size in [0, 1, 40, 100_000] {
            assert_eq!(image(size).len(), size);
            assert_eq!(image(size), image(size));
        }
    }
}
