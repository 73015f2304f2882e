//! Whether anything is exported: the standard variables say so. What they say of it otherwise, the crates read themselves.

const DISABLED: &str = "OTEL_SDK_DISABLED";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const PROTOCOLS: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
];
/// The one that is spoken.
const PROTOCOL: &str = "http/protobuf";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const TIMEOUT_MS: u64 = 10_000;
const TIMEOUT_MS_MAX: u64 = 60_000;

/// Which signals are exported. By default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// `OTEL_METRICS_EXPORTER`, or that there is an address for them.
    pub metrics: bool,
    /// `OTEL_TRACES_EXPORTER`, or that there is an address for them.
    pub traces: bool,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`: time for one answer, ms.
    pub timeout_ms: u64,
    /// A variable that asks for a protocol that is not spoken.
    pub unspoken: Option<&'static str>,
}

impl Wanted {
    /// What these variables ask for; an empty one is none.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| {
            variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        if given(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Wanted::default();
        }
        let wants = |signal: &str| match given(&format!("OTEL_{signal}_EXPORTER")) {
            Some(exporters) => exporters.split(',').any(|one| one.trim() == "otlp"),
            None => [ENDPOINT, &format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")]
                .iter()
                .any(|name| given(name).is_some()),
        };
        let is_other = |name: &&str| given(name).is_some_and(|value| !value.eq_ignore_ascii_case(PROTOCOL));
        let timeout_ms = given(TIMEOUT).and_then(|value| value.parse().ok()).unwrap_or(TIMEOUT_MS);
        Wanted {
            metrics: wants("METRICS"),
            traces: wants("TRACES"),
            timeout_ms: timeout_ms.clamp(1, TIMEOUT_MS_MAX),
            unspoken: PROTOCOLS.into_iter().find(is_other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Metrics and traces.
    fn wanted(variables: &[(&str, &str)]) -> (bool, bool) {
        let wanted = read(variables);
        (wanted.metrics, wanted.traces)
    }

    fn read(variables: &[(&str, &str)]) -> Wanted {
        let find =
            |name: &str| variables.iter().find(|(one, _)| *one == name).map(|(_, value)| (*value).to_owned());
        Wanted::read(&find)
    }

    #[test]
    fn an_address_asks_for_it_and_nothing_else_does() {
        let all = (ENDPOINT, "http://collector:4318");
        assert_eq!(wanted(&[]), (false, false));
        assert_eq!(wanted(&[(ENDPOINT, " "), ("OTEL_SERVICE_NAME", "x")]), (false, false));
        assert_eq!(wanted(&[all]), (true, true));
        assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/v1/traces")]), (false, true));
        assert_eq!(wanted(&[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://c/v1/metrics")]), (true, false));
        assert_eq!(wanted(&[all, ("OTEL_TRACES_EXPORTER", "none")]), (true, false));
        assert_eq!(wanted(&[all, ("OTEL_METRICS_EXPORTER", "console, otlp")]), (true, true));
        assert_eq!(wanted(&[("OTEL_TRACES_EXPORTER", "otlp")]), (false, true));
        assert_eq!(wanted(&[all, (DISABLED, "TRUE")]), (false, false));
        assert_eq!(wanted(&[all, (DISABLED, "no")]), (true, true));
    }

    #[test]
    fn another_protocol_is_told_and_a_wait_has_a_limit() {
        assert_eq!(read(&[(PROTOCOLS[0], "http/protobuf")]).unspoken, None);
        assert_eq!(read(&[(PROTOCOLS[2], "grpc")]).unspoken, Some(PROTOCOLS[2]));
        for (given, ms) in [("500", 500), ("0", 1), ("9999999", 60_000), ("soon", 10_000)] {
            assert_eq!(read(&[(TIMEOUT, given)]).timeout_ms, ms);
        }
    }
}
