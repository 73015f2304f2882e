//! The table of routes. The router and the description of the interface are made from it, so there is no other list.

mod accounts;
mod applications;
mod bulk;
mod elements;
mod events;
mod hubs;
mod instances;
mod parameters;
mod sign_in_links;

use super::elements::health;
use super::openapi;
use super::route::{CallerKind, Described, Entry};
use serde_json::Value;
use std::sync::LazyLock;

/// Everything below the base path whose bodies are small.
pub(super) fn dialect<E: Entry>() -> Vec<E> {
    [
        instances::routes(),
        elements::routes(),
        hubs::routes(),
        events::routes(),
        accounts::routes(),
        applications::routes(),
        bulk::routes(),
        sign_in_links::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Below the base path too: callbacks that point at ourselves, which are larger.
pub(super) fn sink<E: Entry>() -> Vec<E> {
    events::sink()
}

/// Outside of the base path.
pub(super) fn outside<E: Entry>() -> Vec<E> {
    vec![
        E::get("getHealth", "/health", health, "Report that the service is up and can write")
            .by(CallerKind::Anybody)
            .or(&[503]),
        E::get("getOpenApi", "/openapi.json", openapi::serve, "Describe the interface")
            .by(CallerKind::Anybody),
    ]
}

/// What they are, as one document.
pub(super) static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
    let dialect: Vec<Described> = dialect().into_iter().chain(sink()).collect();
    openapi::document(&dialect, &outside())
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::route::BASE_PATH;
    use std::collections::BTreeSet;

    /// Every operation of the document, by what names it.
    fn operations() -> Vec<&'static Value> {
        let paths = DESCRIPTION["paths"].as_object().unwrap();
        paths.values().flat_map(|item| item.as_object().unwrap().values()).collect()
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_a_noun() {
        let names: Vec<&str> = operations().iter().map(|one| one["operationId"].as_str().unwrap()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let is_word = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        assert!(names.iter().all(is_word) && names.contains(&"createInstance"));
        for one in operations() {
            assert!(!one["tags"][0].as_str().unwrap().contains('{'), "{one}");
            let is_415 = one["responses"].get("415").is_some();
            assert_eq!(
                is_415,
                one.get("requestBody").is_some(),
                "a body is refused for being compressed: {one}"
            );
        }
    }

    #[test]
    fn what_must_be_given_is_marked() {
        let required = |path: &str, method: &str| -> Vec<&str> {
            let operation = &DESCRIPTION["paths"][format!("{BASE_PATH}{path}")][method];
            let all = operation["parameters"].as_array().unwrap().iter();
            all.filter(|one| one["required"] == true).map(|one| one["name"].as_str().unwrap()).collect()
        };
        assert_eq!(required("/elements/{element}/oauth/url", "get"), ["element", "callbackUrl"]);
        assert_eq!(required("/elements/{element}/oauth/url", "post"), ["element"]);
        assert_eq!(required("/notifications", "get"), ["topics[]"]);
        let body = |path: &str| {
            DESCRIPTION["paths"][format!("{BASE_PATH}{path}")]["post"]["requestBody"]["required"].clone()
        };
        assert_eq!((body("/organizations/{id}/users"), body("/instances")), (false.into(), true.into()));
        let list = &DESCRIPTION["paths"][format!("{BASE_PATH}/instances")]["get"]["responses"]["200"];
        assert!(list["headers"].get("Elements-Next-Page-Token").is_some());
    }
}
