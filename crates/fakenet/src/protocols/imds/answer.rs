use crate::World;
use crate::protocols::http::{Answer, Asked};
use serde_json::{Value, json};

/// Whether an answer holds one of our secrets.
pub(super) fn gives(answer: &Answer, world: &World) -> bool {
    let body = String::from_utf8_lossy(&answer.body);
    let secrets = ["imds-aws-secret", "ecs-aws-secret", "imds-gcp-token", "imds-azure-token"];
    secrets.iter().any(|name| body.contains(world.canaries.get(name)))
}

fn credentials(place: &str, world: &World) -> Value {
    let get = |part: &str| world.canaries.get(&format!("{place}-aws-{part}"));
    let now = world.clock.seconds();
    json!({
        "Code": "Success", "LastUpdated": stamp(now - now % 3600), "Type": "AWS-HMAC",
        "AccessKeyId": get("key-id"), "SecretAccessKey": get("secret"), "Token": get("token"),
        "Expiration": stamp(now + 6 * 3600),
    })
}

/// `2026-01-02T03:04:05Z`
pub(crate) fn stamp(seconds: u64) -> String {
    let (year, month, day) = crate::tls::civil((seconds / 86400).min(1 << 30) as i64);
    let rest = seconds % 86400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

pub(super) fn amazon(asked: &Asked<'_>, world: &World) -> Answer {
    let persona = &world.persona;
    if asked.path == "/latest/api/token" {
        return match asked.method.as_str() {
            "PUT" => Answer::text(200, "AQAEAKz0nQ3b0R8g1vBqS5fYlX2mT7wZ9cJ4hD6kP0uE3iL5oA==")
                .with("x-aws-ec2-metadata-token-ttl-seconds", "21600"),
            _ => Answer::text(405, ""),
        };
    }
    let zone = format!("{}a", persona.region);
    let address = persona.address.to_string();
    let text = |text: &str| Answer::text(200, text);
    let whole = asked.path.trim_end_matches('/');
    // `/latest`, a date, or another cloud's own beginning.
    let path = whole.strip_prefix('/').and_then(|path| path.split_once('/')).map_or("", |(_, path)| path);
    let role = format!("meta-data/iam/security-credentials/{}", persona.role);
    match path {
        "" => text("dynamic\nmeta-data\nuser-data"),
        "meta-data" => text(
            "ami-id\nhostname\niam/\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\nmac\nplacement/\npublic-ipv4\nsecurity-groups\n",
        ),
        "meta-data/iam" => text("info\nsecurity-credentials/"),
        "meta-data/iam/security-credentials" | "meta-data/ram/security-credentials" => text(&persona.role),
        "meta-data/iam/info" => Answer::json(
            200,
            &json!({
                "Code": "Success", "InstanceProfileId": "AIPA2MF7Q4K6X3JW5TZQN",
                "InstanceProfileArn": format!("arn:aws:iam::{}:instance-profile/{}", persona.account, persona.role),
            }),
        ),
        path if path == role || path.starts_with("meta-data/ram/security-credentials/") => {
            Answer::json(200, &credentials("imds", world))
        }
        "meta-data/identity-credentials/ec2/security-credentials/ec2-instance" => {
            Answer::json(200, &credentials("imds", world))
        }
        "meta-data/instance-id" | "v1/id" => text(&persona.instance),
        "meta-data/instance-type" => text("m6i.xlarge"),
        "meta-data/ami-id" => text("ami-0c4b1e7f2a95d8c36"),
        "meta-data/hostname" | "meta-data/local-hostname" | "v1/hostname" => text(&persona.node),
        "meta-data/local-ipv4" => text(&address),
        "meta-data/public-ipv4" => text("203.0.113.77"),
        "meta-data/mac" => text("06:5b:2e:91:c4:7d"),
        "meta-data/security-groups" => text("eks-cluster-sg-prod"),
        "meta-data/placement/region" | "v1/region" => text(&persona.region),
        "meta-data/placement/availability-zone" => text(&zone),
        "dynamic/instance-identity/document" => Answer::json(
            200,
            &json!({
                "accountId": persona.account, "architecture": "x86_64", "availabilityZone": zone,
                "imageId": "ami-0c4b1e7f2a95d8c36", "instanceId": persona.instance, "instanceType": "m6i.xlarge",
                "privateIp": address, "region": persona.region, "version": "2017-09-30",
            }),
        ),
        "user-data" => text("#!/bin/bash\n/etc/eks/bootstrap.sh prod\n"),
        _ if matches!(
            whole,
            "/metadata/v1.json"
                | "/openstack/latest/meta_data.json"
                | "/hetzner/v1/metadata"
                | "/opc/v1/instance"
                | "/opc/v2/instance"
        ) =>
        {
            Answer::json(
                200,
                &json!({"droplet_id": 318_207_441, "id": persona.instance, "hostname": persona.hostname, "region": persona.region}),
            )
        }
        _ => Answer::new(
            404,
            "text/html",
            "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html><body><h1>404 - Not Found</h1></body></html>\n",
            "none",
        ),
    }
}

pub(super) fn task(asked: &Asked<'_>, world: &World) -> Answer {
    let persona = &world.persona;
    if asked.path.contains("credentials") {
        let mut body = credentials("ecs", world);
        if let Some(body) = body.as_object_mut() {
            body.insert(
                "RoleArn".into(),
                json!(format!("arn:aws:iam::{}:role/{}", persona.account, persona.role)),
            );
        }
        return Answer::json(200, &body);
    }
    Answer::json(
        200,
        &json!({
            "Cluster": "prod", "Family": "web", "Revision": "41", "DesiredStatus": "RUNNING", "KnownStatus": "RUNNING",
            "TaskARN": format!("arn:aws:ecs:{}:{}:task/prod/5a0c7d1e", persona.region, persona.account),
            "Containers": [],
        }),
    )
}

pub(super) fn google(asked: &Asked<'_>, world: &World) -> Answer {
    let persona = &world.persona;
    let flavour =
        |answer: Answer| answer.with("metadata-flavor", "Google").with("server", "Metadata Server for VM");
    if !asked.header("metadata-flavor").eq_ignore_ascii_case("google") && asked.path != "/" {
        return flavour(Answer::text(403, "Missing Metadata-Flavor:Google header.\n"));
    }
    let path = asked.path.trim_end_matches('/');
    let path = path.strip_prefix("/computeMetadata/v1").unwrap_or(path);
    let text = |text: &str| Answer::text(200, text);
    let account = format!("web@{}.iam.gserviceaccount.com", persona.project);
    let token = json!({"access_token": world.canaries.get("imds-gcp-token"), "expires_in": 3599, "token_type": "Bearer"});
    flavour(match path {
        "" => text("instance/\noslogin/\nproject/\n"),
        "/project/project-id" => text(&persona.project),
        "/project/numeric-project-id" => text("318207441902"),
        "/instance/id" => text("4182950673121193"),
        "/instance/hostname" | "/instance/name" => text(&persona.hostname),
        "/instance/zone" => text("projects/318207441902/zones/europe-west3-a"),
        "/instance/attributes" => text("cluster-name\nkube-env\n"),
        "/instance/attributes/cluster-name" => text("prod"),
        "/instance/service-accounts" => text(&format!("default/\n{account}/\n")),
        _ if path.ends_with("/token") => Answer::json(200, &token),
        _ if path.ends_with("/email") => text(&account),
        _ if path.ends_with("/scopes") => text("https://www.googleapis.com/auth/cloud-platform\n"),
        _ if path.ends_with("/identity") => text(world.canaries.get("imds-azure-token")),
        "/instance/service-accounts/default" if asked.query.contains("recursive") => Answer::json(
            200,
            &json!({
                "aliases": ["default"], "email": account, "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
            }),
        ),
        _ => Answer::text(404, "not found\n"),
    })
}

pub(super) fn azure(asked: &Asked<'_>, world: &World) -> Answer {
    let persona = &world.persona;
    if !asked.header("metadata").eq_ignore_ascii_case("true") {
        return Answer::json(400, &json!({"error": "Bad request. Required metadata header not specified"}));
    }
    if asked.path.starts_with("/metadata/identity") {
        let now = world.clock.seconds();
        return Answer::json(
            200,
            &json!({
                "access_token": world.canaries.get("imds-azure-token"), "client_id": "2f7c1e5b-09a4-4d2f-8c3a-b1d4e6f08a97",
                "expires_in": "86399", "expires_on": (now + 86399).to_string(), "not_before": now.to_string(),
                "resource": asked.parameter("resource").unwrap_or_default(), "token_type": "Bearer",
            }),
        );
    }
    Answer::json(
        200,
        &json!({"compute": {
        "location": "westeurope", "name": persona.hostname, "osType": "Linux", "vmSize": "Standard_D4s_v5",
        "subscriptionId": "8d10da13-8125-4ba9-a717-bf7490507b3d", "resourceGroupName": "prod", "vmId": "02aab8a4-74ef-476e-8182-f6d2ba4166a6",
    }, "network": {"interface": [{"ipv4": {"ipAddress": [{"privateIpAddress": persona.address.to_string(), "publicIpAddress": "203.0.113.77"}]}}]}}),
    )
}
