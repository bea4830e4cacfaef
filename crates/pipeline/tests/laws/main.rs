//! Laws that hold over whole scans.

#[cfg(test)]
mod excuses;
#[cfg(test)]
mod sums;

/// A scan with these lists and nothing else, on two threads.
#[cfg(test)]
fn settings(indicators: feeds::Indicators) -> pipeline::Settings {
    pipeline::Settings {
        source: source::Options::default(),
        limits: layers::Limits::default(),
        jobs: 2,
        cache: None,
        indicators,
        rules: Default::default(),
        exceptions: verdict::Exceptions::default(),
        today: model::Date::of_unix_seconds(0),
        endpoints: false,
        detonate: None,
        watch: Default::default(),
    }
}
