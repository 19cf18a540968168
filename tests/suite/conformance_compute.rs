//! Sequences of launch templates and Auto Scaling groups.

use aws_sdk_autoscaling::types::{Filter, LaunchTemplateSpecification, Tag};
use aws_sdk_ec2::types::{InstanceType, RequestLaunchTemplateData};

use crate::conformance::{Notes, Side, joined};
use crate::conformance_network::network;

fn data(side: &Side, kind: InstanceType) -> RequestLaunchTemplateData {
    RequestLaunchTemplateData::builder().image_id(&side.image).instance_type(kind).build()
}

pub async fn launch_templates(side: &Side, notes: &mut Notes) {
    let ec2 = &side.ec2;
    notes.begin("launch templates");
    let create = |token: &str| {
        let request = ec2.create_launch_template().launch_template_name("lt-one").client_token(token);
        request.launch_template_data(data(side, InstanceType::M5Large)).send()
    };
    notes.done("CreateLaunchTemplate", create("lt-token-1").await);
    notes.done("CreateLaunchTemplate same token", create("lt-token-1").await);
    notes.done("CreateLaunchTemplate same name", create("lt-token-2").await);
    let next = ec2.create_launch_template_version().launch_template_name("lt-one");
    let next = next.launch_template_data(data(side, InstanceType::M6iLarge)).send().await;
    let number = notes.done("CreateLaunchTemplateVersion", next).and_then(|it| it.launch_template_version);
    notes.see("CreateLaunchTemplateVersion number", number.and_then(|it| it.version_number).unwrap_or_default());
    let default = || ec2.modify_launch_template().launch_template_name("lt-one");
    notes.done("ModifyLaunchTemplate", default().default_version("2").send().await);
    let shown = ec2.describe_launch_templates().launch_template_names("lt-one").max_results(200).send().await;
    let shown = shown.expect("templates");
    let it = &shown.launch_templates()[0];
    let versions = format!("{:?} {:?}", it.default_version_number(), it.latest_version_number());
    notes.see("DescribeLaunchTemplates", versions);
    let shown =
        ec2.describe_launch_template_versions().launch_template_name("lt-one").versions("$Default").send().await;
    let shown = shown.expect("versions");
    let kind = shown.launch_template_versions()[0].launch_template_data().and_then(|it| it.instance_type().cloned());
    notes.see("DescribeLaunchTemplateVersions", kind.map(|it| it.as_str().to_owned()).unwrap_or_default());
    notes.done("DeleteLaunchTemplate", ec2.delete_launch_template().launch_template_name("lt-one").send().await);
    notes.done("DeleteLaunchTemplate again", ec2.delete_launch_template().launch_template_name("lt-one").send().await);
}

async fn shown(side: &Side, name: &str) -> aws_sdk_autoscaling::types::AutoScalingGroup {
    let request = side.groups.describe_auto_scaling_groups().auto_scaling_group_names(name);
    request.send().await.expect("groups").auto_scaling_groups.expect("groups").pop().expect("the group")
}

fn sizes(group: &aws_sdk_autoscaling::types::AutoScalingGroup) -> String {
    let states = group.instances().iter().map(|it| it.lifecycle_state().map(|it| it.as_str()).unwrap_or_default());
    format!(
        "{} to {}, {}: {}",
        group.min_size().unwrap_or_default(),
        group.max_size().unwrap_or_default(),
        group.desired_capacity().unwrap_or_default(),
        joined(states)
    )
}

pub async fn groups(side: &Side, notes: &mut Notes) {
    let groups = &side.groups;
    notes.begin("groups");
    let network = network(side, "10.54").await;
    let template = side.ec2.create_launch_template().launch_template_name("asg-one");
    template.launch_template_data(data(side, InstanceType::M5Large)).send().await.expect("a template");
    let launch = LaunchTemplateSpecification::builder().launch_template_name("asg-one").version("$Default").build();
    let tag = |key: &str, value: &str| {
        let tag = Tag::builder().resource_id("one").resource_type("auto-scaling-group").key(key).value(value);
        tag.propagate_at_launch(true).build()
    };
    let create = |name: &str| {
        let request = groups.create_auto_scaling_group().auto_scaling_group_name(name).launch_template(launch.clone());
        request.min_size(1).max_size(4).vpc_zone_identifier(network.subnets.join(","))
    };
    notes.done("CreateAutoScalingGroup", create("one").desired_capacity(2).tags(tag("team", "video")).send().await);
    side.settle(60).await;
    notes.see("DescribeAutoScalingGroups", sizes(&shown(side, "one").await));
    let zones: std::collections::BTreeSet<_> = shown(side, "one")
        .await
        .instances()
        .iter()
        .filter_map(|it| it.availability_zone().map(str::to_owned))
        .collect();
    notes.see("DescribeAutoScalingGroups zones of instances", zones.len());
    let filter = Filter::builder().name("tag:team").values("video").build();
    let found = groups.describe_auto_scaling_groups().filters(filter).send().await.expect("groups");
    notes.see(
        "DescribeAutoScalingGroups by tag",
        joined(found.auto_scaling_groups().iter().filter_map(|it| it.auto_scaling_group_name())),
    );
    notes.done("DescribeAutoScalingGroups 200", groups.describe_auto_scaling_groups().max_records(200).send().await);
    let bad = create("two").desired_capacity(9).send().await;
    notes.done("CreateAutoScalingGroup above max", bad);
    let bad = create("three").vpc_zone_identifier("subnet-0123456789abcdef0").send().await;
    notes.done("CreateAutoScalingGroup bad subnet", bad);
    notes.done("CreateAutoScalingGroup bad target group", create("four").target_group_arns("arn:none").send().await);

    let update = || groups.update_auto_scaling_group().auto_scaling_group_name("one");
    let zero = update().default_cooldown(0).health_check_grace_period(0).termination_policies("OldestInstance");
    notes.done("UpdateAutoScalingGroup", zero.send().await);
    let group = shown(side, "one").await;
    let settings = format!("{:?} {:?}", group.default_cooldown(), group.health_check_grace_period());
    notes.see("UpdateAutoScalingGroup zeros", settings);
    notes.see("UpdateAutoScalingGroup policies", joined(group.termination_policies().iter().cloned()));
    notes.done("UpdateAutoScalingGroup min above max", update().min_size(9).send().await);
    let unknown = groups.update_auto_scaling_group().auto_scaling_group_name("none").min_size(1);
    notes.done("UpdateAutoScalingGroup unknown", unknown.send().await);
    let set = |to| groups.set_desired_capacity().auto_scaling_group_name("one").desired_capacity(to).send();
    notes.done("SetDesiredCapacity", set(3).await);
    notes.done("SetDesiredCapacity above max", set(9).await);
    side.settle(60).await;
    if notes.seen["groups/SetDesiredCapacity above max"] == "ok" {
        set(3).await.expect("set back");
    }
    notes.see("SetDesiredCapacity shown", sizes(&shown(side, "one").await));

    let processes = || ["AZRebalance".to_owned(), "ReplaceUnhealthy".to_owned()].to_vec();
    let suspend = groups.suspend_processes().auto_scaling_group_name("one").set_scaling_processes(Some(processes()));
    notes.done("SuspendProcesses", suspend.send().await);
    let group = shown(side, "one").await;
    notes.see("SuspendProcesses shown", joined(group.suspended_processes().iter().filter_map(|it| it.process_name())));
    let bad = groups.suspend_processes().auto_scaling_group_name("one").scaling_processes("Sleep").send().await;
    notes.done("SuspendProcesses unknown", bad);
    let resume = groups.resume_processes().auto_scaling_group_name("one").scaling_processes("AZRebalance").send().await;
    notes.done("ResumeProcesses", resume);
    let group = shown(side, "one").await;
    notes.see("ResumeProcesses shown", joined(group.suspended_processes().iter().filter_map(|it| it.process_name())));

    notes.done("CreateOrUpdateTags", groups.create_or_update_tags().tags(tag("cost", "1")).send().await);
    notes.done("DeleteTags", groups.delete_tags().tags(tag("team", "video")).send().await);
    let by_group = Filter::builder().name("auto-scaling-group").values("one").build();
    let tags = groups.describe_tags().filters(by_group).send().await.expect("tags");
    notes.see("DescribeTags", joined(tags.tags().iter().filter_map(|it| it.key())));

    let put = |name: &str, cron: &str| {
        let request =
            groups.put_scheduled_update_group_action().auto_scaling_group_name("one").scheduled_action_name(name);
        request.recurrence(cron).time_zone("Europe/Paris").min_size(0).desired_capacity(1).send()
    };
    notes.done("PutScheduledUpdateGroupAction", put("night", "0 20 * * 1-5").await);
    notes.done("PutScheduledUpdateGroupAction bad recurrence", put("bad", "nightly").await);
    let actions = groups.describe_scheduled_actions().auto_scaling_group_name("one").send().await.expect("actions");
    let night = actions.scheduled_update_group_actions().iter().find(|it| it.scheduled_action_name() == Some("night"));
    let night = night.map(|it| format!("{:?} {:?} {:?}", it.recurrence(), it.min_size(), it.desired_capacity()));
    notes.see("DescribeScheduledActions", night.unwrap_or_default());
    let delete =
        |name: &str| groups.delete_scheduled_action().auto_scaling_group_name("one").scheduled_action_name(name).send();
    notes.done("DeleteScheduledAction", delete("night").await);
    notes.done("DeleteScheduledAction again", delete("night").await);

    let log = groups.describe_scaling_activities().auto_scaling_group_name("one").send().await.expect("a log");
    notes.see("DescribeScalingActivities", log.activities().len());
    let id = |position: usize, group: &aws_sdk_autoscaling::types::AutoScalingGroup| {
        group.instances()[position].instance_id().expect("an id").to_owned()
    };
    let group = shown(side, "one").await;
    let (first, second) = (id(0, &group), id(1, &group));
    let protect = groups.set_instance_protection().auto_scaling_group_name("one").instance_ids(&first);
    notes.done("SetInstanceProtection", protect.protected_from_scale_in(true).send().await);
    let detach = || {
        let request = groups.detach_instances().auto_scaling_group_name("one").instance_ids(&second);
        request.should_decrement_desired_capacity(true).send()
    };
    notes.done("DetachInstances", detach().await);
    notes.see("DetachInstances shown", sizes(&shown(side, "one").await));
    let attach = groups.attach_instances().auto_scaling_group_name("one").instance_ids(&second).send().await;
    notes.done("AttachInstances", attach);
    let end = |id: &str, shrink| {
        let request = groups.terminate_instance_in_auto_scaling_group().instance_id(id);
        request.should_decrement_desired_capacity(shrink).send()
    };
    notes.done("TerminateInstanceInAutoScalingGroup", end(&second, true).await);
    side.settle(120).await;
    notes.see("TerminateInstanceInAutoScalingGroup shown", sizes(&shown(side, "one").await));
    notes.done("TerminateInstanceInAutoScalingGroup unknown", end("i-0123456789abcdef0", true).await);
    let instances = groups.describe_auto_scaling_instances().instance_ids(&first).send().await.expect("instances");
    let protected = instances.auto_scaling_instances()[0].protected_from_scale_in().unwrap_or_default();
    notes.see("DescribeAutoScalingInstances", protected);

    let pool = groups.put_warm_pool().auto_scaling_group_name("one").min_size(0).max_group_prepared_capacity(2);
    notes.done("PutWarmPool", pool.send().await);
    let shown_pool = groups.describe_warm_pool().auto_scaling_group_name("one").send().await.expect("a pool");
    let prepared = shown_pool.warm_pool_configuration().and_then(|it| it.max_group_prepared_capacity());
    notes.see("DescribeWarmPool", prepared.unwrap_or_default());
    let unpool = groups.delete_warm_pool().auto_scaling_group_name("one").force_delete(true).send().await;
    notes.done("DeleteWarmPool", unpool);
    let delete = |force| groups.delete_auto_scaling_group().auto_scaling_group_name("one").force_delete(force).send();
    notes.done("DeleteAutoScalingGroup with instances", delete(false).await);
    if notes.seen["groups/DeleteAutoScalingGroup with instances"] != "ok" {
        delete(true).await.expect("deleted");
    }
    side.settle(120).await;
    let left = groups.describe_auto_scaling_groups().auto_scaling_group_names("one").send().await.expect("groups");
    notes.see("DeleteAutoScalingGroup shown", left.auto_scaling_groups().len());
}
