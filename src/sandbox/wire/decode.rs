//! Which service and operation a request is for.

use super::{Node, Protocol, Refusal, Service, WireRequest, body, buckets};

/// A row of a REST service's table: method, path with `{Name}` places, operation.
pub type Route = (&'static str, &'static str, &'static str);

/// A request that was understood.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The service.
    pub service: Service,
    /// The operation.
    pub operation: String,
    /// Its parameters, without what the protocol needs itself.
    pub parameters: Node,
    /// The caller's access key id.
    pub access_key: String,
}

/// Reads service, operation and parameters from a request; `routes` are those of the REST services.
///
/// # Errors
/// `MissingAuthenticationToken` without a signature, `InvalidAction` and its kin for what is not understood; together
/// with the service whose words it is in.
pub fn decode(request: &WireRequest, routes: &[Route]) -> Result<Decoded, (Service, Refusal)> {
    let (service, access_key) = credential(request)?;
    let fail = |refusal| (service, refusal);
    let mut parameters;
    let operation;
    match service.protocol() {
        Protocol::Ec2 | Protocol::Query => {
            let form = if request.method == "GET" { request.query.as_bytes() } else { &request.body };
            parameters = body::form(form).map_err(fail)?;
            operation = take(&mut parameters, "Action").ok_or_else(|| {
                fail(Refusal::new("MissingAction", "The request is missing an action or a required parameter."))
            })?;
            take(&mut parameters, "Version");
        }
        Protocol::Json11 => {
            let target = request.header("x-amz-target").unwrap_or_default();
            operation = target
                .rsplit_once('.')
                .map(|(_, operation)| operation.to_owned())
                .ok_or_else(|| fail(Refusal::new("UnknownOperationException", "X-Amz-Target is missing")))?;
            parameters = body::json(&request.body).map_err(fail)?;
        }
        Protocol::S3 => {
            (operation, parameters) = match buckets::decode(request) {
                Some((operation, parameters)) => (operation.to_owned(), parameters),
                None => {
                    let message = format!("no operation at {} {}", request.method, request.path);
                    return Err(fail(Refusal::new("MethodNotAllowed", message).with_status(405)));
                }
            };
        }
        Protocol::RestXml => {
            parameters =
                if request.body.is_empty() { Node::default() } else { body::xml(&request.body).map_err(fail)? };
            operation = route(request, routes, &mut parameters)
                .ok_or_else(|| {
                    let message = format!("no operation at {} {}", request.method, request.path);
                    fail(Refusal::new("InvalidAction", message).with_status(404))
                })?
                .to_owned();
            for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
                parameters.children.push((name.into_owned(), Node::leaf(value)));
            }
        }
    }
    Ok(Decoded { service, operation, parameters, access_key })
}

fn take(node: &mut Node, name: &str) -> Option<String> {
    let index = node.children.iter().position(|(other, _)| other == name)?;
    node.children.remove(index).1.value
}

/// Signature version 4: `Credential=<key>/<date>/<region>/<service>/aws4_request` in a header or in the query.
fn credential(request: &WireRequest) -> Result<(Service, String), (Service, Refusal)> {
    let missing = || {
        let message = "Request is missing Authentication Token";
        (Service::Ec2, Refusal::new("MissingAuthenticationToken", message).with_status(403))
    };
    let scope = request
        .header("authorization")
        .and_then(|header| header.split_once("Credential=").map(|(_, rest)| rest))
        .and_then(|rest| rest.split([',', ' ']).next())
        .map(str::to_owned)
        .or_else(|| {
            form_urlencoded::parse(request.query.as_bytes())
                .find(|(name, _)| name == "X-Amz-Credential")
                .map(|(_, value)| value.into_owned())
        })
        .ok_or_else(missing)?;
    let parts: Vec<&str> = scope.split('/').collect();
    let [key, _date, _region, name, _] = parts[..] else { return Err(missing()) };
    let service = Service::ALL.into_iter().find(|service| service.signing_name() == name).ok_or_else(|| {
        let message = format!("the sandbox has no service {name}");
        (Service::Ec2, Refusal::new("InvalidAction", message))
    })?;
    Ok((service, key.to_owned()))
}

fn route(request: &WireRequest, routes: &[Route], parameters: &mut Node) -> Option<&'static str> {
    let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
    for (method, pattern, operation) in routes {
        if *method != request.method {
            continue;
        }
        let pattern: Vec<&str> = pattern.trim_matches('/').split('/').collect();
        if pattern.len() != path.len() {
            continue;
        }
        let mut places = Vec::new();
        let fits = pattern.iter().zip(&path).all(|(pattern, part)| {
            match pattern.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
                Some(name) => {
                    places.push((name, body::percent(part)));
                    true
                }
                None => pattern == part,
            }
        });
        if fits {
            for (name, value) in places {
                parameters.children.push((name.to_owned(), Node::leaf(value)));
            }
            return Some(operation);
        }
    }
    None
}
