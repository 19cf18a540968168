//! What create and update requests say about a group, checked against the account.

use super::super::ec2;
use super::super::elbv2;
use super::super::iam;
use super::super::wire::{Call, Parameters, Refusal};
use super::super::world::World;
use super::distribution::Distribution;
use super::group::{Group, Mixed, Settings, Template};
use super::{compute, validation};

/// Instance types of one group (Auto Scaling quotas, "Instance types per mixed instances group").
const MOST_OVERRIDES: usize = 40;

const POLICIES: [&str; 7] = [
    "Default",
    "AllocationStrategy",
    "ClosestToNextInstanceHour",
    "NewestInstance",
    "OldestInstance",
    "OldestLaunchConfiguration",
    "OldestLaunchTemplate",
];

fn malformed(reason: &str) -> Refusal {
    validation(format!("You must use a valid fully-formed launch template. {reason}"))
}

/// A template with its version, which must exist and name an instance profile that is known by now.
fn template(world: &World, parameters: &Parameters<'_>) -> Result<Template, Refusal> {
    let id = parameters.text("LaunchTemplateId");
    let name = parameters.text("LaunchTemplateName");
    let version = parameters.text("Version").unwrap_or_else(|| "$Default".to_owned());
    if id.is_some() == name.is_some() {
        return Err(validation("Valid requests must contain either launchTemplateId or LaunchTemplateName"));
    }
    let resolved = compute::resolve(world, id.as_deref(), name.as_deref(), &version).map_err(|refusal| {
        if refusal.code.contains("NotFound") { malformed(&refusal.message) } else { validation(refusal.message) }
    })?;
    if let Some(profile) = resolved.data.instance_profile.as_ref().map(ec2::Profile::text)
        && iam::instance_profile(world, profile).is_none()
    {
        let parameter = if profile.starts_with("arn:") { "arn" } else { "name" };
        return Err(malformed(&format!(
            "Value ({profile}) for parameter iamInstanceProfile.{parameter} is invalid. Invalid IAM Instance Profile {parameter}"
        )));
    }
    Ok(Template { id: resolved.id, name: resolved.name, version })
}

/// The template and, if there is one, the mixed instances policy; `None`: the request says nothing about it.
pub fn launch(
    world: &World,
    call: &Call<'_>,
    present: Option<&Group>,
) -> Result<Option<(Template, Option<Mixed>)>, Refusal> {
    let plain = call.view("LaunchTemplate");
    let policy = call.view("MixedInstancesPolicy");
    match (plain.is_present(), policy.is_present()) {
        (false, false) => Ok(None),
        (true, true) => Err(validation(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, InstanceId or \
             MixedInstancesPolicy parameter.",
        )),
        (true, false) => Ok(Some((template(world, &plain)?, None))),
        (false, true) => mixed(world, &policy, present).map(|(template, mixed)| Some((template, Some(mixed)))),
    }
}

fn mixed(world: &World, policy: &Parameters<'_>, present: Option<&Group>) -> Result<(Template, Mixed), Refusal> {
    let before = present.and_then(|group| group.mixed.as_ref());
    let launch = policy.view("LaunchTemplate");
    let specification = launch.view("LaunchTemplateSpecification");
    let template = match present {
        Some(group) if !specification.is_present() => group.template.clone(),
        _ => template(world, &specification)?,
    };
    let mut overrides = Vec::new();
    for entry in launch.list("Overrides") {
        let name = entry
            .text("InstanceType")
            .ok_or_else(|| validation("The sandbox takes overrides with InstanceType only"))?;
        overrides.push((name, entry.parsed("WeightedCapacity")?));
    }
    if overrides.is_empty() && !launch.is_present() {
        overrides = before.map(|it| it.overrides.clone()).unwrap_or_default();
    }
    if overrides.len() > MOST_OVERRIDES {
        return Err(validation(format!(
            "A maximum of {MOST_OVERRIDES} overrides is allowed in a mixed instances policy."
        )));
    }
    let mut names: Vec<&String> = overrides.iter().map(|(name, _)| name).collect();
    names.sort();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(validation(format!("Duplicate instance type {} in the overrides.", pair[0])));
    }
    let distribution = distribution(&policy.view("InstancesDistribution"), before.map(|it| &it.distribution))?;
    Ok((template, Mixed { overrides, distribution }))
}

fn distribution(parameters: &Parameters<'_>, before: Option<&Distribution>) -> Result<Distribution, Refusal> {
    let mut it = before.cloned().unwrap_or_default();
    if let Some(strategy) = parameters.text("OnDemandAllocationStrategy") {
        it.on_demand_strategy = strategy;
    }
    if let Some(strategy) = parameters.text("SpotAllocationStrategy") {
        let known =
            ["lowest-price", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"];
        if !known.contains(&strategy.as_str()) {
            return Err(validation(format!("Spot allocation strategy {strategy} is not valid.")));
        }
        it.spot_strategy = strategy;
    }
    it.on_demand_base = parameters.parsed("OnDemandBaseCapacity")?.unwrap_or(it.on_demand_base);
    it.on_demand_percentage =
        parameters.parsed("OnDemandPercentageAboveBaseCapacity")?.unwrap_or(it.on_demand_percentage);
    if it.on_demand_percentage > 100 {
        return Err(validation("OnDemandPercentageAboveBaseCapacity must be between 0 and 100."));
    }
    it.spot_pools = parameters.parsed("SpotInstancePools")?.or(it.spot_pools);
    if it.spot_pools.is_some() && it.spot_strategy != "lowest-price" {
        it.spot_pools = None;
    }
    if let Some(price) = parameters.text("SpotMaxPrice") {
        it.spot_max_price = Some(price).filter(|price| !price.is_empty());
    }
    Ok(it)
}

/// Where a group launches: zones, and subnets with their zones.
pub struct Placement {
    /// Zones, sorted.
    pub zones: Vec<String>,
    /// Subnets with their zones.
    pub subnets: Vec<(String, String)>,
}

/// The placement; `None`: the request says nothing about it.
pub fn placement(world: &World, call: &Call<'_>) -> Result<Option<Placement>, Refusal> {
    let mut zones = call.texts("AvailabilityZones");
    let subnets = call.text("VPCZoneIdentifier").filter(|it| !it.is_empty());
    if let Some(unknown) = zones.iter().find(|zone| !world.zones.contains(zone)) {
        return Err(validation(format!("Invalid availability zones: [{unknown}]")));
    }
    let mut placed = Vec::new();
    for id in subnets.iter().flat_map(|text| text.split(',')).map(str::trim) {
        let zone = compute::zone_of_subnet(world, id)
            .ok_or_else(|| validation(format!("The subnet ID '{id}' does not exist")))?;
        if placed.iter().any(|(other, _)| other == id) {
            return Err(validation(format!("Duplicate subnet {id} in VPCZoneIdentifier")));
        }
        placed.push((id.to_owned(), zone));
    }
    if placed.is_empty() && zones.is_empty() {
        return Ok(None);
    }
    let mut of_subnets: Vec<String> = placed.iter().map(|(_, zone)| zone.clone()).collect();
    of_subnets.sort();
    of_subnets.dedup();
    zones.sort();
    zones.dedup();
    if !placed.is_empty() && !zones.is_empty() && zones != of_subnets {
        return Err(validation(
            "The availability zones of the specified subnets and the Auto Scaling group do not match",
        ));
    }
    Ok(Some(Placement { zones: if placed.is_empty() { zones } else { of_subnets }, subnets: placed }))
}

/// Minimum, maximum and desired capacity, in bounds.
pub fn check_bounds(min: u32, max: u32, desired: u32) -> Result<(), Refusal> {
    if min > max {
        return Err(validation(format!("Max bound, {max}, must be greater than or equal to min bound, {min}")));
    }
    if desired < min || desired > max {
        return Err(validation(format!(
            "Desired capacity:{desired} must be between the specified min size:{min} and max size:{max}"
        )));
    }
    Ok(())
}

/// ARNs of target groups that exist.
pub fn target_groups(world: &World, call: &Call<'_>) -> Result<Vec<String>, Refusal> {
    let arns = call.texts("TargetGroupARNs");
    if arns.iter().any(|arn| !elbv2_has(&world.elbv2, arn)) {
        return Err(validation("Provided Target Groups may not be valid. Please ensure they exist and try again."));
    }
    Ok(arns)
}

fn elbv2_has(state: &elbv2::State, arn: &str) -> bool {
    state.target_groups.contains_key(arn)
}

/// The settings of a new group.
pub fn default_settings(world: &World) -> Settings {
    let role = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    Settings {
        default_cooldown: 300,
        health_check_type: "EC2".to_owned(),
        health_check_grace_period: 0,
        termination_policies: vec!["Default".to_owned()],
        protected: false,
        capacity_rebalance: false,
        max_instance_lifetime: 0,
        default_instance_warmup: None,
        maintenance: None,
        service_linked_role: format!("arn:aws:iam::{}:role/{role}", world.account),
    }
}

/// The settings after a request.
pub fn settings(call: &Call<'_>, before: Settings) -> Result<Settings, Refusal> {
    let mut it = before;
    it.default_cooldown = call.parsed("DefaultCooldown")?.unwrap_or(it.default_cooldown);
    it.health_check_grace_period = call.parsed("HealthCheckGracePeriod")?.unwrap_or(it.health_check_grace_period);
    if let Some(kind) = call.text("HealthCheckType") {
        if !kind.split(',').all(|part| ["EC2", "ELB", "EBS", "VPC_LATTICE"].contains(&part)) {
            return Err(validation(format!("Valid values for health check type are: EC2,ELB. Invalid value: {kind}")));
        }
        it.health_check_type = kind;
    }
    let policies = call.texts("TerminationPolicies");
    if let Some(unknown) = policies.iter().find(|policy| !POLICIES.contains(&policy.as_str())) {
        return Err(validation(format!("Unknown termination policy: {unknown}")));
    }
    if !policies.is_empty() {
        it.termination_policies = policies;
    }
    it.protected = call.flag("NewInstancesProtectedFromScaleIn")?.unwrap_or(it.protected);
    it.capacity_rebalance = call.flag("CapacityRebalance")?.unwrap_or(it.capacity_rebalance);
    if let Some(seconds) = call.parsed::<u32>("MaxInstanceLifetime")? {
        if seconds != 0 && !(86_400..=31_536_000).contains(&seconds) {
            return Err(validation("MaxInstanceLifetime must be 0 or between 86400 and 31536000 seconds"));
        }
        it.max_instance_lifetime = seconds;
    }
    if let Some(seconds) = call.parsed::<i64>("DefaultInstanceWarmup")? {
        it.default_instance_warmup = u32::try_from(seconds).ok();
    }
    let maintenance = call.view("InstanceMaintenancePolicy");
    if let (Some(low), Some(high)) =
        (maintenance.parsed("MinHealthyPercentage")?, maintenance.parsed("MaxHealthyPercentage")?)
    {
        it.maintenance = Some((low, high)).filter(|(low, _)| *low >= 0);
    }
    if let Some(role) = call.text("ServiceLinkedRoleARN") {
        it.service_linked_role = role;
    }
    let zones = call.view("AvailabilityZoneDistribution");
    if let Some(strategy) = zones.text("CapacityDistributionStrategy")
        && strategy != "balanced-best-effort"
    {
        return Err(validation(format!("The sandbox has no capacity distribution strategy {strategy}")));
    }
    Ok(it)
}
