//! What an instance is launched with: the data of a launch template version, and the same words in RunInstances.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::super::wire::{Parameters, Refusal, Xml};
use super::object::{self, Tags};

/// User data before base64 (Amazon EC2 user guide, instance user data).
const USER_DATA_LIMIT: usize = 16 * 1024;

/// What to launch. Everything may be missing, to be said by somebody else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchData {
    /// `ami-…`.
    pub image: Option<String>,
    /// The instance type.
    pub instance_type: Option<String>,
    /// The key pair.
    pub key_name: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// EBS-optimized.
    pub ebs_optimized: Option<bool>,
    /// Name or ARN of the instance profile.
    pub instance_profile: Option<Profile>,
    /// Disks.
    pub block_devices: Vec<BlockDevice>,
    /// Interfaces.
    pub interfaces: Vec<Interface>,
    /// Security groups, where no interface names them.
    pub security_groups: Vec<String>,
    /// The metadata service.
    pub metadata: BTreeMap<String, String>,
    /// Detailed monitoring.
    pub monitoring: Option<bool>,
    /// Tags by type of resource.
    pub tags: BTreeMap<String, Tags>,
    /// `spot`.
    pub market_type: Option<String>,
    /// Options of a spot request, as they were given.
    pub spot_options: BTreeMap<String, String>,
    /// Zone and tenancy, as they were given.
    pub placement: BTreeMap<String, String>,
    /// `standard` or `unlimited`.
    pub cpu_credits: Option<String>,
    /// Refuses TerminateInstances.
    pub disable_api_termination: Option<bool>,
    /// `stop` or `terminate`.
    pub shutdown_behavior: Option<String>,
}

/// An instance profile as the caller named it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Profile {
    /// By ARN.
    Arn(String),
    /// By name.
    Name(String),
}

impl Profile {
    /// What the caller wrote.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Arn(text) | Self::Name(text) => text,
        }
    }
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BlockDevice {
    /// `/dev/xvda`.
    pub device: String,
    /// Takes the image's disk away.
    pub no_device: bool,
    /// GiB.
    pub size: Option<u32>,
    /// `gp3`, ….
    pub volume_type: Option<String>,
    /// Operations a second.
    pub iops: Option<u32>,
    /// MiB a second.
    pub throughput: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: Option<bool>,
    /// The key.
    pub kms_key: Option<String>,
    /// The snapshot.
    pub snapshot: Option<String>,
    /// Whether it goes with the instance.
    pub delete_on_termination: Option<bool>,
}

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Interface {
    /// 0 is the primary one.
    pub device_index: u32,
    /// Whether a new one gets a public address.
    pub public_address: Option<bool>,
    /// Whether it goes with the instance.
    pub delete_on_termination: Option<bool>,
    /// What it is for.
    pub description: Option<String>,
    /// Security groups of a new one.
    pub groups: Vec<String>,
    /// An existing one.
    pub interface: Option<String>,
    /// The subnet of a new one.
    pub subnet: Option<String>,
    /// The address of a new one.
    pub private_ip: Option<Ipv4Addr>,
}

const METADATA: [(&str, &str); 5] = [
    ("HttpTokens", "httpTokens"),
    ("HttpPutResponseHopLimit", "httpPutResponseHopLimit"),
    ("HttpEndpoint", "httpEndpoint"),
    ("HttpProtocolIpv6", "httpProtocolIpv6"),
    ("InstanceMetadataTags", "instanceMetadataTags"),
];
const SPOT: [(&str, &str); 4] = [
    ("MaxPrice", "maxPrice"),
    ("SpotInstanceType", "spotInstanceType"),
    ("InstanceInterruptionBehavior", "instanceInterruptionBehavior"),
    ("ValidUntil", "validUntil"),
];
const PLACEMENT: [(&str, &str); 3] =
    [("AvailabilityZone", "availabilityZone"), ("Tenancy", "tenancy"), ("GroupName", "groupName")];

/// Types of resources that a launch can tag.
const TAGGED: [&str; 5] = ["instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"];

fn texts(parameters: &Parameters<'_>, names: &[(&str, &str)]) -> BTreeMap<String, String> {
    let text = |(given, shown): &(&str, &str)| Some(((*shown).to_owned(), parameters.text(given)?));
    names.iter().filter_map(text).collect()
}

impl LaunchData {
    /// Reads `LaunchTemplateData`, or the same names in RunInstances.
    ///
    /// # Errors
    /// For values that do not parse, and user data above 16 KB.
    pub fn read(parameters: &Parameters<'_>) -> Result<Self, Refusal> {
        let user_data = parameters.text("UserData").filter(|text| !text.is_empty());
        if let Some(text) = &user_data {
            let decoded = BASE64
                .decode(text.as_bytes())
                .map_err(|_| Refusal::invalid("Invalid BASE64 encoding of user data."))?;
            if decoded.len() > USER_DATA_LIMIT {
                return Err(Refusal::invalid("User data is limited to 16384 bytes"));
            }
        }
        let profile = parameters.view("IamInstanceProfile");
        let market = parameters.view("InstanceMarketOptions");
        parameters.accept_all(&["MaintenanceOptions", "PrivateDnsNameOptions", "DisableApiStop"]);
        Ok(Self {
            image: parameters.text("ImageId"),
            instance_type: parameters.text("InstanceType"),
            key_name: parameters.text("KeyName"),
            user_data,
            ebs_optimized: parameters.flag("EbsOptimized")?,
            instance_profile: match (profile.text("Arn"), profile.text("Name")) {
                (Some(arn), _) => Some(Profile::Arn(arn)),
                (None, Some(name)) => Some(Profile::Name(name)),
                (None, None) => None,
            },
            block_devices: parameters
                .list("BlockDeviceMapping")
                .iter()
                .map(BlockDevice::read)
                .collect::<Result<_, _>>()?,
            interfaces: parameters.list("NetworkInterface").iter().map(Interface::read).collect::<Result<_, _>>()?,
            security_groups: parameters.texts("SecurityGroupId"),
            metadata: texts(&parameters.view("MetadataOptions"), &METADATA),
            monitoring: parameters.view("Monitoring").flag("Enabled")?,
            tags: object::specified_tags(parameters, &TAGGED)?,
            market_type: market.text("MarketType"),
            spot_options: texts(&market.view("SpotOptions"), &SPOT),
            placement: texts(&parameters.view("Placement"), &PLACEMENT),
            cpu_credits: parameters.view("CreditSpecification").text("CpuCredits"),
            disable_api_termination: parameters.flag("DisableApiTermination")?,
            shutdown_behavior: parameters.text("InstanceInitiatedShutdownBehavior"),
        })
    }

    /// What it says, completed by another: of two values its own wins; lists are taken whole, tags by key.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        fn list<T: Clone>(own: Vec<T>, other: &[T]) -> Vec<T> {
            if own.is_empty() { other.to_vec() } else { own }
        }
        fn map(mut own: BTreeMap<String, String>, other: &BTreeMap<String, String>) -> BTreeMap<String, String> {
            other.iter().for_each(|(key, value)| {
                own.entry(key.clone()).or_insert_with(|| value.clone());
            });
            own
        }
        let mut tags = self.tags;
        for (kind, values) in &other.tags {
            let own = tags.entry(kind.clone()).or_default();
            values.iter().for_each(|(key, value)| {
                own.entry(key.clone()).or_insert_with(|| value.clone());
            });
        }
        let mut block_devices = self.block_devices;
        for device in &other.block_devices {
            if !block_devices.iter().any(|own| own.device == device.device) {
                block_devices.push(device.clone());
            }
        }
        Self {
            image: self.image.or_else(|| other.image.clone()),
            instance_type: self.instance_type.or_else(|| other.instance_type.clone()),
            key_name: self.key_name.or_else(|| other.key_name.clone()),
            user_data: self.user_data.or_else(|| other.user_data.clone()),
            ebs_optimized: self.ebs_optimized.or(other.ebs_optimized),
            instance_profile: self.instance_profile.or_else(|| other.instance_profile.clone()),
            block_devices,
            interfaces: list(self.interfaces, &other.interfaces),
            security_groups: list(self.security_groups, &other.security_groups),
            metadata: map(self.metadata, &other.metadata),
            monitoring: self.monitoring.or(other.monitoring),
            tags,
            market_type: self.market_type.or_else(|| other.market_type.clone()),
            spot_options: map(self.spot_options, &other.spot_options),
            placement: map(self.placement, &other.placement),
            cpu_credits: self.cpu_credits.or_else(|| other.cpu_credits.clone()),
            disable_api_termination: self.disable_api_termination.or(other.disable_api_termination),
            shutdown_behavior: self.shutdown_behavior.or_else(|| other.shutdown_behavior.clone()),
        }
    }

    /// The content of `launchTemplateData`.
    #[must_use]
    pub fn view(&self) -> Xml {
        let profile = self.instance_profile.as_ref().map(|profile| match profile {
            Profile::Arn(arn) => Xml::new().text("arn", arn),
            Profile::Name(name) => Xml::new().text("name", name),
        });
        let market = self.market_type.as_ref().map(|kind| {
            let options = (!self.spot_options.is_empty()).then(|| texts_view(&self.spot_options));
            Xml::new().text("marketType", kind).maybe_element("spotOptions", options)
        });
        let tags =
            self.tags.iter().map(|(kind, tags)| Xml::new().text("resourceType", kind).and(object::tag_set(tags)));
        Xml::new()
            .maybe("ebsOptimized", self.ebs_optimized)
            .maybe_element("iamInstanceProfile", profile)
            .list("blockDeviceMappingSet", "item", self.block_devices.iter().map(BlockDevice::view))
            .list("networkInterfaceSet", "item", self.interfaces.iter().map(Interface::view))
            .maybe("imageId", self.image.as_ref())
            .maybe("instanceType", self.instance_type.as_ref())
            .maybe("keyName", self.key_name.as_ref())
            .maybe_element("monitoring", self.monitoring.map(|it| Xml::new().text("enabled", it)))
            .maybe_element("placement", (!self.placement.is_empty()).then(|| texts_view(&self.placement)))
            .maybe("disableApiTermination", self.disable_api_termination)
            .maybe("instanceInitiatedShutdownBehavior", self.shutdown_behavior.as_ref())
            .maybe("userData", self.user_data.as_ref())
            .list("tagSpecificationSet", "item", tags)
            .texts("securityGroupIdSet", "item", &self.security_groups)
            .maybe_element("instanceMarketOptions", market)
            .maybe_element("creditSpecification", self.cpu_credits.as_ref().map(|it| Xml::new().text("cpuCredits", it)))
            .maybe_element("metadataOptions", (!self.metadata.is_empty()).then(|| texts_view(&self.metadata)))
    }
}

fn texts_view(texts: &BTreeMap<String, String>) -> Xml {
    texts.iter().fold(Xml::new(), |xml, (name, value)| xml.text(name, value))
}

impl BlockDevice {
    fn read(parameters: &Parameters<'_>) -> Result<Self, Refusal> {
        let ebs = parameters.view("Ebs");
        parameters.accept_all(&["VirtualName"]);
        Ok(Self {
            device: parameters.required("DeviceName")?,
            no_device: parameters.text("NoDevice").is_some(),
            size: ebs.parsed("VolumeSize")?,
            volume_type: ebs.text("VolumeType"),
            iops: ebs.parsed("Iops")?,
            throughput: ebs.parsed("Throughput")?,
            encrypted: ebs.flag("Encrypted")?,
            kms_key: ebs.text("KmsKeyId"),
            snapshot: ebs.text("SnapshotId"),
            delete_on_termination: ebs.flag("DeleteOnTermination")?,
        })
    }

    fn view(&self) -> Xml {
        let ebs = Xml::new()
            .maybe("encrypted", self.encrypted)
            .maybe("deleteOnTermination", self.delete_on_termination)
            .maybe("iops", self.iops)
            .maybe("kmsKeyId", self.kms_key.as_ref())
            .maybe("snapshotId", self.snapshot.as_ref())
            .maybe("volumeSize", self.size)
            .maybe("volumeType", self.volume_type.as_ref())
            .maybe("throughput", self.throughput);
        let xml = Xml::new().text("deviceName", &self.device);
        if self.no_device { xml.text("noDevice", "") } else { xml.element("ebs", ebs) }
    }
}

impl Interface {
    fn read(parameters: &Parameters<'_>) -> Result<Self, Refusal> {
        parameters.accept_all(&["InterfaceType", "NetworkCardIndex"]);
        Ok(Self {
            device_index: parameters.parsed("DeviceIndex")?.unwrap_or(0),
            public_address: parameters.flag("AssociatePublicIpAddress")?,
            delete_on_termination: parameters.flag("DeleteOnTermination")?,
            description: parameters.text("Description"),
            groups: parameters.texts("SecurityGroupId"),
            interface: parameters.text("NetworkInterfaceId"),
            subnet: parameters.text("SubnetId"),
            private_ip: parameters.parsed("PrivateIpAddress")?,
        })
    }

    fn view(&self) -> Xml {
        Xml::new()
            .maybe("associatePublicIpAddress", self.public_address)
            .maybe("deleteOnTermination", self.delete_on_termination)
            .maybe("description", self.description.as_ref())
            .text("deviceIndex", self.device_index)
            .texts("groupSet", "groupId", &self.groups)
            .maybe("networkInterfaceId", self.interface.as_ref())
            .maybe("privateIpAddress", self.private_ip)
            .maybe("subnetId", self.subnet.as_ref())
    }
}
