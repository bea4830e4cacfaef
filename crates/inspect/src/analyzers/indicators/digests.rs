use super::{BAD_LAYER, REVOKED, capped};
use crate::{ImageView, Outcome};

/// The digests of the image against lists of revoked ones.
pub(super) fn revoked_image(image: &ImageView<'_>, out: &mut Outcome) {
    for digest in image.digests {
        let Some(label) = image.indicators.find_image(digest) else { continue };
        let what =
            if label.name.is_empty() { "revoked".to_owned() } else { format!("revoked as {}", label.name) };
        let finding = image
            .finding(&REVOKED, format!("Its digest {digest} is listed as {what} by {}.", label.source))
            .with_evidence("digest", &digest.to_string(), None)
            .with_evidence("source", label.source, None);
        out.findings.push(capped(finding, label.severity));
        return;
    }
}

/// The digests of each layer, as transported and after decompression, against lists of bad ones.
pub(super) fn bad_layers(image: &ImageView<'_>, out: &mut Outcome) {
    for (index, layer) in image.layers.iter().enumerate() {
        let unpacked = layer.facts.transport.as_ref().map(|transport| transport.diff_id);
        let hit = std::iter::once(layer.digest)
            .chain(unpacked)
            .find_map(|digest| Some((digest, image.indicators.find_layer(&digest)?)));
        let Some((digest, label)) = hit else { continue };
        let what = if label.name.is_empty() { "bad" } else { label.name };
        let explanation =
            format!("The digest {digest} of layer {index} is listed as {what} by {}.", label.source);
        let mut finding = image
            .finding(&BAD_LAYER, explanation)
            .with_evidence("digest", &digest.to_string(), None)
            .with_evidence("source", label.source, None);
        finding.layer = image.layer_ref(index);
        out.findings.push(capped(finding, label.severity));
    }
}
