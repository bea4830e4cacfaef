use super::lzma::Lzma;
use super::nrv::Nrv;
use super::*;
#[test]
fn placeholder() {
    let _ = (Nrv::B, Lzma { literal_context: 0, literal_position: 0, position: 0 });
}
