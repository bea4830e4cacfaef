//! The whole program, run as people run it: arguments in; standard output, standard error, files and an exit
//! code out. Images are made on the spot; nothing leaves the machine.

#[cfg(test)]
mod behavior;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod captures;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod controls;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod detonate;
#[cfg(test)]
mod diff;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod exceptions;
#[cfg(test)]
mod exit_codes;
#[cfg(test)]
mod feeds;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod hidden;
#[cfg(test)]
mod interrupt;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod paths;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod registries;
#[cfg(test)]
mod repeat;
#[cfg(test)]
mod room;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod signing;
