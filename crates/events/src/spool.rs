use crate::Event;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};

/// First bytes of a record; the number is raised when the form changes.
const MAGIC: &[u8; 8] = b"rsevnt01";
/// The longest single event: the bounds of its parts together stay below it.
const LONGEST: u32 = 4 << 20;

/// What stands at the head of a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpoolHead {
    /// The run of the plan.
    pub run: String,
    /// The engine: `native`, `gvisor`.
    pub engine: String,
    /// Digest of the image that ran, as text.
    pub image: String,
}

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It does not begin as records do.
    #[error("this is no record of a run, or one of another version; detonate the image again")]
    NoRecord,
    /// It ends within an event: the run was cut off.
    #[error("the record ends within event {number}; what is after it is lost")]
    Cut {
        /// The event that is not whole.
        number: u64,
    },
    /// An event cannot be understood.
    #[error("event {number} of the record is damaged")]
    Damaged {
        /// Which.
        number: u64,
    },
    /// An event is missing.
    #[error("event {wanted} is missing from the record; the next is {found}")]
    Hole {
        /// The one that should have come.
        wanted: u64,
        /// The one that came.
        found: u64,
    },
    /// The system refused.
    #[error("cannot read or write the record of a run")]
    Io(#[from] io::Error),
}

/// Writes a record while a run goes on. Nothing is held back but what the writer given to it holds.
#[derive(Debug)]
pub struct Spool<W: Write> {
    to: W,
    line: Vec<u8>,
}

impl<W: Write> Spool<W> {
    /// Begins a record.
    ///
    /// # Errors
    /// When the head cannot be written.
    pub fn begin(mut to: W, head: &SpoolHead) -> Result<Self, SpoolError> {
        to.write_all(MAGIC)?;
        let mut spool = Self { to, line: Vec::new() };
        spool.put(head, 0)?;
        Ok(spool)
    }

    /// Adds an event. Numbers are the caller's to give, without holes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, event: &Event) -> Result<(), SpoolError> {
        self.put(event, event.number)
    }

    /// Writes out what is buffered and gives the writer back.
    ///
    /// # Errors
    /// When that fails.
    pub fn finish(mut self) -> Result<W, SpoolError> {
        self.to.flush()?;
        Ok(self.to)
    }

    fn put<T: Serialize>(&mut self, value: &T, number: u64) -> Result<(), SpoolError> {
        self.line.clear();
        self.line = postcard::to_extend(value, std::mem::take(&mut self.line))
            .map_err(|_| SpoolError::Damaged { number })?;
        let length = u32::try_from(self.line.len()).ok().filter(|&length| length <= LONGEST);
        let length = length.ok_or(SpoolError::Damaged { number })?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&self.line)?;
        Ok(())
    }
}

/// Reads a record back, event by event.
#[derive(Debug)]
pub struct SpoolReader<R: Read> {
    from: R,
    head: SpoolHead,
    next: u64,
    line: Vec<u8>,
    over: bool,
}

impl<R: Read> SpoolReader<R> {
    /// Opens a record.
    ///
    /// # Errors
    /// When it is none.
    pub fn open(mut from: R) -> Result<Self, SpoolError> {
        let mut magic = [0; MAGIC.len()];
        from.read_exact(&mut magic).map_err(|_| SpoolError::NoRecord)?;
        if magic != *MAGIC {
            return Err(SpoolError::NoRecord);
        }
        let mut line = Vec::new();
        if !fill(&mut from, &mut line, 0)? {
            return Err(SpoolError::NoRecord);
        }
        let head = postcard::from_bytes(&line).map_err(|_| SpoolError::NoRecord)?;
        Ok(Self { from, head, next: 0, line, over: false })
    }

    /// What stands at its head.
    pub fn head(&self) -> &SpoolHead {
        &self.head
    }

    fn read(&mut self) -> Result<Option<Event>, SpoolError> {
        if !fill(&mut self.from, &mut self.line, self.next)? {
            return Ok(None);
        }
        let event: Event =
            postcard::from_bytes(&self.line).map_err(|_| SpoolError::Damaged { number: self.next })?;
        if event.number != self.next {
            return Err(SpoolError::Hole { wanted: self.next, found: event.number });
        }
        self.next += 1;
        Ok(Some(event))
    }
}

impl<R: Read> Iterator for SpoolReader<R> {
    type Item = Result<Event, SpoolError>;

    /// The next event; after an error nothing more comes.
    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let read = self.read().transpose();
        self.over = !matches!(read, Some(Ok(_)));
        read
    }
}

/// Reads the next length and as many bytes; false at the end of the record.
fn fill(from: &mut impl Read, line: &mut Vec<u8>, number: u64) -> Result<bool, SpoolError> {
    let mut length = [0; 4];
    let mut have = 0;
    while have < length.len() {
        match from.read(&mut length[have..]) {
            Ok(0) if have == 0 => return Ok(false),
            Ok(0) => return Err(SpoolError::Cut { number }),
            Ok(read) => have += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = u32::from_le_bytes(length);
    if length > LONGEST {
        return Err(SpoolError::Damaged { number });
    }
    line.clear();
    let read = from.by_ref().take(u64::from(length)).read_to_end(line)?;
    if read as u64 != u64::from(length) {
        return Err(SpoolError::Cut { number });
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Act, HostAct, Source};
    use proptest::prelude::*;

    fn head() -> SpoolHead {
        SpoolHead { run: "as configured".into(), engine: "native".into(), image: "sha256:00".into() }
    }

    fn record(count: u64) -> Vec<u8> {
        let mut spool = Spool::begin(Vec::new(), &head()).unwrap();
        for number in 0..count {
            let act = Act::Host(HostAct::Skipped { nanoseconds: number });
            spool.add(&Event { number, real: number, guest: 2 * number, source: Source::Host, act }).unwrap();
        }
        spool.finish().unwrap()
    }

    fn check(bytes: &[u8], expect: &str) {
        let told = match SpoolReader::open(bytes) {
            Err(error) => error.to_string(),
            Ok(reader) => {
                let mut count = 0;
                let mut wrong = None;
                for event in reader {
                    match event {
                        Ok(_) => count += 1,
                        Err(error) => wrong = Some(error.to_string()),
                    }
                }
                format!("{count}{}", wrong.map(|wrong| format!(", {wrong}")).unwrap_or_default())
            }
        };
        assert_eq!(told, expect);
    }

    #[test]
    fn what_was_written_is_read() {
        check(&record(0), "0");
        check(&record(300), "300");
    }

    #[test]
    fn what_is_missing_is_told() {
        let whole = record(3);
        check(&whole[..whole.len() - 1], "2, the record ends within event 2; what is after it is lost");
        check(
            b"rsevnt00....",
            "this is no record of a run, or one of another version; detonate the image again",
        );
        check(b"", "this is no record of a run, or one of another version; detonate the image again");
        let mut long = record(0);
        long.extend(u32::MAX.to_le_bytes());
        check(&long, "0, event 0 of the record is damaged");
        let mut spool = Spool::begin(Vec::new(), &head()).unwrap();
        let act = Act::Host(HostAct::Skipped { nanoseconds: 0 });
        spool.add(&Event { number: 1, real: 0, guest: 0, source: Source::Host, act }).unwrap();
        check(&spool.finish().unwrap(), "0, event 0 is missing from the record; the next is 1");
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300), good in 0_u64..3) {
            let mut record = record(good);
            record.extend(bytes);
            if let Ok(reader) = SpoolReader::open(&record[..]) {
                prop_assert!(reader.count() as u64 >= good);
            }
        }
    }
}
