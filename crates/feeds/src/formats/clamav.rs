//! ClamAV's `.hdb`, `.hsb`, `.fp`, `.sfp` and `.ndb`, one signature to a line.
//!
//! ClamAV does not look up hashes of text files, because it changes text before hashing it. Here files are hashed
//! as they are, so a hash of a text file means what it says.

use crate::feed::Draft;
use crate::pattern::Pattern;
use crate::reject::Refused;
use crate::table::ANY_SIZE;

/// `hash:size:name[:level]`, where the size may be `*`.
pub(crate) fn hash(row: &[u8], draft: &mut Draft) -> Result<(), Refused> {
    let fields: Vec<&[u8]> = row.split(|&byte| byte == b':').collect();
    let (hash, size, name) = match fields.as_slice() {
        [hash, size, name] | [hash, size, name, _] | [hash, size, name, _, _] => (hash, size, name),
        _ => return Err(Refused::new("is not hash:size:name", row)),
    };
    let size = match *size {
        b"*" => ANY_SIZE,
        digits => str::from_utf8(digits)
            .ok()
            .and_then(|digits| digits.parse().ok())
            .filter(|&size| size != ANY_SIZE)
            .ok_or_else(|| Refused::new("has a size that is none", row))?,
    };
    let label = draft.label(name, "");
    draft.file(hash, size, label)
}

/// `name:target:offset:signature[:level[:level]]`.
pub(crate) fn pattern(row: &[u8], draft: &mut Draft) -> Result<(), Refused> {
    let fields: Vec<&[u8]> = row.split(|&byte| byte == b':').collect();
    match fields.as_slice() {
        [name, target, offset, signature]
        | [name, target, offset, signature, _]
        | [name, target, offset, signature, _, _] => {
            let label = draft.label(name, "");
            let pattern = Pattern::parse(target, offset, signature, label)?;
            draft.pattern(pattern)
        }
        _ => Err(Refused::new("is not name:target:offset:signature", row)),
    }
}
