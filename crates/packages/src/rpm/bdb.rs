use super::{Fault, Headers, Order, Pages, span};

const PAGE_HEAD: usize = 26;
const MAGIC_HASH: u32 = 0x0006_1561;

/// Page types.
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH_META: u8 = 8;
const HASH: u8 = 13;

/// Item types on a hash page.
const ON_PAGE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// Reads `Packages`: a Berkeley DB of the hash access method, of either byte order. Every hash page of the
/// file is read, whatever bucket it hangs in; a value is on the page or in a chain of overflow pages.
pub(super) fn read(bytes: &[u8], headers: &mut Headers) -> Result<(), Fault> {
    let file = File::open(bytes)?;
    let mut used = Pages::new(file.pages);
    // Page 0 describes the file. Free pages and further descriptions have other types and hold no packages.
    for number in 1..file.pages {
        let Some(page) = file.page(number) else { break };
        if let Some(&(HASH | HASH_UNSORTED)) = page.get(25) {
            file.hash_page(number, page, &mut used, headers);
        }
        if headers.is_done() {
            break;
        }
    }
    Ok(())
}

struct File<'a> {
    bytes: &'a [u8],
    order: Order,
    page_size: usize,
    pages: usize,
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        let order =
            [Order::Little, Order::Big].into_iter().find(|order| order.u32(bytes, 12) == Some(MAGIC_HASH));
        let order = order.ok_or(Fault::new(12, "the file is no Berkeley DB hash"))?;
        if bytes.get(25) != Some(&HASH_META) {
            return Err(Fault::new(25, "the first page does not describe a hash"));
        }
        if bytes.get(24) != Some(&0) {
            return Err(Fault::new(24, "the database is encrypted"));
        }
        let page_size =
            order.size(bytes, 20).filter(|size| size.is_power_of_two() && (512..=65536).contains(size));
        let page_size = page_size.ok_or(Fault::new(20, "a page size that is none"))?;
        let last = order.size(bytes, 32).ok_or(Fault::new(32, "the head is cut short"))?;
        let pages = bytes.len() / page_size;
        if last >= pages || !bytes.len().is_multiple_of(page_size) {
            return Err(Fault::new(32, "the file holds fewer or other pages than it states"));
        }
        Ok(Self { bytes, order, page_size, pages })
    }

    fn page(&self, number: usize) -> Option<&'a [u8]> {
        span(self.bytes, number.checked_mul(self.page_size)?, self.page_size)
    }

    fn offset(&self, page: usize) -> usize {
        page.saturating_mul(self.page_size)
    }

    /// Items stand in pairs of key and value; the index at the front gives their offsets, the items lie from
    /// the end of the page towards it.
    fn hash_page(&self, number: usize, page: &'a [u8], used: &mut Pages, headers: &mut Headers) {
        let count = self.order.u16(page, 20).map_or(0, usize::from);
        let offset = self.offset(number);
        if !count.is_multiple_of(2) {
            headers.skip(Fault::new(offset, "a hash page with a key and no value"));
        }
        for value in (1..count).step_by(2) {
            if headers.is_done() {
                return;
            }
            if let Err(fault) = self.value(offset, page, value, used, headers) {
                headers.skip(fault);
            }
        }
    }

    fn item(&self, page: &'a [u8], index: usize) -> Option<&'a [u8]> {
        let start_of = |index: usize| {
            let at = index.checked_mul(2)?.checked_add(PAGE_HEAD)?;
            self.order.u16(page, at).map(usize::from)
        };
        let end = match index.checked_sub(1) {
            // A page of 65,536 bytes cannot state its own end in 16 bits, but no item begins there either.
            None => page.len(),
            Some(before) => start_of(before)?,
        };
        page.get(start_of(index)?..end)
    }

    fn value(
        &self,
        offset: usize,
        page: &'a [u8],
        index: usize,
        used: &mut Pages,
        headers: &mut Headers,
    ) -> Result<(), Fault> {
        let cut = || Fault::new(offset, "an item beyond the end of its page");
        let key = self.item(page, index.saturating_sub(1)).ok_or_else(cut)?;
        let item = self.item(page, index).ok_or_else(cut)?;
        // Under the number 0 rpm keeps the count of the packages it ever installed.
        if key == [ON_PAGE, 0, 0, 0, 0] {
            return Ok(());
        }
        match item.first() {
            Some(&ON_PAGE) => {
                let header = item.get(1..).unwrap_or_default();
                headers.reserve(offset, header.len())?;
                headers.take(offset, header);
                Ok(())
            }
            Some(&OFF_PAGE) => {
                let (first, len) = self.order.size(item, 4).zip(self.order.size(item, 8)).ok_or_else(cut)?;
                headers.reserve(offset, len)?;
                let header = self.chain(first, len, used)?;
                headers.take(self.offset(first), &header);
                Ok(())
            }
            _ => Err(Fault::new(offset, "a value of another kind than rpm writes")),
        }
    }

    /// Brings together what lies in a chain of overflow pages. Room for `len` bytes has been granted.
    fn chain(&self, first: usize, len: usize, used: &mut Pages) -> Result<Vec<u8>, Fault> {
        let mut value = Vec::with_capacity(len);
        let mut next = first;
        while value.len() < len {
            let offset = self.offset(next);
            let page = self.page(next).filter(|page| page.get(25) == Some(&OVERFLOW));
            let page = page.ok_or(Fault::new(offset, "a chain that leaves its overflow pages"))?;
            if !used.mark(next) {
                return Err(Fault::new(offset, "an overflow page used twice"));
            }
            let held = self.order.u16(page, 22).map_or(0, usize::from);
            let data = span(page, PAGE_HEAD, held).filter(|data| !data.is_empty());
            value.extend_from_slice(data.ok_or(Fault::new(offset, "an overflow page without data"))?);
            next = self.order.size(page, 16).unwrap_or_default();
        }
        if value.len() != len || next != 0 {
            return Err(Fault::new(self.offset(first), "a chain of another length than its value states"));
        }
        Ok(value)
    }
}
