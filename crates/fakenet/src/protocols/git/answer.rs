use crate::protocols::http::{Answer, Asked};

fn line(text: &str) -> String {
    format!("{:04x}{text}", text.len() + 4)
}

pub(super) fn answer(asked: &Asked<'_>, service: &str) -> Answer {
    let kind = |what: &str| format!("application/x-{service}-{what}");
    let answer = if asked.method == "GET" {
        let none = "0".repeat(40);
        let body = [
            line(&format!("# service={service}\n")),
            "0000".into(),
            line(&format!(
                "{none} capabilities^{{}}\0report-status delete-refs side-band-64k ofs-delta agent=git/2.39.2\n"
            )),
            "0000".into(),
        ];
        Answer::new(200, &kind("advertisement"), body.concat(), "git")
    } else if service == "git-receive-pack" {
        let report = [line("unpack ok\n"), line("ok refs/heads/main\n"), "0000".into()].concat();
        let body = [line(&format!("\u{1}{report}")), "0000".into()].concat();
        Answer::new(200, &kind("result"), body, "git")
    } else {
        Answer::new(200, &kind("result"), line("NAK\n"), "git")
    };
    answer.with("cache-control", "no-cache")
}
