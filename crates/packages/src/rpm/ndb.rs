use super::{Fault, Headers, Order::Little, span};

const SLOT: usize = 16;
const BLOCK: usize = 16;
const SLOTS_PER_PAGE: usize = 256;
const HEAD: usize = 16;
const TAIL: usize = 12;

/// Reads `Packages.db`, rpm's own format: pages of slots, each pointing at a blob in blocks of 16 bytes. All
/// numbers are little endian. As rpm does, it takes the count of slot pages from the head, and refuses a slot
/// without its magic.
pub(super) fn read(bytes: &[u8], headers: &mut Headers) -> Result<(), Fault> {
    if !bytes.starts_with(b"RpmP") {
        return Err(Fault::new(0, "the file does not begin as an ndb database"));
    }
    if Little.u32(bytes, 4) != Some(0) {
        return Err(Fault::new(4, "another version of the format than 0"));
    }
    let pages = Little.size(bytes, 12).ok_or(Fault::new(12, "the head is cut short"))?;
    let slots = pages.saturating_mul(SLOTS_PER_PAGE);
    if slots.saturating_mul(SLOT) > bytes.len() {
        return Err(Fault::new(12, "more slot pages than the file holds"));
    }
    // The head fills the first two slots.
    for slot in 2..slots {
        if headers.is_done() {
            break;
        }
        if let Err(fault) = take(bytes, slot.saturating_mul(SLOT), slots, headers) {
            headers.skip(fault);
        }
    }
    Ok(())
}

fn take(bytes: &[u8], slot: usize, slots: usize, headers: &mut Headers) -> Result<(), Fault> {
    let entry = span(bytes, slot, SLOT).unwrap_or_default();
    let field = |at| Little.size(entry, at).unwrap_or_default();
    if !entry.starts_with(b"Slot") {
        return Err(Fault::new(slot, "a slot without its magic"));
    }
    let (package, block, blocks) = (field(4), field(8), field(12));
    if block == 0 {
        return Ok(());
    }
    if block < slots {
        return Err(Fault::new(slot, "a slot that points at slots"));
    }
    let start = block.saturating_mul(BLOCK);
    let blob = span(bytes, start, blocks.saturating_mul(BLOCK))
        .ok_or(Fault::new(slot, "a slot that points beyond the file"))?;
    let size = Little.size(blob, 12);
    let is_head = blob.starts_with(b"BlbS") && Little.size(blob, 4) == Some(package);
    let header = size.and_then(|size| span(blob, HEAD, size));
    let (true, Some(header)) = (is_head, header) else {
        return Err(Fault::new(start, "a blob whose head is not that of its slot"));
    };
    let tail = blob.len().checked_sub(TAIL).and_then(|at| blob.get(at..)).unwrap_or_default();
    let ends_before_tail = header.len().saturating_add(HEAD + TAIL) <= blob.len();
    if !ends_before_tail || !tail.ends_with(b"BlbE") || Little.size(tail, 4) != size {
        return Err(Fault::new(start, "a blob whose end does not match its head"));
    }
    headers.reserve(start, blob.len())?;
    headers.take(start.saturating_add(HEAD), header);
    Ok(())
}
