//! The gate as its users see it.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod admin;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod config;
#[cfg(test)]
mod console;
#[cfg(test)]
mod core;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod deciding;
#[cfg(test)]
mod harbor;
#[cfg(test)]
mod oidc;
#[cfg(test)]
mod running;
#[cfg(test)]
mod server;
#[cfg(test)]
mod upkeep;
#[cfg(test)]
mod webhooks;
