//! A request to AWS as a client on a network meets it: after the latency, and with the faults of the plan.

use std::time::Duration;

use super::wire::{Decoded, Refusal, Service, WireRequest, WireResponse};
use super::{Sandbox, Shared, is_read, route53, wire};
use crate::fault::{Effect, Instead, Kind};

/// No answer came: an injected fault broke the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connection reset by peer (injected fault)")]
pub struct Lost;

impl Sandbox {
    /// Answers one request.
    ///
    /// # Errors
    /// When a fault breaks the connection.
    pub async fn exchange(&self, request: WireRequest) -> Result<WireResponse, Lost> {
        let (latency, clock, faults) = {
            let shared = self.lock();
            (shared.world.behaviour.latency_milliseconds, shared.clock, shared.faults.clone())
        };
        if latency > 0 {
            clock.sleep(Duration::from_millis(u64::from(latency))).await;
        }
        let decoded = wire::decode(&request, route53::ROUTES);
        let (service, operation) = match &decoded {
            Ok(decoded) => (decoded.service, decoded.operation.clone()),
            Err((service, _)) => (*service, "?".to_owned()),
        };
        let effect = if is_read(&operation) { Effect::Read(&operation) } else { Effect::Change(&operation) };
        let Some(fault) = faults.meet(effect) else { return Ok(self.lock().answer(&request, decoded)) };
        let act = async || match fault {
            Kind::Lag(seconds) | Kind::StopLate(seconds) => self.lock().answer_with_lag(&request, decoded, seconds),
            _ => self.lock().answer(&request, decoded),
        };
        match faults.surround(fault, || self.keep(), act).await {
            Ok(response) => Ok(response),
            Err(Instead::Nothing) => Err(Lost),
            Err(Instead::Refusal(kind)) => Ok(self.refuse(kind, service, &operation)),
        }
    }

    /// Stores what was answered: the process ends, or stands still while others go on.
    pub(super) fn keep(&self) {
        if let Err(error) = self.lock().flush() {
            tracing::warn!(%error, "the sandbox's world is not stored");
        }
    }

    fn refuse(&self, kind: Kind, service: Service, operation: &str) -> WireResponse {
        let mut shared = self.lock();
        let refusal = match kind {
            Kind::Throttle(_) => Refusal::throttled(service),
            Kind::AccessDenied => {
                let action = format!("{}:{operation}", service.action_prefix());
                Refusal::denied(service, &action, None, &shared.world.sts.arn(&shared.world.account))
            }
            Kind::ExpiredCredentials => Refusal::expired(service),
            _ => Refusal::unavailable(service),
        };
        let request_id = shared.request_id();
        shared.note(service, operation, Some(&refusal));
        refusal.write(service, &request_id)
    }
}

impl Shared {
    fn answer_with_lag(
        &mut self,
        request: &WireRequest,
        decoded: Result<Decoded, (Service, Refusal)>,
        seconds: u32,
    ) -> WireResponse {
        let before = std::mem::replace(&mut self.world.behaviour.visibility_lag_seconds, seconds);
        let response = self.answer(request, decoded);
        self.world.behaviour.visibility_lag_seconds = before;
        response
    }
}
