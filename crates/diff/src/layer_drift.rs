use crate::face::Known;
use model::{Change, ChangeKind, LayerDrift, PlatformChanges, Severity};

/// What became of the layers. They are compared as they unpack, so a layer that was only compressed anew is the
/// same.
pub(crate) fn of(old: &Known<'_>, new: &Known<'_>, platform: &str) -> PlatformChanges {
    let (then, now) = (old.face.image.layers, new.face.image.layers);
    let same = |(then, now): &(&inspect::LayerView<'_>, &inspect::LayerView<'_>)| {
        match (&then.facts.transport, &now.facts.transport) {
            (Some(then), Some(now)) => then.diff_id == now.diff_id,
            // Of a layer that was not read nothing is known but what was declared.
            _ => false,
        }
    };
    let shared = then.iter().zip(now).take_while(same).count();
    let layers = match shared {
        _ if shared == then.len() && shared == now.len() => LayerDrift::Same,
        _ if shared == then.len() => LayerDrift::Appended,
        0 => LayerDrift::Replaced,
        _ => LayerDrift::Partly,
    };
    PlatformChanges {
        platform: platform.to_owned(),
        layers,
        layers_old: then.len() as u64,
        layers_new: now.len() as u64,
        layers_shared: shared as u64,
        added: 0,
        changed: 0,
        removed: 0,
        moved: 0,
    }
}

/// Another base is worth knowing: everything above it stands on other ground.
pub(crate) fn tell(new: &Known<'_>, totals: &PlatformChanges, changes: &mut Vec<Change>) {
    if totals.layers == LayerDrift::Replaced && totals.layers_old > 0 {
        changes.push(Change {
            platform: totals.platform.clone(),
            layer: new.face.image.layer_ref(0),
            ..Change::new(
                ChangeKind::BaseReplaced,
                Severity::Low,
                "The lowest layer is another, so the image stands on another base or another build of it.",
            )
        });
    }
}
