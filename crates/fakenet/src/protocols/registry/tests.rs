use crate::testing::{Loopback, present, run, world};

#[test]
fn images_are_pulled_and_pushed() {
    if !present("python3") {
        return;
    }
    let loopback = Loopback::new(world());
    let script = format!(
        r#"
import urllib.request as u, json, hashlib
base='http://127.0.0.1:{}/v2/'
get=lambda p: u.urlopen(base+p).read()
get('')
m=json.loads(get('library/evil/manifests/latest'))
for part in [m['config']]+m['layers']:
    b=get('library/evil/blobs/'+part['digest'])
    assert 'sha256:'+hashlib.sha256(b).hexdigest()==part['digest'] and len(b)==part['size']
r=u.urlopen(u.Request(base+'x/blobs/uploads/',data=b'',method='POST'))
assert r.status==202 and r.headers['Location']
try: get('x/blobs/sha256:00'); assert False
except u.HTTPError as e: assert e.code==404
print('fine')
"#,
        loopback.tcp.port()
    );
    let (worked, text) = run("python3", &["-c", &script]);
    assert!(worked && text.contains("fine"), "{text}");
    loopback.check("registry: GET /v2/library/evil/manifests/latest");
}
