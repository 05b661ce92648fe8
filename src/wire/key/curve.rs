//! Whether 32 bytes are a point of edwards25519 (RFC 8032, 5.1.3): a mistyped key is told from a stranger's, which no
//! failed verification does. Only public values come here, so nothing runs in constant time.

/// A number below 2^256, from the lowest 64 bits up; it stands for its remainder by p = 2^255 − 19.
type Number = [u64; 4];

/// The curve's d (RFC 8032, 5.1).
const D: Number =
    [0x75eb_4dca_1359_78a3, 0x0070_0a4d_4141_d8ab, 0x8cc7_4079_7779_e898, 0x5203_6cee_2b6f_fe73];
const P: Number = [0xffff_ffff_ffff_ffed, u64::MAX, u64::MAX, u64::MAX >> 1];
const MINUS_ONE: Number = [0xffff_ffff_ffff_ffec, u64::MAX, u64::MAX, u64::MAX >> 1];
const ONE: Number = [1, 0, 0, 0];
/// (p − 1) / 2: a number to this power is 1 where it is a square, −1 where it is none, and 0 for 0.
const HALF: Number = [0xffff_ffff_ffff_fff6, u64::MAX, u64::MAX, u64::MAX >> 2];

/// Whether some x belongs to the encoded y: x² = (y² − 1) / (d y² + 1) has a root. The denominator is never 0.
pub(super) fn is_point(encoded: &[u8; 32]) -> bool {
    let mut y = [0; 4];
    for (limb, bytes) in y.iter_mut().zip(encoded.as_chunks::<8>().0) {
        *limb = u64::from_le_bytes(*bytes);
    }
    y[3] &= u64::MAX >> 1;
    let square = times(&y, &y);
    let (above, below) = (plus(&square, &MINUS_ONE), plus(&times(&D, &square), &ONE));
    // A quotient is a square where the product is.
    let power = half_power(&times(&above, &below));
    power == ONE || power == [0; 4]
}

fn half_power(base: &Number) -> Number {
    let mut power = ONE;
    for bit in (0..255).rev() {
        power = times(&power, &power);
        if HALF[bit / 64] >> (bit % 64) & 1 == 1 {
            power = times(&power, base);
        }
    }
    reduced(power)
}

fn plus(one: &Number, other: &Number) -> Number {
    let mut sum = [0; 4];
    let mut carry = 0;
    for (limb, (a, b)) in sum.iter_mut().zip(one.iter().zip(other)) {
        (*limb, carry) = split(u128::from(*a) + u128::from(*b) + carry);
    }
    folded(sum, carry)
}

fn times(one: &Number, other: &Number) -> Number {
    let mut wide = [0; 8];
    for (i, a) in one.iter().enumerate() {
        let mut carry = 0;
        for (j, b) in other.iter().enumerate() {
            (wide[i + j], carry) = split(u128::from(*a) * u128::from(*b) + u128::from(wide[i + j]) + carry);
        }
        wide[i + 4] = split(carry).0;
    }
    // 2^256 is 38.
    let (mut low, mut carry) = ([0; 4], 0);
    for (i, limb) in low.iter_mut().enumerate() {
        (*limb, carry) = split(u128::from(wide[i]) + 38 * u128::from(wide[i + 4]) + carry);
    }
    folded(low, carry)
}

/// What is above 2^256 comes back 38-fold, until nothing is.
fn folded(mut number: Number, mut above: u128) -> Number {
    while above > 0 {
        let mut carry = 38 * above;
        for limb in &mut number {
            (*limb, carry) = split(u128::from(*limb) + carry);
        }
        above = carry;
    }
    number
}

fn reduced(mut number: Number) -> Number {
    while number.iter().rev().ge(P.iter().rev()) {
        let mut borrow = false;
        for (limb, p) in number.iter_mut().zip(P) {
            let (without, first) = limb.overflowing_sub(p);
            let (less, second) = without.overflowing_sub(borrow.into());
            (*limb, borrow) = (less, first || second);
        }
    }
    number
}

fn split(wide: u128) -> (u64, u128) {
    (u64::try_from(wide & u128::from(u64::MAX)).unwrap_or(u64::MAX), wide >> 64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    #[test]
    fn known_encodings() {
        let small = |y: u8| {
            let mut encoded = [0; 32];
            encoded[0] = y;
            is_point(&encoded)
        };
        // By Euler's criterion in another language.
        let points: Vec<u8> = (0..20).filter(|y| small(*y)).collect();
        assert_eq!(points, [0, 1, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 19]);
    }

    proptest! {
        #[test]
        fn every_key_is_a_point_and_half_of_all_bytes_are(seed: [u8; 32]) {
            let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
            prop_assert!(is_point(pair.public_key().as_ref().try_into().unwrap()));
        }
    }

    #[test]
    fn about_half_of_all_bytes_are_points() {
        let digest = |number: u32| *crate::domain::digest::Digest::of(&number.to_le_bytes()).bytes();
        let points = (0..400).filter(|number| is_point(&digest(*number))).count();
        assert!((140..260).contains(&points), "{points}");
    }
}
