use inspect::LayerFacts;
use layers::{Anomaly, AnomalyKind, Compression};
use source::Layer;

/// Where a manifest or configuration says one thing of a layer and its bytes say another.
pub(crate) fn contradictions(layer: &Layer, facts: &LayerFacts) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut add = |kind, detail| found.push(Anomaly { kind, offset: 0, path: Vec::new(), detail });
    let Some(transport) = &facts.transport else { return found };
    if let Some(declared) = layer.digest
        && declared.algorithm() == transport.digest.algorithm()
        && declared != transport.digest
    {
        add(AnomalyKind::DigestMismatch, format!("declared {declared}, computed {}", transport.digest));
    }
    if let Some(declared) = layer.size
        && declared != transport.size
    {
        add(AnomalyKind::SizeMismatch, format!("declared {declared} bytes, there are {}", transport.size));
    }
    // An archive that did not come out whole has no sum to compare; the gap over it says so already.
    let is_whole = !facts.anomalies.iter().any(|anomaly| CUTS.contains(&anomaly.kind));
    if is_whole
        && let Some(declared) = layer.diff_id
        && declared.algorithm() == transport.diff_id.algorithm()
        && declared != transport.diff_id
    {
        add(
            AnomalyKind::DiffIdMismatch,
            format!("the configuration says {declared}, the layer is {}", transport.diff_id),
        );
    }
    if let Some(declared) = Compression::declared(&layer.media_type)
        && declared != transport.compression
    {
        add(
            AnomalyKind::MediaTypeMismatch,
            format!("declared {}, the bytes are {}", declared.name(), transport.compression.name()),
        );
    }
    found
}

/// After these a decoder shows no more of an archive.
const CUTS: [AnomalyKind; 3] =
    [AnomalyKind::CorruptCompression, AnomalyKind::UnsupportedCompression, AnomalyKind::LimitReached];
