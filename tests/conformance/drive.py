"""Drives an endpoint with boto3: a client that nobody here wrote parses every answer.

Usage: drive.py ENDPOINT. Ends with 0 when every call was understood and answered as expected.
"""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ZONE = "eu-west-3a"


def main(endpoint):
    def client(service):
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name="eu-west-3",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )

    def refused(code, call, **arguments):
        try:
            call(**arguments)
        except ClientError as error:
            assert error.response["Error"]["Code"] == code, error
            return
        raise AssertionError(f"expected {code}")

    def wait(what, ready):
        for _ in range(100):
            if ready():
                return
            time.sleep(0.2)
        raise AssertionError(f"waited in vain for {what}")

    sts, ec2, groups = client("sts"), client("ec2"), client("autoscaling")
    elb, route53, iam, ssm = client("elbv2"), client("route53"), client("iam"), client("ssm")
    account = sts.get_caller_identity()["Account"]
    assert len(account) == 12

    tags = [{"Key": "Name", "Value": "a & b"}]
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16", TagSpecifications=[{"ResourceType": "vpc", "Tags": tags}])["Vpc"]
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.77.1.0/24", AvailabilityZone=ZONE)["Subnet"]
    found = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["a & b"]}])["Vpcs"]
    assert [it["VpcId"] for it in found] == [vpc["VpcId"]]
    refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-0123456789abcdef0"])
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc["VpcId"])["GroupId"]
    image = ec2.describe_images(Owners=[account])["Images"][0]["ImageId"]
    ec2.create_launch_template(
        LaunchTemplateName="drive",
        LaunchTemplateData={"ImageId": image, "InstanceType": "m5.large", "SecurityGroupIds": [group]},
    )

    trust = (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        '"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
    )
    iam.create_role(RoleName="drive", AssumeRolePolicyDocument=trust, Tags=[{"Key": "k", "Value": "v"}])
    # botocore decodes documents, which must therefore be URL-encoded JSON.
    assert iam.get_role(RoleName="drive")["Role"]["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
    iam.create_instance_profile(InstanceProfileName="drive")
    iam.add_role_to_instance_profile(InstanceProfileName="drive", RoleName="drive")
    details = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert any(it["RoleName"] == "drive" for it in details)
    refused("NoSuchEntity", iam.get_role, RoleName="none")

    groups.create_auto_scaling_group(
        AutoScalingGroupName="drive",
        LaunchTemplate={"LaunchTemplateName": "drive", "Version": "$Default"},
        MinSize=0,
        MaxSize=2,
        DesiredCapacity=1,
        VPCZoneIdentifier=subnet["SubnetId"],
        Tags=[{"Key": "k", "Value": "v", "PropagateAtLaunch": True}],
    )

    def described():
        return groups.describe_auto_scaling_groups(AutoScalingGroupNames=["drive"])["AutoScalingGroups"]

    wait("an instance", lambda: [it for it in described()[0]["Instances"] if it["LifecycleState"] == "InService"])
    assert groups.describe_scaling_activities(AutoScalingGroupName="drive")["Activities"][0]["StatusCode"] == "Successful"
    groups.put_scheduled_update_group_action(
        AutoScalingGroupName="drive", ScheduledActionName="s", Recurrence="0 7 * * *", TimeZone="Europe/Paris", MinSize=0
    )
    action = groups.describe_scheduled_actions(AutoScalingGroupName="drive")["ScheduledUpdateGroupActions"][0]
    assert action["TimeZone"] == "Europe/Paris"
    groups.suspend_processes(AutoScalingGroupName="drive", ScalingProcesses=["AZRebalance"])
    assert described()[0]["SuspendedProcesses"][0]["ProcessName"] == "AZRebalance"
    refused("ValidationError", groups.set_desired_capacity, AutoScalingGroupName="drive", DesiredCapacity=9)

    balancer = elb.create_load_balancer(
        Name="drive", Type="network", Scheme="internal", Subnets=[subnet["SubnetId"]], SecurityGroups=[group]
    )["LoadBalancers"][0]
    targets = elb.create_target_group(Name="drive", Protocol="TCP", Port=6443, VpcId=vpc["VpcId"])["TargetGroups"][0]
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Protocol="TCP",
        Port=443,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": targets["TargetGroupArn"]}],
    )
    groups.attach_load_balancer_target_groups(AutoScalingGroupName="drive", TargetGroupARNs=[targets["TargetGroupArn"]])

    def health():
        answer = elb.describe_target_health(TargetGroupArn=targets["TargetGroupArn"])
        return [it["TargetHealth"]["State"] for it in answer["TargetHealthDescriptions"]]

    wait("a healthy target", lambda: health() == ["healthy"])
    state = elb.describe_load_balancers(Names=["drive"])["LoadBalancers"][0]["State"]["Code"]
    assert state == "active"

    zone = route53.create_hosted_zone(Name="drive.example", CallerReference="drive")["HostedZone"]["Id"]

    def change(action, value):
        record = {"Name": "*.drive.example", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": value}]}
        return route53.change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        )["ChangeInfo"]

    made = change("CREATE", "10.0.0.1")
    refused("InvalidChangeBatch", lambda: change("CREATE", "10.0.0.1"))
    wait("a change in sync", lambda: route53.get_change(Id=made["Id"])["ChangeInfo"]["Status"] == "INSYNC")
    pages = route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone, PaginationConfig={"PageSize": 1})
    names = [record["Name"] for page in pages for record in page["ResourceRecordSets"]]
    assert names == ["drive.example.", "drive.example.", "\\052.drive.example."], names
    change("DELETE", "10.0.0.1")
    route53.delete_hosted_zone(Id=zone)

    ssm.put_parameter(Name="/drive/a", Value="v", Type="SecureString")
    assert ssm.get_parameter(Name="/drive/a", WithDecryption=True)["Parameter"]["Value"] == "v"
    refused("ParameterNotFound", ssm.get_parameter, Name="/none")

    groups.delete_auto_scaling_group(AutoScalingGroupName="drive", ForceDelete=True)
    wait("the group's end", lambda: not described())
    elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    elb.delete_target_group(TargetGroupArn=targets["TargetGroupArn"])


main(sys.argv[1])
