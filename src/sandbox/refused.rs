//! What AWS answers when a fault refuses a call.

use super::wire::{Refusal, Service};
use crate::fault::Kind;

/// The refusal instead of the call.
pub fn refusal(kind: Kind, service: Service, operation: &str, principal: &str) -> Refusal {
    match kind {
        Kind::Throttle(_) => Refusal::throttled(service),
        Kind::AccessDenied => {
            let action = format!("{}:{operation}", service.action_prefix());
            Refusal::denied(service, &action, None, principal)
        }
        Kind::ExpiredCredentials => Refusal::expired(service),
        _ => Refusal::unavailable(service),
    }
}
