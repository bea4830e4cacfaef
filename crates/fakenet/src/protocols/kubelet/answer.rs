use crate::World;
use crate::protocols::http::{Answer, Asked};
use serde_json::json;

pub(super) fn answer(asked: &Asked<'_>, world: &World) -> Answer {
    let persona = &world.persona;
    match asked.path.split('/').nth(1).unwrap_or_default() {
        "healthz" => Answer::text(200, "ok"),
        "pods" | "runningpods" => Answer::json(
            200,
            &json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [{
                "metadata": {"name": persona.hostname, "namespace": persona.namespace},
                "spec": {"nodeName": persona.node, "containers": [{"name": "web", "image": "registry.example/web:41"}]},
                "status": {"phase": "Running", "hostIP": "10.42.3.4", "podIP": persona.address.to_string()},
            }]}),
        ),
        "run" => Answer::text(200, "uid=0(root) gid=0(root) groups=0(root)\n"),
        "exec" => Answer::empty(302).with("location", "/cri/exec/5k2mQ7xZ"),
        "spec" => Answer::json(
            200,
            &json!({"num_cores": 8, "memory_capacity": 33_567_834_112_u64, "machine_id": "ec2f1b7d3e5a4906b1d2c3e4f5a69788"}),
        ),
        "stats" => Answer::json(200, &json!({"node": {"nodeName": persona.node}, "pods": []})),
        "metrics" => {
            Answer::text(200, "# HELP kubelet_node_name [ALPHA] The node's name.\nkubelet_node_name 1\n")
        }
        _ => Answer::text(404, "404 page not found\n"),
    }
}
