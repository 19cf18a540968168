//! Groups and their instances as answers show them.

use super::super::wire::{Answer, Call, Refusal, Xml};
use super::super::world::{World, iso};
use super::create::group_key;
use super::group::{Group, Member, Mixed, Template};
use super::{page, tags, validation};

fn template(template: &Template) -> Xml {
    Xml::new()
        .text("LaunchTemplateId", &template.id)
        .text("LaunchTemplateName", &template.name)
        .text("Version", &template.version)
}

fn mixed(group: &Group, mixed: &Mixed) -> Xml {
    let overrides = mixed
        .overrides
        .iter()
        .map(|(name, weight)| Xml::new().text("InstanceType", name).maybe("WeightedCapacity", weight.as_ref()));
    let launch = Xml::new().element("LaunchTemplateSpecification", template(&group.template)).list(
        "Overrides",
        "member",
        overrides,
    );
    let it = &mixed.distribution;
    let distribution = Xml::new()
        .text("OnDemandAllocationStrategy", &it.on_demand_strategy)
        .text("OnDemandBaseCapacity", it.on_demand_base)
        .text("OnDemandPercentageAboveBaseCapacity", it.on_demand_percentage)
        .text("SpotAllocationStrategy", &it.spot_strategy)
        .maybe("SpotInstancePools", it.spot_pools.or((it.spot_strategy == "lowest-price").then_some(2)))
        .maybe("SpotMaxPrice", it.spot_max_price.as_ref());
    Xml::new().element("LaunchTemplate", launch).element("InstancesDistribution", distribution)
}

/// An instance, as in a group's description and in the warm pool's.
pub fn member(group: &Group, member: &Member) -> Xml {
    Xml::new()
        .text("InstanceId", &member.id)
        .text("InstanceType", &member.instance_type)
        .text("AvailabilityZone", &member.zone)
        .text("LifecycleState", member.lifecycle.word(group.pool_state()))
        .text("HealthStatus", if member.unhealthy { "Unhealthy" } else { "Healthy" })
        .element("LaunchTemplate", template(&member.template))
        .text("ProtectedFromScaleIn", member.protected)
}

fn xml(group: &Group, include_instances: bool) -> Xml {
    let settings = &group.settings;
    let launch = match &group.mixed {
        None => Xml::new().element("LaunchTemplate", template(&group.template)),
        Some(policy) => Xml::new().element("MixedInstancesPolicy", mixed(group, policy)),
    };
    let instances = group.members.values().filter(|it| include_instances && !it.lifecycle.is_warm());
    let suspended = group
        .suspended
        .iter()
        .map(|(name, reason)| Xml::new().text("ProcessName", name).text("SuspensionReason", reason));
    let metrics = group.metrics.iter().map(|it| Xml::new().text("Metric", it).text("Granularity", "1Minute"));
    let subnets: Vec<&str> = group.subnets.iter().map(|(subnet, _)| subnet.as_str()).collect();
    let maintenance = settings
        .maintenance
        .map(|(low, high)| Xml::new().text("MinHealthyPercentage", low).text("MaxHealthyPercentage", high));
    let pool = group.members.values().filter(|it| it.lifecycle.is_warm()).count();
    let sources = group.target_groups.iter().map(|arn| Xml::new().text("Identifier", arn).text("Type", "elbv2"));
    Xml::new()
        .text("AutoScalingGroupName", &group.name)
        .text("AutoScalingGroupARN", &group.arn)
        .and(launch)
        .text("MinSize", group.min)
        .text("MaxSize", group.max)
        .text("DesiredCapacity", group.desired)
        .text("DefaultCooldown", settings.default_cooldown)
        .texts("AvailabilityZones", "member", &group.zones)
        .list("LoadBalancerNames", "member", [])
        .texts("TargetGroupARNs", "member", &group.target_groups)
        .text("HealthCheckType", &settings.health_check_type)
        .text("HealthCheckGracePeriod", settings.health_check_grace_period)
        .list("Instances", "member", instances.map(|it| member(group, it)))
        .text("CreatedTime", iso(group.created))
        .list("SuspendedProcesses", "member", suspended)
        .text("VPCZoneIdentifier", subnets.join(","))
        .list("EnabledMetrics", "member", metrics)
        .maybe("Status", group.deleting.then_some("Delete in progress"))
        .list("Tags", "member", group.tags.iter().map(|(key, value)| tags::xml(&group.name, key, value)))
        .texts("TerminationPolicies", "member", &settings.termination_policies)
        .text("NewInstancesProtectedFromScaleIn", settings.protected)
        .text("ServiceLinkedRoleARN", &settings.service_linked_role)
        .maybe("MaxInstanceLifetime", Some(settings.max_instance_lifetime).filter(|it| *it > 0))
        .text("CapacityRebalance", settings.capacity_rebalance)
        .maybe_element("WarmPoolConfiguration", group.warm_pool.as_ref().map(super::warm_pool::xml))
        .maybe("WarmPoolSize", group.warm_pool.as_ref().map(|_| pool))
        .maybe("DefaultInstanceWarmup", settings.default_instance_warmup)
        .list("TrafficSources", "member", sources)
        .maybe_element("InstanceMaintenancePolicy", maintenance)
}

/// Whether a group passes all filters: `tag-key`, `tag-value`, `tag:<key>`.
fn passes(group: &Group, filters: &[(String, Vec<String>)]) -> Result<bool, Refusal> {
    for (name, values) in filters {
        let fits = |text: &String| values.contains(text);
        let passes = match name.as_str() {
            "tag-key" => group.tags.keys().any(fits),
            "tag-value" => group.tags.values().any(|(value, _)| fits(value)),
            other => match other.strip_prefix("tag:") {
                Some(key) => group.tags.get(key).is_some_and(|(value, _)| fits(value)),
                None => return Err(validation(format!("Filter name {other} is not valid."))),
            },
        };
        if !passes {
            return Ok(false);
        }
    }
    Ok(true)
}

pub fn groups(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("AutoScalingGroupNames");
    let instances = call.flag("IncludeInstances")?.unwrap_or(true);
    let filters: Vec<(String, Vec<String>)> = call
        .list("Filters")
        .iter()
        .map(|filter| (filter.text("Name").unwrap_or_default(), filter.texts("Values")))
        .collect();
    let mut items = Vec::new();
    for group in world.autoscaling.groups.values() {
        let named = names.is_empty() || names.contains(&group.name) || names.contains(&group.arn);
        if named && !world.is_hidden(&group_key(&group.name)) && passes(group, &filters)? {
            items.push((group.name.clone(), xml(group, instances)));
        }
    }
    let (items, next) = page(call, items, 100)?;
    Ok(Xml::new().list("AutoScalingGroups", "member", items).maybe("NextToken", next).into())
}

pub fn instances(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let ids = call.texts("InstanceIds");
    let mut items = Vec::new();
    for group in world.autoscaling.groups.values() {
        for it in group.members.values().filter(|it| ids.is_empty() || ids.contains(&it.id)) {
            let xml = Xml::new()
                .text("InstanceId", &it.id)
                .text("InstanceType", &it.instance_type)
                .text("AutoScalingGroupName", &group.name)
                .text("AvailabilityZone", &it.zone)
                .text("LifecycleState", it.lifecycle.word(group.pool_state()))
                .text("HealthStatus", if it.unhealthy { "UNHEALTHY" } else { "HEALTHY" })
                .element("LaunchTemplate", template(&it.template))
                .text("ProtectedFromScaleIn", it.protected);
            items.push((it.id.clone(), xml));
        }
    }
    items.sort_by(|one, other| one.0.cmp(&other.0));
    let (items, next) = page(call, items, 50)?;
    Ok(Xml::new().list("AutoScalingInstances", "member", items).maybe("NextToken", next).into())
}

pub fn limits(world: &mut World, _call: &Call<'_>) -> Result<Answer, Refusal> {
    Ok(Xml::new()
        .text("MaxNumberOfAutoScalingGroups", world.quotas.auto_scaling_groups)
        .text("MaxNumberOfLaunchConfigurations", 200)
        .text("NumberOfAutoScalingGroups", world.autoscaling.groups.len())
        .text("NumberOfLaunchConfigurations", 0)
        .into())
}
