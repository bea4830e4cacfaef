use sandbox::User;

/// The user that a configuration names (`name`, `uid`, `name:group`, `uid:gid`), looked up as runtimes do: in the
/// image's own lists. None where a name is not in them, so that a runtime would refuse to start.
pub(crate) fn resolve(named: &str, passwd: &[u8], group: &[u8]) -> Option<User> {
    if named.is_empty() {
        return Some(with_groups(User::default(), "root", group));
    }
    let (user, in_group) = match named.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (named, None),
    };
    let line = lines(passwd).find(|fields| {
        fields.first().is_some_and(|name| *name == user) || fields.get(2).is_some_and(|uid| *uid == user)
    });
    let (uid, mut gid, name) = match line {
        Some(fields) => (
            fields.get(2)?.parse().ok()?,
            fields.get(3).and_then(|gid| gid.parse().ok()).unwrap_or(0),
            (*fields.first()?).to_owned(),
        ),
        None => (user.parse().ok()?, 0, String::new()),
    };
    if let Some(wanted) = in_group {
        let line = lines(group).find(|fields| fields.first().is_some_and(|name| *name == wanted));
        gid = match line {
            Some(fields) => fields.get(2)?.parse().ok()?,
            None => wanted.parse().ok()?,
        };
        return Some(User { uid, gid, groups: Vec::new() });
    }
    Some(with_groups(User { uid, gid, groups: Vec::new() }, &name, group))
}

/// The home directory of a user, by the image's own list.
pub(crate) fn home(user: &User, passwd: &[u8]) -> String {
    let uid = user.uid.to_string();
    lines(passwd)
        .find(|fields| fields.get(2).is_some_and(|field| *field == uid))
        .and_then(|fields| fields.get(5).map(|home| (*home).to_owned()))
        .filter(|home| home.starts_with('/'))
        .unwrap_or_else(|| if user.uid == 0 { "/root".to_owned() } else { "/".to_owned() })
}

fn with_groups(mut user: User, name: &str, group: &[u8]) -> User {
    if !name.is_empty() {
        user.groups = lines(group)
            .filter(|fields| {
                fields.get(3).is_some_and(|members| members.split(',').any(|member| member == name))
            })
            .filter_map(|fields| fields.get(2)?.parse().ok())
            .take(64)
            .collect();
    }
    user
}

fn lines(list: &[u8]) -> impl Iterator<Item = Vec<&str>> {
    list.split(|&byte| byte == b'\n')
        .take(100_000)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .map(|line| line.split(':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\nwww:x:33:33:w:/var/www:/bin/false\nbroken\n";
    const GROUP: &[u8] = b"root:x:0:\nwww:x:33:\nssl:x:101:www,other\n";

    fn check(named: &str, expect: Option<(u32, u32, &[u32])>) {
        let found = resolve(named, PASSWD, GROUP).map(|user| (user.uid, user.gid, user.groups));
        let expect = expect.map(|(uid, gid, groups)| (uid, gid, groups.to_vec()));
        assert_eq!(found, expect, "{named}");
    }

    #[test]
    fn users_are_looked_up_in_the_image() {
        check("", Some((0, 0, &[])));
        check("www", Some((33, 33, &[101])));
        check("33", Some((33, 33, &[101])));
        check("www:ssl", Some((33, 101, &[])));
        check("1000", Some((1000, 0, &[])));
        check("1000:1001", Some((1000, 1001, &[])));
        check("nobody", None);
        check("www:nogroup", None);
        check("99999999999", None);
    }

    #[test]
    fn homes() {
        assert_eq!(home(&User { uid: 33, gid: 33, groups: vec![] }, PASSWD), "/var/www");
        assert_eq!(home(&User::default(), b""), "/root");
        assert_eq!(home(&User { uid: 5, gid: 5, groups: vec![] }, PASSWD), "/");
    }
}
