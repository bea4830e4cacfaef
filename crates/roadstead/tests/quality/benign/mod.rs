//! Images of honest make that have something in common with planted ones: the look-alikes that the catalogue of
//! detections names, and ordinary services, written here in the shape in which they are met.

mod builds;
mod data;
mod libraries;
mod runtimes;
mod services;
mod tools;

use crate::shape::Shape;

pub(crate) fn shapes() -> Vec<Shape> {
    let groups = [
        services::shapes(),
        tools::shapes(),
        libraries::shapes(),
        runtimes::shapes(),
        data::shapes(),
        builds::shapes(),
    ];
    groups.into_iter().flatten().collect()
}
