//! Route tables, their routes and their associations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::wire::{Answer, Call, Operation, Refusal, Xml};
use super::super::world::World;
use super::instances::Instance;
use super::internet_gateways::InternetGateway;
use super::nat_gateways::NatGateway;
use super::network_interfaces::NetworkInterface;
use super::object::{self, Object, Tags, Words, kept_in};
use super::subnets::Subnet;
use super::vpcs::Vpc;

/// Operation and handler.
pub const OPERATIONS: &[Operation] = &[
    ("CreateRouteTable", create_route_table),
    ("DeleteRouteTable", delete_route_table),
    ("DescribeRouteTables", describe_route_tables),
    ("CreateRoute", create_route),
    ("ReplaceRoute", replace_route),
    ("DeleteRoute", delete_route),
    ("AssociateRouteTable", associate_route_table),
    ("DisassociateRouteTable", disassociate_route_table),
    ("ReplaceRouteTableAssociation", replace_route_table_association),
];

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteTable {
    /// `rtb-…`.
    pub id: String,
    /// The VPC.
    pub vpc: String,
    /// Routes by destination, without the VPC's own.
    pub routes: BTreeMap<String, Target>,
    /// Association id → subnet; without a subnet it is the main table of its VPC.
    pub associations: BTreeMap<String, Option<String>>,
    /// Tags.
    pub tags: Tags,
}

/// Where a route leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Target {
    /// An internet gateway.
    Gateway(String),
    /// A NAT gateway.
    NatGateway(String),
    /// A network interface.
    NetworkInterface(String),
    /// An instance.
    Instance(String),
}

impl Target {
    fn id(&self) -> &str {
        match self {
            Self::Gateway(id) | Self::NatGateway(id) | Self::NetworkInterface(id) | Self::Instance(id) => id,
        }
    }

    /// The element of an answer, which is also the name of the filter behind `route.` in another spelling.
    const fn element(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "gatewayId",
            Self::NatGateway(_) => "natGatewayId",
            Self::NetworkInterface(_) => "networkInterfaceId",
            Self::Instance(_) => "instanceId",
        }
    }

    fn state(&self, world: &World) -> &'static str {
        let alive = match self {
            Self::Gateway(id) => world.ec2.internet_gateways.get(id).is_some_and(|it| it.vpc.is_some()),
            Self::NatGateway(id) => world.ec2.nat_gateways.get(id).is_some_and(|it| it.exists(world)),
            Self::NetworkInterface(id) => world.ec2.network_interfaces.contains_key(id),
            Self::Instance(id) => world.ec2.instances.get(id).is_some_and(|it| it.exists(world)),
        };
        if alive { "active" } else { "blackhole" }
    }
}

impl Object for RouteTable {
    const WORDS: Words = Words {
        prefix: "rtb",
        resource_type: "route-table",
        malformed: "InvalidRouteTableId.Malformed",
        not_found: "InvalidRouteTableID.NotFound",
        message: "The routeTable ID '{}' does not exist",
    };
    const FILTERS: &'static [&'static str] = &[
        "association.main",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "route.gateway-id",
        "route.nat-gateway-id",
        "route.state",
        "vpc-id",
    ];

    kept_in!(route_tables);

    fn values(&self, world: &World, filter: &str) -> Vec<String> {
        let targets = |element: &str| {
            self.routes.values().filter(|it| it.element() == element).map(|it| it.id().to_owned()).collect::<Vec<_>>()
        };
        match filter {
            "association.main" => self.associations.values().map(|subnet| subnet.is_none().to_string()).collect(),
            "association.route-table-association-id" => self.associations.keys().cloned().collect(),
            "association.route-table-id" => self.associations.keys().map(|_| self.id.clone()).collect(),
            "association.subnet-id" => self.associations.values().flatten().cloned().collect(),
            "owner-id" => vec![world.account.clone()],
            "route-table-id" => vec![self.id.clone()],
            "route.destination-cidr-block" => {
                self.locals(world).into_iter().chain(self.routes.keys().cloned()).collect()
            }
            "route.gateway-id" => targets("gatewayId").into_iter().chain(["local".to_owned()]).collect(),
            "route.nat-gateway-id" => targets("natGatewayId"),
            "route.state" => {
                let states = self.routes.values().map(|it| it.state(world).to_owned());
                states.chain(["active".to_owned()]).collect()
            }
            "vpc-id" => vec![self.vpc.clone()],
            _ => Vec::new(),
        }
    }

    fn view(&self, world: &World) -> Xml {
        let associations = self.associations.iter().map(|(id, subnet)| {
            Xml::new()
                .text("routeTableAssociationId", id)
                .text("routeTableId", &self.id)
                .maybe("subnetId", subnet.as_ref())
                .text("main", subnet.is_none())
                .element("associationState", Xml::new().text("state", "associated"))
        });
        let locals = self.locals(world).into_iter().map(|cidr| {
            Xml::new()
                .text("destinationCidrBlock", cidr)
                .text("gatewayId", "local")
                .text("state", "active")
                .text("origin", "CreateRouteTable")
        });
        let routes = self.routes.iter().map(|(destination, target)| {
            Xml::new()
                .text("destinationCidrBlock", destination)
                .text(target.element(), target.id())
                .text("state", target.state(world))
                .text("origin", "CreateRoute")
        });
        Xml::new()
            .text("routeTableId", &self.id)
            .text("vpcId", &self.vpc)
            .text("ownerId", &world.account)
            .list("routeSet", "item", locals.chain(routes))
            .list("associationSet", "item", associations)
            .list("propagatingVgwSet", "item", [])
            .and(object::tag_set(&self.tags))
    }
}

impl RouteTable {
    /// Whether it is the main table of its VPC.
    #[must_use]
    pub fn is_main(&self) -> bool {
        self.associations.values().any(Option::is_none)
    }

    fn locals(&self, world: &World) -> Vec<String> {
        let vpc = world.ec2.vpcs.get(&self.vpc);
        vpc.map(|vpc| vpc.associations.values().map(ToString::to_string).collect()).unwrap_or_default()
    }
}

/// Makes the main table of a new VPC.
pub fn create_main(world: &mut World, vpc: &str) {
    let id = create(world, vpc, Tags::new());
    let association = world.new_id("rtbassoc");
    if let Some(table) = world.ec2.route_tables.get_mut(&id) {
        table.associations.insert(association, None);
    }
}

/// Makes a table that nothing uses yet.
pub fn create(world: &mut World, vpc: &str, tags: Tags) -> String {
    let id = world.new_id("rtb");
    let (routes, associations) = (BTreeMap::new(), BTreeMap::new());
    let table = RouteTable { id: id.clone(), vpc: vpc.to_owned(), routes, associations, tags };
    world.ec2.route_tables.insert(id.clone(), table);
    id
}

fn create_route_table(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let vpc = call.required("VpcId")?;
    let tags = object::new_tags::<RouteTable>(call)?;
    let id = match world.replay(call)? {
        Some(id) => id,
        None => {
            object::get::<Vpc>(world, &vpc)?;
            let id = create(world, &vpc, tags);
            world.remember(call, &id);
            id
        }
    };
    let view = world.ec2.route_tables.get(&id).map(|table| table.view(world)).unwrap_or_default();
    Ok(Xml::new().element("routeTable", view).maybe("clientToken", call.text("ClientToken")).into())
}

fn delete_route_table(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("RouteTableId")?;
    if !object::get::<RouteTable>(world, &id)?.associations.is_empty() {
        let message = format!("The routeTable '{id}' has dependencies and cannot be deleted.");
        return Err(Refusal::dependency(message));
    }
    world.ec2.route_tables.remove(&id);
    Ok(Answer::yes())
}

fn describe_route_tables(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    object::describe::<RouteTable>(world, call, "RouteTableId", "routeTableSet")
}

fn destination(call: &Call<'_>) -> Result<String, Refusal> {
    Ok(super::network(&call.required("DestinationCidrBlock")?)?.to_string())
}

fn target(world: &World, call: &Call<'_>, table: &RouteTable) -> Result<Target, Refusal> {
    let different = |id: &str| {
        Refusal::invalid(format!("route table {} and network gateway {id} belong to different networks", table.id))
    };
    if let Some(id) = call.text("GatewayId") {
        let gateway = object::get::<InternetGateway>(world, &id)
            .map_err(|_| Refusal::new("InvalidGatewayID.NotFound", format!("The gateway ID '{id}' does not exist")))?;
        if gateway.vpc.as_deref() != Some(table.vpc.as_str()) {
            return Err(different(&id));
        }
        return Ok(Target::Gateway(id));
    }
    if let Some(id) = call.text("NatGatewayId") {
        let gateway = object::get::<NatGateway>(world, &id).map_err(|_| {
            Refusal::new("InvalidNatGatewayID.NotFound", format!("The natGateway ID '{id}' does not exist"))
        })?;
        if gateway.vpc != table.vpc {
            return Err(different(&id));
        }
        return Ok(Target::NatGateway(id));
    }
    if let Some(id) = call.text("NetworkInterfaceId") {
        return Ok(Target::NetworkInterface(object::get::<NetworkInterface>(world, &id)?.id.clone()));
    }
    if let Some(id) = call.text("InstanceId") {
        return Ok(Target::Instance(object::get::<Instance>(world, &id)?.id.clone()));
    }
    Err(Refusal::new(
        "MissingParameter",
        "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, carrierGatewayId, vpcEndpointId, coreNetworkArn or instanceId",
    ))
}

fn create_route(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let table = object::get::<RouteTable>(world, &call.required("RouteTableId")?)?;
    let destination = destination(call)?;
    let target = target(world, call, table)?;
    if table.routes.contains_key(&destination) || table.locals(world).contains(&destination) {
        let message = format!("The route identified by {destination} already exists.");
        return Err(Refusal::new("RouteAlreadyExists", message));
    }
    let id = table.id.clone();
    object::get_mut::<RouteTable>(world, &id)?.routes.insert(destination, target);
    Ok(Answer::yes())
}

fn replace_route(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let table = object::get::<RouteTable>(world, &call.required("RouteTableId")?)?;
    let destination = destination(call)?;
    let target = target(world, call, table)?;
    if !table.routes.contains_key(&destination) {
        return Err(Refusal::invalid(format!(
            "There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
        )));
    }
    let id = table.id.clone();
    object::get_mut::<RouteTable>(world, &id)?.routes.insert(destination, target);
    Ok(Answer::yes())
}

fn delete_route(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("RouteTableId")?;
    let destination = destination(call)?;
    let table = object::get::<RouteTable>(world, &id)?;
    if table.locals(world).contains(&destination) {
        return Err(Refusal::invalid(format!("cannot remove local route {destination} in route table {id}")));
    }
    if object::get_mut::<RouteTable>(world, &id)?.routes.remove(&destination).is_none() {
        let message = format!("no route with destination-cidr-block {destination} in route table {id}");
        return Err(Refusal::new("InvalidRoute.NotFound", message));
    }
    Ok(Answer::yes())
}

fn associated(id: &str) -> Xml {
    Xml::new().text("associationId", id).element("associationState", Xml::new().text("state", "associated"))
}

fn associate_route_table(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let table = object::get::<RouteTable>(world, &call.required("RouteTableId")?)?;
    let subnet = object::get::<Subnet>(world, &call.required("SubnetId")?)?;
    if subnet.vpc != table.vpc {
        let message = format!("Route table {} and subnet {} belong to different networks", table.id, subnet.id);
        return Err(Refusal::invalid(message));
    }
    let existing = world.ec2.route_tables.values().find_map(|other| {
        let uses = |it: &&String| other.associations.get(*it).is_some_and(|it| it.as_ref() == Some(&subnet.id));
        other.associations.keys().find(uses).map(|association| (other.id.clone(), association.clone()))
    });
    match existing {
        Some((other, association)) if other == table.id => Ok(associated(&association).into()),
        Some(_) => {
            let message = format!(
                "The specified association for route table {} conflicts with an existing association",
                table.id
            );
            Err(Refusal::new("Resource.AlreadyAssociated", message))
        }
        None => {
            let (id, subnet) = (table.id.clone(), subnet.id.clone());
            let association = associate(world, &id, &subnet)?;
            Ok(associated(&association).into())
        }
    }
}

/// Makes a subnet use a table; the answer is the association id.
///
/// # Errors
/// When the table is not there.
pub fn associate(world: &mut World, table: &str, subnet: &str) -> Result<String, Refusal> {
    let association = world.new_id("rtbassoc");
    let table = world.ec2.route_tables.get_mut(table).ok_or_else(|| object::not_found::<RouteTable>(table))?;
    table.associations.insert(association.clone(), Some(subnet.to_owned()));
    Ok(association)
}

fn association_not_found(id: &str) -> Refusal {
    Refusal::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist"))
}

fn disassociate_route_table(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("AssociationId")?;
    let table = world
        .ec2
        .route_tables
        .values_mut()
        .find(|table| table.associations.contains_key(&id))
        .ok_or_else(|| association_not_found(&id))?;
    if table.associations.get(&id).is_some_and(Option::is_none) {
        return Err(Refusal::invalid(format!("cannot disassociate the main route table association {id}")));
    }
    table.associations.remove(&id);
    Ok(Answer::yes())
}

fn replace_route_table_association(world: &mut World, call: &Call<'_>) -> Result<Answer, Refusal> {
    let id = call.required("AssociationId")?;
    let target = object::get::<RouteTable>(world, &call.required("RouteTableId")?)?;
    let (target, vpc) = (target.id.clone(), target.vpc.clone());
    let from = world
        .ec2
        .route_tables
        .values_mut()
        .find(|table| table.associations.contains_key(&id))
        .ok_or_else(|| association_not_found(&id))?;
    if from.vpc != vpc {
        return Err(Refusal::invalid(format!("Route tables {} and {target} belong to different networks", from.id)));
    }
    let subnet = from.associations.remove(&id).flatten();
    let new = world.new_id("rtbassoc");
    object::get_mut::<RouteTable>(world, &target)?.associations.insert(new.clone(), subnet);
    let state = Xml::new().text("state", "associated");
    Ok(Xml::new().text("newAssociationId", new).element("associationState", state).into())
}
