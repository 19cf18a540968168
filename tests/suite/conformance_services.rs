//! Sequences of load balancing, Route 53, IAM, the parameter store and STS.

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, LoadBalancerAttribute, LoadBalancerSchemeEnum, LoadBalancerTypeEnum, ProtocolEnum, Tag,
    TargetGroupAttribute,
};
use aws_sdk_route53::types::{Change, ChangeAction, ChangeBatch, ResourceRecord, ResourceRecordSet, RrType};
use aws_sdk_ssm::types::ParameterType;

use crate::conformance::{Notes, Side, joined};
use crate::conformance_network::network;

pub async fn load_balancing(side: &Side, notes: &mut Notes) {
    let elb = &side.balancing;
    notes.begin("load balancing");
    let network = network(side, "10.55").await;
    let create = |name: &str| {
        let request = elb.create_load_balancer().name(name).r#type(LoadBalancerTypeEnum::Network);
        let request = request.scheme(LoadBalancerSchemeEnum::Internal).set_subnets(Some(network.subnets.to_vec()));
        request.tags(Tag::builder().key("team").value("video").build()).send()
    };
    let made = notes.done("CreateLoadBalancer", create("api").await).expect("made");
    let balancer = made.load_balancers()[0].clone();
    let arn = balancer.load_balancer_arn().expect("an ARN").to_owned();
    notes.see("CreateLoadBalancer ARN of a network balancer", arn.contains("loadbalancer/net/api/"));
    notes.see("CreateLoadBalancer zone", balancer.canonical_hosted_zone_id().unwrap_or_default());
    let again = create("api").await.expect("made");
    notes.see("CreateLoadBalancer again", again.load_balancers()[0].load_balancer_arn() == Some(arn.as_str()));
    notes.done("CreateLoadBalancer long name", create(&"x".repeat(33)).await);
    side.settle(200).await;
    let shown = elb.describe_load_balancers().load_balancer_arns(&arn).send().await.expect("shown");
    let it = &shown.load_balancers()[0];
    let text = format!(
        "{:?} {:?} {}",
        it.scheme().map(|it| it.as_str()),
        it.state().and_then(|it| it.code()).map(|it| it.as_str()),
        it.availability_zones().len()
    );
    notes.see("DescribeLoadBalancers", text);
    notes.done("DescribeLoadBalancers unknown", elb.describe_load_balancers().names("none").send().await);
    let protect = |value: &str| {
        let attribute = LoadBalancerAttribute::builder().key("deletion_protection.enabled").value(value).build();
        elb.modify_load_balancer_attributes().load_balancer_arn(&arn).attributes(attribute).send()
    };
    notes.done("ModifyLoadBalancerAttributes", protect("true").await);
    let shown = elb.describe_load_balancer_attributes().load_balancer_arn(&arn).send().await.expect("attributes");
    let protected = shown.attributes().iter().find(|it| it.key() == Some("deletion_protection.enabled"));
    notes.see("DescribeLoadBalancerAttributes", protected.and_then(|it| it.value()).unwrap_or_default());

    let target = |port| {
        let request = elb.create_target_group().name("members").protocol(ProtocolEnum::Tcp).port(port);
        request.vpc_id(&network.vpc).send()
    };
    let made = notes.done("CreateTargetGroup", target(6443).await).expect("made");
    let group = made.target_groups()[0].target_group_arn().expect("an ARN").to_owned();
    notes.done("CreateTargetGroup again", target(6443).await);
    notes.done("CreateTargetGroup other port", target(6444).await);
    let modify = elb.modify_target_group().target_group_arn(&group).health_check_interval_seconds(10).send().await;
    notes.done("ModifyTargetGroup", modify);
    let shown = elb.describe_target_groups().target_group_arns(&group).send().await.expect("groups");
    let it = &shown.target_groups()[0];
    let text = format!(
        "{:?} {:?} {:?}",
        it.port(),
        it.health_check_interval_seconds(),
        it.health_check_protocol().map(|it| it.as_str())
    );
    notes.see("DescribeTargetGroups", text);
    let attribute = TargetGroupAttribute::builder().key("deregistration_delay.timeout_seconds").value("30").build();
    let modify = elb.modify_target_group_attributes().target_group_arn(&group).attributes(attribute).send().await;
    notes.done("ModifyTargetGroupAttributes", modify);
    let shown = elb.describe_target_group_attributes().target_group_arn(&group).send().await.expect("attributes");
    let delay = shown.attributes().iter().find(|it| it.key() == Some("deregistration_delay.timeout_seconds"));
    notes.see("DescribeTargetGroupAttributes", delay.and_then(|it| it.value()).unwrap_or_default());

    let listen = |port| {
        let action = Action::builder().r#type(ActionTypeEnum::Forward).target_group_arn(&group).build();
        let request = elb.create_listener().load_balancer_arn(&arn).protocol(ProtocolEnum::Tcp).port(port);
        request.default_actions(action).send()
    };
    let made = notes.done("CreateListener", listen(443).await).expect("made");
    let listener = made.listeners()[0].listener_arn().expect("an ARN").to_owned();
    notes.done("ModifyListener", elb.modify_listener().listener_arn(&listener).port(6443).send().await);
    let shown = elb.describe_listeners().load_balancer_arn(&arn).send().await.expect("listeners");
    notes
        .see("DescribeListeners", joined(shown.listeners().iter().map(|it| it.port().unwrap_or_default().to_string())));
    notes.done("DescribeTargetHealth", elb.describe_target_health().target_group_arn(&group).send().await);
    let unknown = aws_sdk_elasticloadbalancingv2::types::TargetDescription::builder().id("i-0123456789abcdef0").build();
    let register = elb.register_targets().target_group_arn(&group).targets(unknown.clone()).send().await;
    notes.done("RegisterTargets unknown", register);
    let deregister = elb.deregister_targets().target_group_arn(&group).targets(unknown).send().await;
    notes.done("DeregisterTargets", deregister);
    let tag = Tag::builder().key("cost").value("1").build();
    notes.done("AddTags", elb.add_tags().resource_arns(&arn).tags(tag).send().await);
    notes.done("RemoveTags", elb.remove_tags().resource_arns(&arn).tag_keys("team").send().await);
    let shown = elb.describe_tags().resource_arns(&arn).send().await.expect("tags");
    notes.see("DescribeTags", joined(shown.tag_descriptions()[0].tags().iter().filter_map(|it| it.key())));

    notes.done("DeleteTargetGroup used", elb.delete_target_group().target_group_arn(&group).send().await);
    notes.done("DeleteListener", elb.delete_listener().listener_arn(&listener).send().await);
    notes.done("DeleteTargetGroup", elb.delete_target_group().target_group_arn(&group).send().await);
    notes.done("DeleteLoadBalancer protected", elb.delete_load_balancer().load_balancer_arn(&arn).send().await);
    if notes.seen["load balancing/DeleteLoadBalancer protected"] != "ok" {
        protect("false").await.expect("open");
    }
    notes.done("DeleteLoadBalancer", elb.delete_load_balancer().load_balancer_arn(&arn).send().await);
}

fn record(name: &str, value: &str, weight: Option<(&str, i64)>) -> ResourceRecordSet {
    let value = ResourceRecord::builder().value(value).build().expect("a value");
    let set = ResourceRecordSet::builder().name(name).r#type(RrType::A).ttl(60).resource_records(value);
    let set = match weight {
        Some((identifier, weight)) => set.set_identifier(identifier).weight(weight),
        None => set,
    };
    set.build().expect("a record")
}

pub async fn names(side: &Side, notes: &mut Notes) {
    let route53 = &side.route53;
    notes.begin("names");
    let create =
        |name: &str, reference: &str| route53.create_hosted_zone().name(name).caller_reference(reference).send();
    let made = notes.done("CreateHostedZone", create("conformance.example", "one").await).expect("made");
    let zone = made.hosted_zone().expect("a zone").id().to_owned();
    notes.see(
        "CreateHostedZone change",
        made.change_info().map(|it| it.status().as_str().to_owned()).unwrap_or_default(),
    );
    notes.done("CreateHostedZone same reference", create("conformance.example", "one").await);
    notes.done("CreateHostedZone bad name", create("bad..example", "two").await);
    let change = |changes: Vec<(ChangeAction, ResourceRecordSet)>| {
        let changes = changes
            .into_iter()
            .map(|(action, set)| Change::builder().action(action).resource_record_set(set).build().expect("a change"));
        let batch = ChangeBatch::builder().set_changes(Some(changes.collect())).build().expect("a batch");
        route53.change_resource_record_sets().hosted_zone_id(&zone).change_batch(batch).send()
    };
    let api = |value: &str| record("api.conformance.example", value, None);
    let blue = |weight| record("w.conformance.example", "10.0.0.1", Some(("blue", weight)));
    use ChangeAction::{Create, Delete, Upsert};
    let made = notes.done("ChangeResourceRecordSets", change(vec![(Create, api("10.0.0.1"))]).await);
    let id = made.and_then(|it| it.change_info).map(|it| it.id).expect("a change");
    side.settle(60).await;
    let seen = route53.get_change().id(id).send().await.expect("a change");
    notes.see("GetChange", seen.change_info().map(|it| it.status().as_str().to_owned()).unwrap_or_default());
    notes.done("ChangeResourceRecordSets create again", change(vec![(Create, api("10.0.0.9"))]).await);
    notes.done("ChangeResourceRecordSets upsert", change(vec![(Upsert, api("10.0.0.2"))]).await);
    notes.done("ChangeResourceRecordSets weights", change(vec![(Create, blue(10)), (Upsert, blue(20))]).await);
    notes.done("ChangeResourceRecordSets weighted", change(vec![(Upsert, blue(20))]).await);
    notes.done(
        "ChangeResourceRecordSets heavy",
        change(vec![(Upsert, record("h.conformance.example", "10.0.0.1", Some(("a", 300))))]).await,
    );
    let outside = record("api.other.example", "10.0.0.1", None);
    let good = record("good.conformance.example", "10.0.0.1", None);
    notes.done("ChangeResourceRecordSets outside", change(vec![(Create, good), (Create, outside)]).await);
    notes.done(
        "ChangeResourceRecordSets wildcard",
        change(vec![(Upsert, record("*.conformance.example", "10.0.0.3", None))]).await,
    );
    let shown = route53.list_resource_record_sets().hosted_zone_id(&zone).send().await.expect("records");
    let shown =
        shown.resource_record_sets().iter().filter(|it| it.r#type() == &RrType::A).map(|it| it.name().to_owned());
    notes.see("ListResourceRecordSets", joined(shown));
    notes.done("ChangeResourceRecordSets delete wrong", change(vec![(Delete, api("10.9.9.9"))]).await);
    notes.done("ChangeResourceRecordSets delete", change(vec![(Delete, api("10.0.0.2"))]).await);
    let listed = route53.list_hosted_zones_by_name().dns_name("conformance.example").max_items(1).send().await;
    notes.see(
        "ListHostedZonesByName",
        joined(listed.expect("zones").hosted_zones().iter().map(|it| it.name().to_owned())),
    );
    let tag = aws_sdk_route53::types::Tag::builder().key("team").value("video").build();
    let kind = aws_sdk_route53::types::TagResourceType::Hostedzone;
    let bare = zone.trim_start_matches("/hostedzone/").to_owned();
    let tagged = route53.change_tags_for_resource().resource_type(kind.clone()).resource_id(&bare).add_tags(tag);
    notes.done("ChangeTagsForResource", tagged.send().await);
    let tags = route53.list_tags_for_resource().resource_type(kind).resource_id(&bare).send().await.expect("tags");
    let tags = tags.resource_tag_set().expect("tags");
    notes.see("ListTagsForResource", joined(tags.tags().iter().filter_map(|it| it.key())));
    notes.done("DeleteHostedZone with records", route53.delete_hosted_zone().id(&zone).send().await);
    notes.done("GetHostedZone unknown", route53.get_hosted_zone().id("Z00000000000000000000").send().await);
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}"#;

pub async fn access(side: &Side, notes: &mut Notes) {
    let iam = &side.iam;
    notes.begin("access");
    let tag = || aws_sdk_iam::types::Tag::builder().key("team").value("video").build().expect("a tag");
    let create = |trust: &str| {
        let request = iam.create_role().role_name("node").path("/windlass/c/").assume_role_policy_document(trust);
        request.tags(tag()).send()
    };
    notes.done("CreateRole malformed", create("{").await);
    if notes.seen["access/CreateRole malformed"] == "ok" {
        iam.delete_role().role_name("node").send().await.expect("deleted");
    }
    notes.done("CreateRole", create(TRUST).await);
    notes.done("CreateRole again", create(TRUST).await);
    let shown = iam.get_role().role_name("node").send().await.expect("a role");
    let role = shown.role().expect("a role");
    notes.see("GetRole", format!("{} {}", role.path(), joined(role.tags().iter().map(|it| it.key().to_owned()))));
    notes.done("GetRole unknown", iam.get_role().role_name("none").send().await);
    let put = iam.put_role_policy().role_name("node").policy_name("p").policy_document(POLICY).send().await;
    notes.done("PutRolePolicy", put);
    let managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    notes.done("AttachRolePolicy", iam.attach_role_policy().role_name("node").policy_arn(managed).send().await);
    let unknown =
        iam.attach_role_policy().role_name("node").policy_arn("arn:aws:iam::aws:policy/NoSuchThing").send().await;
    notes.done("AttachRolePolicy unknown", unknown);
    notes.done("TagRole", iam.tag_role().role_name("node").tags(tag()).send().await);
    notes.done("UntagRole", iam.untag_role().role_name("node").tag_keys("team").send().await);
    let trust = iam.update_assume_role_policy().role_name("node").policy_document(TRUST).send().await;
    notes.done("UpdateAssumeRolePolicy", trust);
    let profile =
        || iam.create_instance_profile().instance_profile_name("node").path("/windlass/c/").tags(tag()).send();
    notes.done("CreateInstanceProfile", profile().await);
    notes.done("CreateInstanceProfile again", profile().await);
    let add = || iam.add_role_to_instance_profile().instance_profile_name("node").role_name("node").send();
    notes.done("AddRoleToInstanceProfile", add().await);
    notes.done("AddRoleToInstanceProfile again", add().await);
    let shown = iam.get_instance_profile().instance_profile_name("node").send().await.expect("a profile");
    let profile = shown.instance_profile().expect("a profile");
    notes.see("GetInstanceProfile", joined(profile.roles().iter().map(|it| it.role_name().to_owned())));
    let listed = iam.list_instance_profiles().path_prefix("/windlass/").send().await.expect("profiles");
    notes.see("ListInstanceProfiles", listed.instance_profiles().len());
    let listed = iam.list_roles().path_prefix("/windlass/").send().await.expect("roles");
    notes.see("ListRoles", joined(listed.roles().iter().map(|it| it.role_name().to_owned())));
    let details = iam.get_account_authorization_details().filter(aws_sdk_iam::types::EntityType::Role).send().await;
    let details = details.expect("details");
    let role = details.role_detail_list().iter().find(|it| it.role_name() == Some("node")).expect("the role");
    let text = format!(
        "{} {} {}",
        role.role_policy_list().len(),
        role.attached_managed_policies().len(),
        role.instance_profile_list().len()
    );
    notes.see("GetAccountAuthorizationDetails", text);
    let tags = iam.tag_instance_profile().instance_profile_name("node").tags(tag()).send().await;
    notes.done("TagInstanceProfile", tags);
    let untag = iam.untag_instance_profile().instance_profile_name("node").tag_keys("team").send().await;
    notes.done("UntagInstanceProfile", untag);
    notes.done("DeleteRole in use", iam.delete_role().role_name("node").send().await);
    notes
        .done("DeleteInstanceProfile in use", iam.delete_instance_profile().instance_profile_name("node").send().await);
    let remove = iam.remove_role_from_instance_profile().instance_profile_name("node").role_name("node").send().await;
    notes.done("RemoveRoleFromInstanceProfile", remove);
    notes.done("DeleteInstanceProfile", iam.delete_instance_profile().instance_profile_name("node").send().await);
    notes.done("DeleteRole with policies", iam.delete_role().role_name("node").send().await);
    notes.done("DetachRolePolicy", iam.detach_role_policy().role_name("node").policy_arn(managed).send().await);
    notes.done("DeleteRolePolicy", iam.delete_role_policy().role_name("node").policy_name("p").send().await);
    notes.done("DeleteRole", iam.delete_role().role_name("node").send().await);
    notes.done("DeleteRole again", iam.delete_role().role_name("node").send().await);
}

pub async fn parameters(side: &Side, notes: &mut Notes) {
    let ssm = &side.ssm;
    notes.begin("parameters");
    let identity = side.sts.get_caller_identity().send().await.expect("an identity");
    notes.see("GetCallerIdentity", identity.account().unwrap_or_default());
    let put =
        |name: &str, value: &str| ssm.put_parameter().name(name).value(value).r#type(ParameterType::String).send();
    notes.done("PutParameter", put("/conformance/a", "v").await);
    notes.done("PutParameter again", put("/conformance/a", "v").await);
    notes.done("PutParameter too large", put("/conformance/b", &"x".repeat(4097)).await);
    let shown = ssm.get_parameter().name("/conformance/a").send().await.expect("a parameter");
    notes.see("GetParameter", shown.parameter().and_then(|it| it.value()).unwrap_or_default());
    notes.done("GetParameter unknown", ssm.get_parameter().name("/none").send().await);
    let shown = ssm.get_parameters().names("/conformance/a").names("/none").send().await.expect("parameters");
    notes.see(
        "GetParameters",
        format!("{} {}", shown.parameters().len(), joined(shown.invalid_parameters().iter().cloned())),
    );
    let shown = ssm.get_parameters_by_path().path("/conformance").send().await.expect("parameters");
    notes.see("GetParametersByPath", shown.parameters().iter().any(|it| it.name() == Some("/conformance/a")));
    notes.done("DeleteParameter", ssm.delete_parameter().name("/conformance/a").send().await);
    notes.done("DeleteParameter again", ssm.delete_parameter().name("/conformance/a").send().await);
}
