//! Route tables, with their routes and the subnets that use them: both are sets that are made to fit.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, RouteOrigin};
use ipnet::Ipv4Net;

use super::call::{Call, call, delete_call};
use super::connect::Aws;
use super::discover::Scope;
use super::dispatch::Update;
use super::error::Error;
use super::identity::{Identity, tag};
use super::ids::{Ids, Made};
use super::settle::adopt;
use super::{pages, tags};
use crate::resource::{
    Attributes, Clash, Found, Kind, Observed, Readiness, Reference, Route, RouteTable, RouteTarget, Tags,
};

/// Largest page of DescribeRouteTables (EC2 API reference).
const PAGE: i32 = 100;

/// Also what facts know of a VPC that exists already.
pub(super) async fn describe(aws: &Aws, filters: Vec<Filter>) -> Result<Vec<aws_sdk_ec2::types::RouteTable>, Error> {
    pages::all("DescribeRouteTables", async |token| {
        let request = aws.ec2().describe_route_tables().set_filters(Some(filters.clone()));
        let request = request.max_results(PAGE).set_next_token(token);
        let answer = call(aws, Call::read("DescribeRouteTables"), || request.clone().send()).await?;
        Ok((answer.route_tables.unwrap_or_default(), answer.next_token))
    })
    .await
}

/// The target of a route.
fn target(route: &aws_sdk_ec2::types::Route) -> RouteTarget {
    if let Some(id) = route.nat_gateway_id() {
        return RouteTarget::NatGateway(Reference::Id(id.to_owned()));
    }
    if let Some(id) = route.gateway_id() {
        return match id.starts_with("igw-") {
            true => RouteTarget::InternetGateway(Reference::Id(id.to_owned())),
            false => RouteTarget::Other(id.to_owned()),
        };
    }
    let others = [
        route.transit_gateway_id(),
        route.vpc_peering_connection_id(),
        route.network_interface_id(),
        route.instance_id(),
        route.local_gateway_id(),
        route.carrier_gateway_id(),
    ];
    RouteTarget::Other(others.into_iter().flatten().next().unwrap_or("unknown").to_owned())
}

/// The IPv4 routes that somebody made: not the VPC's own, not those that a virtual private gateway spreads.
fn routes(table: &aws_sdk_ec2::types::RouteTable) -> Vec<Route> {
    let made = |route: &&aws_sdk_ec2::types::Route| {
        route.gateway_id() != Some("local") && route.origin() != Some(&RouteOrigin::EnableVgwRoutePropagation)
    };
    let read = |route: &aws_sdk_ec2::types::Route| {
        let destination: Ipv4Net = route.destination_cidr_block()?.parse().ok()?;
        Some(Route { destination, target: target(route) })
    };
    table.routes().iter().filter(made).filter_map(read).collect()
}

/// Subnet and association id of each association; the main one has no subnet.
fn associations(table: &aws_sdk_ec2::types::RouteTable) -> BTreeMap<String, String> {
    let pair = |association: &aws_sdk_ec2::types::RouteTableAssociation| {
        Some((association.subnet_id.clone()?, association.route_table_association_id.clone()?))
    };
    table.associations().iter().filter_map(pair).collect()
}

pub(super) async fn discover(aws: &Aws, scope: &Scope) -> Result<Observed, Error> {
    let mut observed = Observed::default();
    for table in describe(aws, vec![tags::of_cluster(&scope.cluster)]).await? {
        let (routes, subnets) = (routes(&table), associations(&table).into_keys().map(Reference::Id).collect());
        let all = tags::from_ec2(table.tags);
        let vpc = Reference::Id(table.vpc_id.unwrap_or_default());
        tags::sight(&mut observed, scope, Kind::RouteTable, table.route_table_id.unwrap_or_default(), &all, |tags| {
            (RouteTable { vpc, routes, subnets, tags }.into(), Attributes::new(), Readiness::Ready)
        });
    }
    Ok(observed)
}

async fn find(aws: &Aws, identity: &Identity) -> Result<Option<(String, Tags)>, Error> {
    let tables = describe(aws, tags::of_identity(identity)).await?;
    let table = tables.into_iter().next();
    Ok(table.map(|table| (table.route_table_id.unwrap_or_default(), tags::from_ec2(table.tags))))
}

pub(super) async fn create(aws: &Aws, identity: &Identity, it: &RouteTable, ids: &Ids) -> Result<Made, Error> {
    let request = aws
        .ec2()
        .create_route_table()
        .vpc_id(ids.id(&it.vpc)?)
        .client_token(identity.client_token())
        .tag_specifications(tags::specification(ResourceType::RouteTable, identity, &it.tags));
    let id = match call(aws, Call::token("CreateRouteTable").with(ids), || request.clone().send()).await {
        Ok(answer) => {
            let id = answer.route_table.and_then(|table| table.route_table_id);
            id.ok_or(Error::Malformed { operation: "CreateRouteTable", what: "no id" })?
        }
        Err(error) if error.already_exists() => adopt(aws, identity, || find(aws, identity)).await?,
        Err(error) => return Err(error),
    };
    let empty = RouteTable { routes: Vec::new(), subnets: Vec::new(), ..it.clone() };
    let table = Table { aws, id: &id, identity, ids, made: Some(aws.clock().now()) };
    table.fit_routes(&empty.routes, &it.routes).await?;
    table.fit_subnets(&empty.subnets, &it.subnets).await?;
    Ok(Made::new(id))
}

pub(super) async fn update(aws: &Aws, update: Update<'_, RouteTable>) -> Result<Attributes, Error> {
    let Update { found, before, after, identity, ids } = update;
    let table = Table { aws, id: &found.id, identity, ids, made: None };
    table.fit_routes(&before.routes, &after.routes).await?;
    table.fit_subnets(&before.subnets, &after.subnets).await?;
    tags::update(aws, &found.id, &before.tags, &after.tags, ids).await?;
    Ok(found.attributes.clone())
}

/// One table while it is made to fit.
struct Table<'a> {
    aws: &'a Aws,
    id: &'a str,
    identity: &'a Identity,
    ids: &'a Ids,
    made: Option<jiff::Timestamp>,
}

impl Table<'_> {
    fn asked(&self, operation: &'static str) -> Call<'_> {
        let asked = Call::named(operation).with(self.ids);
        self.made.map_or(asked, |made| asked.right_after(made))
    }

    async fn fit_routes(&self, before: &[Route], after: &[Route]) -> Result<(), Error> {
        for route in after {
            match before.iter().find(|old| old.destination == route.destination) {
                None => self.create_route(route).await?,
                Some(old) if old.target != route.target => self.replace_route(route).await?,
                Some(_) => {}
            }
        }
        for old in before.iter().filter(|old| !after.iter().any(|route| route.destination == old.destination)) {
            let request = self
                .aws
                .ec2()
                .delete_route()
                .route_table_id(self.id)
                .destination_cidr_block(old.destination.to_string());
            delete_call(self.aws, "DeleteRoute", || request.clone().send()).await?;
        }
        Ok(())
    }

    async fn create_route(&self, route: &Route) -> Result<(), Error> {
        let request = self.aws.ec2().create_route().route_table_id(self.id);
        let request = request.destination_cidr_block(route.destination.to_string());
        let request = match &route.target {
            RouteTarget::InternetGateway(gateway) => request.gateway_id(self.ids.id(gateway)?),
            RouteTarget::NatGateway(gateway) => request.nat_gateway_id(self.ids.id(gateway)?),
            RouteTarget::Other(_) => return Err(self.unknown_target()),
        };
        match call(self.aws, self.asked("CreateRoute"), || request.clone().send()).await {
            // Ours from an earlier attempt, or somebody else's to the same range: either way it should lead there.
            Err(error) if error.already_exists() => self.replace_route(route).await,
            outcome => outcome.map(drop),
        }
    }

    async fn replace_route(&self, route: &Route) -> Result<(), Error> {
        let request = self.aws.ec2().replace_route().route_table_id(self.id);
        let request = request.destination_cidr_block(route.destination.to_string());
        let request = match &route.target {
            RouteTarget::InternetGateway(gateway) => request.gateway_id(self.ids.id(gateway)?),
            RouteTarget::NatGateway(gateway) => request.nat_gateway_id(self.ids.id(gateway)?),
            RouteTarget::Other(_) => return Err(self.unknown_target()),
        };
        call(self.aws, self.asked("ReplaceRoute"), || request.clone().send()).await.map(drop)
    }

    fn unknown_target(&self) -> Error {
        Error::Unsupported { address: self.identity.address.clone(), act: "given a route to that kind of target" }
    }

    async fn fit_subnets(&self, before: &[Reference], after: &[Reference]) -> Result<(), Error> {
        for subnet in after.iter().filter(|subnet| !before.contains(subnet)) {
            self.associate(&self.ids.id(subnet)?).await?;
        }
        let removed: Vec<&Reference> = before.iter().filter(|subnet| !after.contains(subnet)).collect();
        if removed.is_empty() {
            return Ok(());
        }
        let associations = current_associations(self.aws, self.id).await?;
        for subnet in removed {
            // A subnet of ours that is gone took its association with it.
            let Ok(subnet) = self.ids.id(subnet) else { continue };
            if let Some(association) = associations.get(&subnet) {
                disassociate(self.aws, association).await?;
            }
        }
        Ok(())
    }

    async fn associate(&self, subnet: &str) -> Result<(), Error> {
        let request = self.aws.ec2().associate_route_table().route_table_id(self.id).subnet_id(subnet);
        match call(self.aws, self.asked("AssociateRouteTable"), || request.clone().send()).await {
            Err(error) if error.already_exists() => self.take_over(subnet).await,
            outcome => outcome.map(drop),
        }
    }

    /// The subnet uses a table already: this one (an earlier attempt), another of this cluster, or somebody else's.
    async fn take_over(&self, subnet: &str) -> Result<(), Error> {
        for table in describe(self.aws, vec![tags::filter("association.subnet-id", subnet)]).await? {
            let Some(association) = associations(&table).remove(subnet) else { continue };
            let other = table.route_table_id.clone().unwrap_or_default();
            if other == self.id {
                return Ok(());
            }
            let all = tags::from_ec2(table.tags);
            if all.get(tag::UID) != Some(&self.identity.uid) {
                let why = format!("{subnet} uses it");
                return Err(Error::Clash(Clash { address: self.identity.address.clone(), id: other, why }));
            }
            let request =
                self.aws.ec2().replace_route_table_association().association_id(association).route_table_id(self.id);
            call(self.aws, self.asked("ReplaceRouteTableAssociation"), || request.clone().send()).await?;
        }
        Ok(())
    }
}

async fn current_associations(aws: &Aws, id: &str) -> Result<BTreeMap<String, String>, Error> {
    let tables = describe(aws, vec![tags::filter("route-table-id", id)]).await?;
    Ok(tables.iter().flat_map(associations).collect())
}

async fn disassociate(aws: &Aws, association: &str) -> Result<(), Error> {
    let request = aws.ec2().disassociate_route_table().association_id(association);
    delete_call(aws, "DisassociateRouteTable", || request.clone().send()).await
}

pub(super) async fn delete(aws: &Aws, found: &Found, it: &RouteTable) -> Result<(), Error> {
    if !it.subnets.is_empty() {
        for association in current_associations(aws, &found.id).await?.values() {
            disassociate(aws, association).await?;
        }
    }
    let request = aws.ec2().delete_route_table().route_table_id(&found.id);
    delete_call(aws, "DeleteRouteTable", || request.clone().send()).await
}

pub(super) async fn readiness(aws: &Aws, ids: &[String]) -> Result<BTreeMap<String, Readiness>, Error> {
    let tables = describe(aws, vec![tags::any_of("route-table-id", ids)]).await?;
    Ok(tables.into_iter().filter_map(|table| Some((table.route_table_id?, Readiness::Ready))).collect())
}
