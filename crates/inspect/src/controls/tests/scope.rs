use super::*;

/// Whether the control leaves its note in a finding of the detection, where it corroborates and lies where the
/// control looks.
fn notes(
    control: Control,
    known_detection: &Detection,
    image: &Fixture,
    path: &str,
    known: &KnownChains,
) -> bool {
    image.view(|view| {
        let mut out = Outcome::default();
        crate::analyzers::start::Start.analyze(view, &mut out);
        let place = view.tree.get(path.as_bytes()).unwrap();
        let mut finding = view.finding_at(known_detection, "found", place);
        finding.role = finding.role.min(Role::Corroborates);
        out.findings = vec![finding];
        apply_with(view, known, &mut out);
        let start = format!("{} ", control.id());
        out.findings[0].controls().any(|note| note.starts_with(&start))
    })
}

#[test]
fn what_the_reference_says_of_a_control_is_what_it_does() {
    let none = KnownChains::built_in();
    let mut official = with("opt/x", 0o644, TEXT);
    official.unpacks_to(0, Digest::sha256([1; 32]));
    let mut known = KnownChains::built_in();
    known.add(Digest::sha256([1; 32]), "debian:12");
    let cases = [
        (Control::Package, packaged("etc/cron.d/x", TEXT, TEXT), "etc/cron.d/x", &none),
        (Control::OfficialLayers, official, "opt/x", &known),
        (Control::ListFile, with("etc/suricata/a.rules", 0o644, TEXT), "etc/suricata/a.rules", &none),
        (Control::Documentation, with("usr/share/doc/x/a", 0o644, TEXT), "usr/share/doc/x/a", &none),
    ];
    for detection in crate::analyzers::detections() {
        for (control, image, path, known) in &cases {
            let touches = control.touches(detection);
            // What the image as a whole is blamed for has no layer that could be known, unlike the findings made here.
            let of_all = matches!(detection.class, Class::Name | Class::Meta | Class::Config);
            if *control == Control::OfficialLayers && of_all && !touches {
                continue;
            }
            assert_eq!(
                notes(*control, detection, image, path, known),
                touches,
                "{control:?} {}",
                detection.id
            );
        }
        let purposes = ["x/xmrig", "x/scanner", "x/vpn", "x/benchmark"].into_iter().any(|name| {
            let mut image = Fixture::named(name);
            let word = name.trim_start_matches("x/");
            image.config.config.labels.insert("description".to_owned(), word.to_owned());
            image.file("opt/x", 0o644, TEXT).start(&[word], &[]);
            notes(Control::Purpose, detection, &image, "opt/x", &none)
        });
        assert_eq!(purposes, Control::Purpose.touches(detection), "{}", detection.id);
    }
}
