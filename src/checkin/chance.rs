//! Everything random that the check-in needs, behind one trait, so that tests decide it.

use ring::rand::{SecureRandom, SystemRandom};

use crate::domain::ids::{EnrollmentId, RequestId};
use crate::wire::key::{KeyError, SigningKey};

/// Draws what is random.
pub trait Chance {
    /// A part of one.
    fn draw(&mut self) -> f64;
    /// A new device key.
    ///
    /// # Errors
    /// [`KeyError::Random`] when the system has no random numbers.
    fn key(&mut self) -> Result<SigningKey, KeyError>;
    /// A new enrollment id.
    fn enrollment_id(&mut self) -> EnrollmentId;
    /// A new request id.
    fn request_id(&mut self) -> RequestId;
}

/// The system's random numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn draw(&mut self) -> f64 {
        let mut bytes = [0; 4];
        // Without random numbers the middle spreads nobody, but waits as long as others do.
        match SystemRandom::new().fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
            Err(_) => 0.5,
        }
    }

    fn key(&mut self) -> Result<SigningKey, KeyError> {
        SigningKey::generate()
    }

    fn enrollment_id(&mut self) -> EnrollmentId {
        EnrollmentId::random()
    }

    fn request_id(&mut self) -> RequestId {
        RequestId::next()
    }
}
