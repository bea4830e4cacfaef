//! A registry on the loopback for measuring and for programs that test registries: `open DIRECTORY ADDRESS [release]`.
//! Accounts are those of the tests. It is for these alone: everybody knows their passwords.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a tool for tests")]
#![allow(dead_code, missing_docs, unreachable_pub, reason = "what the tests need besides")]

#[path = "../tests/it/house.rs"]
mod house;

use access::{Action, Rights};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap();
    let address = arguments.next().unwrap();
    let release = arguments.next().is_some();
    house::run(async {
        let settings = registry::Settings { service: house::SERVICE.to_owned(), ..Default::default() };
        let house = house::House::at(directory.as_ref(), &address, release, settings).await;
        let everything = house::grant("**", &Action::ALL);
        house.people.add("tester", Rights { catalog: true, grants: vec![everything], ..Rights::default() });
        eprintln!("listening on {}", house.address);
        house.listening.served.await.unwrap();
    });
}
