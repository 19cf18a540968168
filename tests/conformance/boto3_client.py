"""Drives a sandbox through boto3, a client that nobody of this project wrote.

Usage: boto3_client.py ENDPOINT. Every answer goes through botocore's parsers. Errors are compared by code. The first
difference ends the script with a message and exit code 1. The account is the example fleet's, with time at least 600
times as fast as the clock.
"""

import sys
import time

import boto3
import botocore.config
import botocore.exceptions

ENDPOINT = sys.argv[1]
IMAGE = "ami-0330600000000000a"


def client(service):
    return boto3.client(
        service,
        endpoint_url=ENDPOINT,
        region_name="eu-west-3",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=botocore.config.Config(retries={"max_attempts": 1}),
    )


def refused(code, call, **parameters):
    try:
        answer = call(**parameters)
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]["Code"]
        assert found == code, f"expected {code}, got {found}: {error}"
        assert "Message" in error.response["Error"], error
        return
    raise AssertionError(f"expected {code}, got {answer}")


def eventually(what, predicate):
    for _ in range(200):
        if predicate():
            return
        time.sleep(0.05)
    raise AssertionError(f"never: {what}")


def tags(kind, **values):
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in values.items()]}]


def network(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tags("vpc", Name="boto <&> 3"))["Vpc"]["VpcId"]
    found = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["boto*"]}])["Vpcs"]
    assert [it["VpcId"] for it in found] == [vpc], found
    assert found[0]["Tags"] == [{"Key": "Name", "Value": "boto <&> 3"}], found
    refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    shown = ec2.describe_vpc_attribute(VpcId=vpc, Attribute="enableDnsHostnames")
    assert shown["EnableDnsHostnames"]["Value"] is True, shown
    subnets = []
    for number, zone in enumerate("abc"):
        made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"eu-west-3{zone}")
        subnets.append(made["Subnet"]["SubnetId"])
    refused("InvalidSubnet.Conflict", ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.0.0/25")
    refused("DryRunOperation", ec2.delete_subnet, SubnetId=subnets[0], DryRun=True)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    attached = ec2.describe_internet_gateways(InternetGatewayIds=[gateway])["InternetGateways"][0]
    assert attached["Attachments"] == [{"State": "available", "VpcId": vpc}], attached
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]
    assert nat["State"] == "pending" and nat["NatGatewayAddresses"][0]["AllocationId"] == address, nat
    nat = nat["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    assert ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]["AssociationId"]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[1])["AssociationId"]
    shown = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    assert {it["State"] for it in shown["Routes"]} == {"active"}, shown
    assert shown["Associations"][0]["RouteTableAssociationId"] == association, shown
    return vpc, subnets, gateway, address, nat, table, association


def groups_and_interfaces(ec2, vpc, subnet):
    group = ec2.create_security_group(GroupName="nodes", Description="boto3", VpcId=vpc)["GroupId"]
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    permission["IpRanges"] = [{"CidrIp": "10.0.0.0/8", "Description": "inside"}]
    permission["UserIdGroupPairs"] = [{"GroupId": group}]
    made = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert made["Return"] is True and len(made["SecurityGroupRules"]) == 2, made
    refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[permission])
    shown = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    assert len(shown) == 1 and shown[0]["FromPort"] == 443, shown
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])
    assert len(rules["SecurityGroupRules"]) == 3, rules
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])
    interface = ec2.create_network_interface(SubnetId=subnet, Groups=[group], Description="fixed")["NetworkInterface"]
    refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
    shown = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface["NetworkInterfaceId"]])
    assert shown["NetworkInterfaces"][0]["PrivateIpAddress"] == interface["PrivateIpAddress"], shown
    return group, interface["NetworkInterfaceId"]


def machines(ec2, interface):
    volume = ec2.create_volume(AvailabilityZone="eu-west-3a", Size=20, VolumeType="gp3", Encrypted=True)
    assert volume["State"] == "creating" and volume["Iops"] == 3000 and volume["KmsKeyId"], volume
    volume = volume["VolumeId"]
    data = {
        "ImageId": IMAGE,
        "InstanceType": "m5.large",
        "UserData": "aGVsbG8=",
        "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": interface}],
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp3", "Encrypted": True}}],
        "TagSpecifications": tags("instance", role="member"),
    }
    template = ec2.create_launch_template(LaunchTemplateName="member", LaunchTemplateData=data)["LaunchTemplate"]
    version = ec2.describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"]
    )["LaunchTemplateVersions"][0]
    shown = version["LaunchTemplateData"]
    for part in [shown, *shown["NetworkInterfaces"]]:
        for name in [name for name, value in part.items() if value == []]:
            del part[name]
    assert shown == data, shown
    specification = {"LaunchTemplateName": "member", "Version": "$Default"}
    run = ec2.run_instances(LaunchTemplate=specification, MinCount=1, MaxCount=1, ClientToken="one")
    instance = run["Instances"][0]["InstanceId"]
    again = ec2.run_instances(LaunchTemplate=specification, MinCount=1, MaxCount=1, ClientToken="one")
    assert again["Instances"][0]["InstanceId"] == instance, again
    ec2.get_waiter("instance_running").wait(InstanceIds=[instance], WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    shown = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert shown["NetworkInterfaces"][0]["NetworkInterfaceId"] == interface, shown
    assert shown["MetadataOptions"]["HttpTokens"] == "required", shown
    assert shown["Placement"]["AvailabilityZone"] == "eu-west-3a", shown
    ec2.describe_instance_status(InstanceIds=[instance])
    ec2.attach_volume(VolumeId=volume, InstanceId=instance, Device="/dev/xvdb")
    refused("VolumeInUse", ec2.delete_volume, VolumeId=volume)
    ec2.detach_volume(VolumeId=volume)
    ec2.delete_volume(VolumeId=volume)
    ec2.terminate_instances(InstanceIds=[instance])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[instance], WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    ec2.delete_launch_template(LaunchTemplateId=template["LaunchTemplateId"])


def catalogue(ec2):
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [it["ZoneName"] for it in zones] == ["eu-west-3a", "eu-west-3b", "eu-west-3c"], zones
    assert ec2.describe_regions()["Regions"][0]["RegionName"] == "eu-west-3"
    images = ec2.describe_images(Owners=["self"], Filters=[{"Name": "architecture", "Values": ["x86_64"]}])["Images"]
    assert IMAGE in [it["ImageId"] for it in images], images
    types = list(ec2.get_paginator("describe_instance_types").paginate(PaginationConfig={"PageSize": 100}))
    names = [it["InstanceType"] for page in types for it in page["InstanceTypes"]]
    assert len(types) > 3 and len(names) == len(set(names)) and "m5.large" in names
    ec2.describe_instance_type_offerings(LocationType="availability-zone")
    ec2.describe_account_attributes()
    refused("InvalidParameterValue", ec2.describe_vpcs, Filters=[{"Name": "no-such", "Values": ["1"]}])
    refused("InvalidAction", ec2.describe_fpga_images)
    refused("UnknownParameter", ec2.create_vpc, CidrBlock="10.9.0.0/16", Ipv4IpamPoolId="ipam-pool-1")


def other_services():
    identity = client("sts").get_caller_identity()
    assert identity["Account"] == "123456789012", identity
    iam = client("iam")
    trust = '{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}'
    policy = '{"Version":"2012-10-17","Statement":[' + trust + "]}"
    allow = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}]}'
    iam.create_role(RoleName="boto3", AssumeRolePolicyDocument=policy, Tags=[{"Key": "a", "Value": "b"}])
    refused("EntityAlreadyExists", iam.create_role, RoleName="boto3", AssumeRolePolicyDocument=policy)
    # botocore decodes documents: they must be URL-encoded JSON.
    shown = iam.get_role(RoleName="boto3")["Role"]
    assert shown["AssumeRolePolicyDocument"]["Version"] == "2012-10-17" and shown["Tags"][0]["Key"] == "a", shown
    details = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert any(it["RoleName"] == "boto3" for it in details), details
    refused("NoSuchEntity", iam.get_role, RoleName="none")
    iam.put_role_policy(RoleName="boto3", PolicyName="p", PolicyDocument=allow)
    iam.create_instance_profile(InstanceProfileName="boto3")
    iam.add_role_to_instance_profile(InstanceProfileName="boto3", RoleName="boto3")
    refused("DeleteConflict", iam.delete_role, RoleName="boto3")
    iam.remove_role_from_instance_profile(InstanceProfileName="boto3", RoleName="boto3")
    iam.delete_instance_profile(InstanceProfileName="boto3")
    iam.delete_role_policy(RoleName="boto3", PolicyName="p")
    iam.delete_role(RoleName="boto3")
    route53 = client("route53")
    zones = route53.list_hosted_zones_by_name(DNSName="k8s.foo.bar")["HostedZones"]
    zone = zones[0]["Id"]
    record = {"Name": "boto3.k8s.foo.bar", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}
    change = route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    )["ChangeInfo"]
    eventually("in sync", lambda: route53.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC")
    shown = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    assert any(it["Name"] == "boto3.k8s.foo.bar." for it in shown), shown
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    refused("InvalidChangeBatch", route53.change_resource_record_sets, HostedZoneId=zone, ChangeBatch=batch)
    route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "DELETE", "ResourceRecordSet": record}]}
    )
    pages_of_records(route53)
    ssm = client("ssm")
    ssm.put_parameter(Name="/boto3/s", Value="v", Type="SecureString")
    assert ssm.get_parameter(Name="/boto3/s", WithDecryption=True)["Parameter"]["Value"] == "v"
    ssm.delete_parameter(Name="/boto3/s")
    ssm.put_parameter(Name="/boto3/a", Value="1", Type="String")
    assert ssm.get_parameter(Name="/boto3/a")["Parameter"]["Value"] == "1"
    refused("ParameterAlreadyExists", ssm.put_parameter, Name="/boto3/a", Value="2", Type="String")
    ssm.delete_parameter(Name="/boto3/a")
    refused("ParameterNotFound", ssm.get_parameter, Name="/boto3/a")


def pages_of_records(route53):
    zone = route53.create_hosted_zone(Name="boto3.example", CallerReference="boto3")["HostedZone"]["Id"]
    record = {"Name": "*.boto3.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.1"}]}

    def change(action):
        batch = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)

    change("CREATE")
    pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 1})
    names = [it["Name"] for page in pages for it in page["ResourceRecordSets"]]
    assert names == ["boto3.example.", "boto3.example.", "\\052.boto3.example."], names
    change("DELETE")
    route53.delete_hosted_zone(Id=zone)


def balancer(vpc, subnets, autoscaling):
    balancing = client("elbv2")
    balancer = balancing.create_load_balancer(Name="api", Type="network", Scheme="internal", Subnets=subnets)
    balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"]
    target = balancing.create_target_group(Name="api", Protocol="TCP", Port=6443, VpcId=vpc, TargetType="instance")
    target = target["TargetGroups"][0]["TargetGroupArn"]
    action = {"Type": "forward", "TargetGroupArn": target}
    listener = balancing.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=443, DefaultActions=[action])
    autoscaling.attach_load_balancer_target_groups(AutoScalingGroupName="nodes", TargetGroupARNs=[target])

    def health():
        shown = balancing.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
        return [it["TargetHealth"]["State"] for it in shown]

    eventually("two healthy targets", lambda: health() == ["healthy", "healthy"])
    state = balancing.describe_load_balancers(Names=["api"])["LoadBalancers"][0]["State"]
    assert state["Code"] == "active", state
    refused("ResourceInUse", balancing.delete_target_group, TargetGroupArn=target)
    autoscaling.detach_load_balancer_target_groups(AutoScalingGroupName="nodes", TargetGroupARNs=[target])
    balancing.delete_listener(ListenerArn=listener["Listeners"][0]["ListenerArn"])
    balancing.delete_load_balancer(LoadBalancerArn=balancer)
    balancing.delete_target_group(TargetGroupArn=target)


def group_with_balancer(ec2, vpc, subnets):
    autoscaling = client("autoscaling")
    data = {"ImageId": IMAGE, "InstanceType": "m5.large"}
    ec2.create_launch_template(LaunchTemplateName="nodes", LaunchTemplateData=data)
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="nodes",
        MinSize=2,
        MaxSize=3,
        LaunchTemplate={"LaunchTemplateName": "nodes", "Version": "$Default"},
        VPCZoneIdentifier=",".join(subnets),
        Tags=[{"Key": "team", "Value": "boto3", "PropagateAtLaunch": True}],
    )

    def members():
        group = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["nodes"])["AutoScalingGroups"][0]
        return [it for it in group["Instances"] if it["LifecycleState"] == "InService"]

    eventually("two members in service", lambda: len(members()) == 2)
    activities = autoscaling.describe_scaling_activities(AutoScalingGroupName="nodes")["Activities"]
    assert {it["StatusCode"] for it in activities} == {"Successful"}, activities
    autoscaling.put_scheduled_update_group_action(
        AutoScalingGroupName="nodes", ScheduledActionName="s", Recurrence="0 7 * * *", TimeZone="Europe/Paris", MinSize=0
    )
    actions = autoscaling.describe_scheduled_actions(AutoScalingGroupName="nodes")["ScheduledUpdateGroupActions"]
    assert [it["TimeZone"] for it in actions] == ["Europe/Paris"], actions
    autoscaling.suspend_processes(AutoScalingGroupName="nodes", ScalingProcesses=["AZRebalance"])
    shown = autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["nodes"])["AutoScalingGroups"][0]
    assert [it["ProcessName"] for it in shown["SuspendedProcesses"]] == ["AZRebalance"], shown
    refused("ValidationError", autoscaling.set_desired_capacity, AutoScalingGroupName="nodes", DesiredCapacity=9)
    balancer(vpc, subnets, autoscaling)
    refused("ResourceInUse", autoscaling.delete_auto_scaling_group, AutoScalingGroupName="nodes")
    autoscaling.delete_auto_scaling_group(AutoScalingGroupName="nodes", ForceDelete=True)
    gone = lambda: not autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=["nodes"])["AutoScalingGroups"]
    eventually("the group is gone", gone)
    ec2.delete_launch_template(LaunchTemplateName="nodes")


def main():
    ec2 = client("ec2")
    catalogue(ec2)
    other_services()
    vpc, subnets, gateway, address, nat, table, association = network(ec2)
    group, interface = groups_and_interfaces(ec2, vpc, subnets[0])
    machines(ec2, interface)
    group_with_balancer(ec2, vpc, subnets)
    refused("DependencyViolation", ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_nat_gateway(NatGatewayId=nat)
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[nat], WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    ec2.release_address(AllocationId=address)
    ec2.disassociate_route_table(AssociationId=association)
    ec2.delete_route_table(RouteTableId=table)
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_security_group(GroupId=group)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.delete_internet_gateway(InternetGatewayId=gateway)

    def deleted(subnet):
        try:
            ec2.delete_subnet(SubnetId=subnet)
        except botocore.exceptions.ClientError as error:
            # Instances and load balancers give their interfaces back a while after they are gone.
            assert error.response["Error"]["Code"] == "DependencyViolation", error
            return False
        return True

    for subnet in subnets:
        eventually(f"{subnet} is free", lambda: deleted(subnet))
    ec2.delete_vpc(VpcId=vpc)
    print("ok")


main()
