use super::{Fault, Headers, Order::Big, Pages, span};
use std::borrow::Cow;

/// B-tree page types.
const INTERIOR_TABLE: u8 = 5;
const LEAF_TABLE: u8 = 13;

/// Reads `rpmdb.sqlite` (SQLite database file format, sections 1.3 to 2.6): finds the table `Packages` in the
/// schema and takes the blob of each of its rows. Indexes, free pages and all other tables are left alone.
pub(super) fn read(bytes: &[u8], headers: &mut Headers) -> Result<(), Fault> {
    let file = File::open(bytes)?;
    let mut used = Pages::new(file.pages.saturating_add(1));
    let root = file.packages_root(&mut used)?;
    let (leaves, damage) = file.leaves(root, &mut used);
    for cell in leaves.into_iter().flat_map(|leaf| file.cells(leaf)) {
        let row = cell.and_then(|cell| {
            headers.reserve(cell.offset, cell.size)?;
            Ok((cell.offset, file.payload(&cell, &mut used)?))
        });
        match row {
            Ok((offset, row)) => match columns(&row).find_map(Value::blob) {
                Some(header) => headers.take(offset, header),
                None => headers.skip(Fault::new(offset, "a row without a header")),
            },
            Err(fault) => headers.skip(fault),
        }
        if headers.is_done() {
            break;
        }
    }
    damage.into_iter().for_each(|fault| headers.skip(fault));
    Ok(())
}

struct File<'a> {
    bytes: &'a [u8],
    page_size: usize,
    /// Bytes of a page that SQLite itself uses.
    usable: usize,
    pages: usize,
}

/// A cell of a leaf: a row.
struct Cell<'a> {
    offset: usize,
    size: usize,
    /// What of the row lies on the leaf.
    local: &'a [u8],
    /// The first overflow page where it does not all lie there.
    overflow: usize,
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Fault> {
        if !bytes.starts_with(b"SQLite format 3\0") {
            return Err(Fault::new(0, "the file does not begin as an SQLite database"));
        }
        let page_size = match Big.u16(bytes, 16) {
            Some(1) => 65536,
            size => size.map_or(0, usize::from),
        };
        let usable = page_size.saturating_sub(bytes.get(20).copied().map_or(0, usize::from));
        if !page_size.is_power_of_two() || page_size < 512 || usable < 480 {
            return Err(Fault::new(16, "a page size that is none"));
        }
        if !matches!(Big.u32(bytes, 56), Some(0 | 1)) {
            return Err(Fault::new(56, "a text encoding other than UTF-8"));
        }
        let pages = bytes.len() / page_size;
        // The count in the head is valid only if the last writer kept it; else the file's size counts.
        let is_kept = Big.u32(bytes, 24) == Some(Big.u32(bytes, 92).unwrap_or_default());
        let stated = Big.size(bytes, 28).filter(|stated| is_kept && *stated > 0).unwrap_or(pages);
        if pages == 0 || stated > pages || !bytes.len().is_multiple_of(page_size) {
            return Err(Fault::new(28, "the file holds fewer or other pages than it states"));
        }
        Ok(Self { bytes, page_size, usable, pages: stated })
    }

    /// Where page `number` begins; they are counted from 1.
    fn offset(&self, number: usize) -> usize {
        number.saturating_sub(1).saturating_mul(self.page_size)
    }

    fn page(&self, number: usize) -> Option<&'a [u8]> {
        (1..=self.pages)
            .contains(&number)
            .then(|| span(self.bytes, self.offset(number), self.usable))
            .flatten()
    }

    /// The root page of the table `Packages`, from the schema, whose own root is page 1.
    fn packages_root(&self, used: &mut Pages) -> Result<usize, Fault> {
        let (leaves, damage) = self.leaves(1, used);
        if let Some(fault) = damage {
            return Err(fault);
        }
        let mut budget = self.bytes.len();
        let mut root = None;
        for cell in leaves.into_iter().flat_map(|leaf| self.cells(leaf)) {
            let cell = cell?;
            budget = budget
                .checked_sub(cell.size)
                .ok_or(Fault::new(cell.offset, "a schema that is larger than the file"))?;
            let row = self.payload(&cell, used)?;
            let mut columns = columns(&row);
            let (kind, name) = (columns.next(), columns.next());
            let page = columns.nth(1).and_then(Value::number);
            let is_it = kind.and_then(Value::text).is_some_and(|kind| kind == b"table")
                && name.and_then(Value::text).is_some_and(|name| name.eq_ignore_ascii_case(b"Packages"));
            if is_it && root.replace(page).is_some() {
                return Err(Fault::new(cell.offset, "two tables of the name Packages"));
            }
        }
        root.flatten().ok_or(Fault::new(0, "no table of the name Packages"))
    }

    /// The leaves of a table in the order of its rows, and the first damage on the way to them. A page is
    /// visited once, so a tree that bites its own tail ends.
    fn leaves(&self, root: usize, used: &mut Pages) -> (Vec<usize>, Option<Fault>) {
        let (mut leaves, mut damage) = (Vec::new(), None);
        let mut open = vec![root];
        while let Some(number) = open.pop() {
            let offset = self.offset(number);
            let Some((page, head)) = self.page(number).zip(self.head(number)) else {
                damage.get_or_insert(Fault::new(offset, "a page that is not in the file"));
                continue;
            };
            if !used.mark(number) {
                damage.get_or_insert(Fault::new(offset, "a page used twice"));
                continue;
            }
            match head.kind {
                LEAF_TABLE => leaves.push(number),
                INTERIOR_TABLE => {
                    let children = (0..head.cells).map(|cell| Big.size(page, head.cell(page, cell)?));
                    let right = Big.size(page, head.start.saturating_add(8));
                    if open.len().saturating_add(head.cells) > self.pages {
                        damage.get_or_insert(Fault::new(offset, "more pages in a table than in the file"));
                        break;
                    }
                    // Reversed, for the last that is pushed is the first to be looked at.
                    for child in children.chain([right]).rev() {
                        match child {
                            Some(child) => open.push(child),
                            None => {
                                damage.get_or_insert(Fault::new(offset, "a cell beyond the end of its page"));
                            }
                        }
                    }
                }
                _ => {
                    damage.get_or_insert(Fault::new(offset, "a page of a table that is none"));
                }
            }
        }
        (leaves, damage)
    }

    fn head(&self, number: usize) -> Option<PageHead> {
        let start = if number == 1 { 100 } else { 0 };
        let page = self.page(number)?;
        let kind = *page.get(start)?;
        let size = if kind == INTERIOR_TABLE { 12 } else { 8 };
        let cells = Big.u16(page, start.checked_add(3)?).map(usize::from)?;
        Some(PageHead { start, size, kind, cells })
    }

    fn cells(&self, leaf: usize) -> impl Iterator<Item = Result<Cell<'a>, Fault>> {
        let page = self.page(leaf).zip(self.head(leaf));
        let offset = self.offset(leaf);
        (0..page.map_or(0, |(_, head)| head.cells)).map(move |index| {
            let cell = page.and_then(|(page, head)| self.cell(offset, page, head.cell(page, index)?));
            cell.ok_or(Fault::new(offset, "a cell beyond the end of its page"))
        })
    }

    /// The cell at `at` of a leaf that begins at `offset`: payload size, row number, payload, and the first
    /// overflow page where the payload is too long for a page.
    fn cell(&self, offset: usize, page: &'a [u8], at: usize) -> Option<Cell<'a>> {
        let (size, rest) = varint(page.get(at..)?)?;
        let (_row, rest) = varint(rest)?;
        let size = usize::try_from(size).ok()?;
        let max = self.usable.checked_sub(35)?;
        let offset = offset.checked_add(at)?;
        if size <= max {
            return Some(Cell { offset, size, local: rest.get(..size)?, overflow: 0 });
        }
        let min = self.usable.checked_sub(12)?.checked_mul(32)?.checked_div(255)?.checked_sub(23)?;
        let fitting = size.checked_sub(min)?.checked_rem(self.usable.checked_sub(4)?)?.checked_add(min)?;
        let (local, rest) = rest.split_at_checked(if fitting <= max { fitting } else { min })?;
        Some(Cell { offset, size, local, overflow: Big.size(rest, 0)? })
    }

    /// All of a row. Room for it has been granted.
    fn payload(&self, cell: &Cell<'a>, used: &mut Pages) -> Result<Cow<'a, [u8]>, Fault> {
        if cell.local.len() == cell.size {
            return Ok(Cow::Borrowed(cell.local));
        }
        let mut payload = Vec::with_capacity(cell.size);
        payload.extend_from_slice(cell.local);
        let mut next = cell.overflow;
        while payload.len() < cell.size {
            let offset = self.offset(next);
            let page = self.page(next).ok_or(Fault::new(cell.offset, "a chain that leaves the file"))?;
            if !used.mark(next) {
                return Err(Fault::new(offset, "a page used twice"));
            }
            let data = page.get(4..).unwrap_or_default();
            let wanted = cell.size.saturating_sub(payload.len()).min(data.len());
            payload.extend_from_slice(data.get(..wanted).unwrap_or_default());
            next = Big.size(page, 0).unwrap_or_default();
        }
        Ok(Cow::Owned(payload))
    }
}

/// What stands at the front of a b-tree page.
#[derive(Clone, Copy)]
struct PageHead {
    start: usize,
    size: usize,
    kind: u8,
    cells: usize,
}

impl PageHead {
    /// Where on the page a cell lies.
    fn cell(&self, page: &[u8], index: usize) -> Option<usize> {
        let at = self.start.checked_add(self.size)?.checked_add(index.checked_mul(2)?)?;
        Big.u16(page, at).map(usize::from)
    }
}

/// A column of a row, by its serial type.
#[derive(Debug, Clone, Copy)]
struct Value<'a> {
    serial: u64,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    fn blob(self) -> Option<&'a [u8]> {
        (self.serial >= 12 && self.serial.is_multiple_of(2)).then_some(self.bytes)
    }

    fn text(self) -> Option<&'a [u8]> {
        (self.serial >= 13 && !self.serial.is_multiple_of(2)).then_some(self.bytes)
    }

    /// A number that may be that of a page.
    fn number(self) -> Option<usize> {
        match self.serial {
            1..=6 => self
                .bytes
                .iter()
                .try_fold(0_usize, |number, byte| number.checked_mul(256)?.checked_add(usize::from(*byte))),
            9 => Some(1),
            _ => None,
        }
    }
}

/// The columns of a row, as far as they fit it.
fn columns(row: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let head = varint(row).and_then(|(size, _)| row.split_at_checked(usize::try_from(size).ok()?));
    let (head, mut body) = head.unwrap_or_default();
    let mut types = varint(head).map(|(_, types)| types).unwrap_or_default();
    std::iter::from_fn(move || {
        let (serial, rest) = varint(types)?;
        types = rest;
        let size = match serial {
            0 | 8 | 9 => 0,
            1..=4 => serial,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            _ => serial.checked_sub(12)? / 2,
        };
        let (bytes, rest) = body.split_at_checked(usize::try_from(size).ok()?)?;
        body = rest;
        Some(Value { serial, bytes })
    })
}

/// A variable-length integer of one to nine bytes, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        let after = || bytes.get(index.checked_add(1)?..);
        if index == 8 {
            return Some(((value << 8) | u64::from(*byte), after()?));
        }
        value = (value << 7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((value, after()?));
        }
    }
    None
}
