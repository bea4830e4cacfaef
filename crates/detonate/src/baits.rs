//! Documents that lie about to be found: who encrypts or wipes goes for them, and no program of the image has any
//! business with them.

use fakenet::Canaries;
use sandbox::Persona;
use std::path::PathBuf;

/// Where they lie and how they begin: as the formats do, so that who looks at the content goes for them too.
const DOCUMENTS: [(&str, &[u8]); 8] = [
    ("/root/Documents/contracts-2026.docx", b"PK\x03\x04\x14\x00\x06\x00"),
    ("/root/Documents/salaries.xlsx", b"PK\x03\x04\x14\x00\x06\x00"),
    ("/root/Documents/passport.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
    ("/home/admin/report-q3.pdf", b"%PDF-1.7\n"),
    ("/home/admin/photos/house.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
    ("/srv/backup/customers.sql", b"-- dump\nINSERT INTO customers VALUES "),
    ("/var/backups/mail.mbox", b"From admin@company.example\nSubject: "),
    ("/srv/share/designs.zip", b"PK\x03\x04\x14\x00\x00\x00"),
];

/// The documents, each with a mark of the run in it.
pub(crate) fn documents(canaries: &Canaries) -> Vec<Persona> {
    DOCUMENTS
        .iter()
        .map(|(path, start)| {
            let mut bytes = start.to_vec();
            bytes.extend_from_slice(canaries.get("bait-document").as_bytes());
            bytes.extend((0..4096_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8));
            Persona { path: PathBuf::from(path), mode: 0o644, owner: (0, 0), bytes }
        })
        .collect()
}

/// Their paths.
pub(crate) fn paths() -> Vec<Vec<u8>> {
    DOCUMENTS.iter().map(|(path, _)| path.as_bytes().to_vec()).collect()
}
