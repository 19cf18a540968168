//! Instance types: a compact table of the common families, with what schedulers ask for.

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::object;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("DescribeInstanceTypes", describe_instance_types),
    ("DescribeInstanceTypeOfferings", describe_instance_type_offerings),
];

/// An instance type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceType {
    /// `m6i.xlarge`.
    pub name: String,
    /// Virtual CPUs.
    pub virtual_cpus: u32,
    /// MiB.
    pub memory: u32,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    /// GB of local disk.
    pub local_disk: u32,
    /// Interfaces that fit.
    pub interfaces: u32,
    /// IPv4 addresses of one interface.
    pub addresses: u32,
}

/// A family: MiB of memory for one virtual CPU, GB of local disk for one, the sizes that it has.
struct Family {
    name: &'static str,
    architecture: &'static str,
    memory: u32,
    local_disk: u32,
    sizes: &'static [Size],
}

type Size = (&'static str, u32);

/// Sizes and virtual CPUs (Amazon EC2 instance types guide). A size's number times four is its virtual CPUs.
const MEDIUM: Size = ("medium", 1);
const LARGE: &[Size] = &[
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("8xlarge", 32),
    ("12xlarge", 48),
    ("16xlarge", 64),
    ("24xlarge", 96),
];
const LARGER: &[Size] = &[
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("8xlarge", 32),
    ("12xlarge", 48),
    ("16xlarge", 64),
    ("24xlarge", 96),
    ("32xlarge", 128),
    ("48xlarge", 192),
];
const COMPUTE_5: &[Size] = &[
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("9xlarge", 36),
    ("12xlarge", 48),
    ("18xlarge", 72),
    ("24xlarge", 96),
];
const GRAVITON: &[Size] = &[
    MEDIUM,
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("4xlarge", 16),
    ("8xlarge", 32),
    ("12xlarge", 48),
    ("16xlarge", 64),
];
const FOURTH: &[Size] = &[("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16)];
const STORAGE: &[Size] =
    &[("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16), ("8xlarge", 32), ("16xlarge", 64)];
const STORAGE_EN: &[Size] = &[
    ("large", 2),
    ("xlarge", 4),
    ("2xlarge", 8),
    ("3xlarge", 12),
    ("6xlarge", 24),
    ("12xlarge", 48),
    ("24xlarge", 96),
];

const X86: &str = "x86_64";
const ARM: &str = "arm64";

macro_rules! families {
    ($($name:literal $architecture:ident $memory:literal $disk:literal $sizes:ident),+ $(,)?) => {
        const FAMILIES: &[Family] = &[$(Family {
            name: $name, architecture: $architecture, memory: $memory, local_disk: $disk, sizes: $sizes,
        }),+];
    };
}

families!(
    "m4" X86 4096 0 FOURTH,
    "m5" X86 4096 0 LARGE,
    "m5a" X86 4096 0 LARGE,
    "m5ad" X86 4096 37 LARGE,
    "m5d" X86 4096 37 LARGE,
    "m5dn" X86 4096 37 LARGE,
    "m5n" X86 4096 0 LARGE,
    "m5zn" X86 4096 0 LARGE,
    "m6a" X86 4096 0 LARGER,
    "m6i" X86 4096 0 LARGER,
    "m6id" X86 4096 59 LARGER,
    "m6idn" X86 4096 59 LARGER,
    "m6in" X86 4096 0 LARGER,
    "m6g" ARM 4096 0 GRAVITON,
    "m6gd" ARM 4096 59 GRAVITON,
    "m7a" X86 4096 0 LARGER,
    "m7g" ARM 4096 0 GRAVITON,
    "m7gd" ARM 4096 59 GRAVITON,
    "m7i" X86 4096 0 LARGER,
    "m7i-flex" X86 4096 0 LARGE,
    "m8a" X86 4096 0 LARGER,
    "m8g" ARM 4096 0 GRAVITON,
    "m8i" X86 4096 0 LARGER,
    "m8i-flex" X86 4096 0 LARGE,
    "c4" X86 1920 0 FOURTH,
    "c5" X86 2048 0 COMPUTE_5,
    "c5a" X86 2048 0 LARGE,
    "c5ad" X86 2048 37 LARGE,
    "c5d" X86 2048 25 COMPUTE_5,
    "c5n" X86 2688 0 COMPUTE_5,
    "c6a" X86 2048 0 LARGER,
    "c6i" X86 2048 0 LARGER,
    "c6id" X86 2048 59 LARGER,
    "c6in" X86 2048 0 LARGER,
    "c6g" ARM 2048 0 GRAVITON,
    "c6gd" ARM 2048 59 GRAVITON,
    "c6gn" ARM 2048 0 GRAVITON,
    "c7a" X86 2048 0 LARGER,
    "c7g" ARM 2048 0 GRAVITON,
    "c7gd" ARM 2048 59 GRAVITON,
    "c7gn" ARM 2048 0 GRAVITON,
    "c7i" X86 2048 0 LARGER,
    "c7i-flex" X86 2048 0 LARGE,
    "c8g" ARM 2048 0 GRAVITON,
    "c8i" X86 2048 0 LARGER,
    "r4" X86 7808 0 FOURTH,
    "r5" X86 8192 0 LARGE,
    "r5a" X86 8192 0 LARGE,
    "r5ad" X86 8192 37 LARGE,
    "r5b" X86 8192 0 LARGE,
    "r5d" X86 8192 37 LARGE,
    "r5dn" X86 8192 37 LARGE,
    "r5n" X86 8192 0 LARGE,
    "r6a" X86 8192 0 LARGER,
    "r6i" X86 8192 0 LARGER,
    "r6id" X86 8192 59 LARGER,
    "r6idn" X86 8192 59 LARGER,
    "r6in" X86 8192 0 LARGER,
    "r6g" ARM 8192 0 GRAVITON,
    "r6gd" ARM 8192 59 GRAVITON,
    "r7a" X86 8192 0 LARGER,
    "r7g" ARM 8192 0 GRAVITON,
    "r7gd" ARM 8192 59 GRAVITON,
    "r7i" X86 8192 0 LARGER,
    "r7iz" X86 8192 0 LARGER,
    "r8g" ARM 8192 0 GRAVITON,
    "r8i" X86 8192 0 LARGER,
    "i3" X86 7808 237 STORAGE,
    "i3en" X86 8192 625 STORAGE_EN,
    "i4g" ARM 8192 234 STORAGE,
    "i4i" X86 8192 234 STORAGE,
    "i7ie" X86 8192 625 STORAGE_EN,
);

/// Burstable types have no rule: size, virtual CPUs, MiB.
const BURSTABLE: &[(&str, u32, u32)] = &[
    ("nano", 2, 512),
    ("micro", 2, 1024),
    ("small", 2, 2048),
    ("medium", 2, 4096),
    ("large", 2, 8192),
    ("xlarge", 4, 16384),
    ("2xlarge", 8, 32768),
];

fn limits(virtual_cpus: u32) -> (u32, u32) {
    // Interfaces and addresses of most families by size (Amazon EC2 user guide, IP addresses per network interface).
    match virtual_cpus {
        0..=1 => (2, 4),
        2 => (3, 10),
        3..=8 => (4, 15),
        9..=32 => (8, 30),
        _ => (15, 50),
    }
}

fn built(name: String, virtual_cpus: u32, memory: u32, architecture: &'static str, local_disk: u32) -> InstanceType {
    let (interfaces, addresses) = limits(virtual_cpus);
    InstanceType { name, virtual_cpus, memory, architecture, local_disk, interfaces, addresses }
}

/// The instance type of that name.
#[must_use]
pub fn find(name: &str) -> Option<InstanceType> {
    let (family, size) = name.split_once('.')?;
    if let Some(architecture) = burstable(family) {
        let (_, cpus, memory) = BURSTABLE.iter().find(|(other, ..)| *other == size)?;
        return Some(built(name.to_owned(), *cpus, *memory, architecture, 0));
    }
    let family = FAMILIES.iter().find(|it| it.name == family)?;
    let (_, cpus) = family.sizes.iter().find(|(other, _)| *other == size)?;
    Some(built(name.to_owned(), *cpus, cpus * family.memory, family.architecture, cpus * family.local_disk))
}

fn burstable(family: &str) -> Option<&'static str> {
    match family {
        "t2" | "t3" | "t3a" => Some(X86),
        "t4g" => Some(ARM),
        _ => None,
    }
}

/// All of them by name.
fn all() -> Vec<InstanceType> {
    let burstable = ["t2", "t3", "t3a", "t4g"]
        .into_iter()
        .flat_map(|family| BURSTABLE.iter().map(move |(size, ..)| format!("{family}.{size}")));
    let others =
        FAMILIES.iter().flat_map(|family| family.sizes.iter().map(|(size, _)| format!("{}.{size}", family.name)));
    let mut types: Vec<InstanceType> = burstable.chain(others).filter_map(|name| find(&name)).collect();
    types.sort_by(|one, other| one.name.cmp(&other.name));
    types
}

/// Whether a type can be had in a zone.
#[must_use]
pub fn is_offered(world: &World, name: &str, zone: &str) -> bool {
    find(name).is_some() && world.ec2.offered_only_in.get(name).is_none_or(|zones| zones.iter().any(|it| it == zone))
}

impl InstanceType {
    fn view(&self) -> Xml {
        let manufacturer = if self.architecture == ARM { "AWS" } else { "Intel" };
        let processor = Xml::new()
            .texts("supportedArchitectures", "item", [self.architecture])
            .text("sustainedClockSpeedInGhz", "3.1")
            .text("manufacturer", manufacturer);
        let cores = (self.virtual_cpus / 2).max(1);
        let cpus = Xml::new()
            .text("defaultVCpus", self.virtual_cpus)
            .text("defaultCores", cores)
            .text("defaultThreadsPerCore", self.virtual_cpus / cores);
        let network = Xml::new()
            .text("networkPerformance", "Up to 12.5 Gigabit")
            .text("maximumNetworkInterfaces", self.interfaces)
            .text("maximumNetworkCards", 1)
            .text("defaultNetworkCardIndex", 0)
            .text("ipv4AddressesPerInterface", self.addresses)
            .text("ipv6AddressesPerInterface", self.addresses)
            .text("ipv6Supported", true)
            .text("enaSupport", "required");
        let storage = (self.local_disk > 0).then(|| {
            let disk = Xml::new().text("sizeInGB", self.local_disk).text("count", 1).text("type", "ssd");
            Xml::new()
                .text("totalSizeInGB", self.local_disk)
                .list("disks", "item", [disk])
                .text("nvmeSupport", "required")
        });
        Xml::new()
            .text("instanceType", &self.name)
            .text("currentGeneration", !matches!(self.name.get(..2), Some("t2" | "m4" | "c4" | "r4")))
            .text("freeTierEligible", matches!(self.name.as_str(), "t3.micro" | "t2.micro"))
            .texts("supportedUsageClasses", "item", ["on-demand", "spot"])
            .texts("supportedRootDeviceTypes", "item", ["ebs"])
            .texts("supportedVirtualizationTypes", "item", ["hvm"])
            .text("bareMetal", false)
            .text("hypervisor", "nitro")
            .element("processorInfo", processor)
            .element("vCpuInfo", cpus)
            .element("memoryInfo", Xml::new().text("sizeInMiB", self.memory))
            .text("instanceStorageSupported", self.local_disk > 0)
            .maybe_element("instanceStorageInfo", storage)
            .element("networkInfo", network)
            .text("burstablePerformanceSupported", self.name.starts_with('t'))
    }

    fn values(&self, filter: &str) -> Vec<String> {
        match filter {
            "instance-type" => vec![self.name.clone()],
            "processor-info.supported-architecture" => vec![self.architecture.to_owned()],
            "vcpu-info.default-vcpus" => vec![self.virtual_cpus.to_string()],
            "memory-info.size-in-mib" => vec![self.memory.to_string()],
            "current-generation" => vec![(!matches!(self.name.get(..2), Some("t2" | "m4" | "c4" | "r4"))).to_string()],
            "instance-storage-supported" => vec![(self.local_disk > 0).to_string()],
            "bare-metal" => vec!["false".to_owned()],
            "supported-usage-class" => vec!["on-demand".to_owned(), "spot".to_owned()],
            _ => Vec::new(),
        }
    }
}

const FILTERS: &[&str] = &[
    "instance-type",
    "processor-info.supported-architecture",
    "vcpu-info.default-vcpus",
    "memory-info.size-in-mib",
    "current-generation",
    "instance-storage-supported",
    "bare-metal",
    "supported-usage-class",
];

fn describe_instance_types(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let names = call.texts("InstanceType");
    let unknown = |name: &&String| !world.zones.iter().any(|zone| is_offered(world, name, zone));
    let missing: Vec<&str> = names.iter().filter(unknown).map(String::as_str).collect();
    if !missing.is_empty() {
        let message = format!("The following supplied instance types do not exist: [{}]", missing.join(", "));
        return Err(Refusal::new("InvalidInstanceType", message));
    }
    let filters = object::filters(call, FILTERS)?;
    let mut found: Vec<InstanceType> =
        if names.is_empty() { all() } else { names.iter().filter_map(|name| find(name)).collect() };
    found.retain(|it| filters.iter().all(|filter| filter.accepts(&object::Tags::new(), |name| it.values(name))));
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found.dedup();
    let (found, next) = object::page(call, found, !names.is_empty(), |it| it.name.clone())?;
    let items = found.iter().map(InstanceType::view);
    Ok(Xml::new().list("instanceTypeSet", "item", items).maybe("nextToken", next).into())
}

fn describe_instance_type_offerings(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let location_type = call.text("LocationType").unwrap_or_else(|| "region".to_owned());
    let filters = object::filters(call, &["instance-type", "location"])?;
    let locations: Vec<String> = match location_type.as_str() {
        "region" => vec![world.region.clone()],
        "availability-zone" => world.zones.clone(),
        "availability-zone-id" => world.zones.iter().map(|zone| super::zones::id(world, zone)).collect(),
        other => return Err(Refusal::invalid(format!("Value ({other}) for parameter locationType is invalid."))),
    };
    let mut found = Vec::new();
    for instance_type in all() {
        for (index, location) in locations.iter().enumerate() {
            let zone = if location_type == "region" { None } else { world.zones.get(index) };
            let offered = zone.is_none_or(|zone| is_offered(world, &instance_type.name, zone));
            let value =
                |name: &str| vec![if name == "location" { location.clone() } else { instance_type.name.clone() }];
            if offered && filters.iter().all(|filter| filter.accepts(&object::Tags::new(), value)) {
                found.push((instance_type.name.clone(), location.clone()));
            }
        }
    }
    let (found, next) = object::page(call, found, false, |(name, location)| format!("{name}/{location}"))?;
    let items = found.into_iter().map(|(name, location)| {
        Xml::new().text("instanceType", name).text("locationType", &location_type).text("location", location)
    });
    Ok(Xml::new().list("instanceTypeOfferingSet", "item", items).maybe("nextToken", next).into())
}
