//! The table of permissions against what really is called: every kind lives with a caller that has the policies for users
//! and nothing else, calls what its acts list and nothing else, and leaves nothing of the lists unused.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::{cluster, lifecycle, services};
use crate::aws::limits::Service;
use crate::aws::permission::acts::{self, Act};
use crate::aws::permission::policy::Policy;
use crate::aws::permission::{Backup, Territory, find};
use crate::aws::{Aws, Error};
use crate::resource::Kind;
use crate::sandbox::Sandbox;

/// What is done to an object of a kind, and a call that it made.
type Used = (Kind, Act, Service, String);

thread_local! {
    /// What the tests of this thread have called.
    static USED: RefCell<BTreeSet<Used>> = const { RefCell::new(BTreeSet::new()) };
}

/// Takes everything from the caller but the policies for users of the cluster.
pub(super) fn restrict(sandbox: &Sandbox) {
    let territory = Territory {
        partition: String::from("aws"),
        account: String::from("123456789012"),
        region: String::from("eu-west-3"),
        cluster: cluster().to_string(),
        records: BTreeSet::from([String::from("www.example.com")]),
        image_parameters: BTreeSet::new(),
        backup: Some(Backup { bucket: String::from("backups"), folder: cluster().to_string() }),
    };
    let documents = Policy::ALL.map(|policy| policy.document(&territory).to_string()).to_vec();
    sandbox.with_world(|world| world.sts.policies = Some(documents)).expect("a world in memory");
}

/// Does one act, and holds its calls against what the act lists.
pub(super) async fn noted<T>(
    aws: &Aws,
    (kind, act): (Kind, Act),
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let before = aws.calls().total();
    let done = work.await;
    for call in aws.calls().since(before).0 {
        let listed = acts::of(kind, act).any(|name| name == (call.service, call.operation.as_str()));
        assert!(listed, "{act:?} of a {kind} calls {}, which is not in its list", call.operation);
        USED.with_borrow_mut(|used| used.insert((kind, act, call.service, call.operation)));
    }
    done
}

/// Asked only about machines that do not come up, which no lifecycle here has.
const CONSOLE: &str = "GetConsoleOutput";

#[test]
fn nothing_is_listed_that_is_not_called() {
    USED.with_borrow_mut(BTreeSet::clear);
    for scenario in [
        lifecycle::a_vpc,
        lifecycle::a_subnet,
        lifecycle::an_internet_gateway,
        lifecycle::an_elastic_ip,
        lifecycle::a_nat_gateway,
        lifecycle::a_route_table,
        lifecycle::a_route_follows_its_gateway,
        lifecycle::a_subnet_moves_to_another_table_of_the_cluster,
        lifecycle::a_security_group,
        lifecycle::the_rules_of_a_security_group,
        lifecycle::a_network_interface,
        lifecycle::what_an_earlier_attempt_left_otherwise_is_brought_to_what_is_wanted,
        lifecycle::a_gateway_moves_to_another_vpc,
        lifecycle::a_volume,
        services::a_role,
        services::an_instance_profile,
        services::a_load_balancer,
        services::a_target_group,
        services::a_listener,
        services::a_launch_template,
        services::a_group,
        services::a_scheduled_action,
        services::records,
        services::what_an_earlier_attempt_made_otherwise_is_brought_to_what_is_wanted,
        services::what_goes_in_one_change_comes_in_another,
    ] {
        scenario();
    }
    let used = USED.take();
    let mut unused = Vec::new();
    for kind in Kind::ALL {
        // Parameters have values, which no lifecycle here has: their own tests call what they list.
        for act in Act::ALL.into_iter().filter(|_| kind != Kind::Parameter) {
            for (service, name) in acts::changes(kind, act) {
                let is_used = used.contains(&(kind, act, *service, (*name).to_owned()));
                if !is_used && *name != CONSOLE {
                    unused.push(format!("{kind} {act:?} {name}"));
                }
            }
        }
    }
    assert!(unused.is_empty(), "nothing calls these:\n{}", unused.join("\n"));
}

#[test]
fn every_name_in_a_list_is_in_the_table() {
    let acts = Kind::ALL.into_iter().flat_map(|kind| Act::ALL.into_iter().flat_map(move |act| acts::of(kind, act)));
    let others = [acts::LOOK, acts::CHECK, acts::COMMANDS, acts::ROLL, acts::SWEEP].into_iter().flatten();
    for name in acts.chain(others.copied()) {
        assert!(find(name).is_some(), "{name:?}");
    }
}
