use crate::analyzers::start::base_name;

/// A place whose files something else starts or loads by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HookKind {
    /// `/etc/ld.so.preload`.
    Preload,
    /// A script that an image's own start looks for in a directory: `/docker-entrypoint.d`, `/etc/cont-init.d`.
    InitDirectory,
    /// A table of jobs.
    CronTable,
    /// A table of jobs that is no hook where it lies: a start hands it to cron.
    LooseTable,
    /// A script in a directory of jobs: `/etc/cron.daily`.
    CronScript,
    /// A job of `at`.
    AtJob,
    /// What a shell loads when it starts.
    Profile,
    /// A script of the classic init.
    RcScript,
    /// `/etc/inittab`.
    Inittab,
    /// A systemd service.
    Unit,
    /// A configuration of supervisord.
    Supervisor,
    /// A `.pth` file among the installed Python modules.
    PythonPath,
    /// `sitecustomize`, `usercustomize`.
    PythonSite,
    /// A PAM configuration.
    PamConfig,
    /// A PAM module.
    PamModule,
    /// A rule of udev, binfmt or modprobe.
    KernelHook,
    /// Configuration of git for all repositories.
    GitConfig,
    /// A hook that git copies into new repositories.
    GitTemplate,
    /// Rules of sudo.
    Sudoers,
    /// Keys that sshd lets in.
    SshKeys,
    /// Names of hosts.
    Hosts,
}

impl HookKind {
    /// Whether the file is a script, which the shell and Python readings of the start understand.
    pub fn is_script(self) -> bool {
        matches!(
            self,
            Self::InitDirectory
                | Self::CronScript
                | Self::AtJob
                | Self::Profile
                | Self::RcScript
                | Self::PythonSite
                | Self::GitTemplate
        )
    }

    /// Whether the file is a table of orders, which is read here.
    pub fn is_table(self) -> bool {
        self == Self::PythonSite || !(self.is_script() || self == Self::PamModule)
    }
}

/// What kind of hook lies at a path in normal form, if any. Asked for every file of every layer, so it looks at
/// the first directory before all else.
pub fn kind_of(path: &[u8]) -> Option<HookKind> {
    use HookKind as K;
    let (name, directory) = (base_name(path), directory_of(path));
    let first = path.split(|&byte| byte == b'/').next().unwrap_or_default();
    let kind = match first {
        b"etc" => in_etc(path.get(4..)?, name),
        b"docker-entrypoint.d"
        | b"docker-entrypoint-initdb.d"
        | b"custom-cont-init.d"
        | b"custom-services.d" => shell_ending(name).then_some(K::InitDirectory),
        b"var" => in_var(path, directory),
        b"usr" | b"lib" | b"lib64" => in_system(path, name),
        b"root" => profile_name(name).filter(|_| directory == b"root"),
        b"home" => profile_name(name).filter(|_| depth(directory) == 2),
        _ => None,
    };
    kind.or_else(|| anywhere(path, name, directory))
}

fn in_etc(rest: &[u8], name: &[u8]) -> Option<HookKind> {
    use HookKind as K;
    let folder = rest.split(|&byte| byte == b'/').next().unwrap_or_default();
    Some(match (folder, depth(rest)) {
        (b"ld.so.preload", 1) => K::Preload,
        (b"crontab" | b"anacrontab", 1) | (b"cron.d" | b"crontabs", 2) if !is_note(name) => K::CronTable,
        (b"cron.hourly" | b"cron.daily" | b"cron.weekly" | b"cron.monthly", 2) if !is_note(name) => {
            K::CronScript
        }
        (b"periodic", 3) => K::CronScript,
        (b"profile" | b"bash.bashrc" | b"bashrc" | b"zshenv" | b"zprofile" | b"zshrc" | b"zlogin", 1)
        | (b"profile.d", 2)
        | (b"bash" | b"zsh", 2)
            if !is_note(name) =>
        {
            K::Profile
        }
        (b"skel", 2) => return profile_name(name),
        (b"rc.local", 1) | (b"init.d" | b"local.d", 2) if !is_note(name) => K::RcScript,
        (b"rc.d", 2..=3) if name == b"rc.local" || rest.starts_with(b"rc.d/init.d/") => K::RcScript,
        (b"inittab", 1) => K::Inittab,
        (b"cont-init.d" | b"my_init.d", 2) if !is_note(name) => K::InitDirectory,
        (b"services.d" | b"service" | b"sv", 3) if matches!(name, b"run" | b"finish") => K::InitDirectory,
        (b"s6-overlay", _) if matches!(name, b"run" | b"up") => K::InitDirectory,
        (b"systemd", 3..=4) => return unit_name(name),
        (b"supervisord.conf", 1) => K::Supervisor,
        (b"supervisor" | b"supervisor.d" | b"supervisord.d", 2..=3)
            if name.ends_with(b".conf") || name.ends_with(b".ini") =>
        {
            K::Supervisor
        }
        (b"pam.d", 2) | (b"pam.conf", 1) => K::PamConfig,
        (b"udev", 3) if name.ends_with(b".rules") => K::KernelHook,
        (b"binfmt.d" | b"modprobe.d", 2) if name.ends_with(b".conf") => K::KernelHook,
        (b"gitconfig", 1) => K::GitConfig,
        (b"sudoers", 1) | (b"sudoers.d", 2) if !is_note(name) => K::Sudoers,
        _ => return None,
    })
}

fn in_var(path: &[u8], directory: &[u8]) -> Option<HookKind> {
    use HookKind as K;
    match directory {
        b"var/spool/cron/atjobs" | b"var/spool/at" | b"var/spool/atjobs" => {
            Some(K::AtJob).filter(|_| !base_name(path).starts_with(b"."))
        }
        b"var/spool/cron" | b"var/spool/cron/crontabs" | b"var/spool/cron/tabs" => Some(K::CronTable),
        _ if path.starts_with(b"var/lib/") && depth(directory) == 3 => profile_name(base_name(path)),
        _ => None,
    }
}

/// `/usr` and, where it is not merged into that, `/lib`.
fn in_system(path: &[u8], name: &[u8]) -> Option<HookKind> {
    use HookKind as K;
    let rest = path.strip_prefix(b"usr/").unwrap_or(path);
    let rest = rest.strip_prefix(b"local/").unwrap_or(rest);
    if rest.starts_with(b"lib/systemd/") {
        return unit_name(name);
    }
    if name.starts_with(b"pam_")
        && name.ends_with(b".so")
        && base_name(directory_of(path)) == b"security"
        && rest.starts_with(b"lib")
    {
        return Some(K::PamModule);
    }
    if rest.starts_with(b"lib/udev/rules.d/")
        || rest.starts_with(b"lib/binfmt.d/")
        || rest.starts_with(b"lib/modprobe.d/")
    {
        return Some(K::KernelHook);
    }
    (rest.starts_with(b"share/git-core/templates/hooks/") && !name.ends_with(b".sample"))
        .then_some(K::GitTemplate)
}

/// Hooks that lie wherever an application, a home or a second root is.
fn anywhere(path: &[u8], name: &[u8], directory: &[u8]) -> Option<HookKind> {
    use HookKind as K;
    match name {
        b"authorized_keys" | b"authorized_keys2" if base_name(directory) == b".ssh" => Some(K::SshKeys),
        b"sitecustomize.py" | b"usercustomize.py" => Some(K::PythonSite),
        b"hosts" if base_name(directory) == b"etc" => Some(K::Hosts),
        b"supervisord.conf" => Some(K::Supervisor),
        b".gitconfig" => Some(K::GitConfig),
        b"crontab" if !path.starts_with(b"usr/share/") => Some(K::LooseTable),
        _ if name.ends_with(b".crontab") || name.ends_with(b".cron") => Some(K::LooseTable),
        // Models are kept under the same ending, in directories of their own.
        _ if name.ends_with(b".pth") => {
            matches!(base_name(directory), b"site-packages" | b"dist-packages").then_some(K::PythonPath)
        }
        _ => (name.ends_with(b".service") && memchr::memmem::find(path, b".config/systemd/user/").is_some())
            .then_some(K::Unit),
    }
}

/// Whether Python looks into a directory by itself: `site-packages` and the like, or the directory of the standard library itself.
pub(super) fn is_python_library(directory: &[u8]) -> bool {
    let name = base_name(directory);
    matches!(name, b"site-packages" | b"dist-packages" | b"site-python") || name.starts_with(b"python")
}

fn unit_name(name: &[u8]) -> Option<HookKind> {
    (name.ends_with(b".service") || name.ends_with(b".conf")).then_some(HookKind::Unit)
}

fn profile_name(name: &[u8]) -> Option<HookKind> {
    const NAMES: [&[u8]; 11] = [
        b".bashrc",
        b".profile",
        b".bash_profile",
        b".bash_login",
        b".bash_logout",
        b".zshrc",
        b".zshenv",
        b".zprofile",
        b".zlogin",
        b".kshrc",
        b".mkshrc",
    ];
    NAMES.contains(&name).then_some(HookKind::Profile)
}

/// What the directories of hooks hold beside hooks: notes, and the files that keep empty directories.
fn is_note(name: &[u8]) -> bool {
    name.starts_with(b".") || name.starts_with(b"README")
}

/// Scripts in the init directories of databases and servers; data and templates are not run.
fn shell_ending(name: &[u8]) -> bool {
    name.ends_with(b".sh") || name.ends_with(b".envsh") || !name.contains(&b'.')
}

pub(super) fn directory_of(path: &[u8]) -> &[u8] {
    path.iter().rposition(|&byte| byte == b'/').and_then(|at| path.get(..at)).unwrap_or_default()
}

fn depth(path: &[u8]) -> usize {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).count()
}
