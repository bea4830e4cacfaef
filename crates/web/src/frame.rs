/// What every page has around its content.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// Who is logged in; none on the page where one logs in.
    pub viewer: Option<Viewer>,
    /// The token that each form of the page sends back in the field `csrf`.
    pub csrf: String,
    /// What the request before this page did, or why it did not.
    pub notice: Option<Notice>,
    /// Version of Roadstead, for the foot of the page.
    pub version: String,
}

/// Who looks at the page.
#[derive(Debug, Clone, Default)]
pub struct Viewer {
    /// The name.
    pub name: String,
    /// Whether the pages for administrators are linked: coverage, journal, upstreams, health. What may be done on a page,
    /// its own struct says.
    pub is_admin: bool,
}

/// A sentence above the page.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Whether what was asked for happened.
    pub done: bool,
    /// What happened, or why it did not and what to do.
    pub message: String,
}

/// The entry of the navigation under which a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Queue,
    Search,
    Coverage,
    Exceptions,
    Journal,
    Accounts,
    Upstreams,
    Health,
    /// Under none.
    Elsewhere,
}

pub(crate) struct Link {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) is_current: bool,
}

impl Place {
    /// The navigation of a page that stands here.
    pub(crate) fn links(self, is_admin: bool) -> Vec<Link> {
        use crate::paths;
        let all = [
            (Self::Queue, "Images", paths::QUEUE),
            (Self::Search, "Search", paths::SEARCH),
            (Self::Coverage, "Coverage", paths::COVERAGE),
            (Self::Exceptions, "Exceptions", paths::EXCEPTIONS),
            (Self::Journal, "Journal", paths::JOURNAL),
            (Self::Accounts, "Accounts", paths::ACCOUNTS),
            (Self::Upstreams, "Upstreams", paths::UPSTREAMS),
            (Self::Health, "Health", paths::HEALTH),
        ];
        // What is not for somebody is not there, so that it is not linked either.
        let for_all = [Self::Queue, Self::Search, Self::Exceptions, Self::Accounts];
        let shown = all.into_iter().filter(|(place, ..)| is_admin || for_all.contains(place));
        shown.map(|(place, name, path)| Link { name, path, is_current: place == self }).collect()
    }
}
