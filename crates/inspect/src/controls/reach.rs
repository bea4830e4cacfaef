use crate::{ImageView, Outcome};
use layers::Place;

/// G6: whether what lies at a place runs, as far as reading can tell: a runtime shows it, and the start leads to
/// it. Analyzers ask this before they give a finding the role that only running deserves, and the other controls
/// ask it before they excuse a file.
///
/// That the start was not seen to lead to a file is no proof that nothing does, so nothing is lowered for it.
pub fn runs(image: &ImageView<'_>, out: &Outcome, place: Place) -> bool {
    image.tree.is_live(place) && out.reaches(image, place)
}
