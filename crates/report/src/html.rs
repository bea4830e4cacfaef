mod chain;
mod detonation;
mod evidence;
mod sections;
mod stack;
mod timeline;

use crate::Catalogue;
use askama::Template as _;
use base64::Engine as _;
use model::Report;
use sections::{Sections, text};
use sha2::{Digest as _, Sha256};
use std::io;

/// Writes one HTML file that needs nothing else: no script, no font, no picture from anywhere. Its policy
/// allows a single style sheet, by hash, so that even a text which slipped past the escaping could neither
/// load nor run anything.
pub(crate) fn render(report: &Report, catalogue: Catalogue<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let page = Page {
        css: HTML_STYLE,
        css_hash: base64::engine::general_purpose::STANDARD.encode(Sha256::digest(HTML_STYLE)),
        verdict: report.verdict.name(),
        reference: text(&report.image.reference),
        sections: Sections::of(report, catalogue, 1),
        version: text(&report.tool.version),
        rules: text(&report.tool.rules),
        feeds: report.tool.feeds.iter().take(sections::MOST).map(|feed| text(feed)).collect(),
    };
    page.write_into(out).map_err(io::Error::other)?;
    writeln!(out)
}

/// The sections of the page of a report, from the verdict down, for a page of somebody else. That page has a heading of the
/// first level and the style sheet [`HTML_STYLE`]; ids in it begin with none of `verdict`, `chain`, `finding`, `runs`, `run-`,
/// `gaps`, `exceptions`, `layers`, `coverage`.
pub fn html_sections(report: &Report, catalogue: Catalogue<'_>) -> String {
    let drawn = Sections::of(report, catalogue, 2).render();
    // A template fails only where its writer does, and a string takes everything.
    drawn.unwrap_or_else(|_| "<p>The report could not be drawn; its JSON holds all of it.</p>".to_owned())
}

/// The style sheet of the page of a report, which [`html_sections`] need as well. It asks for no other file.
pub const HTML_STYLE: &str = include_str!("../templates/report.css");

#[derive(askama::Template)]
#[template(path = "report.html")]
struct Page {
    css: &'static str,
    css_hash: String,
    verdict: &'static str,
    reference: String,
    sections: Sections,
    version: String,
    rules: String,
    feeds: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::sections::MOST;
    use super::*;
    use crate::sample;
    use quick_xml::Reader;
    use quick_xml::events::Event;

    fn html(report: &Report) -> String {
        let mut out = Vec::new();
        render(report, &sample::catalogue, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The elements of a page with the names of their attributes, in order.
    fn structure(page: &str) -> Vec<(String, Vec<String>)> {
        let mut reader = Reader::from_str(page);
        reader.config_mut().check_end_names = false;
        let mut elements = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) | Event::Empty(start) => {
                    let attributes = start.html_attributes().map(|attribute| attribute.unwrap());
                    let names = attributes.map(|attribute| attribute.key.as_ref().to_owned()).collect();
                    elements.push((start.name().as_ref().to_owned(), names));
                }
                Event::Comment(_) | Event::CData(_) | Event::PI(_) => panic!("injected"),
                Event::Eof => return elements,
                _ => {}
            }
        }
    }

    #[test]
    fn the_miner_in_html() {
        let page = html(&sample::miner());
        // A test of its own holds the hash against the sheet.
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(HTML_STYLE));
        insta::assert_snapshot!(page.replace(HTML_STYLE, "…").replace(&hash, "…"));
    }

    #[test]
    fn exceptions_stand_at_their_finding_and_below() {
        let page = html(&sample::excepted());
        for told in
            ["under an exception", "accepted by platform team until 2027-01-31", "is unused", "expired on"]
        {
            assert!(page.contains(told), "{told}");
        }
    }

    #[test]
    fn texts_are_texts_and_nothing_else() {
        let mut elements = structure(&html(&sample::miner()));
        elements.extend(structure(&html(&sample::detonated())));
        let allowed: std::collections::HashSet<_> = elements.iter().collect();
        for element in structure(&html(&sample::hostile())) {
            assert!(allowed.contains(&element), "{element:?}");
        }
        let page = html(&sample::hostile());
        assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
        assert!(!page.chars().any(|character| character != '\n' && model::is_hidden(character)));
    }

    #[test]
    fn the_page_needs_nothing_from_outside() {
        assert!(!HTML_STYLE.contains("url(") && !HTML_STYLE.contains("@import"));
        for report in [sample::miner(), sample::clean(), sample::hostile()] {
            let elements = structure(&html(&report));
            assert!(elements.len() > 20);
            for (element, attributes) in elements {
                assert!(
                    !["script", "link", "iframe", "object", "img", "base"].contains(&element.as_str()),
                    "{element}"
                );
                for name in attributes {
                    assert!(
                        !["src", "style", "srcset", "action"].contains(&name.as_str()),
                        "{name} of {element}"
                    );
                    assert!(!name.starts_with("on"), "{name} of {element}");
                }
            }
        }
    }

    /// Elements inside each other are closed in the order in which they were opened, but those that are never closed.
    #[test]
    fn what_is_opened_is_closed() {
        for report in [sample::miner(), sample::detonated(), sample::hostile(), sample::many(10)] {
            let page = html(&report);
            let mut reader = Reader::from_str(&page);
            reader.config_mut().check_end_names = false;
            let mut open = Vec::new();
            loop {
                match reader.read_event().unwrap() {
                    Event::Start(start) if !["meta", "br"].contains(&start.name().as_ref()) => {
                        open.push(start.name().as_ref().to_owned());
                    }
                    Event::End(end) => assert_eq!(open.pop().as_deref(), Some(end.name().as_ref())),
                    Event::Eof => break,
                    _ => {}
                }
            }
            assert_eq!(open, Vec::<String>::new());
        }
    }

    #[test]
    fn a_run_is_drawn_as_a_tree_and_on_an_axis_of_time() {
        let page = html(&sample::detonated());
        assert!(page.contains("<svg class=\"timeline\""));
        let (_, tree) = page.split_once("<ul class=\"tree\"").unwrap();
        let (tree, _) = tree.split_once("<h4>Network").unwrap();
        assert_eq!((tree.matches("<li>").count(), tree.matches("<ul>").count()), (3, 1));
        assert!(tree.contains("python3 dao.py</code>\n<ul>\n<li>"), "{tree}");
    }

    #[test]
    fn the_sections_stand_in_a_page_of_somebody_else() {
        let sections = html_sections(&sample::miner(), &sample::catalogue);
        assert!(sections.starts_with("<section class=\"verdict malicious\"") && !sections.contains("<h1"));
        let (_, below) = sections.split_once("</section>").unwrap();
        assert!(below.len() > 1_000 && html(&sample::miner()).contains(below.trim_end()));
    }

    #[test]
    fn the_policy_names_the_style_sheet_that_stands_there() {
        let page = html(&sample::miner());
        let (_, rest) = page.split_once("<style>").unwrap();
        let (sheet, _) = rest.split_once("</style>").unwrap();
        let hash = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(sheet));
        assert!(page.contains(&format!("style-src 'sha256-{hash}'; base-uri 'none'")));
    }

    #[test]
    fn a_link_leads_to_a_finding_that_is_there() {
        let page = html(&sample::miner());
        let links: Vec<_> =
            page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(links.len(), 3);
        for link in links {
            assert!(page.contains(&format!("id=\"{link}\"")), "{link}");
        }
    }

    #[test]
    fn long_reports_are_cut_and_counted() {
        let page = html(&sample::many(3_000));
        assert!(page.contains("and 1,004 more, which the JSON report holds"));
        assert_eq!(page.matches("<tr id=\"finding-").count(), MOST);
    }
}
