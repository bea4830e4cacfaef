use crate::house::{House, body, code, header, run};
use reqwest::{Method, StatusCode};

#[test]
fn what_is_pushed_is_pulled_once_it_is_released() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("pusher", "team/app", "1", b"a layer").await;
        let held = house.get("puller", "/v2/team/app/manifests/1").await;
        assert_eq!(held.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(header(&held, "retry-after"), "7");
        assert_eq!(code(held).await, "TOOMANYREQUESTS");
        let blob = format!("/v2/team/app/blobs/{}", image.layer);
        assert_eq!(house.get("puller", &blob).await.status(), StatusCode::FORBIDDEN);
        house.release("team/app", &image.digest).await;
        let manifest = house.get("puller", "/v2/team/app/manifests/1").await;
        assert_eq!(manifest.status(), StatusCode::OK);
        assert_eq!(header(&manifest, "docker-content-digest"), image.digest.to_string());
        assert_eq!(body(manifest).await, image.bytes);
        assert_eq!(body(house.get("puller", &blob).await).await, image.layer_bytes);
        let part = house.ask("puller", Method::GET, &blob).header("range", "bytes=2-4").send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(body(part).await, image.layer_bytes[2..5]);
    });
}
