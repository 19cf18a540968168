//! Each kind against the sandbox: what is made is what is seen, what is changed is what is seen, and what is deleted is
//! gone.

use super::{identity, sandboxed, scope};
use crate::aws::{Aws, Ids, create, delete, discover, readiness, update};
use crate::resource::{Address, Found, Kind, Readiness, Resource, Tags, Vpc};

/// Objects of one test, made one after the other.
struct Stage {
    aws: Aws,
    ids: Ids,
}

impl Stage {
    async fn new() -> Self {
        Self { aws: sandboxed().await.0, ids: Ids::default() }
    }

    async fn make(&mut self, address: &str, resource: impl Into<Resource>) -> Address {
        let address: Address = address.parse().expect("a valid address");
        let resource = resource.into();
        let made = create(&self.aws, &identity(&address), &resource, &self.ids).await.expect("it is made");
        self.ids.insert_made(address.clone(), &made, self.aws.clock().now());
        address
    }

    async fn see(&self, address: &Address) -> Option<Found> {
        let observed = discover(&self.aws, &scope()).await.expect("discovery works");
        let mut all = observed.found.into_iter().filter(|found| found.address == *address);
        let found = all.next();
        assert_eq!(all.next(), None, "there are two of {address}");
        found
    }

    /// Makes it, sees it, makes it again without a second one, changes it, sees the change, deletes it, sees nothing.
    async fn lifecycle(&mut self, address: &str, first: impl Into<Resource>, second: impl Into<Resource>) {
        let (first, second) = (first.into(), second.into());
        let address = self.make(address, first.clone()).await;
        self.wait(&address).await;
        let found = self.see(&address).await.expect("it is seen");
        assert_eq!(found.resource, first);
        assert_eq!((found.uid.as_deref(), found.generation), (Some(super::UID), 1));

        let who = identity(&address);
        update(&self.aws, &found, &second, &who, &self.ids).await.expect("it can be changed");
        let found = self.see(&address).await.expect("it is still seen");
        assert_eq!(found.resource, second);
        let before = self.aws.calls().total();
        update(&self.aws, &found, &second, &who, &self.ids).await.expect("nothing is to do");
        assert_eq!(self.aws.calls().since(before).changes(), 0, "an update without a difference changes nothing");

        delete(&self.aws, &found).await.expect("it can be deleted");
        assert_eq!(self.see(&address).await, None);
        delete(&self.aws, &found).await.expect("what is gone is deleted");
        self.ids.remove(&address);
    }

    async fn wait(&self, address: &Address) {
        let id = self.ids.id(&address.clone().into()).expect("it has an id");
        for _ in 0..300 {
            let seen = readiness(&self.aws, address.kind(), &[id.clone()]).await.expect("its state can be read");
            if seen.get(&id) == Some(&Readiness::Ready) {
                return;
            }
            self.aws.clock().sleep(std::time::Duration::from_secs(2)).await;
        }
        panic!("{address} is never ready");
    }
}

fn tags(name: &str) -> Tags {
    Tags::from([(String::from("Name"), name.to_owned()), (String::from("team"), String::from("a & b"))])
}

#[tokio::test(start_paused = true)]
#[ignore = "until the sandbox knows every operation"]
async fn a_vpc() {
    let mut stage = Stage::new().await;
    let cidr = "10.0.0.0/16".parse().expect("a range");
    let first = Vpc { cidr, dns_support: true, dns_hostnames: true, tags: tags("main") };
    let second = Vpc { dns_hostnames: false, tags: Tags::from([("Name".into(), "other".into())]), ..first.clone() };
    stage.lifecycle("vpc/main", first, second).await;
}

#[tokio::test(start_paused = true)]
async fn an_id_that_does_not_exist_is_gone() {
    let (aws, _) = sandboxed().await;
    let id = String::from("vpc-0a1b2c3d4e5f60718");
    let seen = readiness(&aws, Kind::Vpc, std::slice::from_ref(&id)).await.expect("it can be asked");
    assert_eq!(seen.get(&id), Some(&Readiness::Gone));
}
