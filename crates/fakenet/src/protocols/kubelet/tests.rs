use crate::testing::Bed;

fn check(request: &str, body: &str, expect: &str, told: &str) {
    let bed = Bed::new();
    let request =
        format!("{request} HTTP/1.1\r\nHost: 10.42.3.4\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    bed.says("10.42.3.4:10250", &[(request.as_bytes(), expect)]);
    bed.check(told);
}

#[test]
fn commands_are_told_and_not_run() {
    check("GET /pods", "", "PodList", "kubelet: GET /pods");
    check("POST /run/production/web/web", "cmd=id", "uid=0", "kubelet: POST /run/production/web/web id");
    check(
        "POST /exec/production/web/web?command=sh&input=1",
        "",
        "302",
        "kubelet: POST /exec/production/web/web sh",
    );
    check("GET /nothing", "", "404", "kubelet: GET /nothing");
}
