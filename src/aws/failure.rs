//! Which kind of failure an answer is. A table, and nothing else: what to do about it is [`super::call`]'s business.

/// What a failed call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// An id that AWS does not know: for a young one, not yet.
    NotVisibleYet,
    /// A role or an instance profile that EC2 or Auto Scaling does not see: for a young one, not yet.
    IamPropagation,
    /// The caller may not do that.
    Permission,
    /// Too many calls.
    Throttle,
    /// A quota of the account is used up; some of these codes look like throttles.
    Quota,
    /// Something else is changing the same object.
    ConcurrentChange,
    /// AWS has no machine of that kind now.
    Capacity,
    /// Something still uses the object.
    Dependency,
    /// There is no such object, and it is not a matter of time.
    NotFound,
    /// It exists already: of that name, with that key, or made by that token.
    AlreadyExists,
    /// Our clock and AWS' differ too much for a signature.
    Clock,
    /// The credentials expired.
    ExpiredCredentials,
    /// There are no credentials.
    NoCredentials,
    /// The lease ended: the call was not made.
    LeaseEnded,
    /// Nobody knows whether the call had an effect: a timeout, a reset connection, a server error.
    Ambiguous,
    /// Anything else: trying again would not help.
    Other,
}

/// What is known of an answer that is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// HTTP status; `None`: there was no answer.
    pub(super) status: Option<u16>,
    /// AWS' code.
    pub(super) code: Option<String>,
    /// AWS' message.
    pub(super) message: String,
}

const THROTTLE: [&str; 11] = [
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "TooManyRequestsException",
    "PriorRequestNotComplete",
    "SlowDown",
    "EC2ThrottledException",
    "BandwidthLimitExceeded",
];

const PERMISSION: [&str; 6] =
    ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired", "AuthFailure"];

const CONCURRENT: [&str; 8] = [
    "ResourceContention",
    "ResourceContentionFault",
    "ScalingActivityInProgress",
    "ScalingActivityInProgressFault",
    "ConcurrentModification",
    "ConcurrentModificationException",
    "OperationAborted",
    "IncorrectState",
];

const CAPACITY: [&str; 8] = [
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientReservedInstanceCapacity",
    "InsufficientCapacity",
    "InsufficientFreeAddressesInSubnet",
    "SpotMaxPriceTooLow",
    "MaxSpotInstanceCountExceeded",
    "Unsupported",
];

const DEPENDENCY: [&str; 8] = [
    "DependencyViolation",
    "ResourceInUse",
    "ResourceInUseFault",
    "DeleteConflict",
    "VolumeInUse",
    "InvalidIPAddress.InUse",
    "InvalidNetworkInterface.InUse",
    "InvalidGroup.InUse",
];

const EXISTS: [&str; 16] = [
    "InvalidSubnet.Conflict",
    "InvalidGroup.Duplicate",
    "InvalidPermission.Duplicate",
    "RouteAlreadyExists",
    "Resource.AlreadyAssociated",
    "InvalidLaunchTemplateName.AlreadyExistsException",
    "AlreadyExists",
    "AlreadyExistsFault",
    "EntityAlreadyExists",
    "EntityAlreadyExistsException",
    "HostedZoneAlreadyExists",
    "ParameterAlreadyExists",
    "DuplicateLoadBalancerName",
    "DuplicateTargetGroupName",
    "DuplicateListener",
    // The token was used with other parameters: so the earlier call worked.
    "IdempotentParameterMismatch",
];

const NOT_FOUND: [&str; 18] = [
    "NatGatewayNotFound",
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "ListenerNotFound",
    "SubnetNotFound",
    "InvalidTarget",
    "NoSuchEntity",
    "NoSuchEntityException",
    "NoSuchHostedZone",
    "NoSuchChange",
    "ParameterNotFound",
    "Gateway.NotAttached",
    "IncorrectState.NotAttached",
    "AllocationIdNotFound",
    "ResourceNotFoundException",
    "NoSuchBucket",
    "NoSuchKey",
    // The answer to HEAD has no body, and so no code: the SDK makes one of its status.
    "NotFound",
];

const QUOTA: [&str; 14] = [
    "LimitExceeded",
    "LimitExceededException",
    "LimitExceededFault",
    "VpcLimitExceeded",
    "SubnetLimitExceeded",
    "AddressLimitExceeded",
    "NatGatewayLimitExceeded",
    "InternetGatewayLimitExceeded",
    "RouteTableLimitExceeded",
    "RouteLimitExceeded",
    "SecurityGroupLimitExceeded",
    "RulesPerSecurityGroupLimitExceeded",
    "VcpuLimitExceeded",
    "InstanceLimitExceeded",
];

/// The kind of failure that an answer is (EC2 API reference, "Error codes", and those of the other services).
pub(super) fn classify(answer: &Answer) -> Failure {
    let Some(code) = answer.code.as_deref() else { return without_code(answer.status) };
    let message = answer.message.as_str();
    if propagating(code, message) {
        return Failure::IamPropagation;
    }
    let tables: [(&[&str], Failure); 8] = [
        (&THROTTLE, Failure::Throttle),
        (&PERMISSION, Failure::Permission),
        (&CONCURRENT, Failure::ConcurrentChange),
        (&CAPACITY, Failure::Capacity),
        (&DEPENDENCY, Failure::Dependency),
        (&EXISTS, Failure::AlreadyExists),
        (&NOT_FOUND, Failure::NotFound),
        (&QUOTA, Failure::Quota),
    ];
    if let Some((_, failure)) = tables.into_iter().find(|(codes, _)| codes.contains(&code)) {
        return failure;
    }
    match code {
        "RequestExpired" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" | "InvalidSignatureException" => {
            Failure::Clock
        }
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => Failure::ExpiredCredentials,
        "InternalError"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "Unavailable"
        | "RequestTimeout"
        | "InternalServerError"
        | "ServiceUnavailableException" => Failure::Ambiguous,
        // These name what windlass never makes: waiting would not help.
        "InvalidInstanceType.NotFound" | "InvalidAMIID.NotFound" | "InvalidSnapshot.NotFound" => Failure::Other,
        // Every other EC2 code that ends so names an id: EC2 API reference, "Client error codes for specific actions".
        _ if code.starts_with("Invalid") && code.contains("NotFound") => Failure::NotVisibleYet,
        // Elastic Load Balancing, of a group that is new (API reference, CreateLoadBalancer).
        "InvalidSecurityGroup" => Failure::NotVisibleYet,
        // Systems Manager, right after SendCommand.
        "InvocationDoesNotExist" => Failure::NotVisibleYet,
        _ if code.ends_with("LimitExceeded") || code.starts_with("TooMany") => Failure::Quota,
        _ if code.ends_with(".NotFound") => Failure::NotFound,
        // Auto Scaling has one code for most mistakes.
        "ValidationError" if message.contains("not found") || message.contains("does not exist") => Failure::NotFound,
        _ => without_known_code(answer.status),
    }
}

/// EC2 and Auto Scaling copy IAM's data, and say these while the copy is not there.
fn propagating(code: &str, message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    match code {
        "InvalidParameterValue" | "ValidationError" | "InvalidIamInstanceProfileArn" => {
            message.contains("iam instance profile")
                || message.contains("iaminstanceprofile")
                || message.contains("you are not authorized to perform this operation")
        }
        _ => false,
    }
}

fn without_code(status: Option<u16>) -> Failure {
    match status {
        Some(429) => Failure::Throttle,
        // The answer to HEAD has no body.
        Some(403) => Failure::Permission,
        Some(400..=499) => Failure::Other,
        // Server errors, answers that cannot be read, and no answer at all.
        _ => Failure::Ambiguous,
    }
}

fn without_known_code(status: Option<u16>) -> Failure {
    match status {
        Some(429) => Failure::Throttle,
        Some(500..=599) => Failure::Ambiguous,
        _ => Failure::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, code: &str, message: &str) -> Failure {
        classify(&Answer { status: Some(status), code: Some(code.into()), message: message.into() })
    }

    #[test]
    fn codes_that_look_alike_are_told_apart() {
        assert_eq!(failure(503, "RequestLimitExceeded", ""), Failure::Throttle);
        assert_eq!(failure(400, "VpcLimitExceeded", ""), Failure::Quota);
        assert_eq!(failure(409, "LimitExceeded", ""), Failure::Quota);
        assert_eq!(failure(400, "PriorRequestNotComplete", ""), Failure::Throttle);
        assert_eq!(failure(400, "InvalidVpcID.NotFound", ""), Failure::NotVisibleYet);
        assert_eq!(failure(400, "InvalidLaunchTemplateId.NotFoundException", ""), Failure::NotVisibleYet);
        assert_eq!(failure(400, "InvalidInstanceType.NotFound", ""), Failure::Other);
        assert_eq!(failure(400, "InvalidSubnet.Conflict", ""), Failure::AlreadyExists);
        assert_eq!(failure(400, "IdempotentParameterMismatch", ""), Failure::AlreadyExists);
        assert_eq!(failure(404, "NoSuchEntity", ""), Failure::NotFound);
        assert_eq!(failure(400, "InvalidNetworkInterface.InUse", ""), Failure::Dependency);
        assert_eq!(failure(400, "InvalidParameterValue", "the address is malformed"), Failure::Other);
    }

    #[test]
    fn a_profile_that_is_not_seen_yet_is_not_a_wrong_parameter() {
        let message =
            "Value (nodes) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
        assert_eq!(failure(400, "InvalidParameterValue", message), Failure::IamPropagation);
        let message = "You are not authorized to perform this operation.";
        assert_eq!(failure(400, "ValidationError", message), Failure::IamPropagation);
        assert_eq!(failure(403, "UnauthorizedOperation", message), Failure::Permission);
    }

    #[test]
    fn a_server_error_leaves_the_effect_open() {
        assert_eq!(failure(500, "InternalError", ""), Failure::Ambiguous);
        assert_eq!(failure(503, "NobodyKnows", ""), Failure::Ambiguous);
        assert_eq!(classify(&Answer { status: Some(500), ..Answer::default() }), Failure::Ambiguous);
        assert_eq!(classify(&Answer { status: Some(429), ..Answer::default() }), Failure::Throttle);
        assert_eq!(classify(&Answer::default()), Failure::Ambiguous);
    }
}
