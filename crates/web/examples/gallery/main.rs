//! Writes every page with sample data to a folder, with the files that they link to:
//! `cargo run -p web --example gallery -- DIR`. For looking at pages, and for tools that test them.

mod sample;

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder to write to: gallery DIR")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for asset in web::assets() {
        std::fs::write(folder.join(asset.name), &asset.bytes)?;
    }
    for (name, page) in sample::pages(&str::to_owned) {
        // Beside each other the files are found from `file:` as well.
        let mut page = page;
        for asset in web::assets() {
            page = page.replace(&asset.path, asset.name);
        }
        std::fs::write(folder.join(format!("{name}.html")), page)?;
    }
    Ok(())
}
