//! What holds for every page, whatever the texts on it are.

#[path = "../examples/gallery/sample.rs"]
mod sample;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashSet;

const ATTACKS: &str = "<script>alert(1)</script> \"><img src=x onerror=alert(1)> '><svg/onload=alert(1)> javascript:alert(1) \
    --><!-- ]]> </title></textarea></option></select></style> {{7*7}} {% raw %} &#x3c;b&#x3e; &lt;b&gt; \u{202e}gnp.exe \u{200b} \
    \u{1b}[2J\u{0}\r\n\t \u{e0041} \\xff\\xfe ../../%2e%2e/%00?#:@ a=b&c=d 漢字 e\u{301}\u{301} ";

fn hostile(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{ATTACKS}{}", "n".repeat(10_000)) }
}

fn harmless_pages() -> Vec<(&'static str, String)> {
    sample::pages(&str::to_owned)
}

fn hostile_pages() -> Vec<(&'static str, String)> {
    sample::pages(&hostile)
}

fn all_pages() -> Vec<(&'static str, String)> {
    let mut pages = harmless_pages();
    pages.extend(hostile_pages());
    pages
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn of(start: &BytesStart<'_>) -> Self {
        let attributes = start.html_attributes().map(|attribute| {
            let attribute = attribute.expect("attributes are well formed");
            (attribute.key.as_ref().to_owned(), attribute.value.into_owned())
        });
        Self { name: start.name().as_ref().to_owned(), attributes: attributes.collect() }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Its name and the names of its attributes.
    fn shape(&self) -> (String, Vec<String>) {
        (self.name.clone(), self.attributes.iter().map(|(key, _)| key.clone()).collect())
    }
}

fn elements(page: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(page);
    reader.config_mut().check_end_names = false;
    let mut elements = Vec::new();
    loop {
        match reader.read_event().expect("pages are well formed") {
            Event::Start(start) | Event::Empty(start) => elements.push(Element::of(&start)),
            Event::Comment(_) | Event::CData(_) | Event::PI(_) => panic!("injected"),
            Event::Eof => return elements,
            _ => {}
        }
    }
}

#[test]
fn what_is_opened_is_closed() {
    for (name, page) in all_pages() {
        let mut reader = Reader::from_str(&page);
        reader.config_mut().check_end_names = false;
        let mut open = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start)
                    if !["meta", "br", "link", "img", "input"].contains(&start.name().as_ref()) =>
                {
                    open.push(start.name().as_ref().to_owned());
                }
                Event::End(end) => assert_eq!(open.pop().as_deref(), Some(end.name().as_ref()), "{name}"),
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(open, Vec::<String>::new(), "{name}");
    }
}

/// Pages on which a picture or a list of differences has as many parts as its texts need.
fn follows_its_texts(name: &str) -> bool {
    name.starts_with("image") || name == "comparison"
}

#[test]
fn texts_are_texts_and_nothing_else() {
    let mut known = HashSet::new();
    for (_, page) in harmless_pages() {
        known.extend(elements(&page).iter().map(Element::shape));
    }
    for ((name, harmless), (_, hostile)) in harmless_pages().iter().zip(hostile_pages()) {
        let shapes: Vec<_> = elements(&hostile).iter().map(Element::shape).collect();
        for shape in &shapes {
            assert!(known.contains(shape), "{shape:?} of {name}");
        }
        if !follows_its_texts(name) {
            assert_eq!(shapes, elements(harmless).iter().map(Element::shape).collect::<Vec<_>>(), "{name}");
        }
        let hidden = hostile.chars().find(|character| *character != '\n' && model::is_hidden(*character));
        assert_eq!(hidden, None, "{name}");
        assert!(
            *name == "coverage" || hostile.contains("&#60;script&#62;alert(1)"),
            "{name} shows none of its texts"
        );
    }
}

/// What is escaped twice is no danger, and nobody can read it.
#[test]
fn what_templates_hold_themselves_is_drawn() {
    for (name, page) in harmless_pages() {
        assert!(!page.contains("&#60;") && !page.contains("&#38;#") && !page.contains("\\u{a}</"), "{name}");
    }
    let page = web::queue(&sample::frame(&str::to_owned), &sample::queue(&str::to_owned, 9));
    assert_eq!(elements(&page).iter().filter(|element| element.name == "time").count(), 9);
    assert_eq!(elements(&page).iter().filter(|element| element.name == "tr").count(), 10);
}

#[test]
fn nothing_runs_and_nothing_comes_from_elsewhere() {
    for (name, page) in all_pages() {
        for element in elements(&page) {
            let shown = format!("{element:?} of {name}");
            assert!(
                !["style", "iframe", "object", "embed", "base", "template"].contains(&element.name.as_str()),
                "{shown}"
            );
            if element.name == "script" {
                assert!(element.get("src").is_some(), "{shown}");
            }
            for (key, value) in &element.attributes {
                assert!(!key.starts_with("on") && key != "style" && key != "srcset", "{shown}");
                if ["src", "href", "action", "formaction", "data-refresh"].contains(&key.as_str()) {
                    let ours = value == "/console"
                        || ["/console/", "/console?", "#"].iter().any(|start| value.starts_with(start));
                    assert!(ours, "{shown}");
                }
            }
        }
    }
}

#[test]
fn whatever_is_pointed_to_is_there_once() {
    for (name, page) in all_pages() {
        let elements = elements(&page);
        let mut ids = HashSet::new();
        for id in elements.iter().filter_map(|element| element.get("id")) {
            assert!(ids.insert(id), "id {id} stands twice in {name}");
        }
        for element in &elements {
            for key in ["for", "aria-labelledby", "aria-describedby", "aria-controls"] {
                for id in element.get(key).into_iter().flat_map(str::split_whitespace) {
                    assert!(ids.contains(id), "{key} of {element:?} in {name}");
                }
            }
            if let Some(id) = element.get("href").and_then(|href| href.strip_prefix('#')) {
                assert!(ids.contains(id), "{element:?} in {name}");
            }
            let labels =
                |id| elements.iter().any(|label| label.name == "label" && label.get("for") == Some(id));
            let is_field = ["input", "select", "textarea"].contains(&element.name.as_str());
            // A field that nobody sees is for programs that keep passwords.
            let is_shown = element.get("type") != Some("hidden") && element.get("hidden").is_none();
            if is_field && is_shown {
                assert!(element.get("id").is_some_and(labels), "{element:?} in {name} has no label");
            }
        }
    }
}

#[test]
fn every_form_that_changes_something_has_the_token() {
    let mut forms = 0;
    for (name, page) in all_pages() {
        for form in page.split("<form ").skip(1) {
            let form = format!("<form {}", form.split("</form>").next().unwrap());
            let elements = elements(&form);
            let has_token = elements.iter().any(|element| element.get("name") == Some("csrf"));
            match elements[0].get("method").unwrap() {
                "post" => assert!(has_token, "{form} of {name}"),
                // The token would stand in the address, and in the logs of everybody who sees it.
                "get" => assert!(!has_token, "{form} of {name}"),
                other => panic!("{other} in {name}"),
            }
            forms += 1;
        }
    }
    assert!(forms > 50, "{forms}");
}

#[test]
fn headings_follow_each_other() {
    for (name, page) in all_pages().into_iter().filter(|(_, page)| page.starts_with("<!doctype html>")) {
        let mut before = 0;
        let mut first = 0;
        for element in elements(&page) {
            let Some(level) = element.name.strip_prefix('h').and_then(|level| level.parse::<u8>().ok())
            else {
                continue;
            };
            assert!(level <= before + 1, "h{level} after h{before} in {name}");
            first += usize::from(level == 1);
            before = level;
        }
        assert_eq!(first, 1, "{name}");
    }
}

#[test]
fn whoever_may_not_decide_is_offered_nothing() {
    let say = &str::to_owned;
    let image =
        web::Image { may_decide: false, others: Vec::new(), ..sample::image(say, web::State::Released) };
    let page = web::image(&sample::frame(say), &image, &sample::catalogue);
    let actions: Vec<_> =
        elements(&page).iter().filter_map(|element| element.get("action").map(str::to_owned)).collect();
    assert_eq!(actions, [web::paths::LOGOUT]);
    // Whose image is held may ask, and nothing more.
    let held = web::Image { state: web::State::Quarantined, ..image };
    let page = web::image(&sample::frame(say), &held, &sample::catalogue);
    let actions: Vec<_> =
        elements(&page).iter().filter_map(|element| element.get("action").map(str::to_owned)).collect();
    assert_eq!(actions, [web::paths::LOGOUT, web::paths::EXCEPTION_ASK]);
}

#[test]
fn pages_are_bounded() {
    let check =
        |page: &str, most: usize| assert!(page.len() < most && page.ends_with("</html>"), "{}", page.len());
    let frame = sample::frame(&str::to_owned);
    check(&web::queue(&frame, &sample::queue(&str::to_owned, 100)), 200_000);
    check(&web::queue(&frame, &sample::queue(&hostile, 100)), 4_000_000);
    check(&web::queue(&frame, &sample::queue(&str::to_owned, 100_000)), 1_000_000);
    let mut image = sample::image(&str::to_owned, web::State::Denied);
    if let Some(report) = &mut image.report {
        report.findings = report.findings.iter().cycle().take(5_000).cloned().collect();
    }
    let page = web::image(&frame, &image, &sample::catalogue);
    check(&page, 6_000_000);
    assert_eq!(page.matches("id=\"finding-").count(), 2_000);
}
