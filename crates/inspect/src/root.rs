/// What starts a file: the configuration of the image, or something that runs beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// `ENTRYPOINT` and `CMD`.
    Start,
    /// `HEALTHCHECK`.
    HealthCheck,
    /// The loader, which puts a library into every program.
    Preload,
    /// A directory of scripts that the image's own start runs.
    InitDirectory,
    /// An interpreter, which loads it before it runs anything.
    Interpreter,
    /// cron, anacron or at.
    Cron,
    /// A shell that somebody or something opens.
    Shell,
    /// An init: systemd, the classic init, OpenRC, supervisord.
    Init,
}

impl Root {
    /// On what it depends that the root is there at all; none for what every start of the image has.
    pub fn condition(self) -> Option<&'static str> {
        match self {
            Self::Start | Self::HealthCheck | Self::Preload => None,
            Self::InitDirectory => Some("if the start runs that directory"),
            Self::Interpreter => Some("if that interpreter is started"),
            Self::Cron => Some("if cron is started"),
            Self::Shell => Some("if a shell is opened"),
            Self::Init => Some("if that service manager is started"),
        }
    }
}
