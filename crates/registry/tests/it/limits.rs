//! Who is slow, or asks for too much.

use crate::house::{House, SERVICE, body, code, header, run};
use registry::Settings;
use reqwest::{Client, StatusCode};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// "owner:owner-secret"
const OWNER: &str = "b3duZXI6b3duZXItc2VjcmV0";

async fn impatient() -> House {
    let settings = Settings {
        service: SERVICE.to_owned(),
        header_time: Duration::from_millis(200),
        body_idle: Duration::from_millis(200),
        manifest_time: Duration::from_millis(600),
        deletes: false,
        ..Settings::default()
    };
    House::with(false, settings).await
}

/// Sends pieces with pauses between, and gives what is answered until the connection ends.
async fn drip(house: &House, pieces: &[&str], pause: Duration) -> String {
    let mut stream = TcpStream::connect(house.address).await.unwrap();
    for piece in pieces {
        if stream.write_all(piece.as_bytes()).await.is_err() {
            break;
        }
        tokio::time::sleep(pause).await;
    }
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection is ended by the server");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn who_is_slow_is_let_go() {
    run(async {
        let house = impatient().await;
        let headers =
            drip(&house, &["GET /v2/ HTTP/1.1\r\n", "Host: x\r\n"], Duration::from_millis(50)).await;
        assert!(!headers.contains("200 OK"), "{headers}");
        let begun =
            house.ask("owner", reqwest::Method::POST, "/v2/team/app/blobs/uploads/").send().await.unwrap();
        let location = header(&begun, "location");
        let head = |method: &str, path: &str, length: usize| {
            format!(
                "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {OWNER}\r\nContent-Type: application/vnd.oci.image.manifest.v1+json\r\nContent-Length: {length}\r\n\r\n"
            )
        };
        let stuck = drip(&house, &[&head("PATCH", &location, 100), "some"], Duration::from_millis(10)).await;
        assert!(stuck.starts_with("HTTP/1.1 408"), "{stuck}");
        let status = house.get("owner", &location).await;
        assert_eq!(header(&status, "range"), "0-3", "what came is kept");
        // A byte now and then keeps no manifest waiting for ever.
        let manifest = head("PUT", "/v2/team/app/manifests/x", 100);
        let mut pieces = vec![manifest.as_str()];
        pieces.extend(["x"; 12]);
        let slow = drip(&house, &pieces, Duration::from_millis(100)).await;
        assert!(slow.starts_with("HTTP/1.1 408"), "{slow}");
    });
}

#[test]
fn what_the_configuration_forbids_is_said() {
    run(async {
        let house = impatient().await;
        let image = house.push_image("owner", "team/app", "1", b"layer").await;
        for path in ["/v2/team/app/manifests/1".to_owned(), format!("/v2/team/app/blobs/{}", image.layer)] {
            let refused = house.delete("owner", &path).await;
            assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
            assert_eq!(code(refused).await, "UNSUPPORTED");
        }
        let long = "a/".repeat(4000);
        assert_eq!(
            house.get("owner", &format!("/v2/{long}manifests/x")).await.status(),
            StatusCode::BAD_REQUEST
        );
        let query = "tag=x&".repeat(2000);
        let refused = house.get("owner", &format!("/v2/team/app/tags/list?{query}")).await;
        assert_eq!(refused.status(), StatusCode::URI_TOO_LONG);
    });
}

#[test]
fn http_2_is_answered_as_http_1_is() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "1", &vec![5; 3_000_000]).await;
        house.release("team/app", &image.digest).await;
        let client = Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
        let get = async |path: &str| {
            let request = client.get(format!("http://{}{path}", house.address));
            request.basic_auth("puller", Some("puller-secret")).send().await.unwrap()
        };
        let manifest = get("/v2/team/app/manifests/1").await;
        assert_eq!(manifest.version(), reqwest::Version::HTTP_2);
        assert_eq!(body(manifest).await, image.bytes);
        let blob = get(&format!("/v2/team/app/blobs/{}", image.layer)).await;
        assert_eq!(body(blob).await, image.layer_bytes);
    });
}

#[test]
fn what_happens_is_counted_without_names() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "1", b"layer").await;
        house.release("team/app", &image.digest).await;
        body(house.get("puller", &format!("/v2/team/app/blobs/{}", image.layer)).await).await;
        house.get("", "/v2/team/app/manifests/1").await;
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &house.metrics).unwrap();
        for line in [
            "registry_requests_total{route=\"manifest\",method=\"GET\",status=\"401\"} 1",
            "registry_requests_total{route=\"blob\",method=\"GET\",status=\"200\"} 1",
            "registry_content_out_bytes_total 5",
            "registry_headers_seconds_count{route=\"upload\"} 4",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("team"), "{text}");
    });
}
