//! Images with something planted in them: harmless text and programs in the shape of what campaigns ship.

mod control;
mod download;
mod escape;
mod hooks;
mod mining;
mod stealth;
mod supply;
mod theft;

use crate::shape::Shape;

pub(crate) fn shapes() -> Vec<Shape> {
    let groups = [
        mining::shapes(),
        download::shapes(),
        control::shapes(),
        theft::shapes(),
        stealth::shapes(),
        hooks::shapes(),
        escape::shapes(),
        supply::shapes(),
    ];
    groups.into_iter().flatten().collect()
}
